"""Make ``docs/reference/rules.md``: each rule of the specification and the tests that prove it.

The rules are listed in ``rules.toml`` beside it. A test says which it proves by ``@pytest.mark.rule("K3")``; a mark on
a class or a file counts for all that is in it. The tests are read, not run: a mark proves as much as its test does.
"""

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from scripts.reference import FOLDER, ROOT, asked_to_check, publish, table

INTRODUCTION = """\
# Rules and their tests

Made by `make docs` out of `rules.toml` and the marks in the tests; changes belong there.
A rule that waits for its time is listed as *later*.

"""


class Rule(TypedDict, total=False):
    """What ``rules.toml`` says of a rule."""

    title: str
    later: bool | str
    """Whether the rule waits for its time, or the name of the package that it waits for."""


Proofs = Mapping[str, Sequence[str]]
"""The names of tests, ``file::class::function``, by the id of the rule they prove."""


class MarkFinder(ast.NodeVisitor):
    """Collects the rules that a file's marks name, each with the class and function that has the mark."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._inside: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Record the class and function that is visited."""
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815 - the names of ast

    def visit_Call(self, node: ast.Call) -> None:
        """Read the ids of a mark in any position: decorator, ``pytestmark``, ``pytest.param``."""
        if ast.unparse(node.func) == "pytest.mark.rule":
            where = "::".join(self._inside)
            self.found += [(str(one.value), where) for one in node.args if isinstance(one, ast.Constant)]
        self.generic_visit(node)


def find_proofs(root: Path) -> Proofs:
    """Read the marks of all tests and shipped contracts below ``root``."""
    proofs: dict[str, list[str]] = defaultdict(list)
    for folder in ("tests", "usercore/testing"):
        for file in sorted((root / folder).rglob("*.py")):
            finder = MarkFinder()
            finder.visit(ast.parse(file.read_text(encoding="utf-8")))
            for rule, where in finder.found:
                name = file.relative_to(root).as_posix()
                proofs[rule].append(f"{name}::{where}" if where else name)
    return proofs


def waits(rule: Rule) -> bool:
    """Return whether a rule is not built yet; one that names a package waits until the package is there."""
    later = rule.get("later", False)
    return later if isinstance(later, bool) else not (ROOT / "usercore" / later).is_dir()


def find_faults(rules: Mapping[str, Rule], proofs: Proofs) -> Iterator[str]:
    """Find the rules that lack a test, and the marks that name no rule."""
    for rule, entry in rules.items():
        if rule not in proofs and not waits(entry):
            yield f"no test proves rule {rule} ({entry['title']})"
    for rule in proofs.keys() - rules.keys():
        yield f"rules.toml has no rule {rule}, which is marked at {proofs[rule][0]}"


def link(test: str) -> str:
    """Return a link to a test's file, with the file's name and the test's."""
    path, *names = test.split("::")
    return f"[{'::'.join([Path(path).name, *names])}](../../{path})"


def describe(rules: Mapping[str, Rule], proofs: Proofs) -> str:
    """Return the text of the reference."""
    rows = []
    for rule, entry in rules.items():
        tests = sorted(set(proofs.get(rule, ())))
        missing = "*later*" if waits(entry) else "**none**"
        rows.append([rule, entry["title"], "<br>".join(map(link, tests)) or missing])
    return INTRODUCTION + table(["rule", "what it is about", "tests that prove it"], rows)


def main() -> None:
    """Write the reference or check it; end with status 1 if rules and tests do not match."""
    check = asked_to_check(__doc__)
    rules: dict[str, Rule] = tomllib.loads((FOLDER / "rules.toml").read_text(encoding="utf-8"))
    proofs = find_proofs(ROOT)
    publish("rules.md", describe(rules, proofs), check=check)
    errors = sorted(find_faults(rules, proofs))
    if errors:
        sys.exit("\n".join(errors))


if __name__ == "__main__":
    main()
