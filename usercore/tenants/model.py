"""A tenant: key, name, and the defaults of its users."""

from datetime import datetime
from typing import Final
from uuid import UUID

from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import entity
from usercore.kernel.ids import TENANT_KIND, TenantId, uuid_of
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.preferences import DateFormat


@entity
class Tenant:
    """An isolated population of users. The key never changes; offsets are minutes, multiples of 15 from -840 to 840.

    A tenant that is deleted is not there; its row stays, because the erased users still name it.
    """

    id: TenantId
    key: str
    name: str
    description: str | None = None
    active: bool = True
    time_zone: str = "UTC"
    country: str | None = None
    language: str = "en"
    date_format: DateFormat = DateFormat.YEAR_FIRST
    timestamp_offset_minutes: int = 0
    data_offset_minutes: int = 0
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    version: int = 1
    change_no: int = 1
    supplied_uuid: UUID | None = None
    deleted_at: datetime | None = None
    erased_at: datetime | None = None
    """When the deletion was finished: all users are erased, and roles and groups are removed."""

    @property
    def uuid(self) -> UUID:
        """The public UUID: the one that was supplied, else one derived from the id."""
        return self.supplied_uuid or uuid_of(self.id, TENANT_KIND)


BUILT_IN: Final = {SYSTEM: "system", MAIN: "main"}
"""The tenants of every store; the core adds them when it opens a new store. Source: spec T1."""

DEFAULTS: Final = (
    "description",
    "time_zone",
    "country",
    "language",
    "date_format",
    "timestamp_offset_minutes",
    "data_offset_minutes",
)

_CREATED: Final = ("key", "name", *DEFAULTS, "supplied_uuid")

CREATED: Final = ChangeKind("tenant.created", _CREATED, public=True, subject=Subject.TENANT)
UPDATED: Final = ChangeKind("tenant.updated", ("name", *DEFAULTS), public=True, subject=Subject.TENANT)
ACTIVATED: Final = ChangeKind("tenant.activated", ("active",), public=True, subject=Subject.TENANT)
DEACTIVATED: Final = ChangeKind("tenant.deactivated", ("active",), public=True, subject=Subject.TENANT)
DELETED: Final = ChangeKind("tenant.deleted", ("key", "name"), public=True, subject=Subject.TENANT)

KINDS: Final = (CREATED, UPDATED, ACTIVATED, DEACTIVATED, DELETED)

ROWS: Final = (
    Rows(
        entity=Tenant,
        erasure=Erasure.KEEPS,
        plain="id key name description active time_zone country language date_format timestamp_offset_minutes"
        " data_offset_minutes created_at created_by modified_at modified_by version change_no supplied_uuid deleted_at"
        " erased_at",
    ),
)
