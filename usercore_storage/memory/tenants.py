"""Tenants in memory."""

from heapq import nsmallest

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain, TenantNotFound
from usercore.kernel.ids import TenantId
from usercore.kernel.text import unique_key
from usercore.storage.recording import RecordingUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, with_own


class MemoryTenants(TenantRepository):
    """Stores tenants by id, and their ids by key and name, ignoring case and width."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._tenants = UndoDict[TenantId, Tenant](undo)
        self._keys = UndoDict[str, TenantId](undo)
        self._names = UndoDict[str, TenantId](undo)
        self._unit = unit

    def add(self, tenant: Tenant) -> None:
        key, name = unique_key(tenant.key), unique_key(tenant.name)
        if self._keys.get(key) is not None or self._names.get(name) is not None:
            raise RunAgain
        self._tenants.add(tenant.id, tenant)
        self._keys.add(key, tenant.id)
        self._names.add(name, tenant.id)
        self._unit.number(Subject.TENANT, tenant.id, tenant.change_no)

    def get(self, tenant_id: TenantId) -> Tenant | None:
        return self._tenants.get(tenant_id)

    def is_active(self, tenant_id: TenantId) -> bool:
        tenant = self._tenants.get(tenant_id)
        return tenant is not None and tenant.active

    def find_by_key(self, key: str) -> Tenant | None:
        tenant_id = self._keys.get(unique_key(key))
        return None if tenant_id is None else self._tenants.get(tenant_id)

    def find_by_name(self, name: str) -> Tenant | None:
        tenant_id = self._names.get(unique_key(name))
        return None if tenant_id is None else self._tenants.get(tenant_id)

    def lock(self, tenant_id: TenantId) -> Tenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            raise TenantNotFound
        locked = evolve(tenant, change_no=tenant.change_no + 1)
        self._tenants.put(tenant_id, locked)
        self._unit.number(Subject.TENANT, tenant_id, locked.change_no)
        return locked

    def replace(self, tenant: Tenant) -> None:
        stored = self._tenants.get(tenant.id)
        if stored is not None:
            self._rename(tenant.id, unique_key(stored.name), unique_key(tenant.name))
            self._tenants.put(tenant.id, with_own(tenant, stored, "key", "change_no"))

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Tenant]:
        named = ((name, tenant_id) for name, tenant_id in self._names.items() if after is None or name > after)
        found = ((name, tenant) for name, tenant_id in named if (tenant := self._tenants.get(tenant_id)) is not None)
        fitting = (pair for pair in found if active is None or pair[1].active is active)
        return [tenant for _, tenant in nsmallest(limit, fitting)]  # names are unique, so tenants are never compared

    def _rename(self, tenant_id: TenantId, before: str, after: str) -> None:
        if before != after:
            self._names.add(after, tenant_id)
            self._names.remove(before)
