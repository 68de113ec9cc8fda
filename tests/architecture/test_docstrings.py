"""Public names have docstrings."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, Function, files, public, tree_of

UNDOCUMENTED = (Path("usercore/__main__.py"), Path("usercore/testing"))
"""The command line is documented by its help; the names of contract tests are sentences."""


def is_documented(file: Path) -> bool:
    """Return whether public names of the file need docstrings."""
    return not any(file.is_relative_to(place) for place in UNDOCUMENTED)


def is_protocol(node: ast.AST) -> bool:
    """Return whether the class itself is a Protocol, plain or with type parameters."""
    return isinstance(node, ast.ClassDef) and any(
        ast.unparse(base).partition("[")[0] in {"Protocol", "typing.Protocol"} for base in node.bases
    )


@pytest.mark.parametrize("file", [file for file in files("usercore") if is_documented(file)], ids=str)
def test_public_names_have_docstrings(file: Path) -> None:
    assert [node.name for node in public(tree_of(file).body) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("file", files(*PACKAGES), ids=str)
def test_methods_of_a_port_have_docstrings(file: Path) -> None:
    protocols = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.ClassDef) and is_protocol(node)]
    methods = [node for protocol in protocols for node in public(protocol.body) if isinstance(node, Function)]
    assert [node.name for node in methods if not ast.get_docstring(node)] == []
