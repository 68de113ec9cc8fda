"""The value of a field that a call leaves as it is; None and "" empty it."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """Has one member, so that type checkers can tell it from every value."""

    UNSET = "unset"

    def __repr__(self) -> str:
        """Give the name under which it is exported."""
        return "UNSET"


UNSET: Final = Unset.UNSET
