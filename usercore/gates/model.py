"""What a gate is asked about."""

from datetime import date

from usercore.addresses.model import Address, AddressValues
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.users.model import User


@entity
class RegistrationRequest:
    """What a gate of the host is shown of a registration. ``channel`` is the method that was called."""

    email: str | None
    username: str | None
    external_id: str | None
    channel: str
    context: Context


@entity
class AddressAcceptance:
    """What a gate of the host is shown of values that an address is about to have from the day ``valid_from`` on.

    A new address has no ``address_id`` and no ``old`` values. None in ``valid_from`` is today.
    """

    user_id: UserId
    type: str
    address_id: int | None
    old: AddressValues | None
    new: AddressValues
    valid_from: date | None
    context: Context


@entity
class UserErasure:
    """What a gate of the host is shown of a user who is about to be erased, and why. The context has no address."""

    user: User
    reason: str
    context: Context


@entity
class AddressRemoval:
    """What a gate of the host is shown of an address that is about to be removed."""

    address: Address
    context: Context
