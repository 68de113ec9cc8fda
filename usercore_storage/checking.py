"""Checking a store: ``usercore_storage.check(url)``. Engines are imported when they are asked for."""

from importlib import import_module
from typing import Final

from usercore.kernel.urls import scheme_of
from usercore_storage.check_report import Report

_ENGINES: Final = {"sqlite": "usercore_storage.sqlite.checking", "postgresql": "usercore_storage.postgres.checking"}


def check(url: str) -> Report:
    """Look at a whole store and say what is wrong with it; nothing is changed, made or migrated.

    It reads every row once, page by page, beside whoever works with the store. On SQLite it looks at the file itself,
    too. It says nothing of the values of people.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is no URL of a SQLite or PostgreSQL store; a memory store has nothing to check.
        ImportError: the engine's driver is not installed.
        LostRace: the process forked again and again meanwhile.
        StorageError: there is no store, or none that this usercore knows; its subclasses say why.
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
