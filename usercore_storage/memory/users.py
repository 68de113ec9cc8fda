"""Users and claims in memory."""

from collections.abc import Iterable, Sequence

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain, UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.references import Space
from usercore.storage.recording import RecordingUnit
from usercore.users.model import Claim, User, UserState
from usercore.users.ports import ClaimRepository, UserRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, with_own


class MemoryUsers(UserRepository):
    """Keeps users by id; the unit says whose tenant's are there."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._users = UndoDict[UserId, User](undo)
        self._unit = unit

    def add(self, user: User) -> None:
        self._users.add(user.id, user)
        self._unit.number(Subject.USER, user.id, user.change_no)

    def add_many(self, users: Sequence[User]) -> None:
        for user in users:
            self.add(user)

    def get(self, user_id: UserId) -> User | None:
        user = self._users.get(user_id)
        return user if user is not None and user.tenant_id == self._unit.tenant_id else None

    def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        return [user for user in map(self.get, dict.fromkeys(user_ids)) if user is not None]

    def lock(self, user_id: UserId) -> User:
        user = self.get(user_id)
        if user is None or user.state is UserState.ERASED:
            raise UserNotFound
        guarded = evolve(user, change_no=user.change_no + 1)
        self._users.put(user_id, guarded)
        self._unit.number(Subject.USER, user_id, guarded.change_no)
        return guarded

    def replace(self, old: User, new: User) -> None:
        kept = self.get(old.id)
        if kept is not None:
            self._users.put(old.id, with_own(new, kept, "id", "tenant_id", "change_no"))


class MemoryClaims(ClaimRepository):
    """Keeps claims by tenant, space and key."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._claims = UndoDict[tuple[TenantId, Space, str], Claim](undo)
        self._unit = unit

    def find(self, space: Space, key: str) -> Claim | None:
        return self._claims.get((self._unit.tenant_id, space, key))

    def find_many(self, names: Sequence[tuple[Space, str]]) -> list[Claim]:
        found = (self.find(space, key) for space, key in dict.fromkeys(names))
        return [claim for claim in found if claim is not None]

    def put(self, claim: Claim) -> None:
        kept = self._claims.get(_name_of(claim))
        if kept is not None and kept.holder_id != claim.holder_id:
            raise RunAgain
        self._claims.put(_name_of(claim), claim)

    def add_many(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._claims.add(_name_of(claim), claim)

    def remove(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            kept = self._claims.get(_name_of(claim))
            if kept is not None and kept.holder_id == claim.holder_id:
                self._claims.remove(_name_of(claim))


def _name_of(claim: Claim) -> tuple[TenantId, Space, str]:
    return claim.tenant_id, claim.space, claim.key
