"""Roles in SQL, a small table that every shard may have a copy of, and their assignments, beside the users."""

from usercore.kernel.changes import Subject
from usercore.kernel.ids import RoleId
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role, RoleAssignment
from usercore.roles.ports import RoleAssignmentRepository, RoleRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.named_rows import SqlNamedRows
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import ROLE_ASSIGNMENTS, ROLES


class SqlRoles(SqlNamedRows[Role], RoleRepository):
    """Stores roles in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction, see the roles of this unit's tenant, and number their changes."""
        super().__init__(run, unit, ROLES, subject=Subject.ROLE, not_found=RoleNotFound)
        after = f"SELECT {ROLES.select} FROM usercore_roles WHERE tenant_id = ? AND deleted_at IS NULL"
        self._list = f"{after} AND name_folded > ? ORDER BY name_folded LIMIT ?"
        self._list_by_active = f"{after} AND name_folded > ? AND active = ? ORDER BY name_folded LIMIT ?"

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Role]:
        start = self._unit.tenant_id, after or ""  # sorts before every name, because none is empty
        if active is None:
            return self._all(self._list, (*start, limit))
        return self._all(self._list_by_active, (*start, active, limit))


class SqlRoleAssignments(SqlRows[RoleAssignment], RoleAssignmentRepository):
    """Stores assignments in the transaction of ``run``."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, ROLE_ASSIGNMENTS)
        self.from_all_shards = {  # the holders of a role are on every shard
            "of role": "DELETE FROM usercore_role_assignments WHERE (user_id, role_id) IN"
            " (SELECT user_id, role_id FROM usercore_role_assignments WHERE role_id = ? LIMIT ?) RETURNING user_id"
        }

    def remove_of_role(self, role_id: RoleId, /, *, limit: int) -> int:
        return len(self._run(self.from_all_shards["of role"], (role_id, limit)))
