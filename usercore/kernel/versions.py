"""Versions: who changes what they read earlier says which version they read. Source: spec U13."""

from usercore.kernel.errors import StaleVersion
from usercore.kernel.text import check_type


def check_version(current: int, version: int | None, *, error: type[StaleVersion] = StaleVersion) -> None:
    """Refuse a version that is not the current one; None is any.

    Raises:
        TypeError: it is neither an int nor None.
        StaleVersion: there were changes since.
    """
    if version is not None and check_type(version, int, name="version") != current:
        raise error(current)
