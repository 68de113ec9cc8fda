"""The location of a store: its URL, usercore's options in it, and the driver's settings.

All other options are passed to libpq: several hosts, ``sslmode``, ``application_name``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo

from usercore.kernel.values import frozen
from usercore_storage.postgres.profiles import POSTGRESQL, READ_COMMITTED, SERIALIZABLE, ServerProfile

_LEVELS: Final[Mapping[str, str]] = {"serializable": SERIALIZABLE, "read_committed": READ_COMMITTED}

_DEFAULTS: Final = {
    "fallback_application_name": "usercore",
    "connect_timeout": "3",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
"""The driver's settings unless the URL has others: seconds, but the last is milliseconds. A network that drops all
packets must not block a unit for the two hours that systems wait; and one host of several must not use up the time in
which the next one could be asked."""


@frozen(kw_only=True)
class StoreLocation:
    """The location of a store, and how to work with it."""

    conninfo: str = attrs.field(repr=False)
    """For the driver; it may contain a password."""

    asked_isolation: str | None = None
    """The isolation level of units that write, if the URL has one."""

    profile: ServerProfile = POSTGRESQL
    """The server's profile, once it was asked."""

    pool_min: int = 0
    pool_max: int = 10
    timeout: int = 10
    """Seconds that a unit, also one that reads, waits for a connection, for each lock and for each statement."""

    longest_connecting: int = 10
    """Seconds to wait if a connection has to be opened: ``timeout``, or longer to try each of several hosts."""

    prepare: int = 1
    """0 prepares no statements: for a pooler in transaction mode that does not support them."""

    @property
    def isolation(self) -> str:
        """The isolation level of units that write."""
        return self.asked_isolation or self.profile.isolations[0]


def location_of(url: str) -> StoreLocation:
    """Parse ``postgresql://user@host:port/database``, with our options and libpq's after a ``?``.

    libpq reads all other parts, so what is optional for it is optional here, the host too.

    Raises:
        ValueError: the URL has another form. The message shows no part of the URL.
    """
    base, query = _split(url)
    given = query.split("&") if query else []
    ours = [option.partition("=") for option in given if option.partition("=")[0] in _READ]
    theirs = "&".join(option for option in given if option.partition("=")[0] not in _READ)
    options: dict[str, Any] = {name: _READ[name](name, value) for name, _, value in ours}
    told = _settings_of(f"{base}?{theirs}" if theirs else base)
    asked = {_NAMES.get(name, name): value for name, value in options.items()}
    location = StoreLocation(conninfo=make_conninfo("", **told), **asked)
    location = attrs.evolve(location, longest_connecting=max(location.timeout, _seconds_to_try_each_host(told)))
    if location.pool_min > location.pool_max:
        raise ValueError(f"pool_min is greater than pool_max ({location.pool_max}): {_FORM}")
    return location


def _split(url: str) -> tuple[str, str]:
    """Return the parts before and after the ``?``, divided as libpq does.

    libpq takes everything before the first ``@`` for user and password, unless a ``/`` comes first. So a password with
    one of these characters would be read as a host, a port or a database, which messages show.
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

_NAMES: Final = {"isolation": "asked_isolation"}

_FORM: Final = (
    "a PostgreSQL URL is postgresql://user@host:port/database, perhaps with options of libpq and ours:"
    " isolation=read_committed or serializable, pool_min=0, pool_max=10, timeout=10 (seconds), prepare=1 or 0"
)


def _settings_of(url: str) -> dict[str, Any]:
    """Return the settings for libpq; of several hosts they select the one that accepts writes."""
    given = _read_by_libpq(url)
    if given is None:
        raise ValueError(f"libpq cannot read the URL, or does not know one of its options: {_FORM}")
    if not all(_is_port(port) for port in str(given.get("port", "")).split(",")):
        raise ValueError(f"a port is no number from 1 to 65535: {_FORM}")
    several = {"target_session_attrs": "read-write"} if "," in str(given.get("host", "")) else {}
    return {**_DEFAULTS, **several, **given, "client_encoding": "utf8"}


def _seconds_to_try_each_host(told: dict[str, Any]) -> int:
    """Return how long it takes until the last of several hosts is found not to answer, and a second more."""
    try:
        each = timeout_from_conninfo(told)
    except psycopg.Error:
        raise ValueError(f"connect_timeout is no whole number: {_FORM}") from None
    hosts = str(told.get("hostaddr") or told.get("host", "")).count(",") + 1
    return hosts * each + 1 if hosts > 1 else 0


def _read_by_libpq(url: str) -> dict[str, Any] | None:
    """Return the options that libpq reads in a URL, or None if it refuses it: its message may show a password."""
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        return None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal() and 0 < int(text) < 2**16)  # libpq has a default
