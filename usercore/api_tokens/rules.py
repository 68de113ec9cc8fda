"""What an API token may be granted and limited to, and when it is accepted. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import islice
from typing import Final, TypeAlias

from usercore.kernel.text import check_type, clean_exact, refuse
from usercore.tokens.errors import (
    AddressNotAllowed,
    ResourceNotGranted,
    TokenExpired,
    TokenInactive,
    TokenRevoked,
    TokenUnknown,
)
from usercore.tokens.model import EVERY_RESOURCE, ApiToken
from usercore.tokens.policies import ApiTokenPolicy

Address: TypeAlias = IPv4Address | IPv6Address

NAME_LIMIT: Final = 255
"""The most characters of a token's name and of a resource. Source: usercore, as the names of authenticators."""

MOST_ITEMS: Final = 10_000
"""The most texts of one call, repeated ones included: parsing them takes microseconds each. Source: usercore."""

_MAPPED_BITS: Final = 96
"""Bits in front of an IPv4 address that is mapped into IPv6. Source: RFC 4291, 2.5.5.2."""

_LONGEST_ADDRESS: Final = 100


def clean_resource(value: object) -> str:
    """Return the name of a resource, which is compared exactly.

    Raises:
        TypeError: it is not text.
        Invalid: it is empty, too long, or has white space at its ends or characters that are not allowed.
    """
    return clean_exact(value, field="resource", most=NAME_LIMIT)


def clean_resources(values: object) -> frozenset[str]:
    """Return the names of some resources.

    Raises:
        TypeError: it is not a collection of texts.
        Invalid: there are none or more than 10,000, or a name is malformed.
    """
    resources = frozenset(map(clean_resource, _items(values, "resources")))
    if not resources:
        refuse("resources", "empty")
    return resources


def clean_addresses(values: object, policy: ApiTokenPolicy) -> tuple[str, ...]:
    """Return addresses and networks in canonical form, each once, in order.

    Raises:
        TypeError: it is not a collection of texts.
        Invalid: one is malformed, or there are too many.
    """
    networks = {_clean_network(check_type(value, str, name="an address")) for value in _items(values, "addresses")}
    if len(networks) > policy.max_addresses:
        refuse("addresses", "count")
    return tuple(sorted(map(_text_of, networks)))


def _items(values: object, name: str) -> Iterable[object]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        msg = f"{name} must be a list of texts, not {type(values).__name__}"
        raise TypeError(msg)
    items = list(islice(values, MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        refuse(name, "count")
    return items


def _clean_network(text: str) -> IPv4Network | IPv6Network:
    """Parse an address or a network; a mapped IPv4 network becomes IPv4. Bits beyond the prefix must be zero."""
    if len(text) > _LONGEST_ADDRESS or "%" in text:  # a zone is meaningful on its own machine only
        refuse("addresses", "malformed")
    try:
        network = ip_network(text)
    except ValueError:
        refuse("addresses", "malformed")
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


def _text_of(network: IPv4Network | IPv6Network) -> str:
    """Return the network as text, and a single address without its prefix."""
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


@lru_cache(maxsize=1024)
def _network_of(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)  # takes microseconds, and each call needs it


def is_address_allowed(address: Address | None, networks: Collection[str]) -> bool:
    """Return whether an address is in one of the networks; without networks each one is allowed."""
    if not networks:
        return True
    return address is not None and any(address in _network_of(network) for network in networks)


def is_granted(resource: str, resources: Iterable[str]) -> bool:
    """Return whether a resource is among the granted ones, or all were granted."""
    return any(granted in (resource, EVERY_RESOURCE) for granted in resources)


def check_authorized(
    token: ApiToken | None, *, tenant_active: bool, resource: str, address: Address | None, now: datetime
) -> ApiToken:
    """Return the token if it authorizes a call from this address to this resource.

    Raises:
        TokenUnknown: it is None.
        TokenRevoked: it was revoked.
        TokenExpired: ``now`` is at or past ``expires_at``.
        TokenInactive: the token or its tenant is inactive.
        AddressNotAllowed: it is limited to other addresses.
        ResourceNotGranted: it was not granted the resource.
    """
    if token is None:
        raise TokenUnknown
    if token.revoked_at is not None:
        raise TokenRevoked
    if token.expires_at is not None and now >= token.expires_at:
        raise TokenExpired(token.expires_at)
    if not (token.active and tenant_active):
        raise TokenInactive
    if not is_address_allowed(address, token.addresses):
        raise AddressNotAllowed
    if not is_granted(resource, token.resources):
        raise ResourceNotGranted(resource)
    return token
