"""Where a store is: the URL, our options in it, and what the driver is told.

Everything that is not ours goes to libpq as it stands: several hosts, ``sslmode``, ``application_name``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

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

    isolation: str = "READ COMMITTED"
    pool_min: int = 0
    pool_max: int = 10
    timeout: int = 10
    """Seconds that a unit, also one that reads, waits for a connection, for each lock and for each statement."""

    prepare: int = 1
    """0 prepares no statements: for a pooler in transaction mode that does not know them."""


def location_of(url: str) -> StoreLocation:
    """Read ``postgresql://user@host:port/database``, with our options and libpq's behind a ``?``.

    libpq reads everything that is not ours, so what may be left out for it may be left out here, the host too.

    Raises:
        ValueError: the URL has another form. The text shows no part of the URL.
    """
    base, query = _split(url)
    given = query.split("&") if query else []
    ours = [option.partition("=") for option in given if option.partition("=")[0] in _READ]
    theirs = "&".join(option for option in given if option.partition("=")[0] not in _READ)
    options: dict[str, Any] = {name: _READ[name](name, value) for name, _, value in ours}
    location = StoreLocation(conninfo=_conninfo_of(f"{base}?{theirs}" if theirs else base), **options)
    if location.pool_min > location.pool_max:
        raise ValueError(f"pool_min is greater than pool_max ({location.pool_max}): {_FORM}")
    return location


def _split(url: str) -> tuple[str, str]:
    """Return what stands before the ``?`` and what stands behind it, as libpq divides them.

    libpq takes what stands before the first ``@`` for user and password, unless a ``/`` comes first. So a password with
    one of these characters in it would be read as a host, a port or a database, which messages show.
    """
    scheme, separator, rest = url.partition("://")
    credentials, at, _ = rest.partition("@")
    start = len(credentials) if at and "/" not in credentials else 0
    before, _, query = rest[start:].partition("?")
    before = rest[:start] + before
    if scheme != "postgresql" or not separator:
        raise ValueError(_FORM)
    if "#" in url or before.count("@") > (start > 0):
        raise ValueError(
            f"a /, ?, # or @ in a user, a password or a database is written as %2F, %3F, %23 or %40: {_FORM}"
        )
    return f"{scheme}{separator}{before}", query


def _level(name: str, text: str) -> str:
    if text not in _LEVELS:
        raise ValueError(f"{name} is neither serializable nor read_committed: {_FORM}")
    return _LEVELS[text]


def _number(least: int, most: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{name} is no whole number from {least} to {most}: {_FORM}")
        return int(text)

    return read


_READ: Final[Mapping[str, Callable[[str, str], str | int]]] = {
    "isolation": _level,
    "pool_min": _number(0, 1000),
    "pool_max": _number(1, 1000),
    "timeout": _number(1, 3600),
    "prepare": _number(0, 1),
}

_FORM: Final = (
    "a PostgreSQL URL is postgresql://user@host:port/database, perhaps with options of libpq and ours:"
    " isolation=read_committed or serializable, pool_min=0, pool_max=10, timeout=10 (seconds), prepare=1 or 0"
)


def _conninfo_of(url: str) -> str:
    """Give what the driver connects by; of several hosts the one that can be written to."""
    given = _read_by_libpq(url)
    if given is None:
        raise ValueError(f"libpq cannot read the URL, or does not know one of its options: {_FORM}")
    if not all(_is_port(port) for port in str(given.get("port", "")).split(",")):
        raise ValueError(f"a port is no number from 1 to 65535: {_FORM}")
    several = {"target_session_attrs": "read-write"} if "," in str(given.get("host", "")) else {}
    return make_conninfo("", **{**_DEFAULTS, **several, **given, "client_encoding": "utf8"})


def _read_by_libpq(url: str) -> dict[str, Any] | None:
    """Return what libpq reads in a URL, or None if it refuses it: its message may show a password."""
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        return None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal() and 0 < int(text) < 2**16)  # libpq has a default
