"""Shared by the tests of passkeys: registering them and signing in by a software authenticator."""

from typing import Any, Final

from webauthn import base64url_to_bytes

import usercore
from usercore import (
    AttemptStatus,
    Passkey,
    User,
    UserCore,
)
from usercore.passkeys.rules import encode
from usercore.testing.passkeys import (
    BACKED_UP,
    USER_PRESENT,
    USER_VERIFIED,
    SoftwareAuthenticator,
)

Response = dict[str, Any]


def add(core: UserCore, user: User, device: SoftwareAuthenticator, **fields: Any) -> Passkey:
    """Register a passkey."""
    begun = core.passkeys.begin_registration(user.id)
    return core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options), **fields)


def enter(core: UserCore, device: SoftwareAuthenticator) -> usercore.SignedIn:
    """Sign in by the device."""
    begun = core.passkeys.begin_sign_in()
    return core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))


def last_status(core: UserCore, user: User | None = None) -> AttemptStatus:
    """Return the status of the last attempt of a user, or of no user."""
    return core.history.attempts(None if user is None else user.id).rows[0].status


BAD_DEVICES: Final[dict[str, dict[str, Any]]] = {
    "another origin": {"origin": "https://evil.example"},
    "a subdomain that is not listed": {"origin": "https://login.example.com"},
    "another scheme": {"origin": "http://example.com"},
    "another port": {"origin": "https://example.com:444"},
    "another relying party": {"rp_id": "example.org"},
    "another challenge": {"client_data": {"challenge": encode(bytes(32))}},
    "no challenge": {"client_data": {"challenge": ""}},
    "another kind": {"client_data": {"type": "payment.get"}},
    "a frame of another site": {"client_data": {"crossOrigin": True}},
    "a top origin": {"client_data": {"topOrigin": "https://example.com"}},
    "user not verified": {"flags": USER_PRESENT},
    "user not present": {"flags": USER_VERIFIED},
    "backed up but not eligible": {"flags": USER_PRESENT | USER_VERIFIED | BACKED_UP},
}
"""What differs from an honest device and page."""


def decode(text: str) -> bytes:
    """Decode base64url."""
    return base64url_to_bytes(text)


FIELDS: Final = ("clientDataJSON", "authenticatorData", "signature", "userHandle")
"""What a response of a sign-in has."""
