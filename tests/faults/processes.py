"""Start other processes on a store."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.architecture.source import ROOT

Child = subprocess.Popen[str]


@contextmanager
def started(*arguments: str) -> Iterator[Child]:
    """Start ``tests.faults.child``, and kill it in the end, if it has not ended."""
    command = [sys.executable, "-m", "tests.faults.child", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def all_started(count: int, *arguments: str) -> Iterator[list[Child]]:
    """Start some and wait until each is ready."""
    with ExitStack() as stack:
        children = [stack.enter_context(started(*arguments)) for _ in range(count)]
        for child in children:
            assert hear(child) == "ready"
        yield children


def tell(child: Child, line: str) -> None:
    """Write a line to a child."""
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()


def hear(child: Child) -> str:
    """Read a line of a child."""
    assert child.stdout is not None
    return child.stdout.readline().strip()
