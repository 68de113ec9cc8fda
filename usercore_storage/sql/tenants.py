"""Tenants in SQL: a small table that every shard may have a copy of."""

from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.errors import TenantNotFound
from usercore.kernel.ids import TenantId
from usercore.kernel.text import unique_key
from usercore.storage.recording import RecordingUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import TENANTS

GET: Final = f"SELECT {TENANTS.select} FROM usercore_tenants WHERE id = ?"
IS_ACTIVE: Final = "SELECT active FROM usercore_tenants WHERE id = ?"
BY_KEY: Final = f"SELECT {TENANTS.select} FROM usercore_tenants WHERE key_folded = ?"
BY_NAME: Final = f"SELECT {TENANTS.select} FROM usercore_tenants WHERE name_folded = ?"
LOCK_AND_GET: Final = f"UPDATE usercore_tenants SET change_no = change_no + 1 WHERE id = ? RETURNING {TENANTS.select}"
_REPLACE, _replaced = TENANTS.updater("key", "change_no")
REPLACE: Final = _REPLACE.replace(" SET ", " SET name_folded = ?, ", 1)
LIST: Final = f"SELECT {TENANTS.select} FROM usercore_tenants WHERE name_folded > ? ORDER BY name_folded LIMIT ?"
LIST_BY_ACTIVE: Final = (
    f"SELECT {TENANTS.select} FROM usercore_tenants WHERE name_folded > ? AND active = ? ORDER BY name_folded LIMIT ?"
)


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

    def _one(self, statement: str, value: object) -> Tenant | None:
        rows = self._run(statement, (value,))
        return TENANTS.read(rows[0]) if rows else None
