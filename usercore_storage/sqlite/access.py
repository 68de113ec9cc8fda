"""The modes of the files of a SQLite store."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from usercore.compliance.model import StoreAccess
from usercore_storage.sqlite.files import location_of

_SUFFIXES: Final = ("", "-journal", "-lock", "-shm", "-wal")
"""What follows the name of the store in the names of the files beside it."""


def access_of(url: str) -> StoreAccess:
    """Return the modes of the file of a store and of the files that SQLite and usercore have beside it.

    Raises:
        ValueError: the URL has another form.
        Unavailable: the path is relative, and the working directory does not exist any more.
    """
    return StoreAccess(files=tuple(_modes_of(location_of(url).path)))


def _modes_of(path: Path) -> Iterator[tuple[str, int]]:
    for suffix in _SUFFIXES:
        with suppress(OSError):  # there is no such file at present
            name = path.name + suffix
            yield name, stat.S_IMODE(path.with_name(name).stat().st_mode)
