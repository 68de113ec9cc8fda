"""Roles and their assignments, in memory."""

from collections.abc import Sequence
from heapq import nsmallest

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain
from usercore.kernel.ids import RoleId, TenantId
from usercore.kernel.text import unique_key
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role, RoleAssignment
from usercore.roles.ports import RoleAssignmentRepository, RoleRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, with_own


class MemoryRoles(RoleRepository):
    """Stores roles by id, and their ids by tenant and name; only those of the unit's tenant are visible."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._roles = UndoDict[RoleId, Role](undo)
        self._names = UndoDict[tuple[TenantId, str], RoleId](undo)
        self._unit = unit

    def add(self, role: Role) -> None:
        if self._names.get(_name_of(role)) is not None:
            raise RunAgain
        self._roles.add(role.id, role)
        self._names.add(_name_of(role), role.id)
        self._unit.number(Subject.ROLE, role.id, role.change_no)

    def get(self, role_id: RoleId) -> Role | None:
        role = self._roles.get(role_id)
        return role if role is not None and role.tenant_id == self._unit.tenant_id else None

    def get_many(self, role_ids: Sequence[RoleId]) -> list[Role]:
        return [role for role in map(self.get, dict.fromkeys(role_ids)) if role is not None]

    def find_by_name(self, name: str) -> Role | None:
        role_id = self._names.get((self._unit.tenant_id, unique_key(name)))
        return None if role_id is None else self._roles.get(role_id)

    def lock(self, role_id: RoleId) -> Role:
        role = self.get(role_id)
        if role is None:
            raise RoleNotFound
        locked = evolve(role, change_no=role.change_no + 1)
        self._roles.put(role_id, locked)
        self._unit.number(Subject.ROLE, role_id, locked.change_no)
        return locked

    def replace(self, role: Role) -> None:
        stored = self.get(role.id)
        if stored is not None:
            renamed = with_own(role, stored, "tenant_id", "change_no")
            if _name_of(renamed) != _name_of(stored):
                self._names.add(_name_of(renamed), role.id)
                self._names.remove(_name_of(stored))
            self._roles.put(role.id, renamed)

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Role]:
        own = ((name, role_id) for (tenant, name), role_id in self._names.items() if tenant == self._unit.tenant_id)
        named = ((name, self._roles.get(role_id)) for name, role_id in own if after is None or name > after)
        found = [(name, role) for name, role in named if role is not None and active in (None, role.active)]
        return [role for _, role in nsmallest(limit, found)]  # names are unique, so roles are never compared


class MemoryRoleAssignments(MemoryRows[RoleAssignment], RoleAssignmentRepository):
    """Stores assignments by user and role."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "role_id")


def _name_of(role: Role) -> tuple[TenantId, str]:
    return role.tenant_id, unique_key(role.name)
