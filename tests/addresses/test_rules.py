"""The values of addresses, the default address of a type, and the order of lists."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of, faults_of
from usercore.addresses.model import FIELDS, AddressValues, StoredAddress
from usercore.addresses.rules import (
    COMPANY_NUMBERS,
    address_named,
    clean_reason,
    clean_sorting,
    clean_type_key,
    clean_type_keys,
    clean_values,
    main_address,
    merged,
    newest_first,
    values_of,
)
from usercore.kernel.countries import CODES, clean_country
from usercore.kernel.entity import evolve
from usercore.kernel.errors import FieldError
from usercore.kernel.text import FieldErrors
from usercore.testing import NOON
from usercore.testing.contracts.addresses import a_version, an_address
from usercore.testing.strategies import entities, hostile_text

TEXTS = st.one_of(st.none(), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
GIVEN = st.dictionaries(st.sampled_from([field for field in FIELDS if field != "country"]), TEXTS)


def cleaned(**given: Any) -> dict[str, Any]:
    """Return the values of a call, cleaned."""
    errors = FieldErrors()
    values = clean_values(given, errors)
    errors.check()
    return values


@pytest.mark.rule("A2")
def test_an_address_has_these_values() -> None:
    names = "first_name last_name company_name street number city zip country company_id tax_id vat_id phone title"
    assert list(FIELDS) == names.split()


@pytest.mark.rule("A2")
@pytest.mark.parametrize("field", COMPANY_NUMBERS)
@pytest.mark.parametrize("typed", ["12 345", " 12345 ", "1\u00a02\u20093\u30004 5", "12345"])
def test_white_space_in_company_numbers_does_not_count(field: str, typed: str) -> None:
    assert cleaned(**{field: typed}) == {field: "12345"}


@pytest.mark.rule("A2")
@pytest.mark.parametrize("field", [field for field in FIELDS if field not in {*COMPANY_NUMBERS, "country"}])
def test_white_space_within_other_values_counts(field: str) -> None:
    assert cleaned(**{field: " 12 345 "}) == {field: "12 345"}


@pytest.mark.rule("A2")
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("typed", ["", " ", "\u00a0\u3000", None])
def test_empty_text_is_none(field: str, typed: str | None) -> None:
    assert cleaned(**{field: typed}) == {field: None}


@pytest.mark.rule("A2")
@given(GIVEN)
def test_cleaning_twice_changes_nothing(given: dict[str, Any]) -> None:
    assert cleaned(**cleaned(**given)) == cleaned(**given)


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("first", "second"),
    [({"zip": "0123"}, {"zip": "123"}), ({"street": "Main"}, {"street": "MAIN"}), ({"tax_id": "0"}, {"tax_id": None})],
)
def test_values_are_compared_exactly(first: dict[str, str], second: dict[str, str]) -> None:
    assert AddressValues(**first) != AddressValues(**second)


@pytest.mark.rule("A2")
@given(st.dictionaries(st.sampled_from(FIELDS), hostile_text()))
def test_any_text_is_cleaned_or_refused_by_field(given: dict[str, str]) -> None:
    errors = FieldErrors()
    values = clean_values(given, errors)
    assert values.keys() == given.keys()
    assert all(text is None or (text == text.strip() and 0 < len(text) <= 255) for text in values.values())


@pytest.mark.rule("A2")
def test_every_fault_is_reported_by_field() -> None:
    faults = faults_of(lambda: cleaned(street="a\nb", city="x" * 256, country="Slovakia", phone="\u202e1"))
    assert set(faults) == {
        FieldError("street", "control_character"),
        FieldError("city", "too_long"),
        FieldError("country", "malformed"),
        FieldError("phone", "direction_mark"),
    }


@pytest.mark.rule("A2", "ERR")
@pytest.mark.parametrize("given", [{"street": 7}, {"zip": b"1"}, {"is_default": "yes"}, {"": ""}])
def test_a_value_of_another_type_or_name_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        cleaned(**given)


@pytest.mark.rule("A2", "T3")
@pytest.mark.parametrize(("typed", "kept"), [("sk", "SK"), (" De ", "DE"), ("XK", "XK"), ("", None), (None, None)])
def test_a_country_is_a_code_of_iso_3166(typed: str | None, kept: str | None) -> None:
    assert clean_country(typed) == kept
    assert len(CODES) == 250


@pytest.mark.rule("A2", "T3")
@pytest.mark.parametrize(
    ("typed", "reason"),
    [("SVK", "malformed"), ("S1", "malformed"), ("ŠK", "malformed"), ("UK", "unknown"), ("ZZ", "unknown")],
)
def test_what_is_no_code_of_a_country_is_refused(typed: str, reason: str) -> None:
    assert fault_of(lambda: clean_country(typed)) == FieldError("country", reason)


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("given", "country"), [({}, "AT"), ({"country": None}, "SK"), ({"country": "DE"}, "DE"), ({"zip": None}, "AT")]
)
def test_a_country_that_is_cleared_becomes_the_tenants(given: dict[str, Any], country: str) -> None:
    assert merged(AddressValues(country="AT", zip="1"), given, country="SK").country == country


@pytest.mark.rule("A4")
@given(entities(AddressValues), GIVEN)
def test_what_is_left_out_stays_and_the_rest_is_replaced(old: AddressValues, given: dict[str, Any]) -> None:
    new = merged(old, given, country="SK")
    for field in FIELDS:
        assert getattr(new, field) == (given[field] if field in given else getattr(old, field))


@pytest.mark.rule("A4")
def test_only_the_values_of_a_version_are_compared() -> None:
    assert values_of(a_version(1)) == values_of(a_version(2)) != values_of(evolve(a_version(1), title="Office"))


def at(minutes: int, number: int, **fields: Any) -> StoredAddress:
    """Return an address that changed at this minute."""
    return evolve(an_address(number), modified_at=NOON + timedelta(minutes=minutes), **({"is_default": False} | fields))


@pytest.mark.rule("A7")
def test_addresses_are_listed_by_their_last_change_without_removed_ones() -> None:
    rows = [at(1, 1), at(3, 2), at(3, 3), at(2, 4), at(9, 5, removed_at=NOON)]
    assert [one.id for one in newest_first(rows)] == [3, 2, 4, 1]


@pytest.mark.rule("A4")
def test_the_address_of_a_type_is_its_default_one_else_the_one_that_changed_last() -> None:
    rows = [at(1, 1), at(3, 2), at(2, 3), at(9, 4, type="print", is_default=True), at(9, 5, removed_at=NOON)]
    assert main_address(rows, "invoice") == rows[1]
    assert main_address([*rows, at(0, 6, is_default=True)], "invoice") == at(0, 6, is_default=True)
    assert main_address([at(9, 6, is_default=True, removed_at=NOON)], "invoice") is None
    assert main_address(rows, "other") is None
    named = [address_named(rows, key) for key in ("invoice", 1, 4, 5, 6)]
    assert [one and one.id for one in named] == [2, 1, 4, None, None]


@pytest.mark.rule("A1")
@pytest.mark.parametrize(
    ("key", "reason"), [("", "empty"), (" a", "white_space"), ("a\n", "white_space"), ("k" * 256, "too_long")]
)
def test_the_key_of_a_type_is_one_line_that_is_stored_exactly(key: str, reason: str) -> None:
    assert fault_of(lambda: clean_type_key(key)).reason == reason
    assert clean_type_key("k" * 255) == "k" * 255


@pytest.mark.rule("A1")
@pytest.mark.parametrize(("number", "is_accepted"), [(1_000_000, True), (-1_000_000, True), (1_000_001, False)])
def test_sorting_is_a_number_in_a_range(number: int, is_accepted: bool) -> None:  # noqa: FBT001 - a parameter of the case
    if is_accepted:
        assert clean_sorting(number) == number
    else:
        assert fault_of(lambda: clean_sorting(number)) == FieldError("sorting", "out_of_range")


@pytest.mark.rule("A7")
def test_types_are_one_key_or_several() -> None:
    assert clean_type_keys(None) is None
    assert clean_type_keys("invoice") == clean_type_keys(["invoice", "invoice"]) == frozenset({"invoice"})
    assert clean_type_keys([]) == frozenset()
    for wrong in (b"invoice", 7, {"invoice": 1}, [7]):
        with pytest.raises(TypeError):
            clean_type_keys(wrong)


@pytest.mark.rule("A5")
def test_a_reason_has_at_most_1000_characters_in_any_number_of_lines() -> None:
    assert clean_reason(" a\nb ") == "a\nb"
    assert (clean_reason(None), clean_reason(" ")) == (None, None)
    assert clean_reason("r" * 1000) == "r" * 1000
    assert fault_of(lambda: clean_reason("r" * 1001)) == FieldError("reason", "too_long")
