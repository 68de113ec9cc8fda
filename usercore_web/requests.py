"""What an adapter receives."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import attrs

from usercore.kernel.values import frozen


@frozen(kw_only=True)
class Request:
    """A request as adapters pass it on.

    Names of headers are lower-case; the values of a header that occurs several times are joined by ``, ``, those of
    ``cookie`` by ``; ``. ``path`` is decoded, begins with ``/`` and is that below ``root``, where the server or the
    application has mounted the routes. ``peer`` is the address of the connection.
    """

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    peer: str | None = None
    root: str = ""


def read_query(text: str) -> dict[str, str]:
    """Return the fields of a query string, also the empty ones; the last of those that have one name."""
    return dict(parse_qsl(text, keep_blank_values=True))
