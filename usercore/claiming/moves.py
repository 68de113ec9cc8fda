"""What moves from an unclaimed user to the user who claims it: one function for the rows of each capability."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from usercore.addresses.model import MOVED as ADDRESS_MOVED
from usercore.addresses.model import AddressChange
from usercore.addresses.ports import AddressesUnit
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.values import frozen
from usercore.meta.model import DELETED, SET
from usercore.meta.ports import MetaUnit
from usercore.passkeys.ports import PasskeysUnit
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.tokens.ports import TokensUnit
from usercore.users.model import User
from usercore.users.ports import UsersUnit


class ClaimingUnit(UsersUnit, TokensUnit, MetaUnit, AddressesUnit, PasskeysUnit, SecondFactorsUnit, Protocol):
    """What claiming reads and writes."""


@frozen(kw_only=True)
class Moving:
    """The two users, both locked, and the instant."""

    source: User
    target: User
    at: datetime


def move_meta(unit: ClaimingUnit, moving: Moving) -> None:
    """Move values of keys that the claiming user does not have; the others are deleted."""
    own = {row.key for row in unit.meta.list_of(moving.target.id)}
    for row in unit.meta.list_of(moving.source.id):
        unit.meta.remove(moving.source.id, row.key)
        unit.record(Change(kind=DELETED, subject_id=moving.source.id, old=row))
        if row.key not in own:
            moved = evolve(row, user_id=moving.target.id, modified_at=moving.at)
            unit.meta.put(moved)
            unit.record(Change(kind=SET, subject_id=moving.target.id, new=moved))


def move_addresses(unit: ClaimingUnit, moving: Moving) -> None:
    """Move all addresses, also removed ones; the user's own defaults stay the defaults of their types."""
    own = {address.type for address in unit.addresses.list_of(moving.target.id) if address.is_default}
    for address in unit.addresses.list_of(moving.source.id):
        is_default = address.is_default and address.type not in own
        unit.addresses.remove(moving.source.id, address.id)
        unit.addresses.add(evolve(address, user_id=moving.target.id, is_default=is_default))
        before = AddressChange(address_id=address.id, type=address.type, is_default=address.is_default)
        unit.record(Change(kind=ADDRESS_MOVED, subject_id=moving.source.id, old=before))
        after = evolve(before, is_default=is_default)
        unit.record(Change(kind=ADDRESS_MOVED, subject_id=moving.target.id, new=after))


def move_address_versions(unit: ClaimingUnit, moving: Moving) -> None:
    """Move the versions of addresses, under the ids that orders may keep."""
    for version in unit.address_versions.list_of(moving.source.id):
        unit.address_versions.remove(moving.source.id, version.id)
        unit.address_versions.add(evolve(version, user_id=moving.target.id))


def move_change_requests(unit: ClaimingUnit, moving: Moving) -> None:
    """Move the requests to change addresses, open and decided ones."""
    for request in unit.change_requests.list_of(moving.source.id):
        unit.change_requests.remove(moving.source.id, request.id)
        unit.change_requests.add(evolve(request, user_id=moving.target.id))


MOVES: Final[dict[str, Callable[[ClaimingUnit, Moving], None]]] = {
    "meta": move_meta,
    "addresses": move_addresses,
    "address_versions": move_address_versions,
    "change_requests": move_change_requests,
}
"""How the rows of a table move. A test demands that each table with rows of users is here, or says why it stays."""
