"""Roles in SQL, a small table that every shard may have a copy of, and their assignments, beside the users."""

from collections.abc import Sequence
from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.ids import RoleId
from usercore.kernel.text import unique_key
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role, RoleAssignment
from usercore.roles.ports import RoleAssignmentRepository, RoleRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.table import Row
from usercore_storage.sql.tables import ROLES

GET: Final = f"SELECT {ROLES.select} FROM usercore_roles WHERE id = ? AND tenant_id = ?"
GET_MANY: Final = {
    size: f"SELECT {ROLES.select} FROM usercore_roles WHERE tenant_id = ? AND id IN ({marks(size)})" for size in SIZES
}
BY_NAME: Final = f"SELECT {ROLES.select} FROM usercore_roles WHERE tenant_id = ? AND name_folded = ?"
LOCK_AND_GET: Final = (
    f"UPDATE usercore_roles SET change_no = change_no + 1 WHERE id = ? AND tenant_id = ? RETURNING {ROLES.select}"
)
_REPLACE, _replaced = ROLES.updater("tenant_id", "change_no")
REPLACE: Final = _REPLACE.replace(" SET ", " SET name_folded = ?, ", 1)
_LIST: Final = f"SELECT {ROLES.select} FROM usercore_roles WHERE tenant_id = ? AND name_folded > ?"
LIST: Final = f"{_LIST} ORDER BY name_folded LIMIT ?"
LIST_BY_ACTIVE: Final = f"{_LIST} AND active = ? ORDER BY name_folded LIMIT ?"


class SqlRoles(RoleRepository):
    """Stores roles in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction, see the roles of this unit's tenant, and number its changes."""
        self._run = run
        self._unit = unit

    def add(self, role: Role) -> None:
        self._run(ROLES.insert, ROLES.row(role))
        self._unit.number(Subject.ROLE, role.id, role.change_no)

    def get(self, role_id: RoleId) -> Role | None:
        return self._one(GET, (role_id, self._unit.tenant_id))

    def get_many(self, role_ids: Sequence[RoleId]) -> list[Role]:
        tenant_id = self._unit.tenant_id
        rows = [row for ids in in_sizes(role_ids) for row in self._run(GET_MANY[len(ids)], (tenant_id, *ids))]
        return list(map(ROLES.read, rows))

    def find_by_name(self, name: str) -> Role | None:
        return self._one(BY_NAME, (self._unit.tenant_id, unique_key(name)))

    def lock(self, role_id: RoleId) -> Role:
        role = self._one(LOCK_AND_GET, (role_id, self._unit.tenant_id))
        if role is None:
            raise RoleNotFound
        self._unit.number(Subject.ROLE, role.id, role.change_no)
        return role

    def replace(self, role: Role) -> None:
        self._run(REPLACE, (unique_key(role.name), *_replaced(role)))

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Role]:
        start = self._unit.tenant_id, after or ""  # sorts before every name, because none is empty
        if active is None:
            return list(map(ROLES.read, self._run(LIST, (*start, limit))))
        return list(map(ROLES.read, self._run(LIST_BY_ACTIVE, (*start, active, limit))))

    def _one(self, statement: str, values: Row) -> Role | None:
        rows = self._run(statement, values)
        return ROLES.read(rows[0]) if rows else None


class SqlRoleAssignments(SqlRows[RoleAssignment], RoleAssignmentRepository):
    """Stores assignments in the transaction of ``run``."""
