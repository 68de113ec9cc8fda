"""Tokens: what they are, and what is said of them.

The *secret* goes to the person. Only its *digest* is kept. The *public id* names a token to operators; it opens
nothing.
"""

from datetime import datetime, timedelta
from typing import Final

import attrs

from usercore.kernel.bounds import span, whole
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import Digest, write_base62
from usercore.kernel.values import frozen

ACCESS: Final = "uca"
LOGIN: Final = "ucl"
REGISTRATION: Final = "ucr"
"""How the secrets of each kind begin. Source: spec K1."""

_PUBLIC_BYTES: Final = 8
_PUBLIC_WIDTH: Final = 11


def public_id_of(kind: str, user_id: UserId, digest: Digest) -> str:
    """Give the name under which operators see a token: kind, user and 64 bits of the digest."""
    number = int.from_bytes(digest[:_PUBLIC_BYTES], "big")
    return f"{kind}-{write_base62(user_id, 9)}-{write_base62(number, _PUBLIC_WIDTH)}"


@entity
class AccessToken:
    """Proves a signed-in user, many times.

    It opens something while ``now < expires_at``, ``now < last_used_at + idle lifetime`` and ``revoked_at`` is None.
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

    @property
    def public_id(self) -> str:
        """The name under which operators see and end it."""
        return public_id_of(ACCESS, self.user_id, self.digest)


@entity
class LoginToken:
    """Signs one user in, once, in ``issued_at <= now < expires_at``; ``redeemed_at`` also marks a revoked one."""

    user_id: UserId
    digest: Digest = attrs.field(repr=False)
    issued_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None

    @property
    def public_id(self) -> str:
        """The name under which operators see it."""
        return public_id_of(LOGIN, self.user_id, self.digest)


@entity
class RegistrationLink:
    """A request to register: the link that is mailed to ``email`` completes it, once.

    Without a digest the link was not minted yet; minting again makes the older link worthless.
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
    change_no: int = 1


@frozen(kw_only=True)
class AccessTokenPolicy:
    """How long access tokens open anything, and how their use is gathered."""

    idle_lifetime: timedelta = span(timedelta(days=90), least=timedelta(seconds=1))
    lifetime: timedelta = span(timedelta(days=365), least=timedelta(seconds=1))
    """Source: spec K2."""

    write_use_every: timedelta = span(timedelta(minutes=1), least=timedelta(0), most=timedelta(days=1))
    """Last use is gathered and written this often. Source: spec K2."""


NIST_AAL1: Final = AccessTokenPolicy(idle_lifetime=timedelta(days=30), lifetime=timedelta(days=30))
"""Sign in again after 30 days. Source: NIST SP 800-63B-4, 2.1.3."""


@frozen(kw_only=True)
class LoginTokenPolicy:
    """How login tokens are issued."""

    lifetime: timedelta = span(timedelta(minutes=5), least=timedelta(seconds=1))
    """Source: spec K3; plenigo."""

    most_at_once: int = whole(100, least=1, most=10_000, unit="tokens")
    """Source: spec K3."""


@frozen(kw_only=True)
class LinkPolicy:
    """How long mailed links work."""

    registration_lifetime: timedelta = span(timedelta(hours=24), least=timedelta(seconds=1))
    """Source: OWASP asks for short-lived links; a day survives greylisting and a night."""


ACCESS_ISSUED: Final = ChangeKind("access_token.issued", ("public_id", "authenticator", "source", "expires_at"))
ASSERTED_BY_HOST: Final = ChangeKind("access_token.asserted_by_host", ("public_id", "authenticator"), public=True)
"""The host vouched for a privileged user, who then needed no password. Source: spec T5."""
ACCESS_REVOKED: Final = ChangeKind("access_token.revoked", ("public_id", "revoked_at"), public=True)
TOKENS_REVOKED: Final = ChangeKind("tokens.revoked", ("access", "login", "reason"), public=True)
LOGIN_ISSUED: Final = ChangeKind("login_token.issued", ("public_id", "expires_at"))
LOGIN_REDEEMED: Final = ChangeKind("login_token.redeemed", ("public_id", "redeemed_at"), public=True)
REGISTRATION_REQUESTED: Final = ChangeKind(
    "registration.requested", ("email", "expires_at"), frozenset({"email"}), public=True, subject=Subject.REGISTRATION
)
REGISTRATION_KNOWN: Final = ChangeKind("registration.known", public=True)
"""Somebody asked to register the email of a user who has an account."""
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
    REGISTRATION_REQUESTED,
    REGISTRATION_KNOWN,
    REGISTRATION_COMPLETED,
)


@entity
class RevokedTokens:
    """How many of a user's tokens an event ended, and which event."""

    access: int
    login: int
    reason: str
