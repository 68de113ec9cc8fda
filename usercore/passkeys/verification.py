"""Options for browsers, and verifying their responses by py_webauthn.

It is loaded when it is first used: it takes as long to import as usercore itself. It is always given the challenge and
the user handle, so it draws nothing. It reads the clock for the certificates of some attestation formats only; as
usercore asks for no attestation, these are refused.
"""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from usercore.kernel.values import frozen
from usercore.passkeys.errors import PasskeyRejected
from usercore.passkeys.model import Passkey, RelyingParty
from usercore.passkeys.rules import Assertion, Attestation, check_top_level, encode

T = TypeVar("T")

NO_KEY: Final = bytes.fromhex(
    "a5010203262001"
    "2158206b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
"""A public key that no user has. If the credential is unknown, the signature is verified by it, and refused."""


def check_installed() -> None:
    """Check that py_webauthn can be imported.

    Raises:
        ValueError: it is not installed.
    """
    from importlib.util import find_spec  # noqa: PLC0415 - few hosts need it

    if find_spec("webauthn") is None:
        raise ValueError("PasskeyPolicy.relying_party needs the extra 'passkeys': pip install 'usercore[passkeys]'")


@frozen(kw_only=True)
class NewCredential:
    """What a verified registration says of the new passkey."""

    public_key: bytes
    sign_count: int
    aaguid: UUID
    backup_eligible: bool
    backed_up: bool


@frozen(kw_only=True)
class VerifiedAssertion:
    """What a verified sign-in says of the passkey."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def creation_options(
    party: RelyingParty,
    *,
    challenge: bytes,
    user_handle: bytes,
    user_name: str,
    display_name: str,
    existing: Sequence[Passkey],
    timeout: timedelta,
) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.create()``, as JSON for ``parseCreationOptionsFromJSON``."""
    from webauthn import generate_registration_options  # noqa: PLC0415 - see above
    from webauthn.helpers import options_to_json  # noqa: PLC0415 - see above
    from webauthn.helpers import structs as s  # noqa: PLC0415 - see above

    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_handle,
        user_name=user_name,
        user_display_name=display_name,
        challenge=challenge,
        timeout=_milliseconds(timeout),
        attestation=s.AttestationConveyancePreference.NONE,
        authenticator_selection=s.AuthenticatorSelectionCriteria(
            resident_key=s.ResidentKeyRequirement.REQUIRED,
            user_verification=s.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            s.PublicKeyCredentialDescriptor(
                id=one.credential_id, transports=[s.AuthenticatorTransport(name) for name in one.transports.split()]
            )
            for one in existing
        ],
    )
    return _plain(options_to_json(options))


def request_options(party: RelyingParty, *, challenge: bytes, timeout: timedelta) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.get()``, as JSON for ``parseRequestOptionsFromJSON``.

    They name no credential, so the browser offers all passkeys that it has for the relying party.
    """
    from webauthn import generate_authentication_options  # noqa: PLC0415 - see above
    from webauthn.helpers import options_to_json  # noqa: PLC0415 - see above
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415 - see above

    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_milliseconds(timeout),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options_to_json(options))


def verify_attestation(given: Attestation, party: RelyingParty, *, challenge: bytes) -> NewCredential:
    """Verify the response of a registration: the user was verified, on a page of the relying party.

    Raises:
        PasskeyRejected: it is forged, or the response to another challenge, page or relying party.
    """
    return _or_reject(lambda: _verify_attestation(given, party, challenge))


def verify_assertion(
    given: Assertion, party: RelyingParty, *, challenge: bytes, public_key: bytes
) -> VerifiedAssertion:
    """Verify the response of a sign-in, except the counter, which the storage compares.

    Raises:
        PasskeyRejected: it is forged, or the response to another challenge, page or relying party.
    """
    return _or_reject(lambda: _verify_assertion(given, party, challenge, public_key))


def _or_reject(verify: Callable[[], T]) -> T:
    try:
        return verify()
    except PasskeyRejected:
        raise
    except Exception as error:  # the parsers may raise anything for untrusted input
        raise PasskeyRejected from error


def _verify_attestation(given: Attestation, party: RelyingParty, challenge: bytes) -> NewCredential:
    from webauthn import verify_registration_response  # noqa: PLC0415 - see above
    from webauthn.helpers import (  # noqa: PLC0415 - see above
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
        parse_attestation_object,
    )
    from webauthn.helpers import structs as s  # noqa: PLC0415 - see above

    check_top_level(given.client_data)
    statement = parse_attestation_object(given.attestation_object)
    is_self_signed = statement.fmt == s.AttestationFormat.PACKED and not statement.att_stmt.x5c
    if not is_self_signed and statement.fmt != s.AttestationFormat.NONE:
        raise ValueError("an attestation was sent, and none was asked for")
    verified = verify_registration_response(
        credential=s.RegistrationCredential(
            id=encode(given.credential_id),
            raw_id=given.credential_id,
            response=s.AuthenticatorAttestationResponse(
                client_data_json=given.client_data, attestation_object=given.attestation_object
            ),
        ),
        expected_challenge=challenge,
        expected_rp_id=party.id,
        expected_origin=list(party.origins),
        require_user_verification=True,
    )
    if verified.credential_id != given.credential_id:
        raise ValueError("the credential id is not the one that the authenticator has sent")
    # Without an attestation nothing was verified by the key: one that is none could never sign in.
    decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    return NewCredential(
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=UUID(verified.aaguid),
        backup_eligible=verified.credential_device_type is s.CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
    )


def _verify_assertion(given: Assertion, party: RelyingParty, challenge: bytes, public_key: bytes) -> VerifiedAssertion:
    from webauthn import verify_authentication_response  # noqa: PLC0415 - see above
    from webauthn.helpers import structs as s  # noqa: PLC0415 - see above

    check_top_level(given.client_data)
    verified = verify_authentication_response(
        credential=s.AuthenticationCredential(
            id=encode(given.credential_id),
            raw_id=given.credential_id,
            response=s.AuthenticatorAssertionResponse(
                client_data_json=given.client_data,
                authenticator_data=given.authenticator_data,
                signature=given.signature,
            ),
        ),
        expected_challenge=challenge,
        expected_rp_id=party.id,
        expected_origin=list(party.origins),
        credential_public_key=public_key,
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    return VerifiedAssertion(
        sign_count=verified.new_sign_count,
        backup_eligible=verified.credential_device_type is s.CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
    )


def _plain(options: str) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(options)
    return plain


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
