"""The tenant that a request is for, by the host that it names."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from usercore.kernel.context import SYSTEM
from usercore.kernel.values import frozen
from usercore.tenants.model import BUILT_IN
from usercore_web.errors import HostUnknown

_ANY: Final = "*."

_LABEL: Final = re.compile("[a-z0-9_-]{1,63}")
"""A label of a host. Source: RFC 1123, 2.1, and underscores, which some have."""


def _lower(hosts: Mapping[str, str | None]) -> Mapping[str, str | None]:
    return MappingProxyType({host.lower(): key for host, key in hosts.items()})


@frozen
class TenantHosts:
    """The hosts that an application serves, each with the key of its tenant.

    ``{"shop.example.com": "shop"}`` names one, ``{"*.example.com": None}`` all hosts one label below ``example.com``,
    with the label as the key. A ``Host`` header that is not listed is refused, because links are made of it. The tenant
    ``system``, whose users are admins, is served at a host that is stated to be its own, never by its label.
    """

    hosts: Mapping[str, str | None] = attrs.field(converter=_lower)

    def __attrs_post_init__(self) -> None:
        """Check that each host without a key has a label that gives it.

        Raises:
            ValueError: a host has neither a key nor ``*.`` at its start.
        """
        for host, key in self.hosts.items():
            if key is None and not host.startswith(_ANY):
                msg = f"the host {host} needs the key of a tenant"
                raise ValueError(msg)

    def tenant_key(self, host: str | None) -> str:
        """Return the key of the tenant for the text of a ``Host`` header, with or without a port.

        Raises:
            HostUnknown: this host is not served.
        """
        name = _without_port(host or "").lower().removesuffix(".")
        stated = None if name.startswith(_ANY) else self.hosts.get(name)
        return stated or self._key_by_label(name)

    def _key_by_label(self, name: str) -> str:
        label, _, domain = name.partition(".")
        pattern = f"{_ANY}{domain}"
        if pattern not in self.hosts or not _LABEL.fullmatch(label):
            raise HostUnknown
        key = self.hosts[pattern]
        if key is None and label == BUILT_IN[SYSTEM]:
            raise HostUnknown
        return key or label


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and not host.endswith("]") else host
