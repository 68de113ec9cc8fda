"""The storage interface of users. ``usercore.testing.contracts.users`` tests implementations."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.users.keys import ClaimName, KeySpace
from usercore.users.model import Claim, EmailChange, LastSignIn, User, UserState


class UserRepository(Protocol):
    """Stores users. A unit sees the users of its own tenant only; for it, those of other tenants do not exist."""

    @abstractmethod
    def add(self, user: User) -> None:
        """Store a new user of the unit's tenant; the unit holds its lock from now on.

        Raises:
            RunAgain: a user has this id; the next run generates another.
        """

    @abstractmethod
    def add_many(self, users: Sequence[User]) -> None:
        """Store new users as ``add`` does, in bulk.

        Raises:
            RunAgain: one of the ids is in use; the next run generates others.
        """

    @abstractmethod
    def get(self, user_id: UserId) -> User | None:
        """Return the user of the unit's tenant, also an erased one, or None."""

    @abstractmethod
    def find_by_claim(self, name: ClaimName) -> User | None:
        """Return the user who has a claim on this key for one of these uses, also an erased one, or None."""

    @abstractmethod
    def find_by_uuid(self, uuid: UUID) -> User | None:
        """Return the user with this public UUID, also an erased one, or None.

        A supplied UUID has a claim. The others are derived from the id and refer to users without a supplied UUID.
        """

    @abstractmethod
    def exists(self, user_id: UserId) -> bool:
        """Return whether the unit's tenant has this user, and the user was not erased."""

    @abstractmethod
    def has_other_active(self, user_id: UserId) -> bool:
        """Return whether the unit's tenant has an active user besides this one."""

    @abstractmethod
    def id_by_claim(self, name: ClaimName) -> UserId | None:
        """Return the id of the user that ``find_by_claim`` returns, or None if there is none or it was erased."""

    @abstractmethod
    def id_by_uuid(self, uuid: UUID) -> UserId | None:
        """Return the id of the user that ``find_by_uuid`` returns, or None if there is none or it was erased."""

    @abstractmethod
    def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        """Return the users that exist among these ids, each once, in any order."""

    @abstractmethod
    def states_of(self, user_ids: Sequence[UserId]) -> dict[UserId, UserState]:
        """Return the states of the users that exist among these ids."""

    @abstractmethod
    def list_from(self, state: UserState, *, after: UserId | None, limit: int) -> list[User]:
        """Return at most ``limit`` users in this state, by id, that follow the id ``after``.

        The cost depends on ``limit`` only, wherever the list begins.
        """

    @abstractmethod
    def find_by_word(self, beginning: str, *, limit: int) -> list[UserId]:
        """Return at most ``limit`` users who have a word with this beginning, each once, in any order.

        The words are those of ``usercore.users.words.stored_words``, and those of a user change with the user: ``add``,
        ``add_many`` and ``replace`` maintain them. The beginning has 3 to 64 characters, folded as words are.
        """

    @abstractmethod
    def lock(self, user_id: UserId, note: LastSignIn | None = None) -> User:
        """Lock the user as ``unit.lock`` does, increment its change number, and return the user as it is now.

        With a note, the note becomes the user's last sign-in; without one it stays unchanged.

        Raises:
            UserNotFound: there is no such user in the unit's tenant, or it was erased.
        """

    @abstractmethod
    def lock_state(self, user_id: UserId) -> UserState:
        """Lock the user as ``lock`` does, but return the state only: most units that lock a user need no more of it.

        Raises:
            UserNotFound: as ``lock``.
        """

    @abstractmethod
    def list_unconfirmed(self, before: datetime, *, limit: int) -> list[User]:
        """Return at most ``limit`` users of any tenant but ``system`` who never came, those first changed first.

        These are active, not confirmed, have no verified email, never signed in, and were last changed ``before``.
        """

    @abstractmethod
    def remove_unconfirmed(self, users: Sequence[User]) -> list[User]:
        """Remove users of any tenant, as ``list_unconfirmed`` returned them, whom no unit has locked since.

        Every row that belongs to them or is about them goes in the same unit: claims, tokens, meta, attempts, history,
        deliveries and all others. A user who comes, is changed or claims another meanwhile stays.

        Returns:
            Those of the users who are not there any more, in any order.
        """

    @abstractmethod
    def remove_rows(self, user: User) -> None:
        """Remove every row that belongs to a locked user and each of the user's claims, also on keys that are held.

        User agents that only these rows referred to are removed, too. The user's own row, history and deliveries stay.
        """

    @abstractmethod
    def replace(self, user: User) -> None:
        """Store the next state of a user that this unit has locked; ``tenant_id`` and ``change_no`` stay unchanged."""


class ClaimRepository(Protocol):
    """Stores claims on keys. A unit sees the claims of its own tenant only."""

    @abstractmethod
    def find(self, space: KeySpace, key: str) -> Claim | None:
        """Return the claim on this key, compared exactly, or None."""

    @abstractmethod
    def find_many(self, names: Sequence[tuple[KeySpace, str]]) -> list[Claim]:
        """Return the claims that exist on these keys, each once, in any order."""

    def find_before_adding(self, names: Sequence[tuple[KeySpace, str]]) -> list[Claim]:
        """Return what ``find_many`` does, for keys that the unit adds if they are free.

        A storage may return none without reading, if it then runs a unit again that ends, in whatever way, without
        having added all these keys. By default, it reads.
        """
        return self.find_many(names)

    @abstractmethod
    def put(self, claim: Claim) -> None:
        """Store a claim of the unit's tenant, or replace its uses and its hold if its holder has it already.

        Raises:
            RunAgain: another holder has the key. Callers check first, so another unit claimed it meanwhile.
        """

    @abstractmethod
    def add_many(self, claims: Iterable[Claim]) -> None:
        """Store new claims, in bulk.

        Raises:
            RunAgain: one of the keys is held. Callers check first, so another unit claimed it meanwhile.
        """

    @abstractmethod
    def remove(self, claims: Iterable[Claim]) -> None:
        """Remove these claims; a key that another holder has stays claimed."""

    @abstractmethod
    def release(self, claims: Iterable[Claim]) -> None:
        """Remove those of these claims that have no use and are held until the same instant still."""

    @abstractmethod
    def remove_held(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` claims of any tenant without uses that were held until before; return how many."""


class EmailChangeRepository(Protocol):
    """Stores changes of emails by user and number. ``usercore.testing.contracts.email_changes`` tests it."""

    @abstractmethod
    def add(self, change: EmailChange) -> None:
        """Store a new change of a locked user."""

    @abstractmethod
    def get(self, user_id: UserId, number: int, /) -> EmailChange | None:
        """Return the change, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId) -> list[EmailChange]:
        """Return the user's changes by number."""

    @abstractmethod
    def put(self, change: EmailChange) -> None:
        """Store a change of a locked user in place of the one with its number."""

    @abstractmethod
    def remove_closed(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` changes of any tenant that were open until before; return their number."""


class UsersUnit(ChangingUnit, Protocol):
    """The part of a unit that users need."""

    @property
    def users(self) -> UserRepository:
        """The tenant's users as this unit sees them."""

    @property
    def claims(self) -> ClaimRepository:
        """The tenant's claims as this unit sees them."""

    @property
    def email_changes(self) -> EmailChangeRepository:
        """The changes of users' emails as this unit sees them."""
