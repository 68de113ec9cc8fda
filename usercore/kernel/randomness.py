"""Chance: where secrets and ids get their unpredictable bytes."""

import os
from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Gives that many bytes that nobody can foretell. Tests hand in a drawn but repeatable one."""


def system_randomness(count: int) -> bytes:
    """Draw from the operating system."""
    return os.urandom(count)
