"""Deadlines of a unit: the server limits the statements of transactions, and the client limits all statements.

A statement outside a transaction has no settings of its own, and a pooler in transaction mode would not preserve those
of a session. The client's limit also covers a server, a pooler or a network that does not answer.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg

from usercore_storage.postgres.location import StoreLocation

T = TypeVar("T")

LONGEST_PAUSE: Final = 60
"""Seconds between two statements of a unit after which the server ends its session: it hangs, and holds locks."""

GRACE: Final = 0.25
"""Seconds that the server has to report that it ended a statement, before the client stops waiting for it."""


def begin_of(location: StoreLocation) -> str:
    """Return the commands that begin a writing unit: one round trip, no setting outlives it behind a pooler."""
    return f"BEGIN ISOLATION LEVEL {location.isolation}; {_bounds_of(location)}; {_bound_of_statements(location)}"


def begin_read_of(location: StoreLocation) -> str:
    """Return the command that begins a read by several statements, which must see one snapshot."""
    return f"{begin_check_of(location)}; {_bound_of_statements(location)}"


def begin_check_of(location: StoreLocation) -> str:
    """Return the command that begins a read whose statements may take as long as a table is large."""
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_bounds_of(location)}"


def _bounds_of(location: StoreLocation) -> str:
    pause = f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_PAUSE}s'"
    return f"SET LOCAL lock_timeout = '{location.timeout}s'; {pause}"


def _bound_of_statements(location: StoreLocation) -> str:
    return f"SET LOCAL statement_timeout = '{location.timeout}s'"


def patience_of(location: StoreLocation) -> float:
    """Return the seconds after which the client gives up a statement that the server has not ended."""
    return location.timeout + GRACE


class Overdue(psycopg.OperationalError):
    """The server did not answer in time. The connection cannot be used any more: the answer may still come."""


def bounded(steps: Generator[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    """Yield what ``steps`` wait for. The driver sends 0 whenever nothing arrived for a tenth of a second.

    Raises:
        Overdue: they have not ended in so many seconds.
    """
    end = monotonic() + seconds
    try:
        awaited = next(steps)
        while True:
            ready = yield awaited
            if not ready and monotonic() > end:
                raise Overdue
            awaited = steps.send(ready)
    except StopIteration as ended:
        result: T = ended.value
        return result
