"""Validation of a tenant's fields, and restrictions on the built-in tenants. Pure."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final
from uuid import UUID

from usercore.kernel.countries import clean_country
from usercore.kernel.ids import plain_uuid
from usercore.kernel.preferences import clean_date_format, clean_language, clean_offset
from usercore.kernel.text import check_text, clean_line, clean_name, refuse
from usercore.tenants.errors import BuiltIn
from usercore.tenants.model import BUILT_IN, Tenant

NAME_LIMIT: Final = 256
"""The most characters of a key or a name. Source: spec T3."""

DESCRIPTION_LIMIT: Final = 65_536

_AREAS: Final = (
    "Africa America Antarctica Arctic Asia Atlantic Australia Brazil Canada Chile Etc Europe Indian Mexico Pacific US"
)
"""Names of time zones up to the first slash. Source: IANA Time Zone Database 2025b, with its file ``backward``."""

_NAMES_WITHOUT_AREA: Final = (
    "CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran "
    "Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK "
    "Singapore Turkey UCT UTC Universal W-SU WET Zulu"
)
"""The names without a slash. Source: as above, without ``Factory``, which means that no zone was set."""


@cache
def _zones() -> set[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - only creating or changing a tenant needs it

    areas, others = _AREAS.split(), _NAMES_WITHOUT_AREA.split()
    # A machine may have more names: ``localtime``, variants in ``posix`` and ``right``, zones of its vendor.
    names = ((name, *name.partition("/")) for name in available_timezones())
    return {name for name, area, slash, _ in names if area in (areas if slash else others)}


def clean_tenant_name(value: object, *, field: str) -> str:
    """Return a valid key or name: 1 to 256 characters.

    Raises:
        TypeError: it is not text.
        Invalid: it is empty, too long, unassigned or has forbidden characters.
    """
    return clean_name(value, field=field, most=NAME_LIMIT)


def clean_tenant_key(value: object, *, field: str) -> str | UUID:
    """Return the key or UUID that identifies a tenant in a call.

    Raises:
        TypeError: it is neither text nor a UUID.
        Invalid: no tenant can have this key.
    """
    return plain_uuid(value) if isinstance(value, UUID) else clean_tenant_name(value, field=field)


def clean_time_zone(value: object) -> str:
    """Return the name of an IANA time zone; names that only this machine has, such as ``localtime``, are refused.

    Raises:
        TypeError: it is not text.
        Invalid: there is no such zone.
    """
    text = clean_line(value, field="time_zone", most=NAME_LIMIT, empty=False)
    if text != "UTC" and text not in _zones():
        refuse("time_zone", "unknown")
    return text


def _never_empty(clean: Callable[[object], object], field: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        clean_value = clean(value)
        if clean_value is None:
            refuse(field, "empty")
        return clean_value

    return check


def _description(value: object) -> str | None:
    if value is None:
        return None
    return check_text(value, field="description", most=DESCRIPTION_LIMIT, several_lines=True) or None


def _offset(field: str) -> Callable[[object], object]:
    return _never_empty(lambda value: clean_offset(value, field=field), field)


CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    "name": lambda value: clean_tenant_name(value, field="name"),
    "description": _description,
    "time_zone": clean_time_zone,
    "country": clean_country,
    "language": _never_empty(clean_language, "language"),
    "date_format": _never_empty(clean_date_format, "date_format"),
    "timestamp_offset_minutes": _offset("timestamp_offset_minutes"),
    "data_offset_minutes": _offset("data_offset_minutes"),
}
"""The cleaner of each of a tenant's fields: it checks a value and returns it as it is stored."""


def check_renamable(tenant: Tenant) -> None:
    """Refuse to rename a built-in tenant.

    Raises:
        BuiltIn: it is one.
    """
    if tenant.id in BUILT_IN:
        raise BuiltIn


def check_deletable(tenant: Tenant) -> None:
    """Refuse to delete a built-in tenant.

    Raises:
        BuiltIn: it is one.
    """
    if tenant.id in BUILT_IN:
        raise BuiltIn


def check_deactivatable(tenant: Tenant) -> None:
    """Refuse to deactivate the operators' tenant.

    Raises:
        BuiltIn: it is ``system``.
    """
    if BUILT_IN.get(tenant.id) == "system":
        raise BuiltIn
