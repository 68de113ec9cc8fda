"""Make ``docs/reference/user-fields.md``: the own fields of a user, their types, calls and readers."""

from collections.abc import Mapping
from typing import Final

from scripts.reference import asked_to_check, publish, table
from usercore.kernel.unset import Unset
from usercore.users.fields import (
    FIELDS,
    ExternalRegistrationFields,
    FieldSpec,
    RegistrationFields,
    UserFields,
    types_of,
)

INTRODUCTION = """\
# Fields of a user

Made by `make docs` from `usercore/users/fields.py`; changes belong there.
None and "" empty a field; `UNSET`, or leaving it out, keeps it. Records and columns of an import have the same names.
Personal fields are blanked when a user is erased. A field for operators is in no event and in no answer for users.

"""
CALLS: Final[Mapping[str, type]] = {
    "`users.update`, imports": UserFields,
    "`register`": RegistrationFields,
    "`register_external`": ExternalRegistrationFields,
}


def row(name: str, spec: FieldSpec) -> list[str]:
    """Describe one field."""
    kinds = " | ".join("None" if kind is type(None) else kind.__name__ for kind in types_of(name) if kind is not Unset)
    calls = ", ".join(call for call, fields in CALLS.items() if name in fields.__annotations__)
    stored = f"; stored as `{spec.attribute}`" if spec.attribute else ""
    readers = "operators" if spec.operator_only else "operators, the user"
    return [f"`{name}`", f"`{kinds}`", spec.meaning + stored, calls, "yes" if spec.personal else "no", readers]


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    rows = (row(name, FIELDS[name]) for name in sorted(FIELDS))
    headings = ["name", "type", "meaning", "taken by", "personal", "seen by"]
    publish("user-fields.md", INTRODUCTION + table(headings, rows), check=check)


if __name__ == "__main__":
    main()
