"""Tokens: what is stored of them.

The *secret* goes to the user. Only its *digest* is stored. The *public id* identifies a token to operators and does
not authenticate.
"""

from datetime import datetime
from typing import Final

import attrs

from usercore.kernel.context import Actor, ActorKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import LIMIT, TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.secret import Digest, Secret, read_base62, write_base62
from usercore.tokens.kinds import ACCESS, API, DEVICE, RevocationReason, TokenKind

_PUBLIC_BYTES: Final = 8
_PUBLIC_WIDTH: Final = 11
_ID_WIDTH: Final = 9


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
