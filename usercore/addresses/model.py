"""Addresses, their versions, requests to change them, and the changes that history records."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypedDict

from usercore.kernel.bounds import each, part, whole
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen

KEY_LIMIT: Final = 255
"""Characters of the key of a type. Source: usercore, as keys of meta."""

VALUE_LIMIT: Final = 255
"""Characters of a value of an address. Source: usercore, as names of users."""

REASON_LIMIT: Final = 1000
"""Characters of the reason of a decision. Source: usercore, as reasons of removed second factors."""

SORTING: Final = 100
"""Where a type is sorted if the host does not say it. Source: REMP CRM."""

LEAST_SORTING: Final = -1_000_000
MOST_SORTING: Final = 1_000_000
"""The range of ``sorting``. Source: usercore."""


class AddressFields(TypedDict, total=False):
    """The values of an address that a call passes; None and "" clear a value."""

    first_name: str | None
    last_name: str | None
    company_name: str | None
    street: str | None
    number: str | None
    city: str | None
    zip: str | None
    country: str | None
    company_id: str | None
    tax_id: str | None
    vat_id: str | None
    phone: str | None
    title: str | None


FIELDS: Final = tuple(AddressFields.__annotations__)
"""The names of the values."""


@entity
class AddressValues:
    """What an address says. ``country`` is a code of ISO 3166-1; ``title`` is what its owner calls the address."""

    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    street: str | None = None
    number: str | None = None
    city: str | None = None
    zip: str | None = None
    country: str | None = None
    company_id: str | None = None
    tax_id: str | None = None
    vat_id: str | None = None
    phone: str | None = None
    title: str | None = None


@entity
class AddressType:
    """A type of addresses that the host declared for a tenant, such as ``invoice``.

    Requests to change addresses of a type that ``accepts_at_once`` are accepted when they are made.
    """

    tenant_id: TenantId
    key: str
    title: str | None = None
    sorting: int = SORTING
    accepts_at_once: bool = False
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1


@entity
class StoredAddress:
    """An address without its values, which its versions have."""

    user_id: UserId
    id: int
    tenant_id: TenantId
    type: str
    is_default: bool
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1
    removed_at: datetime | None = None
    removed_by: str | None = None


@entity
class AddressVersion(AddressValues):
    """The values of an address from a day until another day, which is not included; None is no end.

    An order may store the ``id``: a version never changes but for its end, also after the address was removed. One that
    ends on its first day was replaced before it held for a day.
    """

    user_id: UserId
    id: int
    tenant_id: TenantId
    address_id: int
    type: str
    valid_from: date
    valid_until: date | None = None
    created_at: datetime
    created_by: str


@entity
class Address(AddressValues):
    """An address with the values of the version that holds on the day that was asked for.

    The default address of its type ``is_default``. ``modified_at``, ``modified_by`` and ``version`` count accepted
    changes; the default flag is none.
    """

    id: int
    user_id: UserId
    tenant_id: TenantId
    type: str
    is_default: bool
    version_id: int
    valid_from: date
    valid_until: date | None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int


class ChangeRequestState(StrEnum):
    """The state of a request to change an address."""

    NEW = "new"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@entity
class StoredChangeRequest(AddressValues):
    """A request as it is stored, with the new values. The old ones are those of the version ``replaces_id``."""

    user_id: UserId
    id: int
    tenant_id: TenantId
    address_id: int
    type: str
    state: ChangeRequestState = ChangeRequestState.NEW
    valid_from: date | None = None
    replaces_id: int | None = None
    requested_at: datetime
    requested_by: str
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    version_id: int | None = None


@entity
class AddressChangeRequest:
    """A request to change an address, or the one that created it, which has no ``old`` values.

    The new values are to hold from the day ``valid_from``, or from the day of the decision if that is later or
    ``valid_from`` is None. An accepted request names the version that has its values.
    """

    id: int
    user_id: UserId
    tenant_id: TenantId
    address_id: int
    type: str
    state: ChangeRequestState
    valid_from: date | None
    old: AddressValues | None
    new: AddressValues
    requested_at: datetime
    requested_by: str
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    version_id: int | None


class AddressCheck(StrEnum):
    """A check of values by a library. Each needs an extra."""

    POSTAL = "postal"
    """The postal code has the form that the country uses, and what its addresses need is there."""

    COMPANY_NUMBERS = "company_numbers"
    """Company, tax and VAT ids have the form and the check digits of their country, if it is known."""

    PHONE = "phone"
    """The phone number exists in the numbering plan of the country, or of the one that it names."""


@frozen(kw_only=True)
class AddressPolicy:
    """Who may accept requests, how many addresses users have, and which values are checked."""

    requester_may_accept: bool = part(default=True)
    """Whether the actor of a request may accept it. Source: spec A5."""

    max_addresses: int = whole(100, least=1, most=1000, unit="addresses")
    """Addresses of one user that were not removed. Source: usercore."""

    checks: frozenset[AddressCheck] = each(frozenset[AddressCheck](), AddressCheck)
    """Checks of new values by libraries. Source: spec A8."""


@entity
class AddressChange(AddressValues):
    """One side of a change of an address, as history stores it. ``reason`` is an operator's."""

    address_id: int
    type: str
    is_default: bool | None = None
    request_id: int | None = None
    version_id: int | None = None
    valid_from: date | None = None
    reason: str | None = None


_NAMES: Final = ("address_id", "type")
_ALWAYS: Final = frozenset(_NAMES)
_REQUEST: Final = (*_NAMES, "request_id")
_DECISION: Final = (*_REQUEST, "reason")
_PERSONAL: Final = frozenset(FIELDS)
_REASON: Final = frozenset({"reason"})

TYPE_DECLARED: Final = ChangeKind(
    "address_type.declared",
    ("key", "title", "sorting", "accepts_at_once"),
    public=True,
    subject=Subject.TENANT,
    always=frozenset({"key"}),
)
ADDED: Final = ChangeKind(
    "address.added",
    (*_REQUEST, "version_id", "valid_from", "is_default", *FIELDS),
    _PERSONAL,
    public=True,
    always=_ALWAYS,
)
REMOVED: Final = ChangeKind("address.removed", (*_NAMES, *FIELDS), _PERSONAL, public=True, always=_ALWAYS)
DEFAULT_CHANGED: Final = ChangeKind(
    "address.default_changed",
    (*_NAMES, "is_default"),
    public=True,
    always=_ALWAYS,
)
CHANGE_REQUESTED: Final = ChangeKind(
    "address.change_requested",
    (*_REQUEST, "valid_from", *FIELDS),
    _PERSONAL,
    public=True,
    always=frozenset(_REQUEST),
)
CHANGE_ACCEPTED: Final = ChangeKind(
    "address.change_accepted",
    (*_DECISION, "version_id", "valid_from", *FIELDS),
    _PERSONAL | _REASON,
    public=True,
    always=frozenset(_REQUEST),
    operator_only=_REASON,
)
CHANGE_REJECTED: Final = ChangeKind(
    "address.change_rejected", _DECISION, _REASON, public=True, always=frozenset(_REQUEST), operator_only=_REASON
)

MOVED: Final = ChangeKind("address.moved", (*_NAMES, "is_default"), public=True, always=_ALWAYS)
"""The address was an unclaimed user's, and is another user's now; it is recorded of both."""

KINDS: Final = (
    TYPE_DECLARED,
    ADDED,
    MOVED,
    REMOVED,
    DEFAULT_CHANGED,
    CHANGE_REQUESTED,
    CHANGE_ACCEPTED,
    CHANGE_REJECTED,
)

ROWS: Final = (
    Rows(
        entity=AddressType,
        erasure=Erasure.KEEPS,
        plain="tenant_id key title sorting accepts_at_once created_at created_by modified_at modified_by version",
    ),
    Rows(
        entity=StoredAddress,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="addresses",
        plain="user_id id tenant_id type is_default created_at created_by modified_at modified_by version removed_at"
        " removed_by",
    ),
    Rows(
        entity=AddressVersion,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="address_versions",
        personal=FIELDS,
        plain="user_id id tenant_id address_id type valid_from valid_until created_at created_by",
    ),
    Rows(
        entity=StoredChangeRequest,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="address_change_requests",
        personal=(*FIELDS, "reason"),
        plain="user_id id tenant_id address_id type state valid_from replaces_id requested_at requested_by decided_at"
        " decided_by version_id",
    ),
)
