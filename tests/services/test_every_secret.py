"""Every kind of secret into every call that takes one: only its own opens.

The calls and the kinds are found: a new one fails here until ``OWN`` names what it takes.
"""

from typing import Final

import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.samples import FilledStore
from tests.services.helpers import PASSWORD, TRIES, unchanged
from usercore import IssuedApiToken, SignInRefused, TokenInvalid, TokenKind
from usercore.kernel.secret import digest_of, text_of
from usercore.storage import Storage
from usercore.tokens.model import public_id_of
from usercore_storage import memory

K = TokenKind

OF_PARAMETERS: Final = {"device_token": K.DEVICE, "access_token": K.ACCESS}
"""Parameters that take the same kind in every call."""

OWN: Final[dict[str, TokenKind | None]] = {
    "access_tokens.revoke": K.ACCESS,
    "api_tokens.authorize": K.API,
    "api_tokens.revoke": K.API,
    "autologin_tokens.revoke": K.AUTOLOGIN,
    "emails.confirm": K.CONFIRMATION,
    "emails.confirm_change": K.EMAIL_CHANGE,
    "emails.undo_change": K.EMAIL_UNDO,
    "passkeys.finish_registration": K.PASSKEY,
    "passkeys.finish_sign_in": None,
    "passwords.change": K.ACCESS,
    "passwords.reset": K.RESET,
    "registration.complete": K.REGISTRATION,
    "sign_in.identify": K.ACCESS,
    "sign_in.with_access_token": K.ACCESS,
    "sign_in.with_autologin_token": K.AUTOLOGIN,
    "sign_in.with_login_token": K.LOGIN,
}
"""The kind that each call takes as its ``secret``, or None for one that is not stored."""

VERIFIERS: Final = [(call, name) for call in CALLS for name in ("secret", *OF_PARAMETERS) if name in call.kinds()]


def secrets_in(filled: FilledStore) -> dict[str, str]:
    """Return a valid secret of each kind, and texts that are made of them."""
    samples = {(str(call), name): call.sample(name, filled) for call, name in VERIFIERS}
    own = {kind: samples[call, "secret"] for call, kind in OWN.items() if kind is not None}
    own[K.DEVICE] = samples["device_tokens.pair", "device_token"]
    texts = {kind: text_of(secret) for kind, secret in own.items()}
    made = {kind.name: text for kind, text in texts.items()}
    for kind, text in texts.items():
        made |= {f"{kind.name}, renamed to {other.name}": f"{other}{text[3:]}" for other in K if other != kind}
        made[f"{kind.name}, its digest"] = digest_of(text).hex()
        made[f"{kind.name}, its public id"] = public_id_of(kind, filled.ann.id, digest_of(text))
    return {
        **made,
        "API, its own public id": filled.of(IssuedApiToken).token.public_id,
        "a challenge of a sign-in": text_of(samples["passkeys.finish_sign_in", "secret"]),
        "a password": PASSWORD,
        "nothing": "",
    }


def test_every_kind_and_every_call_with_a_secret_is_tested(kept_in: Storage) -> None:
    assert {str(call) for call, name in VERIFIERS if name == "secret"} == OWN.keys(), "OWN needs each call"
    taken = {*OWN.values(), *OF_PARAMETERS.values()}
    assert taken >= {*K}, "OWN needs a call for each kind"
    assert {kind.name for kind in K} <= secrets_in(build(kept_in)).keys(), "secrets_in needs each kind"


def opens(call: Call, filled: FilledStore, arguments: dict[str, object]) -> bool:
    """Return whether a call accepts its secret."""
    try:
        call.of(filled)(**arguments)
    except (SignInRefused, TokenInvalid):
        return False
    return True


@pytest.mark.rule("K1", "S2", "S9")
@pytest.mark.parametrize(("call", "parameter"), VERIFIERS, ids=str)
def test_each_call_opens_to_secrets_of_its_own_kind_only(call: Call, parameter: str, kept_in: Storage) -> None:
    filled = build(kept_in)
    arguments, secrets = call.arguments(filled), secrets_in(filled)
    own, kind = text_of(arguments[parameter]), OF_PARAMETERS.get(parameter) or OWN[str(call)]
    others = {
        name: secret
        for name, secret in secrets.items()
        if secret != own and secret and (kind is None or name != kind.name)
    }
    with unchanged(filled.core, but=TRIES | {"registration_links"}):  # which count refusals
        opened = [name for name, secret in others.items() if opens(call, filled, arguments | {parameter: secret})]
    assert opened == []
    fresh = build(memory.open_storage("memory://"))  # enough wrong device tokens use up a registration link
    assert opens(call, fresh, call.arguments(fresh))


@pytest.mark.rule("K1", "S9")
def test_no_secret_is_a_password(kept_in: Storage) -> None:
    filled = build(kept_in)
    for secret in {*secrets_in(filled).values()} - {PASSWORD}:
        with pytest.raises(SignInRefused):
            filled.core.sign_in.with_password("ann@example.com", secret)
