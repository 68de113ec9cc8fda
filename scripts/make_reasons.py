"""Make ``docs/reference/reasons.md``: each reason of a ``FieldError``, what it means, and which fields have it.

Reasons are found where they are raised: as the second argument of ``refuse``, of ``FieldError`` and of a collector's
``add``. Each needs a meaning here, or this fails and names it.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from scripts.reference import ROOT, asked_to_check, publish, table

INTRODUCTION = """\
# Reasons

Made by `make docs` out of the code; changes belong there.
`Invalid` lists a `FieldError` for each thing that is wrong: the field, and one of these reasons. A reason never changes
its meaning. Fields in *italics* stand for any field of that sort. A check of the host's may add reasons of its own:
what an email check returns is a reason of `email`.

"""

MEANINGS: Final[Mapping[str, str]] = {
    "another_linked": "the user has another external id, which is unlinked first",
    "blocked_domain": "the policy blocks this domain of emails",
    "control_character": "a control character or line end that is not allowed there",
    "count": "too few or too many values",
    "direction_mark": "a mark that changes the direction of writing",
    "empty": "nothing, or white space only, where something is needed",
    "erased": "it belonged to a user who was erased",
    "extra_not_installed": "it takes packages of the extra `usercore[imported-hashes]`",
    "forbidden_character": "a character that is not allowed there",
    "given_twice": "the same field under two names",
    "malformed": "not of the form that the field has",
    "mapped_but_missing": "a column was mapped to this field, and the file does not have it",
    "missing": "it is needed and not there",
    "mixed_scripts": "characters of several scripts, which look alike",
    "no_key": "it takes a key that the policy does not have",
    "not_allowed": "the policy does not allow it",
    "not_an_object": "a record in the file that is no JSON object",
    "no_email": "the user has no email, or the text is none",
    "no_identifier": "an email, a username or an external id is needed",
    "no_known_field": "no column is a field of a user",
    "no_zone": "an instant without a time zone",
    "not_own_email": "a username with @ must be the user's own email",
    "not_unicode": "text that is not Unicode",
    "out_of_range": "a number or length outside its bounds",
    "repeated": "the same value or name more than once",
    "slot_out_of_range": "access ids have the slots 1 to 4",
    "special_domain": "a domain that is reserved and not on the internet",
    "taken": "another user has it",
    "too_costly": "computing it would cost more than the policy allows",
    "too_few_columns": "a line of the file with fewer columns than its header",
    "too_long": "longer than the field may be",
    "too_many_columns": "a line of the file with more columns than its header",
    "too_many_marks": "more combining marks than any language needs",
    "two_users": "its identifiers name two users",
    "unassigned": "a character that Unicode 14 does not have",
    "unknown": "nothing of this name exists",
    "unknown_field": "no field of a user has this name",
    "unsupported": "a kind that is not known",
    "vetoed": "a gate of the host's refused it",
    "white_space": "white space at the ends of what is stored exactly",
    "wrong_type": "another type than the field has",
}
"""What each reason means."""

RAISED_BY: Final = {"refuse": 1, "FieldError": 1, "add": 1, "_bad": 1}
"""Calls that have a reason, and its place among the arguments. Sets and storages have an ``add`` too, of other things:
only texts beside a field count."""

SKIPPED: Final = ("usercore/testing/",)


def literals_in(node: ast.expr) -> Iterator[str]:
    """Find the texts that an argument may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals_in(node.body)
        yield from literals_in(node.orelse)


def name_of(call: ast.Call) -> str:
    """Return the name of what is called."""
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def field_of(node: ast.expr, call: str) -> str:
    """Write the field of a refusal: as text, or as what it stands for."""
    if call == "_bad":
        return "`record`"
    return f"`{node.value!s}`" if isinstance(node, ast.Constant) else "*the field*"


def refusals_in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Find the reasons in a module, each with its field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > 1 and name_of(node) in RAISED_BY:
            for reason in literals_in(node.args[1]):
                yield reason, field_of(node.args[0], name_of(node))


def find_reasons() -> dict[str, set[str]]:
    """Return each reason and its fields."""
    found = defaultdict(set)
    for file in sorted((ROOT / "usercore").rglob("*.py")):
        if not file.relative_to(ROOT).as_posix().startswith(SKIPPED):
            for reason, field in refusals_in(ast.parse(file.read_text(encoding="utf-8"))):
                found[reason].add(field)
    return dict(found)


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    found = find_reasons()
    differing = sorted(found.keys() ^ MEANINGS.keys())
    if differing:
        sys.exit(f"scripts/make_reasons.py: MEANINGS and the code differ in {', '.join(differing)}")
    rows = ([f"`{reason}`", MEANINGS[reason], ", ".join(sorted(fields))] for reason, fields in sorted(found.items()))
    publish("reasons.md", INTRODUCTION + table(["reason", "meaning", "fields"], rows), check=check)


if __name__ == "__main__":
    main()
