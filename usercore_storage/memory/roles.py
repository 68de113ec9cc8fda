"""Roles and their assignments, in memory."""

from heapq import nsmallest
from itertools import islice

from usercore.kernel.changes import Subject
from usercore.kernel.ids import RoleId
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role, RoleAssignment
from usercore.roles.ports import RoleAssignmentRepository, RoleRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.named_rows import MemoryNamedRows
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoLog


class MemoryRoles(MemoryNamedRows[Role], RoleRepository):
    """Stores roles by id and name."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        super().__init__(undo, unit, subject=Subject.ROLE, not_found=RoleNotFound)

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Role]:
        found = (
            (name, role)
            for name, role in self._own()
            if (after is None or name > after) and active in (None, role.active)
        )
        return [role for _, role in nsmallest(limit, found)]  # names are unique, so roles are never compared


class MemoryRoleAssignments(MemoryRows[RoleAssignment], RoleAssignmentRepository):
    """Stores assignments by user and role."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "role_id")

    def remove_of_role(self, role_id: RoleId, /, *, limit: int) -> int:
        of_role = (row for _, row in self._rows.everything() if row.role_id == role_id)
        removed = list(islice(of_role, limit))
        for row in removed:
            self.remove(row.user_id, role_id)
        return len(removed)
