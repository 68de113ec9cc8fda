"""Optimistic locking: a caller passes the version that it read. Source: spec U13."""

from usercore.kernel.errors import StaleVersion
from usercore.kernel.text import check_type


def check_version(current: int, version: int | None, *, error: type[StaleVersion] = StaleVersion) -> None:
    """Check that a version is the current one; None matches every version.

    Raises:
        TypeError: it is neither an int nor None.
        StaleVersion: the entity was changed since.
    """
    if version is not None and check_type(version, int, name="version") != current:
        raise error(current)
