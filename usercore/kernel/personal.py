"""Declarations of stored rows: whose they are, which columns are about a person, and what erasing a user does.

Each capability declares its rows in its ``model.py``, and its descriptor lists them. Tables, exports, erasure and their
tests follow from these declarations; there is no other list of personal columns.
"""

from collections.abc import Iterable
from enum import StrEnum

import attrs

from usercore.kernel.values import frozen


class Erasure(StrEnum):
    """What erasing a user does with the rows of one kind. Source: spec X6."""

    REMOVES = "removes"
    """The user's rows are removed, whatever is in them."""
    REMOVES_BY_KEY = "removes by key"
    """Rows with an identifier that the user ever had, or a key made of one or of the user's id, are removed."""
    REMOVES_UNUSED = "removes unused"
    """Rows that only rows of the user referred to are removed."""
    REMOVES_ABOUT = "removes about"
    """Rows about changes of the user are removed."""
    BLANKS = "blanks"
    """The rows stay; what is personal in them is blanked."""
    KEEPS = "keeps"
    """The rows say nothing about a person."""


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(given.split() if isinstance(given, str) else given)


@frozen(kw_only=True)
class Rows:
    """Declares the rows that one entity describes. Each of its columns is in exactly one of the three groups.

    ``personal`` columns are about a person: exports contain them. ``secret`` ones are, too, but are hashes, digests or
    keys, which no export contains. ``plain`` ones say nothing about a person by themselves. Names are separated by
    blanks.

    ``user`` is the column with the id of the user whose rows they are, or None. ``section`` is the name under which
    exports list a user's rows; None leaves them out, because they only repeat what is stored elsewhere.
    """

    entity: type
    erasure: Erasure
    user: str | None = None
    section: str | None = None
    personal: tuple[str, ...] = attrs.field(default=(), converter=_names)
    secret: tuple[str, ...] = attrs.field(default=(), converter=_names)
    plain: tuple[str, ...] = attrs.field(default=(), converter=_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """All declared columns."""
        return self.personal + self.secret + self.plain
