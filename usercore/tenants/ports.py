"""The storage interface of tenants. ``usercore.testing.contracts.tenants`` tests implementations."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol
from uuid import UUID

from usercore.kernel.ids import TenantId
from usercore.kernel.units import ChangingUnit
from usercore.tenants.model import Tenant


class TenantRepository(Protocol):
    """Stores tenants. Every unit sees all of them; the service checks which cores may manage them.

    Deleted ones do not exist for the methods that do not name them.
    """

    @abstractmethod
    def add(self, tenant: Tenant) -> None:
        """Store a new tenant; the unit holds its lock from now on.

        Raises:
            RunAgain: a tenant has this id, UUID, key or name, ignoring case. Callers check first.
        """

    @abstractmethod
    def get(self, tenant_id: TenantId) -> Tenant | None:
        """Return the tenant, or None."""

    @abstractmethod
    def is_active(self, tenant_id: TenantId) -> bool:
        """Return whether the tenant exists and is active."""

    @abstractmethod
    def find_by_key(self, key: str) -> Tenant | None:
        """Return the tenant with this key, ignoring case and width, or None."""

    @abstractmethod
    def find_by_name(self, name: str) -> Tenant | None:
        """Return the tenant with this name, ignoring case and width, or None."""

    @abstractmethod
    def find_by_uuid(self, uuid: UUID) -> Tenant | None:
        """Return the tenant with this public UUID, or None. A supplied UUID precedes one that is derived from an id."""

    @abstractmethod
    def lock(self, tenant_id: TenantId) -> Tenant:
        """Lock the tenant as ``unit.lock_tenant`` does, and return it as it is now.

        Raises:
            TenantNotFound: there is no such tenant.
        """

    @abstractmethod
    def replace(self, tenant: Tenant) -> None:
        """Store another state of a locked tenant: all fields but ``id``, ``key``, ``supplied_uuid`` and ``change_no``.

        Raises:
            RunAgain: another tenant has this name, ignoring case. Callers check first.
        """

    @abstractmethod
    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Tenant]:
        """Return at most ``limit`` tenants, ordered by the key of their name, that follow the key ``after``."""

    @abstractmethod
    def list_deleted(self, limit: int) -> list[Tenant]:
        """Return at most ``limit`` tenants that are deleted and not finished, the earliest first."""

    @abstractmethod
    def finish_deletion(self, tenant_id: TenantId, *, at: datetime) -> None:
        """Note that a deleted tenant has been finished, so that it is not listed any more."""


class TenantsUnit(ChangingUnit, Protocol):
    """The part of a unit that tenants need."""

    @property
    def tenants(self) -> TenantRepository:
        """All tenants as this unit sees them."""
