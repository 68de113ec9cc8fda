"""Applications of ``examples/`` in a process of their own, and curl, which speaks to them as other programs do."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = "60"
"""Seconds that curl waits for an answer, on a busy machine, too."""

STARTED_ON_A_SOCKET: Final = """
import socket, sys, uvicorn
server = uvicorn.Server(uvicorn.Config(sys.argv[1], log_level="warning"))
server.run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
"""


class Answer(NamedTuple):
    """What curl received."""

    status: int
    media_type: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """A running application."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def curl(self, path: str, *arguments: str) -> Answer:
        """Send what curl sends with these arguments to a path."""
        report = ("--write-out", "\n%{http_code} %{content_type}")
        command = ["curl", "--silent", "--show-error", "--max-time", PATIENCE, *report, *arguments, self.base + path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        text, _, last = done.stdout.rpartition("\n")
        status, _, media_type = last.partition(" ")
        return Answer(int(status), media_type, text)


@contextmanager
def serving(application: str, **environment: str) -> Iterator[Server]:
    """Run an application, such as ``examples.remp_api:app``; it ends without an error.

    It inherits a socket that listens already, so that no request comes too early.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTED_ON_A_SOCKET, application, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )
        try:
            yield Server(listening.getsockname()[1])
        finally:
            process.terminate()
            status = process.wait()
    assert status in {0, -15}, status
