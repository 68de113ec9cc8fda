"""The use-cases of addresses.

Whatever the host or a library is asked about is read first, asked outside any unit, and compared with what is stored
when it is written; if it changed meanwhile, all of it is done again.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial
from typing import Any, TypeVar, Unpack, cast

from usercore.address_book.lookups import (
    AddressBookUnit,
    AddressLookups,
    Decision,
    Target,
    decidable_user,
    lock_decidable,
)
from usercore.addresses.change_requests import check_rejectable, new_request, rejected, shown_request
from usercore.addresses.checks import check_values
from usercore.addresses.model import (
    CHANGE_REJECTED,
    CHANGE_REQUESTED,
    SORTING,
    TYPE_DECLARED,
    Address,
    AddressChange,
    AddressChangeRequest,
    AddressFields,
    AddressPolicy,
    AddressType,
    AddressValues,
    AddressVersion,
    ChangeRequestState,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.addresses.rules import (
    address_named,
    clean_reason,
    clean_sorting,
    clean_title,
    clean_type_key,
    clean_type_keys,
    clean_values,
    merged,
    shown,
    values_of,
)
from usercore.addresses.service import (
    accept_request,
    add_address,
    change_of,
    find_address,
    find_request,
    held_version,
    remove_address,
    set_flag,
)
from usercore.gates.model import AddressAcceptance, AddressRemoval
from usercore.gates.service import AddressGates
from usercore.kernel.changes import Change
from usercore.kernel.days import clean_day
from usercore.kernel.entity import evolve
from usercore.kernel.errors import LostRace
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type
from usercore.kernel.units import MOST_TRIES
from usercore.kernel.values import frozen

K = TypeVar("K")
L = TypeVar("L")
T = TypeVar("T")


@frozen(kw_only=True)
class Addresses:
    """Manages the addresses of users and the requests to change them. Trusted. Safe to share between threads.

    Addresses, versions and requests are named by their user and their id; days begin in the tenant's time zone.
    """

    _service: ServiceContext[AddressBookUnit]
    _policy: AddressPolicy
    _gates: AddressGates
    _lookups: AddressLookups

    def declare_type(
        self, key: str, *, title: str | None = None, sorting: int = SORTING, accepts_at_once: bool = False
    ) -> AddressType:
        """Declare a type of addresses in this tenant, or change it; if it is so already, nothing is stored.

        The key has 1-255 characters and is compared exactly. Requests to change addresses of a type that
        ``accepts_at_once`` are accepted when they are made.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
        """
        errors = FieldErrors()
        fields = {
            "title": errors.take(clean_title, title),
            "sorting": errors.take(clean_sorting, sorting),
            "accepts_at_once": check_type(accepts_at_once, bool, name="accepts_at_once"),
        }
        cleaned = errors.take(clean_type_key, key, field="key") or ""
        errors.check()
        known = self._service.units.read(lambda unit: unit.address_types.get(cleaned))
        if known is not None and evolve(known, **fields) == known:
            return known
        return self._service.units.write(lambda unit: self._declare(unit, cleaned, fields))

    def types(self) -> tuple[AddressType, ...]:
        """Return the types of this tenant, by ``sorting`` and key."""
        found = self._service.units.read(lambda unit: unit.address_types.list_all())
        return tuple(sorted(found, key=lambda one: (one.sorting, one.key)))

    def add(self, ref: Reference, address_type: str, **fields: Unpack[AddressFields]) -> Address:
        """Add an address, which holds from today; the first of its type is the default one.

        Without a country, it has the tenant's. It begins with a request without old values that its own actor accepted.

        Raises:
            TypeError: a value has the wrong type, or an address does not have it.
            Invalid: a value is invalid; it lists every error, by field.
            UserNotFound: this tenant has no such user.
            AddressTypeNotFound: the host declared no such type.
            TooManyAddresses: the user has as many as the policy allows.
            Vetoed: a gate refused.
            ValueError: the extra for a check is not installed.
        """
        check_reference(ref)
        key, given = _clean(clean_type_key, address_type, fields)
        given.setdefault("country", None)

        def look(unit: AddressBookUnit) -> tuple[UserId, AddressValues]:
            user_id, tenant = unit.get_or_raise(ref), self._lookups.tenant(unit)
            self._lookups.type(unit, key)
            return user_id, merged(AddressValues(), given, country=tenant.country)

        def ask(looked: tuple[UserId, AddressValues]) -> None:
            user_id, values = looked
            check_values(values, self._policy.checks)
            self._gates.check_acceptance(
                AddressAcceptance(
                    user_id=user_id,
                    type=key,
                    address_id=None,
                    old=None,
                    new=values,
                    valid_from=None,
                    context=self._service.context,
                )
            )

        def write(looked: tuple[UserId, AddressValues], unit: AddressBookUnit) -> Address:
            user_id, values = looked
            unit.lock(user_id)
            context = self._lookups.context(unit)
            return add_address(unit, user_id, key, values, context, most=self._policy.max_addresses)

        return self._ask_and_write(look, ask, write)

    def get(self, ref: Reference, address: int | str, *, on: date | None = None) -> Address | None:
        """Return an address by its id, or by its type: the default one, else the one that changed last; or None.

        It has the values that hold on the day ``on``, which is today unless it is passed; on a day before it was added
        there is none.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or type is malformed, or the day out of range.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        key, day = _clean_key(address), None if on is None else clean_day(on, field="on")

        def query(unit: AddressBookUnit) -> list[Address]:
            chosen = address_named(unit.addresses.list_of(unit.get_or_raise(ref)), key)
            return [] if chosen is None else self._lookups.views(unit, [chosen], day)

        return next(iter(self._service.units.read(query)), None)

    def list(
        self,
        ref: Reference,
        types: str | Collection[str] | None = None,
        *,
        on: date | None = None,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[Address]:
        """List the user's addresses, of all types or of these, the one that changed last first, never removed ones.

        They have the values that hold on the day ``on``, which is today unless it is passed. ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference, a type, limit or cursor is malformed, or the day out of range.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        keys, day = clean_type_keys(types), None if on is None else clean_day(on, field="on")
        rows, before = check_limit(limit), read_cursor(cursor, int, int)
        return self._service.units.read(
            lambda unit: self._lookups.page(unit, unit.get_or_raise(ref), before, rows, types=keys, on=day)
        )

    def version(self, ref: Reference, version_id: int) -> AddressVersion | None:
        """Return a version of one of the user's addresses, also of a removed one, or None.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        number = _clean_id(version_id, name="version_id")
        return self._service.units.read(lambda unit: unit.address_versions.get(unit.get_or_raise(ref), number))

    def versions(self, ref: Reference, address_id: int) -> tuple[AddressVersion, ...]:
        """Return all versions of an address in the order of their days, also those that hold later.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed.
            UserNotFound: this tenant has no such user.
            AddressNotFound: the user has no such address, or it was removed.
        """
        check_reference(ref)
        number = _clean_id(address_id, name="address_id")

        def query(unit: AddressBookUnit) -> list[AddressVersion]:
            user_id = unit.get_or_raise(ref)
            address = find_address(unit, user_id, number)
            return [one for one in unit.address_versions.list_of(user_id) if one.address_id == address.id]

        return tuple(sorted(self._service.units.read(query), key=lambda one: (one.valid_from, one.id)))

    def set_default(self, ref: Reference, address_id: int) -> bool:
        """Make an address the default one of its type; return whether anything changed.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed.
            UserNotFound: this tenant has no such user.
            AddressNotFound: the user has no such address, or it was removed.
        """
        check_reference(ref)
        number = _clean_id(address_id, name="address_id")

        def write(unit: AddressBookUnit) -> bool:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            chosen = find_address(unit, user_id, number)
            if chosen.is_default:
                return False
            for one in unit.addresses.list_of(user_id):
                if one.type == chosen.type and one.is_default:
                    set_flag(unit, one, is_default=False)
            set_flag(unit, chosen, is_default=True)
            return True

        return self._service.units.write(write)

    def request_change(
        self, ref: Reference, address: int | str, *, valid_from: date | None = None, **fields: Unpack[AddressFields]
    ) -> AddressChangeRequest:
        """Request other values for an address: by its id, or by its type, as ``get`` finds it.

        What is left out stays; None and "" clear a value, and a cleared country becomes the tenant's. The values are to
        hold from ``valid_from``, which is not in the past, or from the day of their acceptance. Several requests may be
        open.

        Raises:
            TypeError: a value has the wrong type, or an address does not have it.
            Invalid: a value is invalid; it lists every error, by field.
            UserNotFound: this tenant has no such user.
            AddressTypeNotFound: the host declared no such type.
            ParentAddressNotFound: the user has no such address, or it was removed.
            NothingChanged: the address has these values on that day.
            Vetoed: the type accepts at once, and a gate refused; the request is not stored.
            ValueError: the extra for a check is not installed.
            LostRace: the address changed each of three times.
        """
        check_reference(ref)
        wanted = None if valid_from is None else clean_day(valid_from, field="valid_from")
        key, given = _clean(_clean_key, address, fields)

        def ask(looked: Target) -> None:
            values = merged(looked.held, given, country=looked.country)
            if values != values_of(looked.held):
                check_values(values, self._policy.checks)
                if looked.type.accepts_at_once:
                    self._ask_acceptance(looked.address, looked.held, values, wanted)

        def write(looked: Target, unit: AddressBookUnit) -> AddressChangeRequest | None:
            user_id = looked.address.user_id
            unit.lock(user_id)
            if self._lookups.target(unit, user_id, key, wanted) != looked:
                return None
            values, context = merged(looked.held, given, country=looked.country), self._lookups.context(unit)
            request = new_request(
                looked.address,
                looked.held,
                values,
                request_id=context.new_id(),
                valid_from=wanted,
                at=context.at,
                by=context.by,
            )
            self._store_request(unit, looked, request)
            if looked.type.accepts_at_once:
                request = accept_request(unit, request, looked.address, looked.held, context, day=looked.day)
            return shown_request(request, [looked.held])

        return self._ask_and_write(
            lambda unit: self._lookups.target(unit, unit.get_or_raise(ref), key, wanted), ask, write
        )

    def accept(
        self, ref: Reference, request_id: int, *, force: bool = False, reason: str | None = None
    ) -> AddressChangeRequest:
        """Accept a request: from its day on, but not before today, its values hold instead of the version before.

        ``force`` accepts it although the address was changed since. ``reason`` has at most 1000 characters.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or reason is malformed.
            UserNotFound: this tenant has no such user.
            ChangeRequestNotFound: the user has no such request.
            ChangeRequestWrongState: it was decided before, its address removed, or its user erased.
            AddressChangedSince: the address was changed after the request was made.
            NotAllowed: the actor made the request, and the policy wants another one to accept it.
            Vetoed: a gate refused.
            LostRace: the address changed each of three times.
        """
        check_reference(ref)
        number, why = _clean_id(request_id, name="request_id"), clean_reason(reason)
        check_type(force, bool, name="force")

        def ask(looked: Decision) -> None:
            self._ask_acceptance(looked.address, looked.held, values_of(looked.request), looked.request.valid_from)

        def write(looked: Decision, unit: AddressBookUnit) -> AddressChangeRequest | None:
            user_id = looked.address.user_id
            lock_decidable(unit, user_id)
            if self._lookups.decision(unit, user_id, number, force=force) != looked:
                return None
            context = self._lookups.context(unit)
            decided = accept_request(
                unit, looked.request, looked.address, looked.held, context, day=looked.day, reason=why
            )
            return self._lookups.view_of(unit, decided)

        return self._ask_and_write(
            lambda unit: self._lookups.decision(unit, decidable_user(unit, ref), number, force=force), ask, write
        )

    def reject(self, ref: Reference, request_id: int, *, reason: str | None = None) -> AddressChangeRequest:
        """Reject a request; the address stays as it is. ``reason`` has at most 1000 characters.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or reason is malformed.
            UserNotFound: this tenant has no such user.
            ChangeRequestNotFound: the user has no such request.
            ChangeRequestWrongState: it was decided before, its address removed, or its user erased.
        """
        check_reference(ref)
        number, why = _clean_id(request_id, name="request_id"), clean_reason(reason)

        def write(unit: AddressBookUnit) -> AddressChangeRequest:
            user_id = decidable_user(unit, ref)
            lock_decidable(unit, user_id)
            request, address = find_request(unit, user_id, number)
            check_rejectable(request, address)
            decided = rejected(request, at=self._service.clock(), by=self._lookups.by, reason=why)
            unit.change_requests.put(decided)
            old, new = (
                AddressChange(address_id=address.id, type=address.type, request_id=number, reason=text)
                for text in (None, why)
            )
            unit.record(Change(kind=CHANGE_REJECTED, subject_id=user_id, old=old, new=new))
            return self._lookups.view_of(unit, decided)

        return self._service.units.write(write)

    def requests(
        self,
        ref: Reference,
        *,
        state: ChangeRequestState | None = None,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[AddressChangeRequest]:
        """List the user's requests, in this state or in any, the newest first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or limit or cursor is wrong.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        if state is not None:
            check_type(state, ChangeRequestState, name="state")
        rows, place = check_limit(limit), read_cursor(cursor, int)
        before = LIMIT if place is None else place[0]

        def query(unit: AddressBookUnit) -> list[AddressChangeRequest]:
            user_id = unit.get_or_raise(ref)
            found = unit.change_requests.list_before(user_id, before, state=state, limit=rows + 1)
            versions = unit.address_versions.list_of(user_id) if found else []
            return [shown_request(request, versions) for request in found]

        return page_of(self._service.units.read(query), rows, lambda one: (one.id,))

    def open_requests(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[AddressChangeRequest]:
        """List the requests of all users of this tenant that can be decided, the oldest first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        rows, place = check_limit(limit), read_cursor(cursor, int)
        after = 0 if place is None else place[0]

        def query(unit: AddressBookUnit) -> list[AddressChangeRequest]:
            found = unit.change_requests.list_open(after, limit=rows + 1)
            return [self._lookups.view_of(unit, request) for request in found]

        return page_of(self._service.units.read(query), rows, lambda one: (one.id,))

    def remove(self, ref: Reference, address_id: int) -> None:
        """Remove an address; if it was the default one, the one of its type that changed last becomes the default.

        Its versions and requests stay until the user is erased.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed.
            UserNotFound: this tenant has no such user.
            AddressNotFound: the user has no such address, or it was removed.
            Vetoed: a gate refused.
            LostRace: the address changed each of three times.
        """
        check_reference(ref)
        number = _clean_id(address_id, name="address_id")

        def look(unit: AddressBookUnit, user_id: UserId) -> tuple[StoredAddress, AddressVersion]:
            address = find_address(unit, user_id, number)
            return address, held_version(unit, address, today=self._lookups.today(unit))[0]

        def ask(looked: tuple[StoredAddress, AddressVersion]) -> None:
            self._gates.check_removal(AddressRemoval(address=shown(*looked), context=self._service.context))

        def write(looked: tuple[StoredAddress, AddressVersion], unit: AddressBookUnit) -> bool | None:
            user_id = looked[0].user_id
            unit.lock(user_id)
            if look(unit, user_id) != looked:
                return None
            remove_address(unit, *looked, self._lookups.context(unit))
            return True

        self._ask_and_write(lambda unit: look(unit, unit.get_or_raise(ref)), ask, write)

    def _declare(self, unit: AddressBookUnit, key: str, fields: Mapping[str, Any]) -> AddressType:
        tenant_id = self._service.context.tenant_id
        unit.lock_tenant(tenant_id)
        old, at, by = unit.address_types.get(key), self._service.clock(), self._lookups.by
        if old is None:
            new = AddressType(
                tenant_id=tenant_id,
                key=key,
                created_at=at,
                created_by=by,
                modified_at=at,
                modified_by=by,
                **fields,
            )
        elif evolve(old, **fields) == old:
            return old
        else:
            new = evolve(old, **fields, modified_at=at, modified_by=by, version=old.version + 1)
        unit.address_types.put(new)
        unit.record(Change(kind=TYPE_DECLARED, subject_id=tenant_id, old=old, new=new))
        return new

    def _store_request(self, unit: AddressBookUnit, target: Target, request: StoredChangeRequest) -> None:
        unit.change_requests.add(request)
        old, new = (
            change_of(target.address, values, request_id=request.id, valid_from=day)
            for values, day in ((target.held, None), (request, request.valid_from))
        )
        unit.record(Change(kind=CHANGE_REQUESTED, subject_id=request.user_id, old=old, new=new))

    def _ask_acceptance(
        self, address: StoredAddress, held: AddressVersion, values: AddressValues, wanted: date | None
    ) -> None:
        self._gates.check_acceptance(
            AddressAcceptance(
                user_id=address.user_id,
                type=address.type,
                address_id=address.id,
                old=values_of(held),
                new=values,
                valid_from=wanted,
                context=self._service.context,
            )
        )

    def _ask_and_write(
        self,
        look: Callable[[AddressBookUnit], L],
        ask: Callable[[L], None],
        write: Callable[[L, AddressBookUnit], T | None],
    ) -> T:
        """Return what ``write`` returns; None means that what was asked about has changed.

        Raises:
            LostRace: it changed each of three times.
        """
        for _ in range(MOST_TRIES):
            looked = self._service.units.read(look)
            ask(looked)
            written = self._service.units.write(partial(write, looked))
            if written is not None:
                return written
        raise LostRace


def _clean_id(value: object, *, name: str) -> int:
    """Return an id, or 0, which nothing has, for a number that cannot be one."""
    number = check_type(value, int, name=name)
    return number if 0 < number < LIMIT else 0


def _clean(clean: Callable[[object], K], key: object, fields: Mapping[str, object]) -> tuple[K, dict[str, Any]]:
    """Return the key that names an address or a type, and the values that are passed, cleaned.

    Raises:
        TypeError: one has the wrong type.
        Invalid: one is invalid; it lists every error.
    """
    errors = FieldErrors()
    cleaned = errors.take(clean, key)
    given = clean_values(fields, errors)
    errors.check()
    return cast("K", cleaned), given


def _clean_key(value: object) -> int | str:
    return clean_type_key(value, field="address") if isinstance(value, str) else _clean_id(value, name="address")
