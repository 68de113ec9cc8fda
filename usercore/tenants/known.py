"""The tenants that a process has looked up, so that binding a core to one costs no read each time."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from usercore.kernel.time import Clock
from usercore.tenants.model import Tenant

KNOWN_FOR: Final = timedelta(seconds=5)
"""How long a tenant is known: another process may delete it meanwhile. Source: usercore: a host that serves a hundred
requests a second saves nearly every read."""


class KnownTenants:
    """Tenants by key, as it is spelt when the tenant is created, and by UUID. Safe to share between threads.

    Other spellings are looked up each time, so there are at most two entries for each tenant.
    """

    def __init__(self, clock: Clock) -> None:
        """Create an empty collection."""
        self._clock = clock
        self._known: dict[str | UUID, tuple[Tenant, datetime]] = {}

    def get(self, key: str | UUID) -> Tenant | None:
        """Return the tenant with this key or UUID, if it was looked up a short time ago."""
        known = self._known.get(key)
        if known is None or not timedelta(0) <= self._clock() - known[1] < KNOWN_FOR:
            return None
        return known[0]

    def add(self, tenant: Tenant) -> None:
        """Add a tenant that was looked up now."""
        self._known[tenant.key] = self._known[tenant.uuid] = (tenant, self._clock())

    def forget(self, tenant: Tenant) -> None:
        """Remove a tenant that was deleted."""
        for key in (tenant.key, tenant.uuid):
            self._known.pop(key, None)
