"""What second factors ask of a storage. ``usercore.testing.contracts.second_factors`` proves it."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.units import ChangingUnit
from usercore.second_factors.model import RecoveryCode, SignInChallenge, StoredFactor


class SecondFactorRepository(Protocol):
    """Stores factors by user and id. Callers learn whose tenant a user belongs to by locking or reading the user."""

    @abstractmethod
    def add(self, row: StoredFactor, /) -> None:
        """Store a new factor.

        Raises:
            RunAgain: the user has a factor with this id.
        """

    @abstractmethod
    def get(self, user_id: UserId, factor_id: int, /) -> StoredFactor | None:
        """Return the factor, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[StoredFactor]:
        """Return the user's factors, also those that are not confirmed, by id."""

    @abstractmethod
    def has_confirmed(self, user_id: UserId, /) -> bool:
        """Return whether the user has a factor that is confirmed. One look-up for every user."""

    @abstractmethod
    def put(self, row: StoredFactor, /) -> None:
        """Store a factor of a locked user instead of the one before, if any."""

    @abstractmethod
    def accept(self, user_id: UserId, factor_id: int, /, *, step: int, at: datetime) -> bool:
        """Use up the code of a time step and all earlier ones of a confirmed factor, atomically; note the use.

        Returns:
            Whether no code of this step or a later one was accepted before: at most one caller ever gets True.
        """

    @abstractmethod
    def remove(self, user_id: UserId, factor_id: int, /) -> bool:
        """Remove a factor; return whether there was one."""

    @abstractmethod
    def remove_since(self, user_id: UserId, /, at: datetime) -> list[StoredFactor]:
        """Remove the user's factors that were confirmed at or after this instant, and those that are not confirmed.

        Returns:
            The factors that were removed, by id.
        """


class RecoveryCodeRepository(Protocol):
    """Stores the digests of recovery codes by user."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[RecoveryCode]:
        """Return the user's codes, also used ones, by digest."""

    @abstractmethod
    def replace_all(self, user_id: UserId, codes: Sequence[RecoveryCode], /) -> None:
        """Store these codes of a locked user instead of all that the user has."""

    @abstractmethod
    def redeem(self, user_id: UserId, digest: Digest, /, *, at: datetime) -> bool:
        """Use a code, atomically; return whether there was one that was not used: at most one caller gets True."""

    @abstractmethod
    def remove_since(self, user_id: UserId, /, at: datetime) -> int:
        """Remove the user's codes that were made at or after this instant; return their number."""


class SignInChallengeRepository(Protocol):
    """Stores challenges by id. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, challenge: SignInChallenge) -> None:
        """Store a new challenge.

        Raises:
            RunAgain: a challenge has this id; the next run generates another.
        """

    @abstractmethod
    def get(self, challenge_id: int) -> SignInChallenge | None:
        """Return the challenge, redeemed or not, or None."""

    @abstractmethod
    def redeem(self, challenge_id: int, *, at: datetime) -> bool:
        """Redeem a challenge, atomically; return whether it had not been redeemed: at most one caller gets True."""

    @abstractmethod
    def remove_expired(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` challenges of any tenant that expired before; return their number."""


class SecondFactorsUnit(ChangingUnit, Protocol):
    """The part of a unit that second factors need."""

    @property
    def second_factors(self) -> SecondFactorRepository:
        """The factors as this unit sees them."""

    @property
    def recovery_codes(self) -> RecoveryCodeRepository:
        """The recovery codes as this unit sees them."""

    @property
    def sign_in_challenges(self) -> SignInChallengeRepository:
        """The tenant's challenges as this unit sees them."""
