"""Whether the connection to a PostgreSQL store is encrypted, as far as its URL and libpq's variables tell."""

from typing import Final

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from usercore.compliance.model import StoreAccess
from usercore_storage.postgres.location import location_of

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def access_of(url: str) -> StoreAccess:
    """Return the mode of TLS, unless all hosts are this machine: its sockets, or its own address.

    Raises:
        ValueError: the URL has another form.
    """
    defaults = {one.keyword.decode(): one.val for one in Conninfo.get_defaults()}
    given = conninfo_to_dict(location_of(url).conninfo)

    def setting(name: str) -> str:
        default = defaults.get(name) or b""
        return str(given.get(name) or default.decode())

    hosts = (setting("hostaddr") or setting("host")).split(",")
    is_local = all(not host or host.startswith(("/", "@")) or host in _LOCAL for host in hosts)
    return StoreAccess(tls_mode=None if is_local else setting("sslmode"))
