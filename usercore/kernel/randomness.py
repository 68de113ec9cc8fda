"""The source of unpredictable bytes for secrets and ids."""

import os
from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Returns this many unpredictable bytes. Tests pass a repeatable source."""


def system_randomness(count: int) -> bytes:
    """Return bytes from the operating system."""
    return os.urandom(count)
