"""What a table declares besides its columns: how its owner is named, what is derived, and what is stored elsewhere."""

from collections.abc import Callable
from typing import Any

from usercore.kernel.values import frozen


@frozen
class Derived:
    """A column that is computed from the entity: its type, the function, and the name of its source for findings."""

    kind: type
    of: Callable[[Any], Any]
    source: str


@frozen
class StoredOnce:
    """A text that another table stores once, in its column ``text``: this table has the digest of it."""

    table: str
    digest_of: Callable[[str], bytes]

    @property
    def insert(self) -> str:
        """The expression that writes a digest, or NULL if its text is not stored: it may have been removed just now."""
        return f"(SELECT once.digest FROM {self.table} AS once WHERE once.digest = ?)"

    def select(self, digest: str) -> str:
        """Return the expression that reads the text with the digest that this column has."""
        return f"(SELECT once.text FROM {self.table} AS once WHERE once.digest = {digest})"


@frozen
class BySubject:
    """The columns that say which kind of subject a row has (user, tenant or another) and the subject's id."""

    subject: str = "subject"
    subject_id: str = "subject_id"
