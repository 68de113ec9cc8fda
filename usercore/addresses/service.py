"""Steps of use-cases with addresses: finding them, storing new ones, and replacing their versions."""

from collections.abc import Iterable
from datetime import date, datetime

from usercore.addresses.change_requests import accepted, request_that_added
from usercore.addresses.errors import AddressNotFound, ChangeRequestNotFound, ParentAddressNotFound, TooManyAddresses
from usercore.addresses.model import (
    ADDED,
    CHANGE_ACCEPTED,
    DEFAULT_CHANGED,
    FIELDS,
    REMOVED,
    Address,
    AddressChange,
    AddressValues,
    AddressVersion,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.addresses.ports import AddressesUnit
from usercore.addresses.rules import address_named, main_address, newest_first, shown, values_of
from usercore.addresses.versions import first_day, replaced, version_on
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Corrupt
from usercore.kernel.ids import IdSource, TenantId, UserId
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class ChangeContext:
    """When, by whom and in which tenant a unit changes addresses, which day it is there, and the source of its ids."""

    tenant_id: TenantId
    at: datetime
    by: str
    today: date
    new_id: IdSource


def find_address(unit: AddressesUnit, user_id: UserId, address_id: int) -> StoredAddress:
    """Return an address.

    Raises:
        AddressNotFound: the user has no such address, or it was removed.
    """
    address = unit.addresses.get(user_id, address_id)
    if address is None or address.removed_at is not None:
        raise AddressNotFound
    return address


def find_parent(unit: AddressesUnit, user_id: UserId, key: int | str) -> StoredAddress:
    """Return the address that a request by id or by type changes.

    Raises:
        ParentAddressNotFound: the user has none, or it was removed.
    """
    parent = address_named(unit.addresses.list_of(user_id), key)
    if parent is None:
        raise ParentAddressNotFound
    return parent


def find_request(unit: AddressesUnit, user_id: UserId, request_id: int) -> tuple[StoredChangeRequest, StoredAddress]:
    """Return a request and its address, which may be removed.

    Raises:
        ChangeRequestNotFound: the user has no such request.
    """
    request = unit.change_requests.get(user_id, request_id)
    address = None if request is None else unit.addresses.get(user_id, request.address_id)
    if request is None or address is None:
        raise ChangeRequestNotFound
    return request, address


def held_version(
    unit: AddressesUnit, address: StoredAddress, *, today: date, wanted: date | None = None
) -> tuple[AddressVersion, date]:
    """Return the version that a change of an address replaces, and the first day on which the change can hold.

    Raises:
        Corrupt: the store lacks versions of the address.
    """
    versions = versions_from(unit, [address], today)[address.id]
    day = first_day(versions, today=today, wanted=wanted)
    held = version_on(versions, day)
    if held is None:
        raise Corrupt("an address has no version that holds now or later")
    return held, day


def versions_from(
    unit: AddressesUnit, addresses: Iterable[StoredAddress], day: date
) -> dict[int, list[AddressVersion]]:
    """Return the versions that end after a day, by the ids of their addresses, which are one user's."""
    found: dict[int, list[AddressVersion]] = {address.id: [] for address in addresses}
    for user_id in {address.user_id for address in addresses}:
        for version in unit.address_versions.holding_from(user_id, day):
            if version.address_id in found:
                found[version.address_id].append(version)
    return found


def add_address(
    unit: AddressesUnit, user_id: UserId, key: str, values: AddressValues, context: ChangeContext, *, most: int
) -> Address:
    """Store a new address of a locked user, the request that it begins with, and record the change.

    Raises:
        TooManyAddresses: the user has ``most``.
    """
    present = newest_first(unit.addresses.list_of(user_id))
    if len(present) >= most:
        raise TooManyAddresses
    address = StoredAddress(
        user_id=user_id,
        id=context.new_id(),
        tenant_id=context.tenant_id,
        type=key,
        is_default=main_address(present, key) is None,
        created_at=context.at,
        created_by=context.by,
        modified_at=context.at,
        modified_by=context.by,
    )
    version = AddressVersion(
        user_id=user_id,
        id=context.new_id(),
        tenant_id=context.tenant_id,
        address_id=address.id,
        type=key,
        valid_from=context.today,
        created_at=context.at,
        created_by=context.by,
        **{field: getattr(values, field) for field in FIELDS},
    )
    request = request_that_added(version, request_id=context.new_id())
    unit.addresses.add(address)
    unit.address_versions.add(version)
    unit.change_requests.add(request)
    new = change_of(
        address,
        version,
        is_default=address.is_default,
        request_id=request.id,
        version_id=version.id,
        valid_from=version.valid_from,
    )
    unit.record(Change(kind=ADDED, subject_id=user_id, new=new))
    return shown(address, version)


def accept_request(
    unit: AddressesUnit,
    request: StoredChangeRequest,
    address: StoredAddress,
    held: AddressVersion,
    context: ChangeContext,
    *,
    day: date,
    reason: str | None = None,
) -> StoredChangeRequest:
    """Store the new version of an address of a locked user from ``day`` on, and the acceptance; record the change.

    If the version ``held`` has the new values already, it stays.
    """
    version = held
    if values_of(held) != values_of(request):
        closed, version = replaced(held, request, day=day, version_id=context.new_id(), at=context.at, by=context.by)
        unit.address_versions.put(closed)
        unit.address_versions.add(version)
        changed = evolve(address, modified_at=context.at, modified_by=context.by, version=address.version + 1)
        unit.addresses.put(changed)
    decided = accepted(request, version_id=version.id, at=context.at, by=context.by, reason=reason)
    unit.change_requests.put(decided)
    old, new = (
        change_of(
            address,
            one,
            request_id=request.id,
            version_id=one.id,
            valid_from=one.valid_from,
            reason=why,
        )
        for one, why in ((held, None), (version, reason))
    )
    unit.record(Change(kind=CHANGE_ACCEPTED, subject_id=address.user_id, old=old, new=new))
    return decided


def remove_address(unit: AddressesUnit, address: StoredAddress, held: AddressVersion, context: ChangeContext) -> None:
    """Mark an address of a locked user as removed; the one of its type that changed last becomes the default."""
    unit.addresses.put(evolve(address, is_default=False, removed_at=context.at, removed_by=context.by))
    unit.record(Change(kind=REMOVED, subject_id=address.user_id, old=change_of(address, held)))
    heir = main_address(unit.addresses.list_of(address.user_id), address.type)
    if heir is not None and not heir.is_default:
        set_flag(unit, heir, is_default=True)


def set_flag(unit: AddressesUnit, address: StoredAddress, *, is_default: bool) -> None:
    """Store whether an address of a locked user is the default of its type, and record the change."""
    unit.addresses.put(evolve(address, is_default=is_default))
    old, new = (
        AddressChange(address_id=address.id, type=address.type, is_default=flag)
        for flag in (address.is_default, is_default)
    )
    unit.record(Change(kind=DEFAULT_CHANGED, subject_id=address.user_id, old=old, new=new))


def change_of(address: StoredAddress, values: AddressValues, **names: object) -> AddressChange:
    """Return one side of a change, as history stores it."""
    own = {field: getattr(values, field) for field in FIELDS}
    return AddressChange(address_id=address.id, type=address.type, **own, **names)  # type: ignore[arg-type]  # fields of AddressChange
