"""Copying a store while it is in use: ``usercore_storage.backup(url, path)``. Restoring is opening the copy."""

from collections.abc import Callable
from os import PathLike

from usercore.kernel.urls import scheme_of


def backup(url: str, path: str | PathLike[str], *, on_progress: Callable[[int, int], object] | None = None) -> None:
    """Copy a SQLite store, as it was at one instant, into a new file of mode 0600.

    The copy is beside ``path`` until it is whole and on the disk, then it has its name. Writers go on meanwhile.
    ``on_progress`` hears now and then how many pages are done, and of how many; what it raises ends the copying.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is no URL of a SQLite store; for PostgreSQL there is pg_dump.
        FileExistsError: there is something at ``path``; it is left as it is.
        LostRace: the process forked again and again meanwhile.
        StorageError: the store cannot be read or the copy not be written; its subclasses say why.
    """
    scheme = scheme_of(url)
    if scheme == "postgresql":
        raise ValueError("a PostgreSQL store is copied by the server's own tools: pg_dump, or pg_basebackup")
    if scheme != "sqlite":
        raise ValueError(f"only a store in a file can be copied, sqlite:///..., not {scheme or 'text of another form'}")
    from usercore_storage.sqlite.backups import copy_store  # noqa: PLC0415 - engines are imported when they are asked for

    copy_store(url, path, on_progress=on_progress)
