"""Time, randomness and ids come from the kernel; import-linter checks the other boundaries."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, files, tree_of

KERNEL = Path("usercore", "kernel")

FORBIDDEN = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.getrandom",
    "os.urandom",
    "random",
    "secrets",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid3",
    "uuid.uuid4",
    "uuid.uuid5",
    "uuid.uuid6",
    "uuid.uuid7",
    "uuid.uuid8",
}
"""Names that only the kernel may use. A module includes all its names. Monotonic clocks are allowed everywhere."""


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Return the full name of each imported name."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def full_name(node: ast.expr, names: dict[str, str]) -> str | None:
    """Return the full name of an expression such as ``dt.datetime.now``, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = full_name(node.value, names)
        return owner and f"{owner}.{node.attr}"
    return None


def forbidden_names(tree: ast.AST) -> Iterator[str]:
    """Iterate over the names that are imported or used although only the kernel may."""
    names = imported_names(tree)
    used = {full_name(node, names) for node in ast.walk(tree) if isinstance(node, ast.expr)}
    for name in {*names.values(), *used} - {None}:
        if name in FORBIDDEN or str(name).partition(".")[0] in FORBIDDEN:
            yield str(name)


@pytest.mark.parametrize("file", [file for file in files(*PACKAGES) if KERNEL not in file.parents], ids=str)
def test_only_the_kernel_uses_time_randomness_and_ids_directly(file: Path) -> None:
    assert sorted(forbidden_names(tree_of(file))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from secrets import token_bytes",
        "from time import time as now",
        "import time\nstarted = time.time_ns()",
        "import datetime as dt\nnow = dt.datetime.now(dt.UTC)",
        "from datetime import datetime\nclock = datetime.now",
        "def draw():\n    import os\n    return os.urandom(8)",
        "import uuid\nid = uuid.uuid4()",
    ],
)
def test_a_forbidden_name_is_found(source: str) -> None:
    assert list(forbidden_names(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import time\nstarted = time.monotonic()",
        "from datetime import UTC, datetime\nstart = datetime.fromtimestamp(0, UTC)",
        "from uuid import UUID\nnil = UUID(int=0)",
        "import os\nprocess = os.getpid()",
        "now = self.clock.now()",
    ],
)
def test_an_allowed_name_is_not_found(source: str) -> None:
    assert not list(forbidden_names(ast.parse(source)))
