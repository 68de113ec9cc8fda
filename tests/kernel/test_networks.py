"""Addresses that are counted as one."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.networks import block_of

pytestmark = pytest.mark.rule("S7")

prefixes = st.integers(1, 128)


@given(st.ip_addresses(v=4), prefixes)
def test_an_ipv4_address_is_counted_alone(address: IPv4Address, prefix: int) -> None:
    assert block_of(str(address), ipv6_prefix=prefix) == str(address)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), prefixes)
def test_ipv6_addresses_count_as_one_if_they_share_the_prefix(
    one: IPv6Address, other: IPv6Address, prefix: int
) -> None:
    blocks = {block_of(str(address), ipv6_prefix=prefix) for address in (one, other)}
    assert (len(blocks) == 1) == (other in ip_network((one, prefix), strict=False))
