"""Translate PostgreSQL's error codes (SQLSTATE); never messages."""

from collections.abc import Mapping
from typing import Final

import psycopg

from usercore.kernel.errors import Busy, Corrupt, Full, ReadOnly, RunAgain, StorageError, Unavailable

_RACES: Final = frozenset(
    {
        "23505",  # unique_violation
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
    }
)

_CODES: Final[Mapping[str, type[StorageError]]] = {
    "25006": ReadOnly,  # read_only_sql_transaction: a read that writes, or a standby
    "25P03": Unavailable,  # idle_in_transaction_session_timeout
    "53100": Full,  # disk_full
    "53400": Full,  # configuration_limit_exceeded
    "55P03": Busy,  # lock_not_available
    "57014": Busy,  # query_canceled: by a statement_timeout of the server's, or by its administrator
    "XX001": Corrupt,  # data_corrupted
    "XX002": Corrupt,  # index_corrupted
}

_CLASSES: Final[Mapping[str, type[StorageError]]] = {
    "08": Unavailable,  # connection exception
    "28": Unavailable,  # invalid authorization
    "3D": Unavailable,  # no such database
    "42": Unavailable,  # no privilege, or a dropped table
    "53": Busy,  # insufficient resources: memory, connections
    "57": Unavailable,  # shut down, crashed, or starting
    "58": Unavailable,  # system error
}
"""Source: PostgreSQL, Appendix A, by the first two characters."""


_REFUSALS_OF_A_FULL_SERVER: Final = (
    "too many clients",
    "too many connections for",
    "remaining connection slots",
    "no more connections allowed",  # PgBouncer
)
"""Parts of messages: for a refused connection libpq has a text, but no code. If the server writes in another language,
the error is ``Unavailable``."""

UNKNOWN_OUTCOMES: Final = frozenset(
    {
        "08007",  # transaction_resolution_unknown: of servers that commit on several others
        "40003",  # statement_completion_unknown
    }
)
"""Codes of a commit that may have been stored all the same. Others are as uncertain if they end the session, which the
connection shows."""


SERIALIZABLE_ON_A_STANDBY: Final = "0A000"  # feature_not_supported


class Lost(Unavailable):
    """The connection broke before the commit was sent, so nothing was committed and the unit may run again.

    Callers of the storage get ``Unavailable`` instead, which they can import.
    """


LONGEST_REASON: Final = 300
"""Characters of a reason: a driver that tries several hosts reports each of them."""


def translate_error(error: psycopg.Error) -> Exception:
    """Translate a driver's error: a lost race becomes ``RunAgain``, all others ``StorageError``."""
    code = error.sqlstate
    if code is None:  # raised by the driver: no connection, or a value that it cannot send
        return _without_code(error)
    if code in _RACES:
        return RunAgain()
    known = _CODES.get(code) or _CLASSES.get(code[:2])
    if known is None:  # the original message may show a value
        return StorageError(f"SQLSTATE {code}")
    return known(_shortened(error.diag.message_primary or f"SQLSTATE {code}"))


def reason_of(error: psycopg.Error) -> str | None:
    """Return the reason that a driver's error gives, if it is safe to show."""
    translated = translate_error(error)
    return translated.reason if isinstance(translated, StorageError) else None


def _without_code(error: psycopg.Error) -> StorageError:
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StorageError()
    message = str(error)
    is_full = any(part in message for part in _REFUSALS_OF_A_FULL_SERVER)
    return (Busy if is_full else Unavailable)(_shortened(message))


def _shortened(message: str) -> str | None:
    """Return a message in one line. It names hosts, roles, databases and tables, but no password and no value."""
    text = " ".join(message.split())
    return f"{text[:LONGEST_REASON]}..." if len(text) > LONGEST_REASON else text or None
