"""Any bytes and any JSON in the place of a response is refused cleanly."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import usercore
from tests.services.helpers import (
    register,
)
from tests.services.passkey_helpers import FIELDS, Response, add, decode
from usercore import (
    PasskeyRejected,
    SignInRefused,
    User,
    UserCore,
)
from usercore.passkeys.rules import encode
from usercore.testing import FakeRandomness
from usercore.testing.passkeys import (
    SoftwareAuthenticator,
)


@settings(suppress_health_check=list(HealthCheck))
@pytest.mark.rule("F6")
@given(data=st.data())
def test_a_response_with_another_byte_is_refused(core: UserCore, data: st.DataObject) -> None:
    user, device = with_passkey(core)
    begun = core.passkeys.begin_sign_in()
    response = device.get(begun.options)
    field = data.draw(st.sampled_from(FIELDS))
    raw = bytearray(decode(response["response"][field]))
    raw[data.draw(st.integers(0, 10_000)) % len(raw)] ^= data.draw(st.integers(1, 255))
    changed = deepcopy(response)
    changed["response"][field] = encode(bytes(raw))
    with pytest.raises(SignInRefused):
        core.passkeys.finish_sign_in(begun.secret, changed)
    assert core.passkeys.finish_sign_in(begun.secret, response).user.id == user.id


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)
BYTES: Final = st.binary(max_size=200).map(encode) | st.dictionaries(
    st.sampled_from(["type", "challenge", "origin", "crossOrigin", "tokenBinding", "fmt", "attStmt", "authData"]), JSON
).map(lambda read: encode(json.dumps(read).encode()))


@settings(suppress_health_check=list(HealthCheck))
@pytest.mark.rule("F6")
@given(
    outer=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), JSON, max_size=2),
    inner=st.dictionaries(st.sampled_from([*FIELDS, "attestationObject"]), BYTES | JSON, max_size=3),
)
def test_any_json_in_the_place_of_a_value_is_refused(
    core: UserCore, outer: Mapping[str, Any], inner: Mapping[str, Any]
) -> None:
    user, device = with_passkey(core)
    begun = core.passkeys.begin_registration(user.id)
    made = SoftwareAuthenticator(randomness=FakeRandomness(begun.secret.reveal())).create(begun.options)
    if outer or inner.keys() & made["response"].keys():
        with pytest.raises(PasskeyRejected):
            core.passkeys.finish_registration(user.id, begun.secret, replaced(made, outer, inner))
    begun = core.passkeys.begin_sign_in()
    signed = device.get(begun.options)
    if outer or inner.keys() & signed["response"].keys():
        with pytest.raises(SignInRefused):
            core.passkeys.finish_sign_in(begun.secret, replaced(signed, outer, inner))
    assert core.passkeys.finish_sign_in(begun.secret, signed).user.id == user.id


def replaced(response: Response, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> Response:
    """Return the response with other values of these names."""
    return {**response, "response": response["response"] | inner, **outer}


def with_passkey(core: UserCore) -> tuple[User, SoftwareAuthenticator]:
    """Return a user with a passkey, and the device."""
    user = core.users.find(usercore.Email("ann@example.com")) or register(core)
    device = SoftwareAuthenticator()
    for passkey in core.passkeys.list(user.id):
        core.passkeys.remove(user.id, passkey.id)
    add(core, user, device)
    return user, device
