"""Tokens: their kinds, what is stored of them, and the changes of them that are recorded.

The *secret* goes to the user. Only its *digest* is stored. The *public id* identifies a token to operators and does
not authenticate.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from usercore.kernel.bounds import part, span, whole
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.context import Actor, ActorKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import LIMIT, TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.secret import Digest, Secret, read_base62, write_base62
from usercore.kernel.values import frozen

_PUBLIC_BYTES: Final = 8
_PUBLIC_WIDTH: Final = 11
_ID_WIDTH: Final = 9


@frozen(kw_only=True)
class AccessTokenPolicy:
    """How long access tokens are valid, and how often their last use is written."""

    idle_lifetime: timedelta = span(timedelta(days=90), least=timedelta(seconds=1))
    lifetime: timedelta = span(timedelta(days=365), least=timedelta(seconds=1))
    """Source: spec K2."""

    write_use_every: timedelta = span(timedelta(minutes=1), least=timedelta(0), most=timedelta(days=1))
    """Last use is collected in memory and written this often. Source: spec K2."""


NIST_AAL1: Final = AccessTokenPolicy(idle_lifetime=timedelta(days=30), lifetime=timedelta(days=30))
"""Sign in again after 30 days. Source: NIST SP 800-63B-4, 2.1.3."""


@frozen(kw_only=True)
class LoginTokenPolicy:
    """How long login tokens are valid, and how many can be issued in one call."""

    lifetime: timedelta = span(timedelta(minutes=5), least=timedelta(seconds=1))
    """Source: spec K3; plenigo."""

    max_at_once: int = whole(100, least=1, most=10_000, unit="tokens")
    """Source: spec K3."""


@frozen(kw_only=True)
class AutologinTokenPolicy:
    """How long autologin tokens can be valid, and how often one can sign its user in."""

    max_lifetime: timedelta = span(timedelta(days=365), least=timedelta(seconds=1))
    """The longest time from the issue to ``valid_to``. Source: usercore, as the lifetime of access tokens."""

    max_uses: int = whole(1000, least=1, most=1_000_000, unit="uses")
    """Source: spec K4."""


@frozen(kw_only=True)
class ApiTokenPolicy:
    """How many resources an API token can be granted, and to how many addresses it can be limited."""

    max_resources: int = whole(200, least=1, most=1000, unit="resources")
    max_addresses: int = whole(200, least=1, most=1000, unit="addresses")
    """All of them are in the token's row, which each call reads. Source: usercore."""


@frozen(kw_only=True)
class RevocationPolicy:
    """Which events revoke no tokens, against the table of spec K9. Source: spec K9; REMP CRM."""

    keep_at_password_change: bool = part(default=False)
    """Tokens stay valid when users change their password themselves; a password that is set or reset revokes them."""

    keep_at_deactivation: bool = part(default=False)
    """Tokens stay stored when a user is deactivated. They are refused until the user is active again."""


@frozen(kw_only=True)
class DeviceTokenPolicy:
    """How long device tokens are stored."""

    unpaired_retention: timedelta = span(timedelta(days=365), least=timedelta(0))
    """How long one is stored after every access token that was paired with it has expired. Source: usercore: an app
    that is opened once a year keeps its token."""


@frozen(kw_only=True)
class LinkPolicy:
    """How long mailed links are valid. Source: spec K7."""

    registration_lifetime: timedelta = span(timedelta(hours=24), least=timedelta(seconds=1))
    """Source: OWASP asks for short-lived links; a day leaves time for greylisting and a night."""

    reset_lifetime: timedelta = span(timedelta(hours=5), least=timedelta(seconds=1))
    confirmation_lifetime: timedelta = span(timedelta(days=3), least=timedelta(seconds=1))
    email_change_lifetime: timedelta = span(timedelta(days=3), least=timedelta(seconds=1))
    undo_lifetime: timedelta = span(timedelta(days=7), least=timedelta(seconds=1))
    """How long an email change can be undone, and the former address stays held for its user. Source: spec E3."""

    registration_refusals: int = whole(10, least=1, most=1000, unit="refusals")
    """A registration link is used up after this many, so that it cannot be used to list usernames. Source: spec K7."""


@frozen(kw_only=True)
class ChallengePolicy:
    """How long the challenges of passkeys are valid."""

    lifetime: timedelta = span(timedelta(minutes=10), least=timedelta(seconds=1), most=timedelta(minutes=10))
    """Source: WebAuthn Level 3, 15.1 recommends 5 to 10 minutes."""


ACCESS_ISSUED: Final = ChangeKind("access_token.issued", ("public_id", "authenticator", "source", "expires_at"))
ASSERTED_BY_HOST: Final = ChangeKind("access_token.asserted_by_host", ("public_id", "authenticator"), public=True)
"""The host asserted the identity of a privileged user, so no password was needed. Source: spec T5."""
ACCESS_REVOKED: Final = ChangeKind("access_token.revoked", ("public_id", "revoked_at"), public=True)
TOKENS_REVOKED: Final = ChangeKind(
    "tokens.revoked", ("access", "login", "autologin", "links", "challenges", "devices", "reason"), public=True
)
LOGIN_ISSUED: Final = ChangeKind("login_token.issued", ("public_id", "expires_at"))
LOGIN_REDEEMED: Final = ChangeKind("login_token.redeemed", ("public_id", "redeemed_at"), public=True)
AUTOLOGIN_ISSUED: Final = ChangeKind("autologin_token.issued", ("public_id", "valid_from", "expires_at", "max_uses"))
AUTOLOGIN_REDEEMED: Final = ChangeKind("autologin_token.redeemed", ("public_id", "uses", "redeemed_at"), public=True)
AUTOLOGIN_REVOKED: Final = ChangeKind("autologin_token.revoked", ("public_id", "revoked_at"), public=True)
API_ISSUED: Final = ChangeKind(
    "api_token.issued", ("public_id", "name", "addresses", "expires_at"), public=True, subject=Subject.API_TOKEN
)
API_GRANTS_CHANGED: Final = ChangeKind(
    "api_token.grants_changed", ("resources",), public=True, subject=Subject.API_TOKEN
)
API_ADDRESSES_CHANGED: Final = ChangeKind(
    "api_token.addresses_changed", ("addresses",), public=True, subject=Subject.API_TOKEN
)
API_ACTIVATED: Final = ChangeKind("api_token.activated", ("active",), public=True, subject=Subject.API_TOKEN)
API_DEACTIVATED: Final = ChangeKind("api_token.deactivated", ("active",), public=True, subject=Subject.API_TOKEN)
API_REVOKED: Final = ChangeKind(
    "api_token.revoked", ("public_id", "revoked_at"), public=True, subject=Subject.API_TOKEN
)
LINK_ISSUED: Final = ChangeKind("link.issued", ("kind", "public_id", "expires_at"))
LINK_REDEEMED: Final = ChangeKind("link.redeemed", ("kind", "public_id", "redeemed_at"), public=True)
CHALLENGE_ISSUED: Final = ChangeKind("challenge.issued", ("kind", "public_id", "expires_at"))
CHALLENGE_REDEEMED: Final = ChangeKind("challenge.redeemed", ("kind", "public_id", "redeemed_at"))
DEVICE_ISSUED: Final = ChangeKind("device_token.issued", ("public_id",), subject=Subject.DEVICE_TOKEN)
DEVICE_PAIRED: Final = ChangeKind(
    "device_token.paired",
    ("public_id", "device"),
    frozenset({"device"}),
    public=True,
    always=frozenset({"public_id", "device"}),
)
DEVICE_UNPAIRED: Final = ChangeKind("device_token.unpaired", ("device", "tokens"), frozenset({"device"}), public=True)
DEVICE_REMEMBERED: Final = ChangeKind(
    "device_token.remembered", ("device",), frozenset({"device"}), public=True, always=frozenset({"device"})
)
DEVICE_FORGOTTEN: Final = ChangeKind(
    "device_token.forgotten", ("device", "reason"), frozenset({"device"}), public=True, always=frozenset({"device"})
)
REGISTRATION_REQUESTED: Final = ChangeKind(
    "registration.requested", ("email", "expires_at"), frozenset({"email"}), public=True, subject=Subject.REGISTRATION
)
REGISTRATION_KNOWN: Final = ChangeKind("registration.known", public=True)
"""A registration was requested for the email of a user who has an account."""
REGISTRATION_COMPLETED: Final = ChangeKind(
    "registration.completed", ("completed_at",), public=True, subject=Subject.REGISTRATION
)

KINDS: Final = (
    ACCESS_ISSUED,
    ASSERTED_BY_HOST,
    ACCESS_REVOKED,
    TOKENS_REVOKED,
    LOGIN_ISSUED,
    LOGIN_REDEEMED,
    AUTOLOGIN_ISSUED,
    AUTOLOGIN_REDEEMED,
    AUTOLOGIN_REVOKED,
    API_ISSUED,
    API_GRANTS_CHANGED,
    API_ADDRESSES_CHANGED,
    API_ACTIVATED,
    API_DEACTIVATED,
    API_REVOKED,
    LINK_ISSUED,
    LINK_REDEEMED,
    CHALLENGE_ISSUED,
    CHALLENGE_REDEEMED,
    DEVICE_ISSUED,
    DEVICE_PAIRED,
    DEVICE_UNPAIRED,
    DEVICE_REMEMBERED,
    DEVICE_FORGOTTEN,
    REGISTRATION_REQUESTED,
    REGISTRATION_KNOWN,
    REGISTRATION_COMPLETED,
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


def public_id_of(prefix: str, user_id: UserId, digest: Digest) -> str:
    """Return the id under which operators see a token: prefix, user and 64 bits of the digest."""
    number = int.from_bytes(digest[:_PUBLIC_BYTES], "big")
    return f"{prefix}-{write_base62(user_id, _ID_WIDTH)}-{write_base62(number, _PUBLIC_WIDTH)}"


def public_id_of_device(digest: Digest) -> str:
    """Return the id under which operators see a device token: prefix and 64 bits of the digest."""
    return f"{DEVICE}-{write_base62(int.from_bytes(digest[:_PUBLIC_BYTES], 'big'), _PUBLIC_WIDTH)}"


@entity
class AccessToken:
    """Authenticates a signed-in user, any number of times.

    It is valid while ``now < expires_at``, ``now < last_used_at + idle lifetime`` and ``revoked_at`` is None.
    """

    user_id: UserId
    digest: Digest = attrs.field(repr=False)
    authenticator: str
    source: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    issued_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    device_digest: Digest | None = attrs.field(default=None, repr=False)
    """The digest of the device token with which it is paired."""
    paired_at: datetime | None = None

    @property
    def public_id(self) -> str:
        """The id under which operators see it, and by which it can be revoked."""
        return public_id_of(ACCESS, self.user_id, self.digest)

    @property
    def device(self) -> str | None:
        """The public id of the device token with which it is paired, or None."""
        return None if self.device_digest is None else public_id_of_device(self.device_digest)


@entity
class SourceAccess:
    """When a user last came from a source: signed in from it, or used an access token that was issued to it."""

    user_id: UserId
    source: str
    last_accessed_at: datetime


@entity
class DeviceToken:
    """Names a device, so that access tokens can be paired with it. It belongs to no user and is no credential.

    ``device_id`` is the host's name of the device, which may have several tokens. ``last_used_at`` is when it was
    issued, or last paired with an access token.
    """

    id: int
    tenant_id: TenantId
    digest: Digest = attrs.field(repr=False)
    device_id: str
    issued_at: datetime
    last_used_at: datetime

    @property
    def public_id(self) -> str:
        """The id under which operators see it, also in the access tokens that are paired with it."""
        return public_id_of_device(self.digest)


@entity
class RememberedDevice:
    """A device on which a user is asked for no second factor for a time: one was shown there at ``remembered_at``."""

    user_id: UserId
    device_digest: Digest = attrs.field(repr=False)
    remembered_at: datetime

    @property
    def device(self) -> str:
        """The public id of the device token."""
        return public_id_of_device(self.device_digest)


@entity
class ForgottenDevice:
    """The public id of the token of a device that is remembered no longer, and why, as history stores it."""

    device: str
    reason: str


@entity
class UnpairedTokens:
    """How many access tokens of a user were unpaired from a device, and the public id of its token."""

    device: str
    tokens: int


@entity
class LimitedUseToken:
    """A user's token that can be redeemed ``max_uses`` times, in ``valid_from <= now < expires_at``, unless revoked.

    Without ``valid_from`` it is valid from the start, also on a machine whose clock is behind. ``redeemed_at`` is the
    instant of its last use. A mailed link is bound to the ``address`` it is sent to, and to a ``generation``: the
    version of the password, or the request, for which it was issued. Source: spec K7.
    """

    user_id: UserId
    digest: Digest = attrs.field(repr=False)
    kind: TokenKind
    issued_at: datetime
    valid_from: datetime | None = None
    expires_at: datetime
    max_uses: int = 1
    uses: int = 0
    address: str | None = attrs.field(default=None, repr=False)
    generation: int | None = None
    redeemed_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def public_id(self) -> str:
        """The id under which operators see it."""
        return public_id_of(self.kind, self.user_id, self.digest)


EVERY_RESOURCE: Final = "*"
"""The grant that allows an API token every resource. Source: spec K6."""


@entity
class ApiToken:
    """Authenticates a program that calls the host's API, for one tenant.

    ``resources`` are the names that were granted to it, ``addresses`` the networks from which it is accepted, or none
    if it is accepted from all. It is valid while ``active``, ``now < expires_at`` and ``revoked_at`` is None.
    """

    id: int
    tenant_id: TenantId
    digest: Digest = attrs.field(repr=False)
    name: str
    active: bool = True
    resources: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    issued_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    change_no: int = 1

    @property
    def public_id(self) -> str:
        """The id under which operators see and change it."""
        return f"{API}-{write_base62(self.id, _ID_WIDTH)}"

    @property
    def actor(self) -> Actor:
        """The actor of what is done with it, for ``core.bind``."""
        return Actor(ActorKind.API_TOKEN, self.public_id)


def api_token_id_of(public_id: str) -> int | None:
    """Return the id of the API token with this public id, or None if there can be none."""
    prefix, mark, written = public_id.partition("-")
    number = read_base62(written) if prefix == API and mark and len(written) == _ID_WIDTH else None
    return number if number is not None and 0 < number < LIMIT else None


@entity
class IssuedApiToken:
    """A new API token with its secret, which cannot be read again."""

    token: ApiToken
    secret: Secret


@entity
class RegistrationLink:
    """A registration request. The link that is mailed to ``email`` completes it, once.

    Without a digest no link was generated yet; generating another link invalidates the older one.
    """

    id: int
    tenant_id: TenantId
    email: str
    language: str | None = None
    source: str | None = None
    referer: str | None = None
    digest: Digest | None = attrs.field(default=None, repr=False)
    requested_at: datetime
    expires_at: datetime
    completed_at: datetime | None = None
    refusals: int = 0
    """How often completing it was refused, for whatever reason."""

    change_no: int = 1


@entity
class RevokedTokens:
    """How many of a user's tokens an event revoked, by kind, and which event."""

    access: int = 0
    login: int = 0
    autologin: int = 0
    links: int = 0
    challenges: int = 0
    devices: int = 0
    """Access tokens that were unpaired from devices."""
    reason: RevocationReason


ROWS: Final = (
    Rows(
        entity=AccessToken,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="access_tokens",
        personal="ip user_agent",
        secret="digest device_digest",  # noqa: S106 - names of columns
        plain="user_id authenticator source issued_at last_used_at expires_at revoked_at paired_at",
    ),
    Rows(
        entity=LimitedUseToken,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="limited_use_tokens",
        personal="address",
        secret="digest",  # noqa: S106 - as above
        plain="user_id kind issued_at valid_from expires_at max_uses uses generation redeemed_at revoked_at",
    ),
    Rows(
        entity=ApiToken,  # a program's; its creator is named by id
        erasure=Erasure.KEEPS,
        plain="id tenant_id digest name active resources addresses issued_at created_by expires_at last_used_at"
        " revoked_at change_no",
    ),
    Rows(
        entity=DeviceToken,  # of no user; what names its users is in their rows
        erasure=Erasure.KEEPS,
        plain="id tenant_id digest device_id issued_at last_used_at",
    ),
    Rows(
        entity=SourceAccess,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="source_accesses",
        plain="user_id source last_accessed_at",
    ),
    Rows(
        entity=RememberedDevice,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="remembered_devices",
        secret="device_digest",  # noqa: S106 - as above
        plain="user_id remembered_at",
    ),
    Rows(
        entity=RegistrationLink,
        erasure=Erasure.REMOVES_BY_KEY,
        personal="email referer",
        secret="digest",  # noqa: S106 - as above
        plain="id tenant_id language source requested_at expires_at completed_at refusals change_no",
    ),
)
