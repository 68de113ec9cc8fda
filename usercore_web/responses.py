"""What an adapter sends."""

import json

from usercore.kernel.values import frozen


@frozen
class Response:
    """A response: its status, its headers by name and value, and its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def json_response(value: object, *headers: tuple[str, str], status: int = 200) -> Response:
    """Return a response with plain data.

    Raises:
        TypeError: JSON does not know a value.
    """
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", "application/json"), *headers), body)
