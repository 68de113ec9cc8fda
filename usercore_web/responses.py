"""What an adapter sends."""

from usercore.kernel.values import frozen


@frozen
class Response:
    """A response: its status, its headers by name and value, and its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
