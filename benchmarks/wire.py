"""A wire to a server that takes its time: a process of its own, so that it takes none of the measured one's.

``python -m benchmarks.wire PORT SECONDS`` prints the port on which it listens, and runs until its input ends.
"""

import asyncio
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK = 65_536


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
    """Carry bytes from one end to the other, each after the same delay."""
    loop = asyncio.get_running_loop()
    under_way: deque[bytes] = deque()

    def arrive() -> None:
        target.write(under_way.popleft())

    with suppress(OSError):
        while data := await source.read(_CHUNK):
            under_way.append(data)
            loop.call_later(delay, arrive)
    loop.call_later(delay, target.close)


async def _serve(server_port: int, round_trip: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", server_port)
        to_server = _carry(reader, server_writer, round_trip / 2)
        await asyncio.gather(to_server, _carry(server_reader, writer, round_trip / 2))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # at once, with connections open: there is nothing to finish


@contextmanager
def slow_wire(server_port: int, round_trip: float) -> Iterator[int]:
    """Run one for the duration of a ``with``, and yield its port; ``round_trip`` is in seconds."""
    command = [sys.executable, "-m", "benchmarks.wire", str(server_port), str(round_trip)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
