"""What types and values may be, which address is the default, and in which order addresses are listed. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from usercore.addresses.model import (
    FIELDS,
    KEY_LIMIT,
    LEAST_SORTING,
    MOST_SORTING,
    REASON_LIMIT,
    VALUE_LIMIT,
    Address,
    AddressValues,
    AddressVersion,
    StoredAddress,
)
from usercore.kernel.countries import clean_country
from usercore.kernel.text import FieldErrors, check_text, check_type, clean_exact, clean_fields, clean_optional, refuse

COMPANY_NUMBERS: Final = ("company_id", "tax_id", "vat_id")
"""Numbers that people group by white space, which does not count."""


def clean_type_key(value: object, *, field: str = "address_type") -> str:
    """Return the key of a type, which is compared exactly: one line of 1-255 characters.

    Raises:
        TypeError: it is not text.
        Invalid: no type can have this key.
    """
    return clean_exact(value, field=field, most=KEY_LIMIT)


def clean_type_keys(value: object) -> frozenset[str] | None:
    """Return the keys in a key or in a collection of them; None stays None, which is every type.

    Raises:
        TypeError: it is neither text nor a collection of texts, nor None.
        Invalid: no type can have one of these keys.
    """
    if value is None:
        return None
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, Collection) or isinstance(keys, bytes | Mapping):
        msg = f"types must be text or a collection of texts, not {type(value).__name__}"
        raise TypeError(msg)
    return frozenset(clean_type_key(key, field="types") for key in keys)


def clean_title(value: object) -> str | None:
    """Return a title, or None for None and blank text.

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is no line of at most 255 characters.
    """
    return clean_optional(value, field="title", most=VALUE_LIMIT)


def clean_sorting(value: object) -> int:
    """Return the number by which a type is sorted.

    Raises:
        TypeError: it is not an int.
        Invalid: it is out of range.
    """
    number = check_type(value, int, name="sorting")
    return number if LEAST_SORTING <= number <= MOST_SORTING else refuse("sorting", "out_of_range")


def clean_reason(value: object) -> str | None:
    """Return the reason of a decision, or None for None and blank text.

    Raises:
        TypeError: it is neither text nor None.
        Invalid: it is too long or has forbidden characters.
    """
    if value is None:
        return None
    return check_text(value, field="reason", most=REASON_LIMIT, several_lines=True, trim=True) or None


def _text(field: str) -> Callable[[object], object]:
    return lambda value: clean_optional(value, field=field, most=VALUE_LIMIT)


def _number(field: str) -> Callable[[object], object]:
    def clean(value: object) -> str | None:
        text = clean_optional(value, field=field, most=VALUE_LIMIT)
        return text and "".join(text.split())

    return clean


_CLEAN: Final[Mapping[str, Callable[[object], object]]] = {
    **{field: _text(field) for field in FIELDS},
    **{field: _number(field) for field in COMPANY_NUMBERS},
    "country": clean_country,
}


def clean_values(given: Mapping[str, object], errors: FieldErrors) -> dict[str, Any]:
    """Clean the values that a call passes, and collect their errors. White space in company numbers goes.

    Raises:
        TypeError: there is no such value, or one is neither text nor None.
    """
    unknown = sorted(given.keys() - _CLEAN.keys())
    if unknown:
        msg = f"an address has no value {unknown[0]!r}"
        raise TypeError(msg)
    return clean_fields(_CLEAN, given, errors)


def values_of(source: AddressValues) -> AddressValues:
    """Return the values of an address, a version or a request on their own, so that they can be compared."""
    return AddressValues(**{field: getattr(source, field) for field in FIELDS})


def merged(old: AddressValues, given: Mapping[str, Any], *, country: str | None) -> AddressValues:
    """Return ``old`` with the given values; a country that is cleared becomes the tenant's default ``country``."""
    values = {field: given.get(field, getattr(old, field)) for field in FIELDS}
    if "country" in given:
        values["country"] = values["country"] or country
    return AddressValues(**values)


def shown(address: StoredAddress, version: AddressVersion) -> Address:
    """Return an address with the values of one of its versions."""
    return Address(
        id=address.id,
        user_id=address.user_id,
        tenant_id=address.tenant_id,
        type=address.type,
        is_default=address.is_default,
        version_id=version.id,
        valid_from=version.valid_from,
        valid_until=version.valid_until,
        created_at=address.created_at,
        created_by=address.created_by,
        modified_at=address.modified_at,
        modified_by=address.modified_by,
        version=address.version,
        **{field: getattr(version, field) for field in FIELDS},
    )


def newest_first(addresses: Iterable[StoredAddress]) -> list[StoredAddress]:
    """Return the addresses that were not removed, the one that changed last first."""
    live = (address for address in addresses if address.removed_at is None)
    return sorted(live, key=lambda address: (address.modified_at, address.id), reverse=True)


def main_address(addresses: Iterable[StoredAddress], key: str) -> StoredAddress | None:
    """Return the default address of a type, else the one of that type that changed last, or None."""
    of_type = [address for address in newest_first(addresses) if address.type == key]
    return next((address for address in of_type if address.is_default), of_type[0] if of_type else None)


def address_named(addresses: Iterable[StoredAddress], key: int | str) -> StoredAddress | None:
    """Return the address with this id, or the one that ``main_address`` returns for this type; never a removed one."""
    if isinstance(key, str):
        return main_address(addresses, key)
    return next((address for address in newest_first(addresses) if address.id == key), None)
