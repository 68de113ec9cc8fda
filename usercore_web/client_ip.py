"""The address of the client behind reverse proxies, which are stated and never guessed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import attrs

from usercore import Invalid
from usercore.kernel.context import parse_ip
from usercore.kernel.values import frozen


def _networks(values: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    if isinstance(values, str):
        msg = "networks must be several addresses or networks, not one text"
        raise TypeError(msg)
    return tuple(map(ip_network, values))


@frozen(kw_only=True)
class TrustedProxies:
    """The reverse proxies whose ``X-Forwarded-For`` is believed: their addresses, or networks such as ``10.0.0.0/8``.

    Without any, the address of the connection is that of the client. ``unix_socket`` trusts connections that have no
    address, because a proxy on the same machine makes them.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = attrs.field(default=(), converter=_networks)
    unix_socket: bool = False

    def client_ip(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Return the address of the client, or None if the connection has none.

        ``peer`` is the address of the connection, None for a Unix socket, and ``forwarded_for`` the text of all
        ``X-Forwarded-For`` headers, joined by commas. Each proxy appends the address that it saw, so the list is read
        from its end, as long as a trusted proxy wrote it. An entry that is no address ends it: the address is then that
        of the proxy that wrote it, so that failures are still counted somewhere.
        """
        nearest = _parse(peer)
        if nearest is None and not (self.unix_socket and not peer):
            return None
        for hop in reversed((forwarded_for or "").split(",")):
            if nearest is not None and not self._is_trusted(nearest):
                break
            address = _parse(hop)
            if address is None:
                break
            nearest = address
        return None if nearest is None else str(nearest)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.networks)


def _parse(text: str | None) -> IPv4Address | IPv6Address | None:
    """Parse an address, which some proxies write with a port."""
    if text is None:
        return None
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return parse_ip(host)
    except Invalid:
        return None
