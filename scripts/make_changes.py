"""Make ``docs/reference/changes.md``: each kind of change, and who may see its fields."""

from collections.abc import Iterable

from scripts.reference import asked_to_check, publish, table
from usercore.kernel.changes import ChangeKind
from usercore.storage import KINDS

INTRODUCTION = """\
# Changes

Made by `make docs` out of the declarations of each kind; changes belong there.
History has an entry for each change, with the old and the new values of these fields.

- *public* kinds can be subscribed to; the others are in history only.
- *personal* fields are taken out when the user is erased.
- *operator-only* fields are in no event and in no answer for the user.

"""


def names(fields: Iterable[str]) -> str:
    """Write the names of fields."""
    return ", ".join(f"`{field}`" for field in fields)


def row(kind: ChangeKind) -> list[str]:
    """Describe one kind."""
    personal = [field for field in kind.fields if field in kind.personal]
    hidden = [field for field in kind.fields if field in kind.operator_only]
    public = "public" if kind.public else "history only"
    return [f"`{kind.name}`", str(kind.subject), public, names(kind.fields), names(personal), names(hidden)]


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    headings = ["kind", "subject", "seen by subscribers", "fields", "personal", "operator-only"]
    text = INTRODUCTION + table(headings, (row(KINDS[name]) for name in sorted(KINDS)))
    publish("changes.md", text, check=check)


if __name__ == "__main__":
    main()
