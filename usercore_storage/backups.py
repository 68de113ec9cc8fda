"""Back up a store while it is in use: ``usercore_storage.backup(url, path)``. Open the copy to restore it."""

from collections.abc import Callable
from os import PathLike

from usercore.kernel.urls import scheme_of


def backup(url: str, path: str | PathLike[str], *, on_progress: Callable[[int, int], object] | None = None) -> None:
    """Copy a SQLite store, as it was at one instant, into a new file of mode 0600.

    The copy is written to a temporary file beside ``path``, synced and then renamed. Writers are not blocked meanwhile.
    ``on_progress`` is called now and then with the number of pages done and of all pages; an exception that it raises
    ends the backup.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite store; use pg_dump for PostgreSQL.
        FileExistsError: there is something at ``path`` already; it is not changed.
        LostRace: the process forked again and again meanwhile.
        StorageError: the store cannot be read or the copy cannot be written; its subclasses say why.
    """
    scheme = scheme_of(url)
    if scheme == "postgresql":
        raise ValueError("a PostgreSQL store is copied by the server's own tools: pg_dump, or pg_basebackup")
    if scheme != "sqlite":
        raise ValueError(f"only a store in a file can be copied, sqlite:///..., not {scheme or 'text of another form'}")
    from usercore_storage.sqlite.backups import copy_store  # noqa: PLC0415 - an engine is imported only when a URL names it

    copy_store(url, path, on_progress=on_progress)
