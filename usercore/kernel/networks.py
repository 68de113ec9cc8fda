"""Addresses that count as one: an IPv6 network is usually one host's or one customer's."""

from ipaddress import IPv6Address, ip_address, ip_network


def block_of(ip: str, *, ipv6_prefix: int) -> str:
    """Return what an address is counted under: an IPv4 address itself, an IPv6 address the network of its prefix."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and ipv6_prefix < address.max_prefixlen:
        return str(ip_network((address, ipv6_prefix), strict=False))
    return str(address)
