"""A process that does not close its store ends at once and prints nothing, on every Python."""

import subprocess
import sys
from time import monotonic
from typing import Final

import pytest

from scripts.postgres_server import Server
from tests.architecture.source import ROOT

PROGRAM: Final = """
import os
import sys
import usercore

core = usercore.open(sys.argv[1])
core.registration.register_external("ann@example.com")
if os.fork() == 0:
    core.users.get(usercore.Email("ann@example.com"))
    sys.exit()
assert os.waitpid(-1, 0)[1] == 0
core.users.get(usercore.Email("ann@example.com"))
print("done", flush=True)
"""

SECONDS: Final = 5.0


@pytest.mark.parametrize(("end", "status"), [("", 0), ("raise SystemExit(3)", 3)], ids=["returns", "raises"])
def test_a_process_that_does_not_close_its_store_ends_at_once_and_silently(
    server: Server, database: str, end: str, status: int
) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM + end, server.url(database)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        start = monotonic()
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == status
        assert monotonic() - start < SECONDS
