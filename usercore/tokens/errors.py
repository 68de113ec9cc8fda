"""Why a token was refused. Catch ``TokenInvalid`` unless the reason matters."""

from datetime import datetime
from typing import ClassVar

import attrs

from usercore.kernel.errors import NotFound, Rejected


class TokenInvalid(Rejected):
    """The secret opens nothing. Tell strangers this, never which kind it was."""

    code: ClassVar[str] = "tokens.invalid"


class TokenUnknown(TokenInvalid):
    """There is no such token, or it is another tenant's."""

    code: ClassVar[str] = "tokens.unknown"


class TokenSpent(TokenInvalid):
    """It was redeemed before, or somebody ended it."""

    code: ClassVar[str] = "tokens.redeemed"


@attrs.frozen
class TokenExpired(TokenInvalid):
    """Its time is over."""

    code: ClassVar[str] = "tokens.expired"
    expired_at: datetime


class TokenNotFound(NotFound):
    """No token has this public id."""

    code: ClassVar[str] = "tokens.not_found"
