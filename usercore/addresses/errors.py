"""Errors of addresses and of requests to change them."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Conflict, NotFound, Rejected, WrongState


class AddressTypeNotFound(NotFound):
    """The host declared no such type of addresses in this tenant."""

    code: ClassVar[str] = "addresses.type_not_found"


class AddressNotFound(NotFound):
    """The user has no such address, or it was removed."""

    code: ClassVar[str] = "addresses.not_found"


class ParentAddressNotFound(AddressNotFound):
    """The user has no address that the request could change; add one instead."""

    code: ClassVar[str] = "addresses.parent_not_found"


class ChangeRequestNotFound(NotFound):
    """The user has no such request."""

    code: ClassVar[str] = "addresses.request_not_found"


class NothingChanged(Rejected):
    """The new values equal the ones that hold on that day; nothing was stored."""

    code: ClassVar[str] = "addresses.nothing_changed"


class TooManyAddresses(Rejected):
    """The user has as many addresses as the policy allows."""

    code: ClassVar[str] = "addresses.too_many"


@attrs.frozen
class ChangeRequestWrongState(WrongState):
    """The request cannot be decided: ``accepted``, ``rejected``, its address ``removed`` or its user ``erased``."""

    code: ClassVar[str] = "addresses.wrong_state"


class AddressChangedSince(Conflict):
    """The address was changed after the request was made; look at both, and accept it with ``force`` or reject it."""

    code: ClassVar[str] = "addresses.changed_since"
