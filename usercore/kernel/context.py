"""The tenant, actor and origin of a call, in one frozen value; there are no globals."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.ids import TenantId
from usercore.kernel.text import check_type, clean_line
from usercore.kernel.values import frozen

SYSTEM: Final = TenantId(1)
"""The operators' tenant, in every store. Source: spec T1."""

MAIN: Final = TenantId(2)
"""The default tenant, in every store. Source: spec T1."""

SOURCE_LIMIT: Final = 255
ACTOR_LIMIT: Final = 255
USER_AGENT_LIMIT: Final = 512
"""Bytes of a user agent that are stored. Source: spec S6."""


class ActorKind(StrEnum):
    """The kind of an actor."""

    HOST = "host"
    USER = "user"
    OPERATOR = "operator"
    API_TOKEN = "api_token"  # noqa: S105 - a kind of actor, not a password


@frozen
class Actor:
    """The actor of a change: the host, a user by id, an API token by its public id, or an operator by name."""

    kind: ActorKind
    name: str = ""

    def __attrs_post_init__(self) -> None:
        """Check that history can store the actor.

        Raises:
            TypeError: kind or name has the wrong type.
            Invalid: the name is too long or has forbidden characters.
        """
        check_type(self.kind, ActorKind, name="kind")
        clean_line(self.name, field="actor", most=ACTOR_LIMIT)

    def __str__(self) -> str:
        """Return the form that is stored: ``host``, ``user:42``, ``operator:Ann``."""
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)

    @classmethod
    def user(cls, user_id: int) -> "Actor":
        """Return the actor for a user.

        Raises:
            TypeError: the id is no int.
        """
        return cls(ActorKind.USER, format(check_type(user_id, int, name="user_id"), "d"))

    @classmethod
    def operator(cls, name: str) -> "Actor":
        """Return the actor for an operator who is not a user of this store.

        Raises:
            Invalid: the name is empty, too long or has forbidden characters.
        """
        return cls(ActorKind.OPERATOR, clean_line(name, field="actor", most=ACTOR_LIMIT, empty=False))


HOST: Final = Actor(ActorKind.HOST)
"""The application that embeds usercore: the actor of a core that was not bound to another actor."""


@frozen
class Context:
    """The tenant, actor and origin of a bound core. ``ip`` is canonical text, ``user_agent`` at most 512 bytes."""

    tenant_id: TenantId = MAIN
    tenant_key: str = "main"
    actor: Actor = HOST
    ip: str | None = None
    user_agent: str | None = None
    source: str | None = None


def clean_ip(value: str) -> str:
    """Return the canonical text of an IPv4 or IPv6 address, as ``parse_ip`` reads it.

    Raises:
        TypeError: it is not text.
        Invalid: it is not an address.
    """
    return str(parse_ip(value))


def parse_ip(value: str) -> IPv4Address | IPv6Address:
    """Parse an IPv4 or IPv6 address, without its zone; a mapped IPv4 address becomes IPv4.

    Raises:
        TypeError: it is not text.
        Invalid: it is not an address.
    """
    try:
        address = ip_address(check_type(value, str, name="ip"))
    except ValueError:
        raise Invalid((FieldError("ip", "malformed"),)) from None
    if isinstance(address, IPv6Address):  # a zone is arbitrary text that is meaningful on its own machine only
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def clean_user_agent(value: str) -> str:
    """Return the part of a user agent that is stored: its first 512 bytes.

    Clients send arbitrary text, so no content is an error: characters that cannot be stored are replaced.

    Raises:
        TypeError: it is not text.
    """
    return printable_prefix(check_type(value, str, name="user_agent"), USER_AGENT_LIMIT)


def printable_prefix(value: str, max_bytes: int) -> str:
    """Return the start of arbitrary text without NUL, control characters and lone surrogates."""
    start = str.__getitem__(value, slice(max_bytes)).encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")
    if start.isprintable():
        return start  # the common case
    return "".join(character if character.isprintable() else "?" for character in start)
