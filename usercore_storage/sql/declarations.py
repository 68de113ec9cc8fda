"""What a table declares besides its columns: how its owner is named, and what is derived."""

from collections.abc import Callable
from typing import Any

from usercore.kernel.values import frozen


@frozen
class Derived:
    """A column that is computed from the entity: its type, the function, and of what, in the words of a finding."""

    kind: type
    of: Callable[[Any], Any]
    source: str


@frozen
class BySubject:
    """Columns that name a user, a tenant or something else: which of them it is, and its id."""

    subject: str = "subject"
    subject_id: str = "subject_id"
