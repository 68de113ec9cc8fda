"""Deadlines of a unit: the server limits the statements of transactions, and the client limits all statements.

A statement outside a transaction has no settings of its own, and a pooler in transaction mode would not preserve those
of a session. The client's limit also covers a server, a pooler or a network that does not answer.
"""

from collections.abc import Generator, Mapping, Sequence
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg

from usercore_storage.postgres.location import StoreLocation
from usercore_storage.postgres.profiles import REPEATABLE_READ, SERIALIZABLE

T = TypeVar("T")

LONGEST_PAUSE: Final = 60
"""Seconds between two statements of a unit after which the server ends its session: it hangs, and holds locks."""

WITHOUT_WAITING: Final = "SET LOCAL lock_timeout = '1ms'"
"""A setting of a unit that must not wait for others: a lock that is not free within a millisecond raises ``Busy``."""

_SNAPSHOT: Final = f"{REPEATABLE_READ} READ ONLY"

GRACE: Final = 0.25
"""Seconds that the server has to report that it ended a statement, before the client stops waiting for it."""


def begin_of(location: StoreLocation) -> Sequence[str]:
    """Return the statements that begin a writing unit."""
    settings = _bounds_of(location) | _bound_of_statements(location)
    if location.isolation == SERIALIZABLE:
        # A scan of a table locks all of it against contradiction, and the server scans small tables; an index locks the
        # pages that it reads.
        settings |= {"enable_seqscan": "off"}
    return _begin(location, location.isolation, settings)


def begin_read_of(location: StoreLocation) -> Sequence[str]:
    """Return the statements that begin a read by several statements, which must see one snapshot."""
    return _begin(location, _SNAPSHOT, _bounds_of(location) | _bound_of_statements(location))


def begin_check_of(location: StoreLocation) -> Sequence[str]:
    """Return the statements that begin a read whose statements may take as long as a table is large."""
    return _begin(location, _SNAPSHOT, _bounds_of(location))


def _begin(location: StoreLocation, isolation: str, settings: Mapping[str, str]) -> Sequence[str]:
    """Return single statements, as a batch needs them. No setting outlives the transaction behind a pooler."""
    if location.profile.sets_by_command:
        return f"BEGIN ISOLATION LEVEL {isolation}", *(
            f"SET LOCAL {name} = '{value}'" for name, value in settings.items()
        )
    values = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"BEGIN ISOLATION LEVEL {isolation}", f"SELECT {values}"


def _bounds_of(location: StoreLocation) -> dict[str, str]:
    return {"lock_timeout": f"{location.timeout}s", "idle_in_transaction_session_timeout": f"{LONGEST_PAUSE}s"}


def _bound_of_statements(location: StoreLocation) -> dict[str, str]:
    return {"statement_timeout": f"{location.timeout}s"}


def patience_of(location: StoreLocation) -> float:
    """Return the seconds after which the client gives up a statement that the server has not ended."""
    return location.timeout + GRACE


class Overdue(psycopg.OperationalError):
    """The server did not answer in time."""

    was_cancelled = False
    """Whether the server answered when it was asked to cancel the statement."""


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
