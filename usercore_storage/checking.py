"""Check a store: ``usercore_storage.check(url)``. An engine is imported only when a URL names it."""

from importlib import import_module
from typing import Final

from usercore.kernel.urls import scheme_of
from usercore_storage.check_report import Report

_ENGINES: Final = {"sqlite": "usercore_storage.sqlite.checking", "postgresql": "usercore_storage.postgres.checking"}


def check(url: str) -> Report:
    """Check a whole store and return its problems; nothing is changed, created or migrated.

    Every row is read once, page by page, while the store stays in use. On SQLite the file itself is checked, too. The
    report shows no personal data.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store; a memory store has nothing to check.
        ImportError: the engine's driver is not installed.
        LostRace: the process forked again and again meanwhile, or a standby had to cancel a query.
        StorageError: there is no store, or not one that this usercore knows; its subclasses say why.
    """
    scheme = scheme_of(url)
    if scheme == "memory":
        raise ValueError("there is nothing to check: a memory store is in its own process and nowhere else")
    if scheme not in _ENGINES:
        raise ValueError(
            f"a store that can be checked is sqlite:///... or postgresql://..., not {scheme or 'text of another form'}"
        )
    report: Report = import_module(_ENGINES[scheme]).check_store(url)
    return report
