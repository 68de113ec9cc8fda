"""What use-cases of addresses read before they write, and compare when they write."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol

from usercore.addresses.change_requests import check_acceptable, check_decider, shown_request
from usercore.addresses.errors import AddressTypeNotFound, ChangeRequestWrongState
from usercore.addresses.model import (
    Address,
    AddressChangeRequest,
    AddressPolicy,
    AddressType,
    AddressVersion,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.addresses.ports import AddressesUnit
from usercore.addresses.rules import newest_first, shown
from usercore.addresses.service import ChangeContext, find_parent, find_request, held_version, versions_from
from usercore.addresses.versions import first_day, version_on
from usercore.kernel.days import day_in
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.paging import Page, page_of
from usercore.kernel.references import Reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.time import to_micros
from usercore.kernel.values import frozen
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import get_tenant
from usercore.users.model import UserState
from usercore.users.ports import UsersUnit

AddressPlace = tuple[int, int]
"""When an address changed last, in microseconds since 1970, and its id: its place in its user's list."""


class AddressBookUnit(AddressesUnit, UsersUnit, TenantsUnit, Protocol):
    """What managing addresses reads and writes."""


@frozen(kw_only=True)
class Target:
    """What a request to change an address depends on.

    ``held`` is the version that it would replace, ``day`` the first on which the change can hold, and ``country`` the
    tenant's default.
    """

    address: StoredAddress
    held: AddressVersion
    day: date
    type: AddressType
    country: str | None


@frozen(kw_only=True)
class Decision:
    """What accepting a request depends on."""

    request: StoredChangeRequest
    address: StoredAddress
    held: AddressVersion
    day: date


@frozen(kw_only=True)
class AddressLookups:
    """Reads what the use-cases need, in their unit. Safe to share between threads."""

    _service: ServiceContext[AddressBookUnit]
    _policy: AddressPolicy

    @property
    def by(self) -> str:
        """The actor, as it is stored."""
        return str(self._service.context.actor)

    def tenant(self, unit: AddressBookUnit) -> Tenant:
        """Return the tenant of this context."""
        return get_tenant(unit, self._service.context.tenant_id)

    def today(self, unit: AddressBookUnit) -> date:
        """Return which day it is in the tenant's zone."""
        return day_in(self.tenant(unit).time_zone, self._service.clock())

    def context(self, unit: AddressBookUnit) -> ChangeContext:
        """Return when and by whom this unit changes addresses."""
        tenant, at = self.tenant(unit), self._service.clock()
        today = day_in(tenant.time_zone, at)
        return ChangeContext(tenant_id=tenant.id, at=at, by=self.by, today=today, new_id=self._service.new_id)

    def type(self, unit: AddressBookUnit, key: str) -> AddressType:
        """Return a type of this tenant.

        Raises:
            AddressTypeNotFound: the host declared no such type.
        """
        found = unit.address_types.get(key)
        if found is None:
            raise AddressTypeNotFound
        return found

    def target(self, unit: AddressBookUnit, user_id: UserId, key: int | str, wanted: date | None) -> Target:
        """Return what a request to change an address from a wanted day on depends on.

        Raises:
            Invalid: the day is in the past.
            AddressTypeNotFound: the host declared no such type.
            ParentAddressNotFound: the user has no such address, or it was removed.
        """
        tenant = self.tenant(unit)
        today = day_in(tenant.time_zone, self._service.clock())
        if wanted is not None and wanted < today:
            refuse("valid_from", "out_of_range")
        if isinstance(key, str):
            self.type(unit, key)
        address = find_parent(unit, user_id, key)
        held, day = held_version(unit, address, today=today, wanted=wanted)
        return Target(address=address, held=held, day=day, type=self.type(unit, address.type), country=tenant.country)

    def decision(self, unit: AddressBookUnit, user_id: UserId, request_id: int, *, force: bool) -> Decision:
        """Return what accepting a request depends on.

        Raises:
            ChangeRequestNotFound: the user has no such request.
            ChangeRequestWrongState: it was decided before, or its address was removed.
            AddressChangedSince: the address was changed since, and ``force`` is off.
            NotAllowed: the policy wants another actor to accept it.
        """
        request, address = find_request(unit, user_id, request_id)
        held, day = held_version(unit, address, today=self.today(unit), wanted=request.valid_from)
        check_acceptable(request, address, held, force=force)
        check_decider(request, self.by, self._policy)
        return Decision(request=request, address=address, held=held, day=day)

    def views(self, unit: AddressBookUnit, addresses: Sequence[StoredAddress], on: date | None) -> list[Address]:
        """Return addresses of one user as they are on a day, or today; those that did not exist then are left out."""
        today = self.today(unit) if on is None else on
        versions = versions_from(unit, addresses, today)
        days = {number: on or first_day(own, today=today) for number, own in versions.items()}
        found = ((address, version_on(versions[address.id], days[address.id])) for address in addresses)
        return [shown(address, version) for address, version in found if version is not None]

    def page(
        self,
        unit: AddressBookUnit,
        user_id: UserId,
        before: AddressPlace | None,
        limit: int,
        *,
        types: Collection[str] | None = None,
        on: date | None = None,
    ) -> Page[Address]:
        """Return a page of a user's addresses as ``views`` does, of all types or of these, the latest changed first."""
        live = newest_first(unit.addresses.list_of(user_id))
        chosen = [one for one in live if types is None or one.type in types]
        found = [one for one in self.views(unit, chosen, on) if before is None or _place_of(one) < before]
        return page_of(found, limit, _place_of)

    def view_of(self, unit: AddressBookUnit, request: StoredChangeRequest) -> AddressChangeRequest:
        """Return a request with its old values."""
        number = request.replaces_id
        old = None if number is None else unit.address_versions.get(request.user_id, number)
        return shown_request(request, [] if old is None else [old])


def _place_of(address: Address) -> AddressPlace:
    return to_micros(address.modified_at), address.id


def decidable_user(unit: AddressBookUnit, ref: Reference) -> UserId:
    """Return the id of a user whose requests can be decided.

    Raises:
        UserNotFound: this tenant has no such user.
        ChangeRequestWrongState: the user was erased.
    """
    user = unit.users.get(unit.resolve(ref))
    if user is None:
        raise UserNotFound
    if user.state is UserState.ERASED:
        raise ChangeRequestWrongState("erased")
    return user.id


def lock_decidable(unit: AddressBookUnit, user_id: UserId) -> None:
    """Lock a user that ``decidable_user`` found.

    Raises:
        ChangeRequestWrongState: the user was erased meanwhile, or removed because it was never confirmed.
    """
    try:
        unit.lock(user_id)
    except UserNotFound:
        raise ChangeRequestWrongState("erased") from None
