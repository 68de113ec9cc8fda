"""Time-based one-time passwords by pyotp, which is given secret and step: it uses no clock and no chance of its own.

Source: RFC 6238, with the values that every authenticator app supports: SHA-1, 6 digits, steps of 30 seconds.
"""

import hmac
from base64 import b32encode
from datetime import datetime
from typing import Final

from usercore.kernel.time import to_micros

DIGITS: Final = 6
STEP_SECONDS: Final = 30

SECRET_BYTES: Final = 20
"""Bytes of a secret. Source: RFC 4226, 4: 160 bits are recommended."""


def step_at(at: datetime) -> int:
    """Return the time step of an instant; 0 for those before 1970."""
    return max(0, to_micros(at) // (STEP_SECONDS * 1_000_000))


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step."""
    from pyotp import HOTP  # noqa: PLC0415 - of an extra

    return HOTP(text_of_secret(secret), digits=DIGITS).at(step)


def matching_step(secret: bytes, code: str, *, now: datetime, window: int) -> int | None:
    """Return the step whose code this is, at most ``window`` steps from now, or None.

    The latest one of several, so that a code that was accepted for it is used up for the earlier ones, too. All codes
    are computed and compared, whichever is right.
    """
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    middle = step_at(now)
    steps = range(max(0, middle - window), middle + window + 1)
    matching = [step for step in steps if hmac.compare_digest(code_at(secret, step), code)]
    return max(matching, default=None)


def text_of_secret(secret: bytes) -> str:
    """Return a secret in base 32, as authenticator apps take it."""
    return b32encode(secret).decode("ascii").rstrip("=")


def uri_of(secret: bytes, *, account: str, issuer: str) -> str:
    """Return the otpauth URI of a secret, which authenticator apps read from a QR code."""
    from pyotp import TOTP  # noqa: PLC0415 - of an extra

    return TOTP(text_of_secret(secret), digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(
        name=account, issuer_name=issuer
    )
