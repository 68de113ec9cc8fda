"""How often a fault is provoked: a few times in ``make test``, more often when the environment asks for it."""

import os


def rounds(few: int, many: int = 200) -> int:
    """Give ``USERCORE_FAULT_ROUNDS``, at most ``many``, or ``few`` where it is not set."""
    asked = os.environ.get("USERCORE_FAULT_ROUNDS")
    return few if asked is None else min(int(asked), many)
