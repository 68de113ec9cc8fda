"""Tokens: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.tokens.changes import KINDS
from usercore.tokens.model import ROWS
from usercore.tokens.policies import (
    AccessTokenPolicy,
    ApiTokenPolicy,
    AutologinTokenPolicy,
    ChallengePolicy,
    DeviceTokenPolicy,
    LinkPolicy,
    LoginTokenPolicy,
    RevocationPolicy,
)
from usercore.tokens.ports import TokensUnit

CAPABILITY: Final = Capability(
    name="tokens",
    unit=TokensUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(
        AccessTokenPolicy,
        ApiTokenPolicy,
        AutologinTokenPolicy,
        ChallengePolicy,
        DeviceTokenPolicy,
        LinkPolicy,
        LoginTokenPolicy,
        RevocationPolicy,
    ),
    public=(
        "AccessToken",
        "AccessTokenPolicy",
        "AddressNotAllowed",
        "ApiToken",
        "ApiTokenPolicy",
        "AutologinTokenPolicy",
        "IssuedApiToken",
        "ChallengePolicy",
        "DeviceToken",
        "DeviceTokenPolicy",
        "DeviceTokenUnknown",
        "LimitedUseToken",
        "LinkPolicy",
        "RememberedDevice",
        "LoginTokenPolicy",
        "NIST_AAL1",
        "RevocationPolicy",
        "RevocationReason",
        "RevokedTokens",
        "SourceAccess",
        "TokenExpired",
        "TokenInvalid",
        "ResourceNotGranted",
        "TokenInactive",
        "TokenMalformed",
        "TokenMissing",
        "TokenNotFound",
        "TokenNotYetValid",
        "TokenKind",
        "TokenRedeemed",
        "TokenRevoked",
        "TokenUnknown",
    ),
)
