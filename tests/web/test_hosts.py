"""The tenant of a request, by its host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore_web import HostUnknown, TenantHosts

HOSTS = TenantHosts({"Shop.example.com": "shop", "*.example.com": None, "*.example.net": "net", "[::1]": "local"})


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("shop.example.com", "shop"),
        ("SHOP.example.com:8443", "shop"),
        ("shop.example.com.", "shop"),
        ("acme.example.com", "acme"),
        ("anything.example.net:80", "net"),
        ("[::1]:8000", "local"),
        ("[::1]", "local"),
    ],
)
def test_a_listed_host_has_its_tenant(host: str, key: str) -> None:
    assert HOSTS.tenant_key(host) == key


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "example.com",
        ".example.com",
        "a.b.example.com",
        "*.example.org",
        "evil.example",
        "example.com:shop",
        ":80",
    ],
)
def test_another_host_is_refused(host: str | None) -> None:
    with pytest.raises(HostUnknown):
        HOSTS.tenant_key(host)


@pytest.mark.parametrize(
    "host", ["system.example.com", "SYSTEM.example.com:443", "system.example.com.", "\u017fystem.example.com"]
)
def test_the_tenant_of_operators_is_not_served_by_its_label(host: str) -> None:
    with pytest.raises(HostUnknown):
        HOSTS.tenant_key(host)


@pytest.mark.parametrize("pattern", ["ops.example.com", "*.example.com"])
def test_the_tenant_of_operators_is_served_where_it_is_stated(pattern: str) -> None:
    assert TenantHosts({pattern: "system"}).tenant_key("ops.example.com") == "system"


@given(host=st.text())
def test_any_text_has_a_tenant_or_is_refused(host: str) -> None:
    try:
        key = HOSTS.tenant_key(host)
    except HostUnknown:
        return
    assert key


def test_a_host_without_a_label_that_names_its_tenant_is_refused() -> None:
    with pytest.raises(ValueError, match=r"example\.com needs the key"):
        TenantHosts({"example.com": None})
