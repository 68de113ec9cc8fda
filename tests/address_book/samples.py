"""Samples of the service of addresses."""

from typing import Final

import attrs

from tests.samples import FAR, FilledStore, Samples, same
from usercore import Address, AddressChangeRequest, ChangeRequestState, User, UserCore
from usercore.addresses.model import AddressType, AddressVersion, StoredAddress, StoredChangeRequest


@attrs.frozen(kw_only=True)
class Addresses:
    """Two addresses of Ann, and a request to change the first."""

    first: Address
    other: Address
    request: AddressChangeRequest


def fill(filled: FilledStore) -> Addresses:
    """Add two addresses, a request, and an address of the unclaimed user."""
    addresses, user_id = filled.core.addresses, filled.ann.id
    addresses.declare_type("invoice")
    first = addresses.add(user_id, "invoice", street="Main Street", zip="01234")
    addresses.add(filled.unclaimed.id, "invoice", street="Low Street")
    return Addresses(
        first=first,
        other=addresses.add(user_id, "invoice"),
        request=addresses.request_change(user_id, "invoice", street="High Street"),
    )


@attrs.frozen(kw_only=True)
class AddressNames:
    """The ids of an address, its version and a request to change it."""

    address: int
    version: int
    request: int


def name(core: UserCore, user: User) -> tuple[AddressNames, AddressNames]:
    """Add an address and request a change."""
    core.addresses.declare_type("ann")
    address = core.addresses.add(user.id, "ann", street="17")
    request = core.addresses.request_change(user.id, "ann", street="18")
    theirs = AddressNames(address=address.id, version=address.version_id, request=request.id)
    return theirs, AddressNames(
        address=theirs.address + FAR, version=theirs.version + FAR, request=theirs.request + FAR
    )


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "address": lambda filled: filled.of(Addresses).first.id,
        "address_id": lambda filled: filled.of(Addresses).first.id,
        "address_type": same("invoice"),
        "addresses.request_change.valid_from": lambda filled: filled.clock.now.date(),
        "addresses.set_default.address_id": lambda filled: filled.of(Addresses).other.id,
        "country": same("SK"),
        "on": lambda filled: filled.clock.now.date(),
        "request_id": lambda filled: filled.of(Addresses).request.id,
        "state": same(ChangeRequestState.NEW),
        "types": same(["invoice"]),
        "version_id": lambda filled: filled.of(Addresses).first.version_id,
    },
    name=name,
    calls={
        "addresses.accept": lambda core, names: core.addresses.accept(names.own, names.of(AddressNames).request),
        "addresses.add": lambda core, names: core.addresses.add(names.own, names.name),
        "addresses.declare_type": lambda core, names: core.addresses.declare_type(names.name),
        "addresses.get": lambda core, names: core.addresses.get(names.own, names.of(AddressNames).address),
        "addresses.open_requests": lambda core, _: str(core.addresses.open_requests().rows),
        "addresses.reject": lambda core, names: core.addresses.reject(names.own, names.of(AddressNames).request),
        "addresses.remove": lambda core, names: core.addresses.remove(names.own, names.of(AddressNames).address),
        "addresses.request_change": lambda core, names: core.addresses.request_change(
            names.own, names.of(AddressNames).address, zip="1"
        ),
        "addresses.set_default": lambda core, names: core.addresses.set_default(
            names.own, names.of(AddressNames).address
        ),
        "addresses.version": lambda core, names: core.addresses.version(names.own, names.of(AddressNames).version),
        "addresses.versions": lambda core, names: core.addresses.versions(names.own, names.of(AddressNames).address),
    },
    kept_by_undo={
        AddressType: "not of a user",
        StoredAddress: "signs no user in",
        AddressVersion: "signs no user in",
        StoredChangeRequest: "signs no user in",
    },
)
