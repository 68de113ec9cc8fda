"""Which resources and addresses an API token may have, and when it authorizes a call."""

from collections.abc import Callable
from ipaddress import ip_network
from itertools import repeat
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import ApiTokenPolicy, Invalid
from usercore.api_tokens.rules import (
    MOST_ITEMS,
    check_authorized,
    clean_addresses,
    clean_resource,
    clean_resources,
    is_address_allowed,
    is_granted,
)
from usercore.kernel.context import parse_ip
from usercore.testing import NOON, TICK
from usercore.testing.samples import API_TOKEN, an_api_token
from usercore.testing.strategies import hostile_text
from usercore.tokens.errors import (
    AddressNotAllowed,
    ResourceNotGranted,
    TokenExpired,
    TokenInactive,
    TokenRevoked,
    TokenUnknown,
)
from usercore.tokens.model import ApiToken, api_token_id_of

POLICY: Final = ApiTokenPolicy()


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(Invalid) as refusal:
        call()
    return " ".join(f"{error.field} {error.reason}" for error in refusal.value.errors)


@pytest.mark.rule("K6")
@pytest.mark.parametrize(
    ("given_texts", "stored"),
    [
        ([], ()),
        (["192.0.2.7"], ("192.0.2.7",)),
        (["192.0.2.7/32"], ("192.0.2.7",)),
        (["10.0.0.0/8", "10.0.0.0/8"], ("10.0.0.0/8",)),
        (["0.0.0.0/0"], ("0.0.0.0/0",)),
        (["2001:DB8:0::1"], ("2001:db8::1",)),
        (["2001:db8::/32", "192.0.2.0/24"], ("192.0.2.0/24", "2001:db8::/32")),
        (["::ffff:192.0.2.7"], ("192.0.2.7",)),
        (["::ffff:192.0.2.0/120"], ("192.0.2.0/24",)),
        (["::/0"], ("::/0",)),
        (("192.0.2.7",), ("192.0.2.7",)),
    ],
    ids=str,
)
def test_addresses_are_stored_in_canonical_form(given_texts: Any, stored: tuple[str, ...]) -> None:
    assert clean_addresses(given_texts, POLICY) == stored


@pytest.mark.rule("K6")
@pytest.mark.parametrize(
    "text",
    ["", " ", "*", "192.0.2", "192.0.2.256", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/24,10.0.0.0/8", " 192.0.2.7",
     "fe80::1%eth0", "2001:db8::1/32", "localhost", "010.0.0.1", "1" * 5000],
)  # fmt: skip
def test_a_malformed_address_is_refused(text: str) -> None:
    assert reason_of(lambda: clean_addresses(["192.0.2.7", text], POLICY)) == "addresses malformed"


@pytest.mark.rule("K6")
@given(hostile_text())
def test_arbitrary_text_is_an_address_or_refused(text: str) -> None:
    try:
        (stored,) = clean_addresses([text], POLICY)
    except Invalid:
        return
    assert clean_addresses([stored], POLICY) == (stored,)


@pytest.mark.rule("K6")
@pytest.mark.parametrize("wrong", ["192.0.2.7", b"192.0.2.7", 7, None, [7], [None], [b"192.0.2.7"]], ids=repr)
def test_addresses_and_resources_are_lists_of_texts(wrong: Any) -> None:
    with pytest.raises(TypeError):
        clean_addresses(wrong, POLICY)
    with pytest.raises(TypeError):
        clean_resources(wrong)


@pytest.mark.rule("K6")
def test_there_are_at_most_as_many_addresses_as_the_policy_says() -> None:
    policy = ApiTokenPolicy(max_addresses=2)
    several = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert len(clean_addresses([*several[:2], *several[:2]], policy)) == 2
    assert reason_of(lambda: clean_addresses(several, policy)) == "addresses count"


@pytest.mark.rule("K6")
def test_lists_without_an_end_are_refused() -> None:
    assert reason_of(lambda: clean_addresses(repeat("192.0.2.1"), ApiTokenPolicy())) == "addresses count"
    assert reason_of(lambda: clean_resources(repeat("orders"))) == "resources count"
    assert clean_resources(repeat("orders", MOST_ITEMS)) == {"orders"}


ADDRESSES = st.ip_addresses().map(str)
NETWORKS = st.tuples(st.ip_addresses(), st.integers(0, 32)).map(
    lambda drawn: str(ip_network((drawn[0], drawn[1]), strict=False))
)


@pytest.mark.rule("K6")
@given(ADDRESSES, st.lists(NETWORKS | ADDRESSES, max_size=4))
def test_an_address_is_allowed_if_any_network_has_it(address: str, networks: list[str]) -> None:
    stored = clean_addresses(networks, POLICY)
    expected = not stored or any(parse_ip(address) in ip_network(network) for network in stored)
    assert is_address_allowed(parse_ip(address), stored) == expected


@pytest.mark.rule("K6")
@given(ADDRESSES, st.integers(0, 128))
def test_an_address_is_in_each_network_around_it_in_either_form(address: str, prefix: int) -> None:
    parsed = parse_ip(address)
    around = ip_network((parsed, min(prefix, parsed.max_prefixlen)), strict=False)
    assert is_address_allowed(parsed, clean_addresses([str(around)], POLICY))
    if parsed.version == 4:
        mapped = f"::ffff:{around.network_address}/{around.prefixlen + 96}"
        assert is_address_allowed(parse_ip(f"::ffff:{parsed}"), clean_addresses([mapped], POLICY))


@pytest.mark.rule("K6")
def test_a_call_without_an_address_is_allowed_only_without_limits() -> None:
    assert is_address_allowed(None, ())
    assert not is_address_allowed(None, ("0.0.0.0/0", "::/0"))
    assert not is_address_allowed(parse_ip("2001:db8::1"), ("0.0.0.0/0",))


@pytest.mark.rule("K6")
@pytest.mark.parametrize(
    ("resource", "granted", "allowed"),
    [
        ("orders", (), False),
        ("orders", ("orders",), True),
        ("orders", ("Orders", "order", "orders.read", "order*", "%"), False),
        ("orders.read", ("orders", "orders.*"), False),
        ("orders", ("x", "*"), True),
        ("*", ("orders",), False),
        ("*", ("*",), True),
    ],
)
def test_a_resource_is_granted_by_its_exact_name_or_all_are(
    resource: str, granted: tuple[str, ...], *, allowed: bool
) -> None:
    assert is_granted(resource, granted) == allowed


@pytest.mark.rule("K6")
@pytest.mark.parametrize("text", ["", " ", " a", "a\n", "a\0b", "\ud800", "a" * 256])
def test_a_malformed_resource_is_refused(text: str) -> None:
    assert reason_of(lambda: clean_resource(text)).startswith("resource ")
    assert reason_of(lambda: clean_resources(["a", text])).startswith("resource ")
    assert reason_of(lambda: clean_resources([])) == "resources empty"


def authorize(token: ApiToken | None, **changes: Any) -> ApiToken:
    call: dict[str, Any] = {
        "tenant_active": True,
        "resource": "orders.read",
        "address": parse_ip("192.0.2.7"),
        "now": NOON,
    }
    return check_authorized(token, **(call | changes))


STEPS: Final[list[tuple[dict[str, Any], dict[str, Any], type[Exception]]]] = [
    ({"revoked_at": NOON}, {}, TokenRevoked),
    ({"expires_at": NOON}, {}, TokenExpired),
    ({"active": False}, {}, TokenInactive),
    ({"addresses": ("198.51.100.0/24",)}, {}, AddressNotAllowed),
    ({"resources": ("orders.write",)}, {}, ResourceNotGranted),
]
"""What refuses a token, in the order in which it is told."""


@pytest.mark.rule("K6")
def test_a_token_with_everything_that_it_needs_authorizes() -> None:
    assert authorize(API_TOKEN) is API_TOKEN
    authorize(an_api_token(expires_at=NOON + TICK))
    authorize(an_api_token(expires_at=None))
    with pytest.raises(TokenUnknown):
        authorize(None)
    with pytest.raises(TokenInactive):
        authorize(API_TOKEN, tenant_active=False)


@pytest.mark.rule("K6")
@pytest.mark.parametrize("first", range(len(STEPS)))
def test_the_first_of_several_reasons_is_told(first: int) -> None:
    fields: dict[str, Any] = {}
    for changes, _, _ in STEPS[first:]:
        fields |= changes
    with pytest.raises(STEPS[first][2]):
        authorize(an_api_token(**fields))
    with pytest.raises(STEPS[first][2]):
        authorize(an_api_token(**STEPS[first][0]))


@pytest.mark.rule("K1", "K6")
@given(st.integers(1, 2**53 - 1))
def test_the_public_id_of_a_token_names_its_id(number: int) -> None:
    token = an_api_token(id=number)
    assert api_token_id_of(token.public_id) == number
    assert str(token.actor) == f"api_token:{token.public_id}"


@pytest.mark.rule("K1", "K6")
@given(hostile_text())
@pytest.mark.parametrize("prefix", ["", "ucs-", "ucs_", "uca-"])
def test_arbitrary_text_is_no_public_id(prefix: str, text: str) -> None:
    number = api_token_id_of(prefix + text)
    assert number is None or an_api_token(id=number).public_id == prefix + text


@pytest.mark.rule("K1", "K6")
@pytest.mark.parametrize("text", ["ucs-000000000", "ucs-zzzzzzzzz", "ucs-00000001", "ucs-0000000001", "ucs-00000000é"])
def test_a_public_id_that_cannot_be_names_no_token(text: str) -> None:
    assert api_token_id_of(text) is None
