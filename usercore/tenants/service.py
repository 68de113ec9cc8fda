"""The use-cases of tenants. They work on ``core.tenant("system")`` only."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import TenantNotFound
from usercore.kernel.ids import TenantId, plain_uuid
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type, clean_fields, unique_key
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version
from usercore.tenants.errors import SystemOnly, TenantInactive, TenantStaleVersion, TenantTaken
from usercore.tenants.model import ACTIVATED, CREATED, DEACTIVATED, DELETED, UPDATED, Tenant
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.rules import (
    CLEAN,
    check_deactivatable,
    check_deletable,
    check_renamable,
    clean_tenant_key,
    clean_tenant_name,
)


def find_tenant(unit: TenantsUnit, key: str | UUID) -> Tenant:
    """Return the tenant with this key, ignoring case, or with this UUID.

    Raises:
        TenantNotFound: there is no such tenant.
    """
    tenant = unit.tenants.find_by_key(key) if isinstance(key, str) else unit.tenants.find_by_uuid(key)
    if tenant is None:
        raise TenantNotFound
    return tenant


def get_tenant(unit: TenantsUnit, tenant_id: TenantId) -> Tenant:
    """Return the tenant with this id.

    Raises:
        TenantNotFound: there is no such tenant.
    """
    tenant = unit.tenants.get(tenant_id)
    if tenant is None:
        raise TenantNotFound
    return tenant


def require_active(unit: TenantsUnit, tenant_id: TenantId) -> None:
    """Check that the users of this tenant may sign in.

    Raises:
        TenantInactive: the tenant is inactive, or there is no such tenant.
    """
    if not unit.tenants.is_active(tenant_id):
        raise TenantInactive


def add_tenant(unit: TenantsUnit, tenant: Tenant) -> None:
    """Store a new tenant, and record the change.

    Raises:
        TenantTaken: another tenant has the key, the name or the supplied UUID.
    """
    if tenant.supplied_uuid is not None and unit.tenants.find_by_uuid(tenant.supplied_uuid) is not None:
        raise TenantTaken("tenant_uuid", "uuid")
    if unit.tenants.find_by_key(tenant.key) is not None:
        raise TenantTaken("tenant_key", "key")
    if unit.tenants.find_by_name(tenant.name) is not None:
        raise TenantTaken("tenant_name", "name")
    unit.tenants.add(tenant)
    unit.record(Change(kind=CREATED, subject_id=tenant.id, new=tenant))


@frozen(kw_only=True)
class Tenants:
    """Manages tenants. Trusted: for operators. Safe to share between threads."""

    _service: ServiceContext[TenantsUnit]
    _forget: Callable[[Tenant], object]
    """Called with a tenant that was deleted, so that cores are not bound to it any more."""

    def create(
        self,
        key: str,
        name: str,
        *,
        description: str | None = None,
        time_zone: str = "UTC",
        country: str | None = None,
        language: str = "en",
        date_format: str = "YYYY/MM/DD",
        timestamp_offset_minutes: int = 0,
        data_offset_minutes: int = 0,
        uuid: UUID | None = None,
    ) -> Tenant:
        """Create a tenant; key and name have 1-256 characters and are unique ignoring case. The key never changes.

        ``uuid`` is the one that it has in another system; without it one is derived from the id.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
            TenantTaken: another tenant has the key, the name or the UUID.
        """
        self._check_system()
        supplied = None if uuid is None else plain_uuid(check_type(uuid, UUID, name="uuid"))
        errors = FieldErrors()
        clean_key = errors.take(clean_tenant_name, key, field="key")
        given = {
            "name": name,
            "description": description,
            "time_zone": time_zone,
            "country": country,
            "language": language,
            "date_format": date_format,
            "timestamp_offset_minutes": timestamp_offset_minutes,
            "data_offset_minutes": data_offset_minutes,
        }
        fields = clean_fields(CLEAN, given, errors)
        errors.check()

        def create(unit: TenantsUnit) -> Tenant:
            tenant = self._new(clean_key or "", fields | {"supplied_uuid": supplied})
            add_tenant(unit, tenant)
            return tenant

        return self._service.units.write(create)

    def get(self, key: str | UUID) -> Tenant:
        """Return the tenant with this key, ignoring case, or with this UUID.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: the key is neither text nor a UUID.
            Invalid: no tenant can have this key.
            TenantNotFound: there is no such tenant.
        """
        self._check_system()
        clean_key = clean_tenant_key(key, field="key")
        return self._service.units.read(lambda unit: find_tenant(unit, clean_key))

    def update(
        self,
        key: str,
        *,
        name: str | Unset = UNSET,
        description: str | None | Unset = UNSET,
        time_zone: str | Unset = UNSET,
        country: str | None | Unset = UNSET,
        language: str | Unset = UNSET,
        date_format: str | Unset = UNSET,
        timestamp_offset_minutes: int | Unset = UNSET,
        data_offset_minutes: int | Unset = UNSET,
        version: int | None = None,
    ) -> Tenant:
        """Change the fields that are passed, and return the tenant as it is now.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: a value has the wrong type.
            TenantNotFound: there is no tenant with this key.
            Invalid: a value is invalid; it lists every error, by field.
            BuiltIn: a built-in tenant cannot be renamed.
            TenantStaleVersion: the tenant has another version by now.
            TenantTaken: another tenant has the name.
        """
        given = {
            "name": name,
            "description": description,
            "time_zone": time_zone,
            "country": country,
            "language": language,
            "date_format": date_format,
            "timestamp_offset_minutes": timestamp_offset_minutes,
            "data_offset_minutes": data_offset_minutes,
        }
        errors = FieldErrors()
        fields = clean_fields(CLEAN, given, errors)
        errors.check()

        def update(unit: TenantsUnit, old: Tenant) -> Tenant:
            check_version(old.version, version, error=TenantStaleVersion)
            new = evolve(old, **fields)
            if new.name != old.name:
                check_renamable(old)
                holder = unit.tenants.find_by_name(new.name)
                if holder is not None and holder.id != old.id:
                    raise TenantTaken("tenant_name", "name")
            return new

        return self._change(key, UPDATED, update)

    def activate(self, key: str) -> Tenant:
        """Activate a deactivated tenant, so that its users can sign in as before.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: the key is not text.
            TenantNotFound: there is no tenant with this key.
        """
        return self._change(key, ACTIVATED, lambda _, old: evolve(old, active=True))

    def deactivate(self, key: str) -> Tenant:
        """Deactivate a tenant: its users cannot sign in, and its tokens are not accepted.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: the key is not text.
            TenantNotFound: there is no tenant with this key.
            BuiltIn: it is ``system``.
        """

        def deactivate(_: TenantsUnit, old: Tenant) -> Tenant:
            check_deactivatable(old)
            return evolve(old, active=False)

        return self._change(key, DEACTIVATED, deactivate)

    def delete(self, key: str) -> None:
        """Delete a tenant: from now on it is not there, and its key and name are free. ``cleanup`` erases its users.

        No user of it can sign in or register from this moment, in any process. Another process may bind cores to it
        for a few seconds more, and trusted calls of cores that are bound to it find its users until they are erased.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: the key is not text.
            Invalid: no tenant can have this key.
            TenantNotFound: there is no tenant with this key.
            BuiltIn: it is ``system`` or ``main``.
        """
        self._check_system()
        clean_key = clean_tenant_name(key, field="key")

        def delete(unit: TenantsUnit) -> Tenant:
            found = find_tenant(unit, clean_key)
            check_deletable(found)
            old = unit.tenants.lock(found.id)
            now, by = self._service.clock(), str(self._service.context.actor)
            # Inactive too, because the look-ups for authentication refuse the users of inactive tenants.
            marked = evolve(old, active=False, deleted_at=now, modified_at=now, modified_by=by, version=old.version + 1)
            unit.tenants.replace(marked)
            unit.record(Change(kind=DELETED, subject_id=old.id, old=old))
            return marked

        self._forget(self._service.units.write(delete))

    def list(self, active: bool | None = None, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Tenant]:  # noqa: FBT001 - the signature in spec T3
        """List tenants by name; ``limit`` is 1 to 1000.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        self._check_system()
        if active is not None:
            check_type(active, bool, name="active")
        rows, place = check_limit(limit), read_cursor(cursor, str)
        after = None if place is None else place[0]
        found = self._service.units.read(lambda unit: unit.tenants.list_from(after, active=active, limit=rows + 1))
        return page_of(found, rows, lambda tenant: (unique_key(tenant.name),))

    def _new(self, key: str, fields: Mapping[str, Any]) -> Tenant:
        now, by = self._service.clock(), str(self._service.context.actor)
        tenant_id = TenantId(self._service.new_id())
        return Tenant(id=tenant_id, key=key, created_at=now, created_by=by, modified_at=now, modified_by=by, **fields)

    def _check_system(self) -> None:
        if self._service.context.tenant_id != SYSTEM:
            raise SystemOnly

    def _change(self, key: str, kind: ChangeKind, next_of: Callable[[TenantsUnit, Tenant], Tenant]) -> Tenant:
        self._check_system()
        clean_key = clean_tenant_name(key, field="key")

        def change(unit: TenantsUnit) -> Tenant:
            old = unit.tenants.lock(find_tenant(unit, clean_key).id)
            new = next_of(unit, old)
            if new == old:
                return old
            kept = evolve(
                new,
                modified_at=self._service.clock(),
                modified_by=str(self._service.context.actor),
                version=old.version + 1,
            )
            unit.tenants.replace(kept)
            unit.record(Change(kind=kind, subject_id=old.id, old=old, new=kept))
            return kept

        return self._service.units.write(change)
