"""Tenants in memory."""

from datetime import datetime
from heapq import nsmallest
from uuid import UUID

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain, TenantNotFound
from usercore.kernel.ids import TENANT_KIND, TenantId, id_of
from usercore.kernel.text import unique_key
from usercore.kernel.time import LAST
from usercore.storage.recording import RecordingUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own


class MemoryTenants(TenantRepository):
    """Stores tenants by id, and the ids of those that are not deleted by key and name, ignoring case, and by UUID."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._tenants = UndoDict[TenantId, Tenant](undo)
        self._keys = UndoDict[str, TenantId](undo)
        self._names = UndoDict[str, TenantId](undo)
        self._uuids = UndoDict[UUID, TenantId](undo)
        self._unit = unit

    def add(self, tenant: Tenant) -> None:
        key, name = unique_key(tenant.key), unique_key(tenant.name)
        if self._keys.get(key) is not None or self._names.get(name) is not None:
            raise RunAgain
        self._tenants.add(tenant.id, tenant)
        if tenant.deleted_at is None:
            self._keys.add(key, tenant.id)
            self._names.add(name, tenant.id)
            if tenant.supplied_uuid is not None:
                self._uuids.add(tenant.supplied_uuid, tenant.id)
        self._unit.number(Subject.TENANT, tenant.id, tenant.change_no)

    def get(self, tenant_id: TenantId) -> Tenant | None:
        tenant = self._tenants.get(tenant_id)
        return tenant if tenant is not None and tenant.deleted_at is None else None

    def is_active(self, tenant_id: TenantId) -> bool:
        tenant = self._tenants.get(tenant_id)
        return tenant is not None and tenant.active

    def find_by_key(self, key: str) -> Tenant | None:
        tenant_id = self._keys.get(unique_key(key))
        return None if tenant_id is None else self.get(tenant_id)

    def find_by_name(self, name: str) -> Tenant | None:
        tenant_id = self._names.get(unique_key(name))
        return None if tenant_id is None else self.get(tenant_id)

    def find_by_uuid(self, uuid: UUID) -> Tenant | None:
        supplied = self._uuids.get(uuid)
        number = id_of(uuid, TENANT_KIND) if supplied is None else supplied
        tenant = None if number is None else self.get(TenantId(number))
        return tenant if tenant is not None and tenant.uuid == uuid else None

    def lock(self, tenant_id: TenantId) -> Tenant:
        tenant = self.get(tenant_id)
        if tenant is None:
            raise TenantNotFound
        locked = evolve(tenant, change_no=tenant.change_no + 1)
        self._tenants.put(tenant_id, locked)
        self._unit.number(Subject.TENANT, tenant_id, locked.change_no)
        return locked

    def replace(self, tenant: Tenant) -> None:
        stored = self._tenants.get(tenant.id)
        if stored is None:
            return
        if tenant.deleted_at is not None:
            self._keys.remove(unique_key(stored.key))
            self._names.remove(unique_key(stored.name))
            if stored.supplied_uuid is not None:
                self._uuids.remove(stored.supplied_uuid)
        else:
            self._rename(tenant.id, unique_key(stored.name), unique_key(tenant.name))
        self._tenants.put(tenant.id, with_own(tenant, stored, "key", "change_no", "supplied_uuid"))

    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Tenant]:
        named = ((name, tenant_id) for name, tenant_id in self._names.items() if after is None or name > after)
        found = ((name, tenant) for name, tenant_id in named if (tenant := self._tenants.get(tenant_id)) is not None)
        fitting = (pair for pair in found if active is None or pair[1].active is active)
        return [tenant for _, tenant in nsmallest(limit, fitting)]  # names are unique, so tenants are never compared

    def list_deleted(self, limit: int) -> list[Tenant]:
        unfinished = (tenant for tenant in self._tenants.values() if tenant.erased_at is None)
        return oldest(unfinished, lambda tenant: tenant.deleted_at, before=LAST, limit=limit)

    def finish_deletion(self, tenant_id: TenantId, *, at: datetime) -> None:
        tenant = self._tenants.get(tenant_id)
        if tenant is not None and tenant.deleted_at is not None:
            self._tenants.put(tenant_id, evolve(tenant, erased_at=at))

    def _rename(self, tenant_id: TenantId, before: str, after: str) -> None:
        if before != after:
            self._names.add(after, tenant_id)
            self._names.remove(before)
