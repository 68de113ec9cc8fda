"""Tokens: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.tokens.model import (
    KINDS,
    AccessTokenPolicy,
    AutologinTokenPolicy,
    LinkPolicy,
    LoginTokenPolicy,
    RevocationPolicy,
)
from usercore.tokens.ports import TokensUnit

CAPABILITY: Final = Capability(
    name="tokens",
    unit=TokensUnit,
    kinds=KINDS,
    policies=(
        AccessTokenPolicy,
        AutologinTokenPolicy,
        LinkPolicy,
        LoginTokenPolicy,
        RevocationPolicy,
    ),
    public=(
        "AccessToken",
        "AccessTokenPolicy",
        "AutologinTokenPolicy",
        "LimitedUseToken",
        "LinkPolicy",
        "LoginTokenPolicy",
        "NIST_AAL1",
        "RevocationPolicy",
        "RevocationReason",
        "RevokedTokens",
        "TokenExpired",
        "TokenInvalid",
        "TokenNotFound",
        "TokenNotYetValid",
        "TokenKind",
        "TokenRedeemed",
        "TokenRevoked",
        "TokenUnknown",
    ),
)
