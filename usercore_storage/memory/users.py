"""Users and claims in memory."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain, UserNotFound
from usercore.kernel.ids import USER_KIND, TenantId, UserId, id_of
from usercore.storage.recording import RecordingUnit
from usercore.users.keys import ClaimName, KeySpace
from usercore.users.model import Claim, EmailChange, LastSignIn, User, UserState
from usercore.users.ports import ClaimRepository, EmailChangeRepository, UserRepository
from usercore.users.rules import never_came
from usercore.users.words import stored_words
from usercore_storage.memory.rows import MemoryRows, OfUsers
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own
from usercore_storage.memory.undo_list import UndoList, itself


class MemoryUsers(UserRepository):
    """Stores users by id; only those of the unit's tenant are visible."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._users = UndoDict[UserId, User](undo)
        self._ids = UndoList[tuple[TenantId, UserState], UserId, UserId](undo, itself)
        self._unit = unit

    def add(self, user: User) -> None:
        self._users.add(user.id, user)
        self._ids.add((user.tenant_id, user.state), user.id)
        self._unit.number(Subject.USER, user.id, user.change_no)

    def add_many(self, users: Sequence[User]) -> None:
        for user in users:
            self.add(user)

    def get(self, user_id: UserId) -> User | None:
        user = self._users.get(user_id)
        return user if user is not None and user.tenant_id == self._unit.tenant_id else None

    def find_by_claim(self, name: ClaimName) -> User | None:
        claim = self._unit.claims.find(name.space, name.key)
        return self.get(UserId(claim.holder_id)) if claim is not None and claim.uses & name.uses else None

    def find_by_uuid(self, uuid: UUID) -> User | None:
        imported = self._unit.claims.find(KeySpace.UUID, str(uuid))
        number = id_of(uuid, USER_KIND) if imported is None else imported.holder_id
        user = None if number is None else self.get(UserId(number))
        return user if user is not None and user.uuid == uuid else None

    def exists(self, user_id: UserId) -> bool:
        return _id_of(self.get(user_id)) is not None

    def has_other_active(self, user_id: UserId) -> bool:
        return any(other != user_id for other in self._ids.of((self._unit.tenant_id, UserState.ACTIVE)))

    def active(self) -> list[User]:
        """Return the active users of the unit's tenant by id."""
        return self.get_many(self._ids.of((self._unit.tenant_id, UserState.ACTIVE)))

    def id_by_claim(self, name: ClaimName) -> UserId | None:
        return _id_of(self.find_by_claim(name))

    def id_by_uuid(self, uuid: UUID) -> UserId | None:
        return _id_of(self.find_by_uuid(uuid))

    def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        return [user for user in map(self.get, dict.fromkeys(user_ids)) if user is not None]

    def states_of(self, user_ids: Sequence[UserId]) -> dict[UserId, UserState]:
        return {user.id: user.state for user in self.get_many(user_ids)}

    def list_from(self, state: UserState, *, after: UserId | None, limit: int) -> list[User]:
        ids = self._ids.of((self._unit.tenant_id, state))
        start = 0 if after is None else bisect_right(ids, after)
        return self.get_many(ids[start : start + limit])

    def find_by_word(self, beginning: str, *, limit: int) -> list[UserId]:
        """Return users by word; all of them are scanned, because an index of words would double what a user takes."""
        mine = (user for user in self._users.values() if user.tenant_id == self._unit.tenant_id)
        found = (user.id for user in mine if any(word.startswith(beginning) for word in stored_words(user)))
        return list(islice(found, limit))

    def lock(self, user_id: UserId, note: LastSignIn | None = None) -> User:
        user = self.get(user_id)
        if user is None or user.state is UserState.ERASED:
            raise UserNotFound
        locked = evolve(user, change_no=user.change_no + 1)
        if note is not None:
            locked = evolve(locked, last_sign_in_at=note.at, last_sign_in_ip=note.ip)
        self._users.put(user_id, locked)
        self._unit.number(Subject.USER, user_id, locked.change_no)
        return locked

    def lock_state(self, user_id: UserId) -> UserState:
        return self.lock(user_id).state

    def replace(self, user: User) -> None:
        stored = self.get(user.id)
        if stored is not None:
            self._users.put(user.id, with_own(user, stored, "tenant_id", "change_no"))
            if user.state is not stored.state:
                self._ids.remove((stored.tenant_id, stored.state), user.id)
                self._ids.add((stored.tenant_id, user.state), user.id)

    def of_tenant(self) -> Iterator[User]:
        """Iterate over all users of the unit's tenant."""
        return (user for user in self._users.values() if user.tenant_id == self._unit.tenant_id)

    def list_unconfirmed(self, before: datetime, *, limit: int) -> list[User]:
        users = (user for user in self._users.values() if never_came(user))
        return oldest(users, lambda user: user.modified_at, before=before, limit=limit)

    def remove_unconfirmed(self, users: Sequence[User]) -> list[User]:
        for user in users:
            if self._users.get(user.id) != user:
                continue
            self._users.remove(user.id)
            self._ids.remove((user.tenant_id, user.state), user.id)
            for repository in vars(self._unit).values():
                if isinstance(repository, OfUsers):
                    repository.remove_user(user)
        return [user for user in users if self._users.get(user.id) is None]

    def remove_rows(self, user: User) -> None:
        about: tuple[object, ...] = (self._unit.history, self._unit.deliveries)
        for repository in vars(self._unit).values():
            if isinstance(repository, OfUsers) and repository not in about:
                repository.remove_user(user)


class MemoryClaims(ClaimRepository):
    """Stores claims by tenant, space and key."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._claims = UndoDict[tuple[TenantId, KeySpace, str], Claim](undo)
        self._unit = unit

    def find(self, space: KeySpace, key: str) -> Claim | None:
        return self._claims.get((self._unit.tenant_id, space, key))

    def find_many(self, names: Sequence[tuple[KeySpace, str]]) -> list[Claim]:
        found = (self.find(space, key) for space, key in dict.fromkeys(names))
        return [claim for claim in found if claim is not None]

    def put(self, claim: Claim) -> None:
        stored = self._claims.get(_name_of(claim))
        if stored is not None and stored.holder_id != claim.holder_id:
            raise RunAgain
        self._claims.put(_name_of(claim), claim)

    def add_many(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._claims.add(_name_of(claim), claim)

    def remove(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            stored = self._claims.get(_name_of(claim))
            if stored is not None and stored.holder_id == claim.holder_id:
                self._claims.remove(_name_of(claim))

    def release(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            stored = self._claims.get(_name_of(claim))
            if stored is not None and not stored.uses and stored.held_until == claim.held_until:
                self._claims.remove(_name_of(claim))

    def rows_of(self, user_id: UserId) -> list[Claim]:
        """Return the user's claims."""
        return sorted((one for one in self._claims.values() if one.holder_id == user_id), key=_name_of)

    def remove_user(self, user: User) -> None:
        """Remove the user's claims."""
        for claim in self.rows_of(user.id):
            self._claims.remove(_name_of(claim))

    def remove_held(self, before: datetime, *, limit: int) -> int:
        without_use = (claim for claim in self._claims.values() if claim.uses == 0)
        removed = oldest(without_use, lambda claim: claim.held_until, before=before, limit=limit)
        for claim in removed:
            self._claims.remove(_name_of(claim))
        return len(removed)


class MemoryEmailChanges(MemoryRows[EmailChange], EmailChangeRepository):
    """Stores changes of emails by user and number."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "number")

    def remove_closed(self, before: datetime, *, limit: int) -> int:
        changes = (change for _, change in self._rows.everything())
        removed = oldest(changes, lambda change: change.open_until, before=before, limit=limit)
        for change in removed:
            self.remove(change.user_id, change.number)
        return len(removed)


def _id_of(user: User | None) -> UserId | None:
    return None if user is None or user.state is UserState.ERASED else user.id


def _name_of(claim: Claim) -> tuple[TenantId, KeySpace, str]:
    return claim.tenant_id, claim.space, claim.key
