"""How often a fault is provoked: a few times in ``make test``, more often if the environment sets it."""

import os


def rounds(few: int, many: int = 200) -> int:
    """Return ``USERCORE_FAULT_ROUNDS``, at most ``many``, or ``few`` if it is not set."""
    asked = os.environ.get("USERCORE_FAULT_ROUNDS")
    return few if asked is None else min(int(asked), many)
