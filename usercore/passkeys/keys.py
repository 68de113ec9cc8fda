"""What is derived from the store's secret: user handles, and the challenges of sign-ins, which are not stored."""

import hmac
from datetime import datetime
from typing import Final, NamedTuple

import attrs

from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import (
    Secret,
    SecretBytes,
    digest_of,
    generate_secret,
    read_secret,
    secret_bytes_of,
    text_of,
    write_base62,
)
from usercore.kernel.time import from_micros, to_micros
from usercore.kernel.values import frozen

SIGN_IN: Final = "ucx"
"""The prefix of the secret of a sign-in by a passkey."""

_MAC: Final = 43
"""Characters of a SHA-256 in base 62."""

_MILLISECOND: Final = 1000
"""Microseconds."""


class SignInChallenge(NamedTuple):
    """The challenge of a sign-in: when it expires, and the key under which its use is counted."""

    expires_at: datetime
    use_key: bytes


@frozen(kw_only=True)
class PasskeyKeys:
    """Derives user handles and signs the challenges of sign-ins.

    Any caller may ask for any number of challenges, so they are not stored: the secret that the browser keeps has the
    instant at which the challenge expires, 256 random bits and a signature (HMAC-SHA-256) by the store's secret, which
    also covers the tenant. Only its use is stored.
    """

    _secret: SecretBytes = attrs.field(converter=secret_bytes_of, repr=False)

    def user_handle(self, tenant_id: TenantId, user_id: UserId) -> bytes:
        """Return the 64 bytes by which authenticators know a user; they reveal nothing about the user.

        Source: WebAuthn Level 3, 14.6.1.
        """
        return self._mac(f"passkey user\0{tenant_id}\0{user_id}", "sha512")

    def generate_sign_in(self, tenant_id: TenantId, *, expires_at: datetime, randomness: Randomness) -> Secret:
        """Return the secret of a new challenge, which expires at this instant, a whole millisecond."""
        body = generate_secret(SIGN_IN, to_micros(expires_at) // _MILLISECOND, randomness).reveal()
        return Secret(body + self._signature_of(tenant_id, body))

    def read_sign_in(self, tenant_id: TenantId, secret: Secret) -> SignInChallenge | None:
        """Return the challenge of a secret, or None if this store did not sign it for this tenant."""
        text = secret.reveal()
        body, signature = text[:-_MAC], text[-_MAC:]
        read = read_secret(body, SIGN_IN)
        if read is None or not signature.isascii():
            return None
        if not hmac.compare_digest(signature, self._signature_of(tenant_id, body)):
            return None
        return SignInChallenge(from_micros(read[0] * _MILLISECOND), self._mac(f"passkey use\0{body}", "sha256"))

    def _signature_of(self, tenant_id: TenantId, body: str) -> str:
        mac = self._mac(f"passkey sign-in\0{tenant_id}\0{body}", "sha256")
        return write_base62(int.from_bytes(mac, "big"), _MAC)

    def _mac(self, text: str, algorithm: str) -> bytes:
        return hmac.digest(self._secret.reveal(), text.encode(), algorithm)


def to_milliseconds(at: datetime) -> datetime:
    """Return an instant, rounded down to a millisecond."""
    return from_micros(to_micros(at) // _MILLISECOND * _MILLISECOND)


def challenge_of(secret: Secret | str) -> bytes:
    """Return the challenge that the authenticator signs: 32 bytes, from which the secret cannot be computed."""
    return digest_of(f"passkey challenge {text_of(secret)}")
