"""Copy a store into another: ``usercore_storage.copy(from_url, to_url)``. An engine is imported if a URL names it."""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final

from usercore.kernel.urls import scheme_of
from usercore_storage.copies import copier
from usercore_storage.copies.model import CopyReport, Progress
from usercore_storage.copies.side import Side

_ENGINES: Final = {"sqlite": "usercore_storage.sqlite.copying", "postgresql": "usercore_storage.postgres.copying"}


def copy(
    from_url: str, to_url: str, *, finish: bool = True, close: bool = True, on_progress: Progress | None = None
) -> CopyReport:
    """Copy a store that may be in use into an empty one, compare all rows, and close the source for writes.

    Rows are copied while the source is in use. Only in the last step are writes refused, with ``ReadOnly``: from then
    on, so that none is lost in a store that was left; without ``close`` until the step ends. Without ``finish`` the
    last step is left to another call. A call that was interrupted is made again, and goes on where it was. Until it is
    finished the target cannot be opened. ``reopen`` makes the source accept writes again.

    ``on_progress`` is called after each page; an exception that it raises ends the call.

    Raises:
        TypeError: a URL is not text.
        ValueError: a URL is not of a SQLite or PostgreSQL store, or both are of the same one.
        ImportError: an engine's driver is not installed.
        TargetNotEmpty: the target has rows, or is an unfinished copy of another store.
        ReadOnly: the source was copied already and is closed for writes, or may not be written.
        Busy: writers of the source did not end in time; the reason says which, where the server knows.
        Corrupt: a row of the source cannot be read, or its copy is not the same.
        StorageError: one of the stores cannot be used; its subclasses say why.
    """
    with opened("source", from_url) as source, opened("target", to_url) as target:
        return copier.Copier(source, target, on_progress).run(finish=finish, close=close)


def reopen(url: str) -> None:
    """Remove what ``copy`` left in its source, which accepts writes again if it was closed.

    An unfinished copy of it cannot go on then. Of a finished one, the copy and its source differ from now on.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store.
        ImportError: the engine's driver is not installed.
        StorageError: the store cannot be used; its subclasses say why.
    """
    with opened("source", url) as source:
        copier.reopen(source)


def opened(kind: str, url: str) -> AbstractContextManager[Side]:
    """Open a store as the ``source`` or the ``target`` of a copy; a source is neither created nor migrated.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store.
        ImportError: the engine's driver is not installed.
        StorageError: the store cannot be used; its subclasses say why.
    """
    scheme = scheme_of(url)
    if scheme not in _ENGINES:
        found = scheme or "text of another form"
        raise ValueError(f"a store of this kind is sqlite:///... or postgresql://..., not {found}")
    side: AbstractContextManager[Side] = getattr(import_module(_ENGINES[scheme]), kind)(url)
    return side
