"""Why a token was refused. Catch ``TokenInvalid`` unless the reason matters."""

from datetime import datetime
from typing import ClassVar

import attrs

from usercore.kernel.errors import NotFound, Rejected


class TokenInvalid(Rejected):
    """The token is not valid. Callers that are not signed in must not learn more: the subclasses are for operators."""

    code: ClassVar[str] = "tokens.invalid"


class TokenUnknown(TokenInvalid):
    """There is no such token, or it belongs to another tenant."""

    code: ClassVar[str] = "tokens.unknown"


class TokenRevoked(TokenInvalid):
    """The token was revoked."""

    code: ClassVar[str] = "tokens.revoked"


class TokenRedeemed(TokenInvalid):
    """The token was redeemed as often as it can be."""

    code: ClassVar[str] = "tokens.redeemed"


@attrs.frozen
class TokenNotYetValid(TokenInvalid):
    """The token is not valid yet."""

    code: ClassVar[str] = "tokens.not_yet_valid"
    valid_from: datetime


@attrs.frozen
class TokenExpired(TokenInvalid):
    """The token's lifetime, or the time it may go unused, is over."""

    code: ClassVar[str] = "tokens.expired"
    expired_at: datetime


class TokenNotFound(NotFound):
    """The user has no token with this public id that could be revoked."""

    code: ClassVar[str] = "tokens.not_found"
