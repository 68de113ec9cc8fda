"""The logger, for failures that no caller sees.

``logging`` takes as long to load as argon2, and most processes log nothing, so the first message loads it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def log() -> "Logger":
    """Return the logger ``usercore``."""
    from logging import getLogger  # noqa: PLC0415 - see above

    return getLogger("usercore")
