"""Where a store is: the URL, our options in it, and what the driver is told.

Everything that is not ours goes to libpq as it stands: several hosts, ``sslmode``, ``application_name``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from usercore.kernel.values import frozen

_LEVELS: Final[Mapping[str, str]] = {"serializable": "SERIALIZABLE", "read_committed": "READ COMMITTED"}

_DEFAULTS: Final = {
    "fallback_application_name": "usercore",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
"""What the driver is told unless the URL says otherwise: seconds, but the last is milliseconds. A network that swallows
everything must not hold a unit for the two hours that systems wait."""


@frozen(kw_only=True)
class StoreLocation:
    """Where a store is, and how to work with it."""

    conninfo: str = attrs.field(repr=False)
    """For the driver; it may have a password in it."""

    isolation: str = "SERIALIZABLE"
    pool_min: int = 0
    pool_max: int = 10
    timeout: int = 10
    """Seconds that a unit waits for a connection, and for each lock."""

    prepare: int = 1
    """0 prepares no statements: for a pooler in transaction mode that does not know them."""


def location_of(url: str) -> StoreLocation:
    """Read ``postgresql://user@host:port/database``, with our options and libpq's behind a ``?``.

    Raises:
        ValueError: the URL has another form.
    """
    parts = urlsplit(url)
    given = parts.query.split("&") if parts.query else []
    ours = [option.partition("=") for option in given if option.partition("=")[0] in _READ]
    theirs = "&".join(option for option in given if option.partition("=")[0] not in _READ)
    if parts.scheme != "postgresql" or parts.fragment:
        raise ValueError(_FORM)
    options: dict[str, Any] = {name: _READ[name](value) for name, _, value in ours}
    location = StoreLocation(conninfo=_conninfo_of(parts._replace(query=theirs).geturl()), **options)
    if location.pool_min > location.pool_max:
        raise ValueError(_FORM)
    return location


def _level(text: str) -> str:
    if text not in _LEVELS:
        raise ValueError(_FORM)
    return _LEVELS[text]


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(_FORM)
        return int(text)

    return read


_READ: Final[Mapping[str, Callable[[str], str | int]]] = {
    "isolation": _level,
    "pool_min": _number(0, 1000),
    "pool_max": _number(1, 1000),
    "timeout": _number(1, 3600),
    "prepare": _number(0, 1),
}

_FORM: Final = (
    "a PostgreSQL URL is postgresql://user@host:port/database, perhaps with options of libpq and ours:"
    " isolation=serializable or read_committed, pool_min=0, pool_max=10, timeout=10 (seconds), prepare=1 or 0"
)


def _conninfo_of(url: str) -> str:
    """Give what the driver connects by; of several hosts the one that can be written to."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError(_FORM) from None  # its message may show a password
    several = {"target_session_attrs": "read-write"} if "," in str(given.get("host", "")) else {}
    return make_conninfo("", **{**_DEFAULTS, **several, **given, "client_encoding": "utf8"})
