"""What tenants ask of a storage. ``usercore.testing.contracts.tenants`` proves it."""

from abc import abstractmethod
from typing import Protocol

from usercore.kernel.ids import TenantId
from usercore.kernel.units import ChangingUnit
from usercore.tenants.model import Tenant


class TenantRepository(Protocol):
    """Keeps tenants. Every unit sees all of them; who may manage them is the service's rule."""

    @abstractmethod
    def add(self, tenant: Tenant) -> None:
        """Keep a new tenant; the unit holds its guard from now on.

        Raises:
            RunAgain: a tenant has this id, key or name, ignoring case. Callers look first.
        """

    @abstractmethod
    def get(self, tenant_id: TenantId) -> Tenant | None:
        """Give the tenant, or None."""

    @abstractmethod
    def is_active(self, tenant_id: TenantId) -> bool:
        """Return whether the tenant exists and is active."""

    @abstractmethod
    def find_by_key(self, key: str) -> Tenant | None:
        """Give the tenant with this key, ignoring case and width, or None."""

    @abstractmethod
    def find_by_name(self, name: str) -> Tenant | None:
        """Give the tenant with this name, ignoring case and width, or None."""

    @abstractmethod
    def lock(self, tenant_id: TenantId) -> Tenant:
        """Lock the tenant as ``unit.lock_tenant`` does, and give it as it is now.

        Raises:
            TenantNotFound: there is no such tenant.
        """

    @abstractmethod
    def replace(self, tenant: Tenant) -> None:
        """Keep another state of a guarded tenant: all fields but ``id``, ``key`` and ``change_no``.

        Raises:
            RunAgain: another tenant has this name, ignoring case. Callers look first.
        """

    @abstractmethod
    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Tenant]:
        """Give at most ``limit`` tenants by the key of their name, from behind the key ``after``."""


class TenantsUnit(ChangingUnit, Protocol):
    """The part of a unit that tenants need."""

    @property
    def tenants(self) -> TenantRepository:
        """All tenants as this unit sees them."""
