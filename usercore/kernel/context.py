"""On whose behalf a call is made, from where, and for which tenant: one frozen value, no globals."""

from enum import StrEnum
from ipaddress import IPv6Address, ip_address
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
"""Bytes that are kept of a user agent. Source: spec S6."""


class ActorKind(StrEnum):
    """What sort of actor it is."""

    HOST = "host"
    USER = "user"
    OPERATOR = "operator"
    API_TOKEN = "api_token"  # noqa: S105 - a kind of actor, not a password


@frozen
class Actor:
    """Who does it: the host itself, a user or an API token by id, or an operator by name (1-255 characters)."""

    kind: ActorKind
    name: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse what history could not keep.

        Raises:
            TypeError: kind or name has the wrong type.
            Invalid: the name is too long or has forbidden characters.
        """
        check_type(self.kind, ActorKind, name="kind")
        clean_line(self.name, field="actor", most=ACTOR_LIMIT)

    def __str__(self) -> str:
        """Give the form that is kept: ``host``, ``user:42``, ``operator:Ann``."""
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)

    @classmethod
    def user(cls, user_id: int) -> "Actor":
        """Name a user.

        Raises:
            TypeError: the id is no int.
        """
        return cls(ActorKind.USER, format(check_type(user_id, int, name="user_id"), "d"))

    @classmethod
    def operator(cls, name: str) -> "Actor":
        """Name an operator who is no user of this store.

        Raises:
            Invalid: the name is empty, too long or has forbidden characters.
        """
        return cls(ActorKind.OPERATOR, clean_line(name, field="actor", most=ACTOR_LIMIT, empty=False))


HOST: Final = Actor(ActorKind.HOST)
"""The application that embeds usercore; the actor of a core that was not bound to another."""


@frozen
class Context:
    """Whom a bound core acts for. ``ip`` is canonical text, ``user_agent`` at most 512 bytes."""

    tenant_id: TenantId = MAIN
    tenant_key: str = "main"
    actor: Actor = HOST
    ip: str | None = None
    user_agent: str | None = None
    source: str | None = None


def clean_ip(value: str) -> str:
    """Give the canonical text of an IPv4 or IPv6 address, without a zone; a mapped IPv4 address is given as IPv4.

    Raises:
        TypeError: it is not text.
        Invalid: it is no address.
    """
    try:
        address = ip_address(check_type(value, str, name="ip"))
    except ValueError:
        raise Invalid((FieldError("ip", "malformed"),)) from None
    if isinstance(address, IPv6Address):  # the zone is any text, and means something to its own machine only
        address = address.ipv4_mapped or IPv6Address(int(address))
    return str(address)


def clean_user_agent(value: str) -> str:
    """Give what is kept of a user agent: its first 512 bytes, whatever they say.

    Strangers write it, so nothing in it is an error: what cannot be kept is replaced.

    Raises:
        TypeError: it is not text.
    """
    return printable_prefix(check_type(value, str, name="user_agent"), USER_AGENT_LIMIT)


def printable_prefix(value: str, most_bytes: int) -> str:
    """Give the start of what a stranger typed, fit to be kept: no NUL, no control, no lone surrogate."""
    start = str.__getitem__(value, slice(most_bytes)).encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")
    if start.isprintable():
        return start  # nearly always
    return "".join(character if character.isprintable() else "?" for character in start)
