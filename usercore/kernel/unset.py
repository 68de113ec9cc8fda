"""The value of a field that a call does not change; None and "" clear the field."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """An enum of one member, so that type checkers distinguish it from every value."""

    UNSET = "unset"

    def __repr__(self) -> str:
        """Return the name under which it is exported."""
        return "UNSET"


UNSET: Final = Unset.UNSET
