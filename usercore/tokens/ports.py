"""The storage interface of tokens. ``usercore.testing.contracts`` tests implementations, a file for each repository.

Tokens belong to users; the callers check the user's tenant by reading or locking the user.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.units import ChangingUnit
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import (
    AccessToken,
    ApiToken,
    DeviceToken,
    LimitedUseToken,
    RegistrationLink,
    RememberedDevice,
    SourceAccess,
)

TokenPlace = tuple[int, Digest]
"""When a token was issued, in microseconds since 1970, and its digest: its place in its user's list."""

SourcePlace = tuple[int, str]
"""When a user last came from a source, in microseconds since 1970, and the source: the place in the user's list."""


class AccessTokenRepository(Protocol):
    """Stores access tokens by user and digest."""

    @abstractmethod
    def add(self, token: AccessToken) -> None:
        """Store a new token.

        Raises:
            RunAgain: this user has a token with this digest; the next run generates another.
        """

    @abstractmethod
    def get(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        """Return the token, revoked or not, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId) -> list[AccessToken]:
        """Return the user's tokens, also revoked ones, newest first, then by digest."""

    @abstractmethod
    def last_used_at(self, user_id: UserId) -> datetime | None:
        """Return when any of the user's tokens was last used, also of revoked ones, or None if there are none."""

    @abstractmethod
    def list_from(self, user_id: UserId, after: TokenPlace | None, *, limit: int) -> list[AccessToken]:
        """Return at most ``limit`` of the user's tokens that were not revoked, from behind the place, in that order."""

    @abstractmethod
    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        """Revoke the token, atomically.

        Returns:
            The token as it is now; None if it was revoked before or is not stored.
        """

    @abstractmethod
    def revoke_all(
        self, user_id: UserId, *, at: datetime, keep: Digest | None = None, since: datetime | None = None
    ) -> int:
        """Revoke the user's tokens that are not revoked, except ``keep``, and return their number.

        With ``since``, only those that were issued then or after it.
        """

    @abstractmethod
    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        """Store when tokens were last used, and that their users came from the sources that they were issued to.

        Each instant only moves forward; revoked and missing tokens are ignored.
        """

    @abstractmethod
    def pair(self, user_id: UserId, digest: Digest, device: Digest, *, at: datetime) -> AccessToken | None:
        """Pair the token with this device instead of any other.

        Returns:
            The token as it is now; None if it was revoked or is not stored.
        """

    @abstractmethod
    def unpair(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        """Unpair the token from its device; see ``pair``."""

    @abstractmethod
    def unpair_device(self, user_id: UserId, device: Digest) -> int:
        """Unpair the user's tokens that are not revoked from this device; return their number."""

    @abstractmethod
    def unpair_all(self, user_id: UserId, *, since: datetime | None = None) -> int:
        """Unpair the user's tokens that are not revoked and were paired at that instant or later, or all of them.

        Returns:
            Their number.
        """

    @abstractmethod
    def users_of_device(self, device: Digest) -> list[UserId]:
        """Return the users of any tenant who have tokens, not revoked, that are paired with this device, by id."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that were revoked or expired before; return their number."""


class SourceAccessRepository(Protocol):
    """Stores when users last came from each source. Callers learn the tenant by locking or reading the user."""

    @abstractmethod
    def touch(self, access: SourceAccess) -> None:
        """Store that a locked user came from a source, unless it is known that they came from it later."""

    @abstractmethod
    def list_from(self, user_id: UserId, after: SourcePlace | None, *, limit: int) -> list[SourceAccess]:
        """Return at most ``limit`` of the user's sources from behind the place, the latest first, then by source."""


class LimitedUseTokenRepository(Protocol):
    """Stores the tokens of every kind that can be redeemed, by user and digest."""

    @abstractmethod
    def add(self, token: LimitedUseToken) -> None:
        """Store a new token.

        Raises:
            RunAgain: this user has a token with this digest; the next run generates another.
        """

    @abstractmethod
    def get(self, user_id: UserId, digest: Digest) -> LimitedUseToken | None:
        """Return the token, or None."""

    @abstractmethod
    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        """Count a use of the token, atomically: at most ``max_uses`` callers ever get a token back.

        Returns:
            The token as it is now; None if it was revoked, has no use left, or is not stored. Whether it is expired or
            not yet valid is not checked.
        """

    @abstractmethod
    def list_of(self, user_id: UserId, kind: TokenKind) -> list[LimitedUseToken]:
        """Return the user's tokens of this kind, in any state, newest first, then by digest."""

    @abstractmethod
    def list_from(
        self, user_id: UserId, kind: TokenKind, after: TokenPlace | None, *, limit: int
    ) -> list[LimitedUseToken]:
        """Return at most ``limit`` of these tokens that were not revoked, from behind the place, in that order."""

    @abstractmethod
    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        """Revoke the token, atomically.

        Returns:
            The token as it is now; None if it was revoked before, has no use left, or is not stored.
        """

    @abstractmethod
    def revoke_all(
        self, user_id: UserId, kinds: Collection[TokenKind], *, at: datetime, since: datetime | None = None
    ) -> Mapping[TokenKind, int]:
        """Revoke the user's tokens of these kinds that are not revoked and have uses left.

        With ``since``, only those that were issued then or after it.

        Returns:
            The number of tokens that were revoked, by kind, at least for the kinds of which there were any.
        """

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that were over before that instant; return their number.

        A token is over when it expires or is revoked, or with its last use if none is left.
        """


class ApiTokenRepository(Protocol):
    """Stores API tokens. A unit sees those of its own tenant only, unless a method says otherwise."""

    @abstractmethod
    def add(self, token: ApiToken) -> None:
        """Store a new token; the unit holds its lock from now on.

        Raises:
            RunAgain: a token has this digest; the next run generates another.
        """

    @abstractmethod
    def get(self, digest: Digest) -> ApiToken | None:
        """Return the token, revoked or not, or None."""

    @abstractmethod
    def lock(self, token_id: int) -> ApiToken | None:
        """Lock the token until the unit ends, count a change of it, and return it as it is now, or None."""

    @abstractmethod
    def replace(self, token: ApiToken) -> None:
        """Store another state of a locked token: the fields that operators change, and when it was revoked."""

    @abstractmethod
    def list_from(self, after: int | None, *, limit: int) -> list[ApiToken]:
        """Return at most ``limit`` tokens that are not revoked, by id, with greater ids than ``after``."""

    @abstractmethod
    def revoke_created_by(self, actor: str, *, since: datetime, at: datetime) -> list[ApiToken]:
        """Revoke the tokens that an actor created ``since`` an instant and that are not revoked; lock and return them.

        They are returned as they are now, in any order. A unit of ``system`` revokes those of every tenant, because
        admins issue tokens in all of them.
        """

    @abstractmethod
    def touch(self, uses: Iterable[tuple[Digest, datetime]]) -> None:
        """Store when tokens of any tenant were last used.

        A time only moves forward; revoked and missing tokens are ignored.
        """

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that were revoked or expired before; return their number."""

    @abstractmethod
    def remove_all(self, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of the unit's tenant, which is deleted; return their number."""


class DeviceTokenRepository(Protocol):
    """Stores device tokens by digest. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, token: DeviceToken) -> None:
        """Store a new token; the unit holds its lock from now on.

        Raises:
            RunAgain: a token has this digest; the next run generates another.
        """

    @abstractmethod
    def get(self, digest: Digest) -> DeviceToken | None:
        """Return the token, or None."""

    @abstractmethod
    def get_many(self, digests: Sequence[Digest]) -> list[DeviceToken]:
        """Return the tokens with these digests, in any order."""

    @abstractmethod
    def lock(self, digest: Digest, *, at: datetime) -> DeviceToken | None:
        """Lock the token until the unit ends, and store that it was used; this time only moves forward.

        Returns:
            The token as it is now, or None.
        """

    @abstractmethod
    def remove_unused(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that were last used before; return their number."""

    @abstractmethod
    def remove_all(self, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of the unit's tenant, which is deleted; return their number."""


class RememberedDeviceRepository(Protocol):
    """Stores on which devices a user is asked for no second factor, by user and digest of the device token."""

    @abstractmethod
    def get(self, user_id: UserId, device: Digest, /) -> RememberedDevice | None:
        """Return what is remembered of a user on this device, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[RememberedDevice]:
        """Return the devices that are remembered of the user, by digest."""

    @abstractmethod
    def put(self, row: RememberedDevice, /) -> None:
        """Store a device of a locked user instead of the row before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, device: Digest, /) -> bool:
        """Remove a device of a locked user; return whether there was one."""

    @abstractmethod
    def remove_all(self, user_id: UserId, /) -> list[RememberedDevice]:
        """Remove all devices of a locked user, and return them, by digest."""

    @abstractmethod
    def users_of_device(self, device: Digest, /) -> list[UserId]:
        """Return the users of any tenant of whom this device is remembered, by id."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` rows of any tenant that were remembered before; return their number."""


class RegistrationLinkRepository(Protocol):
    """Stores registration requests and the digests of their links. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, link: RegistrationLink) -> None:
        """Store a new request; the unit holds its lock from now on.

        Raises:
            RunAgain: a request has this id; the next run generates another.
        """

    @abstractmethod
    def get(self, link_id: int) -> RegistrationLink | None:
        """Return the request, or None."""

    @abstractmethod
    def lock(self, link_id: int) -> RegistrationLink | None:
        """Lock the request until the unit ends, count a change of it, and return it as it is now, or None."""

    @abstractmethod
    def replace(self, link: RegistrationLink) -> None:
        """Store another state of a locked request: all fields but ``id``, ``tenant_id`` and ``change_no``."""

    @abstractmethod
    def remove_of_email(self, email: str) -> list[RegistrationLink]:
        """Remove the requests for an email, in any spelling of its key; return those that were removed."""

    @abstractmethod
    def remove_all(self, *, limit: int) -> list[RegistrationLink]:
        """Remove at most ``limit`` requests of the unit's tenant, which is deleted; return those that were removed."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> list[RegistrationLink]:
        """Remove at most ``limit`` requests of any tenant that were completed or expired before.

        Returns:
            The requests that were removed.
        """

    @abstractmethod
    def remove_abandoned(self, requested_before: datetime, *, now: datetime, limit: int) -> list[RegistrationLink]:
        """Remove at most ``limit`` requests of any tenant that were made before, expired by now and never completed.

        Returns:
            The requests that were removed.
        """


class TokensUnit(ChangingUnit, Protocol):
    """The part of a unit that tokens need."""

    @property
    def access_tokens(self) -> AccessTokenRepository:
        """The access tokens as this unit sees them."""

    @property
    def source_accesses(self) -> SourceAccessRepository:
        """From which sources users came, as this unit sees it."""

    @property
    def limited_use_tokens(self) -> LimitedUseTokenRepository:
        """The tokens of every kind that can be redeemed, as this unit sees them."""

    @property
    def api_tokens(self) -> ApiTokenRepository:
        """The tenant's API tokens as this unit sees them."""

    @property
    def device_tokens(self) -> DeviceTokenRepository:
        """The tenant's device tokens as this unit sees them."""

    @property
    def remembered_devices(self) -> RememberedDeviceRepository:
        """The devices on which users are asked for no second factor, as this unit sees them."""

    @property
    def registration_links(self) -> RegistrationLinkRepository:
        """The tenant's registration requests as this unit sees them."""
