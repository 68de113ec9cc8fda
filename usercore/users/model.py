"""A user: fields, identifiers and state, changes of the email, and the changes of users that history records.

A user has its identifiers for reading; their claims make them unique.
"""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple
from uuid import UUID

import attrs

from usercore.kernel.bounds import whole
from usercore.kernel.changes import ChangeKind
from usercore.kernel.context import SYSTEM
from usercore.kernel.domains import domains
from usercore.kernel.entity import entity
from usercore.kernel.ids import USER_KIND, TenantId, UserId, uuid_of
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.preferences import DateFormat
from usercore.kernel.values import frozen
from usercore.users.fields import ATTRIBUTES, FIELDS
from usercore.users.keys import KeySpace


class UserState(StrEnum):
    """Whether a user can sign in. "No password" and "locked" belong to the account status and are not states."""

    UNCLAIMED = "unclaimed"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    ERASED = "erased"


@frozen(kw_only=True)
class EmailPolicy:
    """Which emails users may have. Source: spec U5."""

    special_domains: frozenset[str] = domains()
    """Special-use domains that are allowed with their subdomains, such as ``corp.local``; all others are refused."""


@frozen(kw_only=True)
class SearchPolicy:
    """How much work a search of users may be."""

    max_candidates: int = whole(1000, least=1, most=10_000, unit="users")
    """Users that are examined: those who have the rarest of the words. Source: spec U11."""

    max_words: int = whole(8, least=1, most=100, unit="words")
    """Words of a query, each of which is looked up. Source: usercore: a name, a city and an email have fewer."""


REASON_LIMIT: Final = 1000
"""Characters of the reason of an erasure. Source: usercore, as reasons of removed second factors."""

AccessIds = tuple[str | None, str | None, str | None, str | None]
NO_ACCESS_IDS: Final[AccessIds] = (None, None, None, None)


@entity
class User:
    """A person of one tenant. If a preference is None, the tenant's default applies.

    ``version`` counts changes of the user's own fields, identifiers and state. ``change_no`` counts the units that
    locked the user, and so orders the user's history. Offsets are minutes east of UTC, quarter hours from -840 to 840.
    ``registered_at`` is None while a user is unclaimed.
    A user who ``requires_role`` can sign in only with an active role.
    """

    id: UserId
    tenant_id: TenantId
    state: UserState = UserState.ACTIVE
    email: str | None = None
    email_verified_at: datetime | None = None
    username: str | None = None
    external_id: str | None = None
    access_ids: AccessIds = NO_ACCESS_IDS
    supplied_uuid: UUID | None = None
    first_name: str | None = None
    last_name: str | None = None
    chosen_public_name: str | None = None
    language: str | None = None
    date_format: DateFormat | None = None
    timestamp_offset_minutes: int | None = None
    data_offset_minutes: int | None = None
    source: str = "unknown"
    referer: str | None = None
    registration_channel: str | None = None
    note: str | None = None
    is_institution: bool = False
    institution_name: str | None = None
    requires_role: bool = False
    confirmed_at: datetime | None = None
    registered_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    last_sign_in_ip: str | None = None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1
    change_no: int = 1

    @property
    def uuid(self) -> UUID:
        """The public UUID: the one that was supplied, else one derived from the id."""
        return self.supplied_uuid or uuid_of(self.id, USER_KIND)

    @property
    def public_name(self) -> str | None:
        """The name shown to other users: the given one, or the email if none was given or it spells the email."""
        return self.chosen_public_name or self.email

    @property
    def full_name(self) -> str | None:
        """First and last name, else the username, else the public name. Source: spec U1."""
        names = " ".join(filter(None, (self.first_name, self.last_name)))
        return names or self.username or self.public_name

    @property
    def is_admin(self) -> bool:
        """Whether the user is one of the tenant ``system``: admins are allowed everything in every tenant."""
        return self.tenant_id == SYSTEM

    @property
    def email_verified(self) -> bool:
        """Whether the user proved access to the email, or the host asserted that it is verified."""
        return self.email_verified_at is not None


class LastSignIn(NamedTuple):
    """When and from where a user signed in."""

    at: datetime
    ip: str | None


@entity
class Claim:
    """The exclusive claim of one holder on a key in a space of the tenant. ``uses`` combines ``KeyUse`` flags.

    A claim without uses identifies no user. It is held until ``held_until``, so that the key can be restored.
    """

    tenant_id: TenantId
    space: KeySpace
    key: str
    holder_id: int
    uses: int
    held_until: datetime | None = None


class EmailChangeState(StrEnum):
    """Whether a change of an email is requested, made, undone or cancelled."""

    REQUESTED = "requested"
    """The new address has not been proved yet."""
    MADE = "made"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    """A newer request, another change, or the undo of an earlier change came first."""


@entity
class EmailChange:
    """A change of a user's email: requested, made, perhaps undone.

    ``number`` is the change number of the user at the request, so changes of a user are in the order of their numbers.
    The fields ``old_...`` are the user's as they were at the request: an undo restores them. Until ``open_until`` a
    requested change can be confirmed, and a change that was made can be undone.
    """

    user_id: UserId
    number: int
    tenant_id: TenantId
    state: EmailChangeState
    old_email: str | None = None
    old_verified_at: datetime | None = None
    old_external_id: str | None = None
    old_access_ids: AccessIds = NO_ACCESS_IDS
    new_email: str
    requested_at: datetime
    made_at: datetime | None = None
    open_until: datetime


@entity
class UserWord:
    """The start of a word by which a user is found, folded, as an index of words stores it."""

    user_id: UserId
    word: str
    tenant_id: TenantId


@entity
class FormerEmail:
    """A verified address that another one replaced, as its owner is notified."""

    email: str
    can_undo: bool


@entity
class Erased:
    """One side of erasing a user, as history stores it."""

    state: UserState
    reason: str | None = None


@entity
class Claiming:
    """One side of claiming an unclaimed user: the note and the state of this side, and the id of the other user."""

    other_id: UserId
    state: UserState
    note: str | None


class AccountStatusCode(IntEnum):
    """An account's status as one number. Source: spec U2; Izenda's ``status``."""

    ACTIVE = 1
    DEACTIVATED = 2
    PASSWORD_NOT_SET = 3
    LOCKED = 4


@entity
class AccountStatus:
    """The status of a user: state, password, failures, sign-ins. Instants are None if they do not apply."""

    state: UserState
    password_set: bool
    password_changed_at: datetime | None
    must_change_password: bool
    failures_in_a_row: int
    locked_since: datetime | None
    locked_until: datetime | None
    last_sign_in_at: datetime | None
    last_used_at: datetime | None

    @property
    def code(self) -> AccountStatusCode:
        """The status as one number: the first that applies of deactivated, password not set and locked, else active."""
        if self.state is UserState.DEACTIVATED:
            return AccountStatusCode.DEACTIVATED
        if not self.password_set:
            return AccountStatusCode.PASSWORD_NOT_SET
        return AccountStatusCode.ACTIVE if self.locked_until is None else AccountStatusCode.LOCKED


@entity
class Preferences:
    """The preferences that apply to a user: the user's own, else the tenant's. Offsets are minutes east of UTC."""

    language: str
    date_format: DateFormat
    time_zone: str
    timestamp_offset_minutes: int
    data_offset_minutes: int


IDENTIFIERS: Final = ("email", "username", "external_id", "access_ids", "supplied_uuid")
"""The attributes that claims depend on."""

OWN_FIELDS: Final = tuple(
    field.name
    for field in attrs.fields(User)  # type: ignore[arg-type]  # mypy does not see attrs in @entity
    if field.name in ATTRIBUTES.values()
)
"""The attributes that ``update`` may change, besides the username."""

PERSONAL: Final = frozenset(IDENTIFIERS).union(ATTRIBUTES[name] for name, spec in FIELDS.items() if spec.personal)

OPERATOR_ONLY: Final = frozenset(ATTRIBUTES[name] for name, spec in FIELDS.items() if spec.operator_only)
"""Fields that only operators see. Source: spec U1."""

_ALL = ("state", "email_verified_at", *IDENTIFIERS, *OWN_FIELDS)
_IDS = ("external_id", "access_ids")

REGISTERED: Final = ChangeKind("user.registered", _ALL, PERSONAL, public=True, operator_only=OPERATOR_ONLY)
IMPORTED: Final = ChangeKind("user.imported", ("created_at", *_ALL), PERSONAL, public=True, operator_only=OPERATOR_ONLY)
UPDATED: Final = ChangeKind(
    "user.updated", ("username", *OWN_FIELDS), PERSONAL, public=True, operator_only=OPERATOR_ONLY
)
IDS_CHANGED: Final = ChangeKind("user.ids_changed", _IDS, frozenset(_IDS), public=True)
EMAIL_CHANGED: Final = ChangeKind(
    "user.email_changed",
    ("email", "email_verified_at", "username", "chosen_public_name"),
    frozenset({"email", "username", "chosen_public_name"}),
    public=True,
)
EMAIL_REPLACED: Final = ChangeKind("user.email_replaced", ("email", "can_undo"), frozenset({"email"}), public=True)
"""A verified address was replaced by another one; its owner is notified, and may be able to undo the change."""
EMAIL_CHANGE_REQUESTED: Final = ChangeKind(
    "user.email_change_requested", ("new_email", "open_until"), frozenset({"new_email"}), public=True
)
"""The user is to have another email, which must be proved first; a link is mailed to it."""
EMAIL_CHANGE_UNDONE: Final = ChangeKind("user.email_change_undone", ("email",), frozenset({"email"}), public=True)
"""A former address was restored by its owner, who is mailed a link to set a password."""
EMAIL_VERIFICATION_CHANGED: Final = ChangeKind("user.email_verification_changed", ("email_verified_at",), public=True)
"""An operator set whether the email counts as verified, or a link that was mailed to it was redeemed."""
CONFIRMATION_REQUESTED: Final = ChangeKind("user.confirmation_requested", public=True)
"""A link that verifies the email and confirms the user is mailed."""
CONFIRMED: Final = ChangeKind("user.confirmed", ("confirmed_at", "email_verified_at"), public=True)
"""The user was confirmed by the host, or by a link that also verified the email."""
ACTIVATED: Final = ChangeKind("user.activated", ("state",), public=True)
DEACTIVATED: Final = ChangeKind("user.deactivated", ("state",), public=True)
ERASED: Final = ChangeKind("user.erased", ("state", "reason"), public=True, operator_only=frozenset({"reason"}))
"""All that is personal about the user was removed. The reason is an operator's."""
UNCLAIMED_CREATED: Final = ChangeKind(
    "user.unclaimed_created", _ALL, PERSONAL, public=True, operator_only=OPERATOR_ONLY
)
"""An unclaimed user was created, who is registered when someone registers with the email."""
_CLAIMING: Final = ("other_id", "state", "note")
CLAIMED: Final = ChangeKind(
    "user.claimed",
    _CLAIMING,
    frozenset({"note"}),
    public=True,
    operator_only=OPERATOR_ONLY,
    always=frozenset({"other_id"}),
)
"""The user got what an unclaimed user had, whose id is ``other_id``."""
CLAIMED_AWAY: Final = ChangeKind(
    "user.claimed_away",
    _CLAIMING,
    frozenset({"note"}),
    public=True,
    operator_only=OPERATOR_ONLY,
    always=frozenset({"other_id"}),
)
"""What the unclaimed user had is another user's now, whose id is ``other_id``, and the unclaimed one is deactivated."""
ROLE_REQUIREMENT_CHANGED: Final = ChangeKind("user.role_requirement_changed", ("requires_role",), public=True)
"""From now on, the user does or does not need an active role to sign in."""
WELCOMED: Final = ChangeKind("user.welcomed", ("with_password",), public=True)
"""A welcome mail was requested for the user, with or without a generated password."""

KINDS: Final = (
    REGISTERED,
    IMPORTED,
    UPDATED,
    IDS_CHANGED,
    EMAIL_CHANGED,
    EMAIL_REPLACED,
    EMAIL_CHANGE_REQUESTED,
    EMAIL_CHANGE_UNDONE,
    EMAIL_VERIFICATION_CHANGED,
    CONFIRMATION_REQUESTED,
    CONFIRMED,
    ACTIVATED,
    DEACTIVATED,
    ERASED,
    UNCLAIMED_CREATED,
    CLAIMED,
    CLAIMED_AWAY,
    ROLE_REQUIREMENT_CHANGED,
    WELCOMED,
)

USER_ROWS: Final = Rows(
    entity=User,
    erasure=Erasure.BLANKS,
    personal=(*sorted(PERSONAL), "email_verified_at", "last_sign_in_ip"),
    plain="id tenant_id state language date_format timestamp_offset_minutes data_offset_minutes source"
    " registration_channel is_institution requires_role confirmed_at registered_at last_sign_in_at created_at"
    " created_by modified_at modified_by version change_no",
)
ROWS: Final = (
    USER_ROWS,
    Rows(entity=UserWord, erasure=Erasure.REMOVES, user="user_id", personal="word", plain="user_id tenant_id"),
    Rows(
        entity=Claim,
        erasure=Erasure.REMOVES,
        user="holder_id",
        personal="key",
        plain="tenant_id space holder_id uses held_until",
    ),
    Rows(
        entity=EmailChange,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="email_changes",
        personal="old_email old_verified_at old_external_id old_access_ids new_email",
        plain="user_id number tenant_id state requested_at made_at open_until",
    ),
)
