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


class DeviceTokenUnknown(TokenUnknown):
    """There is no such device token, or it belongs to another tenant."""

    code: ClassVar[str] = "tokens.device_unknown"


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


class TokenMissing(TokenInvalid):
    """The call to the host's API came without a secret."""

    code: ClassVar[str] = "tokens.missing"


class TokenMalformed(TokenInvalid):
    """The text is not the secret of an API token: its form or checksum is wrong."""

    code: ClassVar[str] = "tokens.malformed"


class TokenInactive(TokenInvalid):
    """The API token or its tenant is inactive."""

    code: ClassVar[str] = "tokens.inactive"


class AddressNotAllowed(Rejected):
    """The API token is not accepted from this address."""

    code: ClassVar[str] = "tokens.address_not_allowed"


@attrs.frozen
class ResourceNotGranted(Rejected):
    """The API token was not granted this resource."""

    code: ClassVar[str] = "tokens.resource_not_granted"
    resource: str


class TokenNotFound(NotFound):
    """There is no token with this public id that was not revoked."""

    code: ClassVar[str] = "tokens.not_found"
