"""Records of an import: what one may say, and how each of its values enters. Pure.

A newcomer would convert what does not fit; here nothing is coerced but instants and UUIDs in their text form, and all
faults of a record come out at once. Slow to load because of cattrs, so nothing but an import loads it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

import attrs

from usercore.kernel.ids import UserId
from usercore.kernel.preferences import DateFormat
from usercore.kernel.references import ClaimKey
from usercore.kernel.unset import Unset
from usercore.users.identifiers import SLOTS

_SLOT_FIELDS: Final = tuple((slot, f"access_id_{slot}") for slot in range(1, SLOTS + 1))
_PUBLIC_NAME: Final = "public_name"

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
"""Source: RFC 3339, 5.6."""

_NAME_BYTES: Final = 64
"""What is told of the name of a field that there is not."""


class Given(TypedDict, total=False):
    """A record as it is written. What is left out stays as it is; None empties, but for ``id`` and ``created_at``."""

    id: int | None
    email: str | None
    email_verified: bool
    username: str | None
    external_id: str | None
    access_ids: dict[int, str | None]
    access_id_1: str | None
    access_id_2: str | None
    access_id_3: str | None
    access_id_4: str | None
    uuid: UUID | None
    created_at: datetime | None
    first_name: str | None
    last_name: str | None
    public_name: str | None
    language: str | None
    date_format: DateFormat | None
    timestamp_offset_minutes: int | None
    data_offset_minutes: int | None
    source: str
    referer: str | None
    registration_channel: str | None
    note: str | None
    is_institution: bool
    institution_name: str | None


@attrs.frozen(kw_only=True)
class ImportRecord:
    """What a record says of one user, cleaned. ``UNSET`` is what it says nothing about.

    ``fields`` are the user's own fields that it names, ``slots`` the access ids, and ``keys`` what it would claim.
    """

    id: UserId | None
    email: str | None | Unset
    email_verified: bool | Unset
    username: str | None | Unset
    external_id: str | None | Unset
    slots: Mapping[int, str | None]
    uuid: UUID | None | Unset
    created_at: datetime | None
    fields: Mapping[str, Any]
    keys: tuple[ClaimKey, ...]
