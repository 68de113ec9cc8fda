"""A wire to a server that takes its time: a process of its own, so that it takes none of the measured one's.

``python -m benchmarks.wire PORT SECONDS`` prints the port on which it listens. For each line of its input it prints how
often the server has been asked: a client that sends something after an answer asks once. It runs until its input ends.
"""

import asyncio
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

_CHUNK = 65_536


@attrs.define
class _Asked:
    """How often clients have asked."""

    count: int = 0


@attrs.define
class _Talk:
    """A connection: whether the server has answered what was sent last."""

    asked: _Asked
    is_answered: bool = True

    def send(self) -> None:
        """Note that the client sends something."""
        self.asked.count += self.is_answered
        self.is_answered = False

    def answer(self) -> None:
        """Note that the server sends something."""
        self.is_answered = True


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float, note: Callable[[], None]
) -> None:
    """Carry bytes from one end to the other, each after the same delay; call ``note`` as they come."""
    loop = asyncio.get_running_loop()
    under_way: deque[bytes] = deque()

    def arrive() -> None:
        target.write(under_way.popleft())

    with suppress(OSError):
        while data := await source.read(_CHUNK):
            note()
            under_way.append(data)
            loop.call_later(delay, arrive)
    loop.call_later(delay, target.close)


async def _serve(server_port: int, round_trip: float) -> None:
    asked = _Asked()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", server_port)
        talk = _Talk(asked)
        to_server = _carry(reader, server_writer, round_trip / 2, talk.send)
        await asyncio.gather(to_server, _carry(server_reader, writer, round_trip / 2, talk.answer))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, _report, asked)
    os._exit(0)  # at once, with connections open: there is nothing to finish


def _report(asked: _Asked) -> None:
    for _ in sys.stdin:
        print(asked.count, flush=True)


@attrs.frozen
class Wire:
    """A wire that runs in a process of its own."""

    port: int
    _process: "subprocess.Popen[str]"

    def asked(self) -> int:
        """Return how often the server has been asked."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def slow_wire(server_port: int, round_trip: float) -> Iterator[Wire]:
    """Run one for the duration of a ``with``; ``round_trip`` is in seconds."""
    command = [sys.executable, "-m", "benchmarks.wire", str(server_port), str(round_trip)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Wire(int(process.stdout.readline()), process)
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
