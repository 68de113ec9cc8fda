"""What the authenticators that take tokens have in common."""

from collections.abc import Mapping
from typing import Final

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import RejectedAttempt, SignInUnit
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret, holder_of, read_secret, text_of
from usercore.tokens.errors import (
    TokenExpired,
    TokenInvalid,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)

STATUS_OF: Final[Mapping[type[TokenInvalid], AttemptStatus]] = {
    TokenExpired: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenNotYetValid: AttemptStatus.TOKEN_DATE_EXPIRED,
    TokenRedeemed: AttemptStatus.TOKEN_COUNT_EXPIRED,
    TokenRevoked: AttemptStatus.TOKEN_COUNT_EXPIRED,
}
"""The statuses of attempts with invalid tokens; ``token_not_found`` for all others. Source: spec S6."""


def to_secret(secret: Secret | str) -> Secret:
    """Return a secret that was given as text or as a ``Secret``.

    Raises:
        TypeError: it is neither.
    """
    return Secret(text_of(secret))


def check_form(secret: Secret, kind: str) -> Secret:
    """Return a secret if a token of this kind may have it; whether there is one is looked up in the unit.

    Raises:
        RejectedAttempt: form or checksum is wrong; no unit is opened for it.
    """
    if read_secret(secret, kind) is None:
        raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
    return secret


def rejected_token(unit: SignInUnit, kind: str, secret: Secret, error: TokenInvalid) -> RejectedAttempt:
    """Return why a token is rejected; only its own tenant learns more than that it is unknown. Source: spec T2."""
    holder = None if isinstance(error, TokenUnknown) else holder_of(secret, kind)
    user = None if holder is None else unit.users.get(UserId(holder))
    if user is None:
        return RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
    return RejectedAttempt(STATUS_OF.get(type(error), AttemptStatus.TOKEN_NOT_FOUND), user_id=user.id)
