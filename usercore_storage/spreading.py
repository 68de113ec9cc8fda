"""Spread a store over the nodes of a cluster: ``usercore_storage.spread(url)``. The driver is imported only here."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from usercore.kernel.urls import scheme_of
from usercore.kernel.values import frozen

LEAST: Final = 2
MOST: Final = 1024

Progress = Callable[[int], object]


@frozen(kw_only=True)
class SpreadReport:
    """The tables that a call has spread, in their order; those that were spread before are not among them."""

    tables: tuple[str, ...]


def spread(url: str, *, shards: int = 32, on_progress: Progress | None = None) -> SpreadReport:
    """Spread the tables of a store in Citus over its nodes, in ``shards`` parts each, and create them if need be.

    Small tables are copied to each node. What belongs to one user lives on one node. Rows that are there are moved. No
    other process may write meanwhile: a unit that is under way when its tables move may fail. A call that was
    interrupted is made again, and goes on where it was; a store that is spread stays as it is. Tables that a later
    usercore adds are spread by its migration. ``on_progress`` is called after each table with their number.

    ``shards`` is a number from 2 to 1024, at least as many as there will ever be nodes. It cannot be changed here.
    Source: Citus, default of ``citus.shard_count``.

    Raises:
        TypeError: the URL is not text, or ``shards`` is no int.
        ValueError: it is not the URL of a PostgreSQL store, or ``shards`` is out of range.
        ImportError: the driver is not installed.
        Unsupported: the server is not Citus, or the URL asks for an isolation that it has not.
        StorageError: the store cannot be used, or the server refused; its subclasses say why.
    """
    scheme = scheme_of(url)
    if scheme != "postgresql":
        found = scheme or "text of another form"
        raise ValueError(f"a store that can be spread is postgresql://..., not {found}")
    if type(shards) is not int:  # a bool is none
        msg = f"shards is an int, not {type(shards).__name__}"
        raise TypeError(msg)
    if not LEAST <= shards <= MOST:
        raise ValueError(f"shards is a number from {LEAST} to {MOST}, not {shards}")
    spread_store = import_module("usercore_storage.postgres.spreading").spread_store
    return SpreadReport(tables=spread_store(url, shards=shards, on_progress=on_progress))
