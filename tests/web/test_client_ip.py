"""The address of the client behind proxies."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore_web import TrustedProxies

INSIDE = TrustedProxies(networks=["10.0.0.0/8", "::1"])
OUTSIDERS = st.ip_addresses().map(str).filter(lambda ip: INSIDE.client_ip(ip, "192.0.2.1") == ip)
PROXIES = st.ip_addresses(network="10.0.0.0/8").map(str)
JUNK = st.text(max_size=20).filter(lambda text: "," not in text)


@given(peer=OUTSIDERS, header=st.none() | st.text(max_size=60))
def test_no_header_changes_the_address_of_a_connection_that_no_trusted_proxy_made(
    peer: str, header: str | None
) -> None:
    assert INSIDE.client_ip(peer, header) == peer
    assert TrustedProxies().client_ip(peer, header) == peer


@given(
    forged=st.lists(JUNK | OUTSIDERS | PROXIES, max_size=3),
    client=OUTSIDERS,
    proxies=st.lists(PROXIES, min_size=1, max_size=3),
)
def test_the_nearest_address_that_is_no_trusted_proxy_is_the_clients(
    forged: list[str], client: str, proxies: list[str]
) -> None:
    *appended, peer = proxies
    assert INSIDE.client_ip(peer, ", ".join([*forged, client, *appended])) == client


@given(junk=JUNK.filter(lambda text: INSIDE.client_ip("10.0.0.1", text) == "10.0.0.1"), peer=PROXIES)
def test_an_entry_that_is_no_address_is_counted_under_the_proxy_that_wrote_it(junk: str, peer: str) -> None:
    assert INSIDE.client_ip(peer, f"192.0.2.1, {junk}") == peer


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("192.0.2.7:51234", "192.0.2.7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ('"[2001:db8::7]"', "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
    ],
)
def test_an_address_is_read_as_proxies_write_it(entry: str, expected: str) -> None:
    assert INSIDE.client_ip("10.1.2.3", entry) == expected


def test_the_farthest_proxy_is_the_client_if_all_are_trusted() -> None:
    assert INSIDE.client_ip("::1", "10.0.0.9, 10.0.0.8") == "10.0.0.9"


@pytest.mark.parametrize("peer", [None, ""])
def test_a_unix_socket_is_trusted_only_if_it_is_stated(peer: str | None) -> None:
    assert TrustedProxies(unix_socket=True).client_ip(peer, "198.51.100.4, 192.0.2.7") == "192.0.2.7"
    assert TrustedProxies(unix_socket=True).client_ip(peer, None) is None
    assert INSIDE.client_ip(peer, "192.0.2.7") is None


def test_networks_are_checked_when_they_are_stated() -> None:
    assert TrustedProxies(networks=["10.0.0.1"]).networks == (ip_network("10.0.0.1/32"),)
    with pytest.raises(ValueError, match="host bits"):
        TrustedProxies(networks=["10.0.0.1/8"])
    with pytest.raises(TypeError):
        TrustedProxies(networks="10.0.0.1")
