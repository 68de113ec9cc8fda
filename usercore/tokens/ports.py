"""What tokens ask of a storage. ``usercore.testing.contracts`` proves it, a file for each repository.

Tokens belong to users; whose tenant it is, the callers see by reading or guarding the user.
"""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.units import ChangingUnit
from usercore.tokens.model import AccessToken, LoginToken, RegistrationLink


class AccessTokenRepository(Protocol):
    """Keeps access tokens, one a user and digest."""

    @abstractmethod
    def add(self, token: AccessToken) -> None:
        """Keep a new token.

        Raises:
            RunAgain: this user has a token with this digest; the next run draws another.
        """

    @abstractmethod
    def get(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        """Give the token, ended or not, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId) -> list[AccessToken]:
        """Give the user's tokens, ended ones too, newest first, then by digest."""

    @abstractmethod
    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        """End the token, in one step that no other unit can come between.

        Returns:
            The token as it is now; None if it was ended before or is not kept.
        """

    @abstractmethod
    def revoke_all(self, user_id: UserId, *, at: datetime, keep: Digest | None = None) -> int:
        """End those of the user's tokens that are not ended, but for one; say how many."""

    @abstractmethod
    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        """Keep when tokens were used last, only forward in time; ended ones and those not kept stay as they are."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that ended or expired before; say how many."""


class LoginTokenRepository(Protocol):
    """Keeps login tokens, one a user and digest."""

    @abstractmethod
    def add(self, token: LoginToken) -> None:
        """Keep a new token.

        Raises:
            RunAgain: this user has a token with this digest; the next run draws another.
        """

    @abstractmethod
    def get(self, user_id: UserId, digest: Digest) -> LoginToken | None:
        """Give the token, or None."""

    @abstractmethod
    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LoginToken | None:
        """Mark the token spent, in one step that no other unit can come between.

        Returns:
            The token as it is now, to exactly one caller ever; None if it was
            spent before or is not kept. Whether it is expired is not looked at.
        """

    @abstractmethod
    def revoke_all(self, user_id: UserId, *, at: datetime) -> int:
        """Mark those of the user's tokens spent that are not; say how many."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` tokens of any tenant that were spent or expired before; say how many."""


class RegistrationLinkRepository(Protocol):
    """Keeps requests to register and the digests of their links. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, link: RegistrationLink) -> None:
        """Keep a new request; the unit holds its guard from now on.

        Raises:
            RunAgain: a request has this id; the next run draws another.
        """

    @abstractmethod
    def get(self, link_id: int) -> RegistrationLink | None:
        """Give the request, or None."""

    @abstractmethod
    def lock(self, link_id: int) -> RegistrationLink | None:
        """Lock the request until the unit ends, count a change of it, and give it as it is now, or None."""

    @abstractmethod
    def replace(self, link: RegistrationLink) -> None:
        """Keep another state of a guarded request: all fields but ``id``, ``tenant_id`` and ``change_no``."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` requests of any tenant that were completed or expired before; say how many."""

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
    def login_tokens(self) -> LoginTokenRepository:
        """The login tokens as this unit sees them."""

    @property
    def registration_links(self) -> RegistrationLinkRepository:
        """The tenant's requests to register as this unit sees them."""
