"""Reading responses of browsers, relying parties, and the secrets of sign-ins."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import PasskeyPolicy, PasskeyRejected, RelyingParty, Secret
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.ids import UserId
from usercore.passkeys.keys import PasskeyKeys, challenge_of
from usercore.passkeys.rules import (
    RESPONSE_LIMIT,
    TEXT_LIMIT,
    check_top_level,
    encode,
    read_assertion,
    read_attestation,
)
from usercore.testing import NOON, FakeRandomness
from usercore.tokens.policies import ChallengePolicy

KEYS: Final = PasskeyKeys(secret=b"k" * 32)
ANN, BOB = UserId(7), UserId(8)
ID: Final = encode(b"credential")


def assertion(**changes: Any) -> dict[str, Any]:
    """Return the response of a sign-in, with other values in some fields of its inner part."""
    inner = {"clientDataJSON": "YQ", "authenticatorData": "Yg", "signature": "Yw", "userHandle": "ZA"} | changes
    return {"id": ID, "rawId": ID, "type": "public-key", "response": inner}


def attestation(**changes: Any) -> dict[str, Any]:
    """Return the response of a registration, with other values in some fields of its inner part."""
    return {**assertion(), "response": {"clientDataJSON": "YQ", "attestationObject": "Yg"} | changes}


def test_the_values_of_a_sign_in_are_decoded() -> None:
    read = read_assertion(assertion())
    assert (read.credential_id, read.client_data, read.authenticator_data) == (b"credential", b"a", b"b")
    assert (read.signature, read.user_handle) == (b"c", b"d")


@pytest.mark.parametrize("as_text", [json.dumps, lambda response: response], ids=["text", "mapping"])
def test_the_values_of_a_registration_are_decoded(as_text: Callable[[object], Any]) -> None:
    read = read_attestation(as_text(attestation(transports=["usb", "internal", "telepathy", 7, "usb"])))
    assert (read.credential_id, read.client_data, read.attestation_object) == (b"credential", b"a", b"b")
    assert read.transports == "internal usb"


@pytest.mark.parametrize("transports", [None, "usb", 7, {"usb": 1}, [["usb"]]], ids=repr)
def test_transports_of_another_form_are_left_out(transports: object) -> None:
    assert not read_attestation(attestation(transports=transports)).transports


@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("value", [None, 7, b"YQ", "Y", "Y Q", "YQ==", "YQ+", "é", ["YQ"], "A" * (TEXT_LIMIT + 1)])
def test_a_value_of_a_sign_in_that_is_not_base64url_is_refused(field: str, value: object) -> None:
    with pytest.raises(PasskeyRejected):
        read_assertion(assertion(**{field: value}))


def test_values_of_the_largest_size_are_read() -> None:
    assert read_assertion(assertion(signature="A" * TEXT_LIMIT)).signature == bytes(TEXT_LIMIT * 3 // 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "other"},
        {"rawId": encode(b"other")},
        {"id": "", "rawId": ""},
        {"id": encode(bytes(1024)), "rawId": encode(bytes(1024))},
        {"type": "password"},
        {"type": None},
        {"response": None},
        {"response": ["a"]},
    ],
    ids=repr,
)
def test_a_credential_of_another_form_is_refused(changes: dict[str, object]) -> None:
    for response in (assertion(), attestation()):
        with pytest.raises(PasskeyRejected):
            read_assertion(response | changes) if "signature" in response["response"] else read_attestation(
                response | changes
            )


def test_a_credential_id_of_the_largest_size_is_read() -> None:
    longest = encode(bytes(1023))
    assert read_assertion(assertion() | {"id": longest, "rawId": longest}).credential_id == bytes(1023)


@pytest.mark.parametrize("response", [None, 7, b"{}", ["a"], ("a",), 1.5], ids=repr)
def test_what_is_neither_text_nor_a_mapping_is_refused_as_a_type(response: Any) -> None:
    for read in (read_assertion, read_attestation):
        with pytest.raises(TypeError):
            read(response)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '"text"', "[" * 100_000, "{}", " " * (RESPONSE_LIMIT + 1), "1" * 5000]
)
def test_text_that_is_not_a_response_is_refused(text: str) -> None:
    for read in (read_assertion, read_attestation):
        with pytest.raises(PasskeyRejected):
            read(text)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)
FIELDS: Final = st.fixed_dictionaries(
    {},
    optional={
        **{name: JSON | st.sampled_from([ID, "public-key"]) for name in ("id", "rawId", "type")},
        "response": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                name: JSON | st.just("YQ")
                for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
            },
        ),
    },
)


@given(FIELDS)
def test_any_json_is_read_or_refused(response: dict[str, Any]) -> None:
    for read in (read_assertion, read_attestation):
        for given_as in (response, json.dumps(response)):
            try:
                read(given_as)
            except PasskeyRejected:
                continue


@given(st.binary(max_size=60))
def test_what_is_encoded_is_decoded_again(data: bytes) -> None:
    assert read_assertion(assertion(signature=encode(data))).signature == data


@pytest.mark.parametrize("client_data", [b'{"crossOrigin": false}', b"{}"])
def test_a_page_of_its_own_is_accepted(client_data: bytes) -> None:
    check_top_level(client_data)


@pytest.mark.parametrize(
    "client_data",
    [
        b'{"crossOrigin": true}',
        b'{"crossOrigin": "false"}',
        b'{"crossOrigin": null}',
        b'{"topOrigin": "https://example.org"}',
        b"[]",
        b"",
        b"\xff",
        '{"crossOrigin": false}'.encode("utf-16"),
    ],
)
def test_a_page_in_a_frame_of_another_site_is_refused(client_data: bytes) -> None:
    with pytest.raises(PasskeyRejected):
        check_top_level(client_data)


@pytest.mark.parametrize(
    ("party_id", "origins"),
    [
        ("example.com", ("https://example.com",)),
        ("example.com", ("https://login.example.com:8443", "https://example.com")),
        ("localhost", ("http://localhost:8000", "https://localhost")),
        ("7.example.com", ("https://7.example.com:65535", "https://8.7.example.com")),
        (
            "example.com",
            ("android:apk-key-hash:Zm9v-_", "ios:bundle-id:com.example"),
        ),
    ],
)
def test_a_relying_party_has_a_domain_and_its_origins(party_id: str, origins: tuple[str, ...]) -> None:
    assert RelyingParty(id=party_id, name="Example", origins=origins).origins == origins


@pytest.mark.parametrize(
    ("party_id", "origins"),
    [
        ("", ("https://example.com",)),
        ("Example.com", ("https://example.com",)),
        ("https://example.com", ("https://example.com",)),
        ("example.com:443", ("https://example.com",)),
        ("example..com", ("https://example..com",)),
        ("-example.com", ("https://-example.com",)),
        ("example.com", ()),
        ("example.com", ("example.com",)),
        ("example.com", ("http://example.com",)),
        ("example.com", ("https://example.com/",)),
        ("example.com", ("https://example.com/login",)),
        ("example.com", ("https://example.org",)),
        ("example.com", ("https://badexample.com",)),
        ("example.com", ("https://example.com.evil.org",)),
        ("example.com", ("https://user@example.com",)),
        ("example.com", ("https://example.com", "null")),
        ("login.example.com", ("https://example.com",)),
        ("a" * 64 + ".com", ("https://example.com",)),
        ("192.0.2.1", ("https://192.0.2.1",)),
        ("7", ("https://7",)),
        ("example.com", ("https://example.com:443",)),
        ("localhost", ("http://localhost:80",)),
        ("example.com", ("https://example.com:65536",)),
        ("example.com", ("https://..example.com",)),
        ("example.com", ("https://-login.example.com",)),
    ],
)
def test_a_relying_party_that_no_browser_would_accept_is_refused(party_id: str, origins: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="RelyingParty"):
        RelyingParty(id=party_id, name="Example", origins=origins)


@pytest.mark.parametrize(
    "fields", [{"id": 7}, {"name": None}, {"origins": "https://example.com"}, {"origins": (7,)}], ids=repr
)
def test_a_relying_party_of_wrong_types_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        RelyingParty(**({"id": "example.com", "name": "Example", "origins": ("https://example.com",)} | fields))


@pytest.mark.rule("F6")
def test_passkeys_have_no_relying_party_by_default_and_challenges_live_ten_minutes_at_most() -> None:
    assert (PasskeyPolicy().relying_party, ChallengePolicy().lifetime) == (None, timedelta(minutes=10))
    with pytest.raises(ValueError, match="lifetime"):
        ChallengePolicy(lifetime=timedelta(minutes=10, microseconds=1))
    with pytest.raises(TypeError):
        PasskeyPolicy(relying_party="example.com")  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("F6")
def test_user_handles_are_64_bytes_that_differ_by_user_tenant_and_store() -> None:
    handles = {
        KEYS.user_handle(MAIN, ANN),
        KEYS.user_handle(MAIN, BOB),
        KEYS.user_handle(SYSTEM, ANN),
        PasskeyKeys(secret=b"other" * 8).user_handle(MAIN, ANN),
    }
    assert [len(handle) for handle in handles] == [64] * 4
    assert KEYS.user_handle(MAIN, ANN) in handles


def generate(keys: PasskeyKeys = KEYS) -> Secret:
    return keys.generate_sign_in(MAIN, expires_at=NOON, randomness=FakeRandomness())


@pytest.mark.rule("F6")
def test_the_secret_of_a_sign_in_is_read_by_its_store_for_its_tenant_only() -> None:
    secret = generate()
    read = KEYS.read_sign_in(MAIN, secret)
    assert read is not None
    assert read.expires_at == NOON
    assert KEYS.read_sign_in(SYSTEM, secret) is None
    assert PasskeyKeys(secret=b"other" * 8).read_sign_in(MAIN, secret) is None


@pytest.mark.rule("F6")
@given(st.data())
def test_a_secret_of_a_sign_in_with_any_other_character_is_not_read(data: st.DataObject) -> None:
    text = generate().reveal()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda character: character != text[place]))
    assert KEYS.read_sign_in(MAIN, Secret(text[:place] + other + text[place + 1 :])) is None


@given(st.text(max_size=150))
def test_any_text_is_no_secret_of_a_sign_in(text: str) -> None:
    assert KEYS.read_sign_in(MAIN, Secret(text)) is None


@pytest.mark.rule("F6")
def test_two_sign_ins_have_other_challenges_which_are_counted_apart() -> None:
    randomness = FakeRandomness()
    first, second = (KEYS.generate_sign_in(MAIN, expires_at=NOON, randomness=randomness) for _ in range(2))
    reads = [KEYS.read_sign_in(MAIN, secret) for secret in (first, second, first)]
    keys = [read.use_key for read in reads if read is not None]
    assert keys[0] == keys[2] != keys[1]
    assert challenge_of(first) == challenge_of(first.reveal()) != challenge_of(second)
    assert challenge_of(first) not in keys
