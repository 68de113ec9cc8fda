"""Tenants in SQL: a small table that every shard may have a copy of."""

from datetime import datetime
from typing import Final
from uuid import UUID

from usercore.kernel.changes import Subject
from usercore.kernel.errors import TenantNotFound
from usercore.kernel.ids import TENANT_KIND, TenantId, id_of
from usercore.kernel.text import unique_key
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import TENANTS

_SELECT: Final = f"SELECT {TENANTS.select} FROM usercore_tenants WHERE deleted_at IS NULL AND"
GET: Final = f"{_SELECT} id = ?"
IS_ACTIVE: Final = "SELECT active FROM usercore_tenants WHERE id = ?"
BY_KEY: Final = f"{_SELECT} key_folded = ?"
BY_NAME: Final = f"{_SELECT} name_folded = ?"
BY_UUID: Final = f"{_SELECT} supplied_uuid = ?"
LOCK_AND_GET: Final = (
    "UPDATE usercore_tenants SET change_no = change_no + 1 WHERE id = ? AND deleted_at IS NULL"
    f" RETURNING {TENANTS.select}"
)
_REPLACE, _replaced = TENANTS.updater("key", "change_no", "supplied_uuid")
REPLACE: Final = _REPLACE.replace(" SET ", " SET name_folded = ?, ", 1)
LIST: Final = f"{_SELECT} name_folded > ? ORDER BY name_folded LIMIT ?"
LIST_BY_ACTIVE: Final = f"{_SELECT} name_folded > ? AND active = ? ORDER BY name_folded LIMIT ?"
LIST_DELETED: Final = (
    f"SELECT {TENANTS.select} FROM usercore_tenants WHERE deleted_at IS NOT NULL AND erased_at IS NULL"
    " ORDER BY deleted_at LIMIT ?"
)
FINISH: Final = "UPDATE usercore_tenants SET erased_at = ? WHERE id = ? AND deleted_at IS NOT NULL"


class SqlTenants(TenantRepository):
    """Stores tenants in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction and number the changes of this unit."""
        self._run = run
        self._unit = unit

    def add(self, tenant: Tenant) -> None:
        self._run(TENANTS.insert, TENANTS.row(tenant))
        self._unit.number(Subject.TENANT, tenant.id, tenant.change_no)

    def get(self, tenant_id: TenantId) -> Tenant | None:
        return self._one(GET, tenant_id)

    def is_active(self, tenant_id: TenantId) -> bool:
        return any(active for (active,) in self._run(IS_ACTIVE, (tenant_id,)))

    def find_by_key(self, key: str) -> Tenant | None:
        return self._one(BY_KEY, unique_key(key))

    def find_by_name(self, name: str) -> Tenant | None:
        return self._one(BY_NAME, unique_key(name))

    def find_by_uuid(self, uuid: UUID) -> Tenant | None:
        supplied = self._one(BY_UUID, str(uuid))
        if supplied is not None:
            return supplied
        derived = self.get(TenantId(id_of(uuid, TENANT_KIND) or -1))  # no tenant has this id
        return derived if derived is not None and derived.uuid == uuid else None

    def lock(self, tenant_id: TenantId) -> Tenant:
        tenant = self._one(LOCK_AND_GET, tenant_id)
        if tenant is None:
            raise TenantNotFound
        self._unit.number(Subject.TENANT, tenant.id, tenant.change_no)
        return tenant

    def replace(self, tenant: Tenant) -> None:
        self._run(REPLACE, (unique_key(tenant.name), *_replaced(tenant)))

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Tenant]:
        start = after or ""  # sorts before every name, because none is empty
        if active is None:
            return list(map(TENANTS.read, self._run(LIST, (start, limit))))
        return list(map(TENANTS.read, self._run(LIST_BY_ACTIVE, (start, active, limit))))

    def list_deleted(self, limit: int) -> list[Tenant]:
        return list(map(TENANTS.read, self._run(LIST_DELETED, (limit,))))

    def finish_deletion(self, tenant_id: TenantId, *, at: datetime) -> None:
        self._run(FINISH, (to_micros(at), tenant_id))

    def _one(self, statement: str, value: object) -> Tenant | None:
        rows = self._run(statement, (value,))
        return TENANTS.read(rows[0]) if rows else None
