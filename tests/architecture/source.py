"""The source of the project as syntax trees, for tests of the code itself."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("usercore", "usercore_cli", "usercore_storage", "usercore_web")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*packages: str) -> list[Path]:
    """Return the Python files of the packages, relative to the checkout."""
    return sorted(file.relative_to(ROOT) for package in packages for file in (ROOT / package).rglob("*.py"))


@cache
def text_of(file: Path) -> str:
    """Read a file of the checkout."""
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def tree_of(file: Path) -> ast.Module:
    """Parse a file of the checkout."""
    return ast.parse(text_of(file))


def functions(tree: ast.AST) -> Iterator[Function]:
    """Return all functions, including nested ones."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Iterate over the public functions and classes of a body, and the public ones of its public classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not _is_overload(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def _is_overload(node: Function | ast.ClassDef) -> bool:
    """Return whether it is an overload, which only states types; the implementation has the docstring."""
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)
