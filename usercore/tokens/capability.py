"""Tokens: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.tokens.model import KINDS, AccessTokenPolicy, LinkPolicy, LoginTokenPolicy
from usercore.tokens.ports import TokensUnit

CAPABILITY: Final = Capability(
    name="tokens",
    unit=TokensUnit,
    kinds=KINDS,
    policies=(
        AccessTokenPolicy,
        LinkPolicy,
        LoginTokenPolicy,
    ),
    public=(
        "AccessToken",
        "AccessTokenPolicy",
        "LimitedUseToken",
        "LinkPolicy",
        "LoginTokenPolicy",
        "NIST_AAL1",
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
