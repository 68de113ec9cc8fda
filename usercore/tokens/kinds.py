"""The kinds of tokens as data: prefix, uses, and what revokes them."""

from enum import StrEnum
from typing import Final, Self

from usercore.kernel.changes import ChangeKind
from usercore.kernel.values import frozen
from usercore.tokens.changes import (
    ACCESS_ISSUED,
    API_ISSUED,
    AUTOLOGIN_ISSUED,
    AUTOLOGIN_REDEEMED,
    CHALLENGE_ISSUED,
    CHALLENGE_REDEEMED,
    DEVICE_ISSUED,
    LINK_ISSUED,
    LINK_REDEEMED,
    LOGIN_ISSUED,
    LOGIN_REDEEMED,
    REGISTRATION_COMPLETED,
    REGISTRATION_REQUESTED,
)
from usercore.tokens.policies import (
    AccessTokenPolicy,
    ApiTokenPolicy,
    AutologinTokenPolicy,
    ChallengePolicy,
    DeviceTokenPolicy,
    LinkPolicy,
    LoginTokenPolicy,
)


class RevocationReason(StrEnum):
    """The events that revoke tokens, as they are named in history. Source: spec K9."""

    SIGNED_OUT = "signed_out"
    """The user signed out everywhere."""
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - an event, not a password
    """The user changed the password, and knew the old one."""
    PASSWORD_SET = "password.set"  # noqa: S105 - an event, not a password
    """The password was reset, set by an operator, or declared suspicious."""
    RESET_REQUESTED = "password.reset_requested"
    """A newer link that resets the password was issued."""
    EMAIL_CHANGED = "user.email_changed"
    EMAIL_UNDONE = "user.email_change_undone"
    """The owner of a former address undid a change of the email, and all that was issued since it was requested."""
    DEACTIVATED = "user.deactivated"
    CLAIMED_AWAY = "user.claimed_away"
    """Another user claimed what the user had."""


FORGETTING_DEVICES: Final = frozenset(
    {
        RevocationReason.SIGNED_OUT,
        RevocationReason.PASSWORD_SET,
        RevocationReason.EMAIL_UNDONE,
        RevocationReason.CLAIMED_AWAY,
        RevocationReason.DEACTIVATED,
    }
)
"""The events after which a second factor is asked for on every device again, whatever ``RevocationPolicy`` keeps."""


@frozen(kw_only=True)
class TokenRules:
    """What the tokens of one kind have in common."""

    policy: type[object]
    """The class with the kind's settings; ``Policy`` has an instance of it."""
    max_uses: int | None
    """How often a secret can be redeemed, unless its issuer says otherwise; None if it can be presented any number of
    times while it is valid."""
    issued: ChangeKind
    redeemed: ChangeKind | None = None
    revoked_by: frozenset[RevocationReason] = frozenset()
    """The events that revoke the kind's tokens of a user, or unpair the user's access tokens from devices: a column of
    the table in spec K9."""
    revoked_since: frozenset[RevocationReason] = frozenset()
    """The events that revoke only those tokens that were issued since an instant: "since" in that table."""
    counted_as: str | None = None
    """The field of ``RevokedTokens`` that counts revoked tokens of the kind; None if they have no user."""


def _link_rules(*, revoked_by: frozenset[RevocationReason]) -> TokenRules:
    """Return the rules of a link that is mailed to a user."""
    return TokenRules(
        policy=LinkPolicy,
        max_uses=1,
        issued=LINK_ISSUED,
        redeemed=LINK_REDEEMED,
        revoked_by=revoked_by,
        counted_as="links",
    )


_EVERY_EVENT: Final = frozenset(RevocationReason) - {RevocationReason.RESET_REQUESTED}


_ENDS_OF_USERS: Final = frozenset({RevocationReason.DEACTIVATED, RevocationReason.CLAIMED_AWAY})


_EVERY_CHANGE: Final = _EVERY_EVENT - {RevocationReason.SIGNED_OUT}


class TokenKind(StrEnum):
    """The kinds of tokens. The value is the prefix of the kind's secrets and public ids, and is stored for the kind.

    A new kind of token is one member here. Source: spec K1.
    """

    rules: TokenRules

    def __new__(cls, prefix: str, rules: TokenRules) -> Self:
        """Create a member with its rules."""
        member = str.__new__(cls, prefix)
        member._value_ = prefix
        member.rules = rules
        return member

    ACCESS = (
        "uca",
        TokenRules(
            policy=AccessTokenPolicy,
            max_uses=None,
            issued=ACCESS_ISSUED,
            revoked_by=frozenset(
                {
                    RevocationReason.SIGNED_OUT,
                    RevocationReason.PASSWORD_CHANGED,
                    RevocationReason.PASSWORD_SET,
                    RevocationReason.DEACTIVATED,
                    RevocationReason.CLAIMED_AWAY,
                }
            ),
            revoked_since=frozenset({RevocationReason.EMAIL_UNDONE}),
            counted_as="access",
        ),
    )
    LOGIN = (
        "ucl",
        TokenRules(
            policy=LoginTokenPolicy,
            max_uses=1,
            issued=LOGIN_ISSUED,
            redeemed=LOGIN_REDEEMED,
            revoked_by=_EVERY_EVENT,
            counted_as="login",
        ),
    )
    AUTOLOGIN = (
        "uco",
        TokenRules(
            policy=AutologinTokenPolicy,
            max_uses=1,
            issued=AUTOLOGIN_ISSUED,
            redeemed=AUTOLOGIN_REDEEMED,
            revoked_by=frozenset(
                {RevocationReason.PASSWORD_CHANGED, RevocationReason.PASSWORD_SET, RevocationReason.CLAIMED_AWAY}
            ),
            revoked_since=frozenset({RevocationReason.EMAIL_UNDONE}),
            counted_as="autologin",
        ),
    )
    """Those of a deactivated user are refused, and valid again with the user. Source: spec K9."""

    RESET = ("ucp", _link_rules(revoked_by=_EVERY_CHANGE | {RevocationReason.RESET_REQUESTED}))
    CONFIRMATION = ("ucc", _link_rules(revoked_by=_EVERY_CHANGE))
    EMAIL_CHANGE = ("uce", _link_rules(revoked_by=_EVERY_CHANGE))
    EMAIL_UNDO = ("ucu", _link_rules(revoked_by=_ENDS_OF_USERS))
    """It must outlive what an intruder changes: the password, and the email once more. It is valid only as long as its
    change of the email can be undone, which an undo of an earlier change ends. Source: spec E3."""

    PASSKEY = (
        "ucw",
        TokenRules(
            policy=ChallengePolicy,
            max_uses=1,
            issued=CHALLENGE_ISSUED,
            redeemed=CHALLENGE_REDEEMED,
            revoked_by=_EVERY_EVENT,
            counted_as="challenges",
        ),
    )
    """The challenge of registering a passkey. What ends the sessions of an intruder ends it, too."""

    API = ("ucs", TokenRules(policy=ApiTokenPolicy, max_uses=None, issued=API_ISSUED))
    """It has no user, so no event of spec K9 revokes it; an inactive tenant refuses it."""

    DEVICE = (
        "ucd",
        TokenRules(
            policy=DeviceTokenPolicy,
            max_uses=None,
            issued=DEVICE_ISSUED,
            revoked_by=frozenset({RevocationReason.PASSWORD_SET, RevocationReason.CLAIMED_AWAY}),
            revoked_since=frozenset({RevocationReason.EMAIL_UNDONE}),
            counted_as="devices",
        ),
    )
    """A device token has no user: the events unpair the user's access tokens from it. Source: spec K5, K9."""

    REGISTRATION = (
        "ucr",
        TokenRules(policy=LinkPolicy, max_uses=1, issued=REGISTRATION_REQUESTED, redeemed=REGISTRATION_COMPLETED),
    )
    """A registration request has no user, so no event of spec K9 revokes it."""


ACCESS: Final[str] = TokenKind.ACCESS.value


LOGIN: Final[str] = TokenKind.LOGIN.value


DEVICE: Final[str] = TokenKind.DEVICE.value


REGISTRATION: Final[str] = TokenKind.REGISTRATION.value


API: Final[str] = TokenKind.API.value
"""The prefix of the secrets of each kind."""
