"""The context of a call: canonical addresses, untrusted text shortened and cleaned, and actors by name."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of
from usercore.kernel.context import (
    HOST,
    USER_AGENT_LIMIT,
    Actor,
    ActorKind,
    Context,
    clean_ip,
    clean_user_agent,
    printable_prefix,
)
from usercore.kernel.errors import FieldError
from usercore.testing.strategies import hostile_text, user_agents


@pytest.mark.rule("S6")
@given(st.ip_addresses())
def test_an_address_has_one_spelling(address: IPv4Address | IPv6Address) -> None:
    text = clean_ip(str(address))
    assert clean_ip(address.exploded.upper()) == clean_ip(text) == text
    assert ip_address(text) == (getattr(address, "ipv4_mapped", None) or address)


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:0207", "192.0.2.7"),
        ("0:0:0:0:0:ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::192.0.2.7", "::c000:207"),
        ("::", "::"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%\0\ud800" + "x" * 100_000, "fe80::1"),
        ("::ffff:192.0.2.7%eth0", "192.0.2.7"),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_an_address_is_stored_in_canonical_form(typed: str, kept: str) -> None:
    assert clean_ip(typed) == kept


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.07",
        "192.0.2.7 ",
        "192.0.2.0/24",
        "::1::",
        "[::1]",
        "١٩٢.0.2.7",
        "1" * 10_000_000,
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_an_invalid_address_is_refused(text: str) -> None:
    assert fault_of(lambda: clean_ip(text)) == FieldError("ip", "malformed")


@pytest.mark.rule("S6")
@pytest.mark.parametrize("value", [None, 3232235777, b"\x7f\0\0\1", True], ids=repr)
def test_an_address_must_be_a_string(value: str) -> None:
    with pytest.raises(TypeError, match="ip must be str"):
        clean_ip(value)


@pytest.mark.rule("S6")
@given(user_agents())
def test_every_user_agent_is_accepted(text: str) -> None:
    kept = clean_user_agent(text)
    assert len(kept.encode()) <= USER_AGENT_LIMIT == 512
    assert kept.isprintable()
    assert clean_user_agent(kept) == kept


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 512, "x" * 512),
        ("x" * 513, "x" * 512),
        ("x" * 511 + "é", "x" * 511),
        ("x" * 510 + "éé", "x" * 510 + "é"),
        ("😀" * 200, "😀" * 128),
        ("x" + "😀" * 200, "x" + "😀" * 127),
        ("a\0b\x1bc\ud800d\ne", "a?b?c?d?e"),
        ("", ""),
    ],
    ids=range(8),
)
def test_a_user_agent_is_cut_between_characters(text: str, kept: str) -> None:
    assert clean_user_agent(text) == kept


@pytest.mark.rule("S6")
@given(hostile_text(), st.integers(0, 50))
def test_the_printable_prefix_of_any_text_can_be_stored(text: str, most: int) -> None:
    kept = printable_prefix(text, most)
    assert len(kept.encode()) <= most
    assert kept.isprintable()


@pytest.mark.rule("S6")
@pytest.mark.parametrize("value", [None, 7, b"curl", True], ids=repr)
def test_a_user_agent_must_be_a_string(value: str) -> None:
    with pytest.raises(TypeError, match="user_agent must be str"):
        clean_user_agent(value)


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("actor", "text"),
    [
        (HOST, "host"),
        (Actor.user(42), "user:42"),
        (Actor.operator(" Zoë "), "operator:Zoë"),
        (Actor(ActorKind.API_TOKEN, "7"), "api_token:7"),
    ],
    ids=str,
)
def test_an_actor_is_written_as_kind_and_name(actor: Actor, text: str) -> None:
    assert str(actor) == text


@pytest.mark.rule("X2")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("x" * 256, "too_long"),
        ("a\nb", "control_character"),
        ("\u202e", "direction_mark"),
    ],
    ids=ascii,
)
def test_the_name_of_an_operator_must_be_printable(name: str, reason: str) -> None:
    assert fault_of(lambda: Actor.operator(name)) == FieldError("actor", reason)


@pytest.mark.rule("T1")
def test_the_default_context_is_the_host_in_main_and_cannot_be_changed() -> None:
    context = Context()
    assert (context.tenant_id, context.tenant_key, context.actor) == (2, "main", HOST)
    assert (context.ip, context.user_agent, context.source) == (None, None, None)
    with pytest.raises(FrozenInstanceError):
        context.ip = "192.0.2.7"  # type: ignore[misc]
