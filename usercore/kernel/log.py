"""The log, for what went wrong where nobody can be told.

``logging`` takes as long to load as argon2, and most processes have nothing to log: the first trouble loads it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def log() -> "Logger":
    """Give the logger ``usercore``."""
    from logging import getLogger  # noqa: PLC0415 - see above

    return getLogger("usercore")
