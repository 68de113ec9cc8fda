"""One database and one transaction for the rows of Django and of usercore."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from usercore import UserCore


def joined(core: UserCore, *, using: str = DEFAULT_DB_ALIAS) -> UserCore:
    """Return the core for the ``transaction.atomic()`` that is open, in its thread: what is stored shares its fate.

    Observers are not called; ``transaction.on_commit(core.outbox.deliver)`` delivers without a relay.

    Raises:
        ValueError: no ``atomic`` is open, or the database of Django is another store than that of the core.
        TypeError: the core is joined already, or its store cannot join a connection of this database.
        LostRace: the transaction has lost a race already.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise ValueError("no transaction.atomic() is open")
    connection.ensure_connection()
    return core.joined(connection.connection)


def database_url(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return the URL of a store in a database of Django; during tests, in the test database.

    Raises:
        ImproperlyConfigured: the database is neither PostgreSQL nor a file of SQLite.
    """
    connection = connections[using]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not name.startswith((":memory:", "file:")):
        return f"sqlite:///{quote(name)}?shared=1"
    if connection.vendor == "postgresql":
        return f"postgresql:///?{urlencode(_libpq_options(connection.get_connection_params()), quote_via=quote)}"
    raise ImproperlyConfigured(f"the database {using} is neither PostgreSQL nor a file of SQLite")


def _libpq_options(params: Mapping[str, object]) -> dict[str, str | int]:
    """Return those of psycopg's parameters that are libpq's: its own are objects, but for one."""
    return {
        name: value for name, value in params.items() if isinstance(value, str | int) and name != "prepare_threshold"
    }
