"""What users ask of a storage. ``usercore.testing.contracts.users`` proves it."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.users.keys import ClaimName, Space
from usercore.users.model import Claim, LastSignIn, User


class UserRepository(Protocol):
    """Keeps users. A unit sees those of its own tenant only: another's are not there."""

    @abstractmethod
    def add(self, user: User) -> None:
        """Keep a new user of the unit's tenant; the unit holds its guard from now on.

        Raises:
            RunAgain: a user has this id; the next run draws another.
        """

    @abstractmethod
    def add_many(self, users: Sequence[User]) -> None:
        """Keep new users as ``add`` does, in bulk.

        Raises:
            RunAgain: one of the ids is in use; the next run draws others.
        """

    @abstractmethod
    def get(self, user_id: UserId) -> User | None:
        """Give the user of the unit's tenant, also an erased one, or None."""

    @abstractmethod
    def find_by_claim(self, name: ClaimName) -> User | None:
        """Return the user who has a claim on this key for one of these uses, also an erased one, or None."""

    @abstractmethod
    def find_by_uuid(self, uuid: UUID) -> User | None:
        """Return the user with this public UUID, also an erased one, or None.

        A UUID that a user brought along has a claim. Others are made from the id, and name users who brought none.
        """

    @abstractmethod
    def exists(self, user_id: UserId) -> bool:
        """Return whether the unit's tenant has this user, and the user was not erased."""

    @abstractmethod
    def has_other_active(self, user_id: UserId) -> bool:
        """Return whether the unit's tenant has an active user besides this one. May read all users: rarely asked."""

    @abstractmethod
    def id_by_claim(self, name: ClaimName) -> UserId | None:
        """Return the id of the user that ``find_by_claim`` returns, or None if there is none or it was erased."""

    @abstractmethod
    def id_by_uuid(self, uuid: UUID) -> UserId | None:
        """Return the id of the user that ``find_by_uuid`` returns, or None if there is none or it was erased."""

    @abstractmethod
    def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        """Give those of these users that are there, each once, in any order."""

    @abstractmethod
    def lock(self, user_id: UserId, note: LastSignIn | None = None) -> User:
        """Lock the user as ``unit.guard`` does, count a change unit of theirs, and return them as they are now.

        With a note, the user's last sign-in becomes the note's; without one it stays.

        Raises:
            UserNotFound: there is no such user in the unit's tenant, or it was erased.
        """

    @abstractmethod
    def replace(self, user: User) -> None:
        """Store the next state of a user that this unit guards; ``tenant_id`` and ``change_no`` stay as they are."""


class ClaimRepository(Protocol):
    """Keeps who holds which key. A unit sees the claims of its own tenant only."""

    @abstractmethod
    def find(self, space: Space, key: str) -> Claim | None:
        """Give the claim on this key, compared exactly, or None."""

    @abstractmethod
    def find_many(self, names: Sequence[tuple[Space, str]]) -> list[Claim]:
        """Give those of these claims that are there, each once, in any order."""

    @abstractmethod
    def put(self, claim: Claim) -> None:
        """Keep the claim, of the unit's tenant, or its present uses if its holder has it already.

        Raises:
            RunAgain: another holder has the key. Callers look first, so somebody came between.
        """

    @abstractmethod
    def add_many(self, claims: Iterable[Claim]) -> None:
        """Keep new claims, in bulk.

        Raises:
            RunAgain: one of the keys is held. Callers look first, so somebody came between.
        """

    @abstractmethod
    def remove(self, claims: Iterable[Claim]) -> None:
        """Free the keys of these claims where these holders have them."""


class UsersUnit(ChangingUnit, Protocol):
    """The part of a unit that users need."""

    @property
    def users(self) -> UserRepository:
        """The tenant's users as this unit sees them."""

    @property
    def claims(self) -> ClaimRepository:
        """The tenant's claims as this unit sees them."""
