"""The test vectors of the W3C: Web Authentication Level 3, section "Test Vectors" (sctn-test-vectors).

usercore demands that the user was verified, on a page that is in no frame of another site, and no certificates; so it
accepts exactly the vectors that have all of this.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from webauthn import verify_authentication_response
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

from usercore.passkeys.errors import PasskeyRejected
from usercore.passkeys.model import RelyingParty
from usercore.passkeys.rules import Assertion, Attestation, encode
from usercore.passkeys.verification import verify_assertion, verify_attestation
from usercore.testing.passkeys import USER_VERIFIED, Algorithm, DeviceKey, _public_key_of, _sign

VECTORS: Final[dict[str, dict[str, dict[str, str]]]] = json.loads(
    Path(__file__).with_name("vectors.json").read_text(encoding="utf-8")
)
PARTY: Final = RelyingParty(id="example.org", name="Example", origins=("https://example.org",))

ALGORITHMS: Final = {"es256": Algorithm.ES256, "rs256": Algorithm.RS256, "eddsa": Algorithm.EDDSA}
KNOWN: Final = [name for name in VECTORS if not name.endswith(("es384", "es512", "ed448"))]
"""The vectors with an algorithm that usercore accepts."""

each_vector = pytest.mark.parametrize("name", KNOWN)


def decoded(part: Mapping[str, str]) -> dict[str, bytes]:
    return {field: bytes.fromhex(value) for field, value in part.items()}


def registration(name: str) -> dict[str, bytes]:
    return decoded(VECTORS[name]["registration"])


def authentication(name: str) -> dict[str, bytes]:
    return decoded(VECTORS[name]["authentication"])


def public_key(name: str) -> bytes:
    data = parse_attestation_object(registration(name)["attestation_object"]).auth_data.attested_credential_data
    assert data is not None
    return data.credential_public_key


def is_in_a_frame(client_data: bytes) -> bool:
    return json.loads(client_data)["crossOrigin"] is True


def attestation(name: str) -> Attestation:
    given = registration(name)
    return Attestation(
        credential_id=given["credential_id"],
        client_data=given["client_data"],
        attestation_object=given["attestation_object"],
        transports="",
    )


def assertion(name: str) -> Assertion:
    given = authentication(name)
    return Assertion(
        credential_id=registration(name)["credential_id"],
        client_data=given["client_data"],
        authenticator_data=given["authenticator_data"],
        signature=given["signature"],
        user_handle=b"",
    )


@pytest.mark.rule("F6")
@each_vector
def test_registrations_are_accepted_if_the_user_was_verified_and_nothing_else_is_attested(name: str) -> None:
    given = registration(name)
    data = parse_attestation_object(given["attestation_object"]).auth_data
    has_certificates = not name.startswith(("none", "packed-self"))
    if not data.flags.uv or is_in_a_frame(given["client_data"]) or has_certificates:
        with pytest.raises(PasskeyRejected):
            verify_attestation(attestation(name), PARTY, challenge=given["challenge"])
        return
    verified = verify_attestation(attestation(name), PARTY, challenge=given["challenge"])
    assert data.attested_credential_data is not None
    assert verified.public_key == public_key(name)
    assert verified.aaguid.bytes == data.attested_credential_data.aaguid
    assert (verified.sign_count, verified.backup_eligible, verified.backed_up) == (0, data.flags.be, data.flags.bs)


@pytest.mark.rule("F6")
@each_vector
def test_sign_ins_are_accepted_if_the_user_was_verified(name: str) -> None:
    given = authentication(name)
    is_verified = bool(given["authenticator_data"][32] & USER_VERIFIED)
    if not is_verified or is_in_a_frame(given["client_data"]):
        with pytest.raises(PasskeyRejected):
            verify_assertion(assertion(name), PARTY, challenge=given["challenge"], public_key=public_key(name))
        return
    verify_assertion(assertion(name), PARTY, challenge=given["challenge"], public_key=public_key(name))


@pytest.mark.rule("F6")
def test_some_vectors_of_both_kinds_are_accepted() -> None:
    def is_accepted(name: str) -> bool:
        try:
            challenge = authentication(name)["challenge"]
            verify_assertion(assertion(name), PARTY, challenge=challenge, public_key=public_key(name))
        except PasskeyRejected:
            return False
        return True

    assert {name for name in KNOWN if is_accepted(name)} == {
        "none-es256-long-credential-id",
        "packed-es256",
        "tpm-es256",
    }


@each_vector
def test_py_webauthn_verifies_the_signature_of_every_vector(name: str) -> None:
    given = authentication(name)
    credential_id = registration(name)["credential_id"]
    credential = AuthenticationCredential(
        id=encode(credential_id),
        raw_id=credential_id,
        response=AuthenticatorAssertionResponse(
            client_data_json=given["client_data"],
            authenticator_data=given["authenticator_data"],
            signature=given["signature"],
        ),
    )
    verify_authentication_response(
        credential=credential,
        expected_challenge=given["challenge"],
        expected_rp_id=PARTY.id,
        expected_origin=list(PARTY.origins),
        credential_public_key=public_key(name),
        credential_current_sign_count=0,
    )


def device_key(name: str) -> DeviceKey:
    """Return the passkey of a vector, with its private key."""
    algorithm = ALGORITHMS[next(part for part in name.split("-") if part in ALGORITHMS)]
    return DeviceKey(
        credential_id=registration(name)["credential_id"],
        rp_id=PARTY.id,
        user_handle=b"",
        algorithm=algorithm,
        private_key=private_key(name, algorithm),
    )


def private_key(name: str, algorithm: Algorithm) -> Any:
    if algorithm is Algorithm.RS256:
        p, q, e = 2**1279 - 1, 2**2203 - 1, 65537
        d = pow(e, -1, (p - 1) * (q - 1))
        public = rsa.RSAPublicNumbers(e, p * q)
        numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public)
        return numbers.private_key()
    secret = registration(name)["private_key"]
    if algorithm is Algorithm.EDDSA:
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


@each_vector
def test_the_software_authenticator_signs_as_the_vectors_do(name: str) -> None:
    given = authentication(name)
    signed = given["authenticator_data"] + sha256(given["client_data"]).digest()
    assert _sign(device_key(name), signed) == given["signature"]


@pytest.mark.parametrize("name", [name for name in KNOWN if "rs256" not in name])
def test_the_software_authenticator_encodes_public_keys_as_the_vectors_do(name: str) -> None:
    assert _public_key_of(device_key(name)) == public_key(name)
