"""Who could read a store: ``usercore_storage.access(url)``. An engine is imported only when a URL names it."""

from importlib import import_module
from typing import Final

from usercore.compliance.model import StoreAccess
from usercore.kernel.urls import scheme_of

_ENGINES: Final = {"sqlite": "usercore_storage.sqlite.access", "postgresql": "usercore_storage.postgres.access"}


def access(url: str) -> StoreAccess:
    """Return who could read a store, as its URL and its files tell; of other storages nothing is known.

    Nothing is opened: pass the result to ``core.compliance.check``.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store, though it has its scheme.
        ImportError: the engine's driver is not installed.
        Unavailable: the path is relative, and the working directory does not exist any more.
    """
    engine = _ENGINES.get(scheme_of(url))
    if engine is None:
        return StoreAccess()
    found: StoreAccess = import_module(engine).access_of(url)
    return found
