"""Make ``docs/reference/policies.md``: each number of each policy, its bounds, its unit and its source."""

import ast
import inspect
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

import attrs

from scripts.reference import asked_to_check, publish, table
from usercore.composition.policy import Policy
from usercore.kernel.bounds import Between, Each, OneLine

INTRODUCTION = """\
# Policies

Made by `make docs` out of the classes; changes belong there.
`usercore.open(url, policy=Policy(passwords=PasswordPolicy(min_characters=20)))` changes a value. A value outside its
bounds is refused when the policy is made.

"""

UNITS: Final = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1)))


def policies_in(policy: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any policy
    """Find the policies that are parts of one, and the path to each from ``Policy``."""
    for field in attrs.fields(type(policy)):
        part = getattr(policy, field.name)
        if attrs.has(type(part)):
            yield path + field.name, part
            yield from policies_in(part, f"{path}{field.name}.")


def notes_of(policy: type) -> dict[str, str]:
    """Return what is written below each field."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(policy)).body if isinstance(node, ast.ClassDef))
    notes = {}
    for field, note in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant):
            notes[ast.unparse(field.target)] = in_markdown(str(note.value.value))
    return notes


def in_markdown(text: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").split())


def shown(value: object) -> str:
    """Write a value as a reader would."""
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(map(str, value))) or "none"
    if attrs.has(type(value)):
        return getattr(value, "name", f"see `{type(value).__name__}`")
    return "none" if value is None else str(value)


def _span(value: timedelta) -> str:
    for unit, one in UNITS:
        if value and not value % one:
            number = value // one
            return f"{number:,} {unit if number != 1 else unit.removesuffix('s')}"
    seconds = f"{value.total_seconds():g}"
    return f"{seconds} second{'s' * (seconds != '1')}"


def bounds_of(field: "attrs.Attribute[Any]") -> str:
    """Write the bounds of a field."""
    bound = field.validator
    if isinstance(bound, Between):
        return f"{shown(bound.least)} to {shown(bound.most)}{bound.unit and f' {bound.unit}'}"
    if isinstance(bound, OneLine):
        return f"one line, 1 to {bound.most} characters"
    if isinstance(bound, Each):
        return f"any number of {bound.kind.__name__}"
    return ""


def rows_of(policy: Any) -> Iterator[list[str]]:  # noqa: ANN401 - any policy
    """Describe each field."""
    notes = notes_of(type(policy))
    for field in attrs.fields(type(policy)):
        yield [f"`{field.name}`", shown(getattr(policy, field.name)), bounds_of(field), notes.get(field.name, "")]


def section_of(path: str, policy: Any) -> str:  # noqa: ANN401 - any policy
    """Describe a policy."""
    about = in_markdown(inspect.getdoc(policy) or "")
    rows = table(["value", "default", "bounds", "note"], rows_of(policy))
    return f"## `{type(policy).__name__}`\n\n`Policy.{path}`. {about}\n\n{rows}"


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    sections = (section_of(path, policy) for path, policy in policies_in(Policy()))
    publish("policies.md", INTRODUCTION + "\n".join(sections), check=check)


if __name__ == "__main__":
    main()
