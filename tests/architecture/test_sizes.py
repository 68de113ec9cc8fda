"""Files and functions stay short enough to be read at once."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, Function, files, functions, text_of, tree_of

LONGEST_FILE = 260
LONGEST_FUNCTION = 30


def length(node: Function) -> int:
    """Count the lines of what a function does. Its parameters and its docstring say what for, and may need room."""
    documented = ast.get_docstring(node) is not None
    steps = node.body[1:] if documented else node.body
    return (steps[-1].end_lineno or 0) - steps[0].lineno + 1 if steps else 0


@pytest.mark.parametrize("file", files(*PACKAGES), ids=str)
def test_a_file_is_short(file: Path) -> None:
    assert len(text_of(file).splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("file", files(*PACKAGES), ids=str)
def test_its_functions_are_short(file: Path) -> None:
    assert [node.name for node in functions(tree_of(file)) if length(node) > LONGEST_FUNCTION] == []
