"""Languages, date formats and offsets: accepted values and their canonical form."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.preferences import DateFormat, clean_date_format, clean_language, clean_offset

# Source of the tags: RFC 5646, appendix A, except the grandfathered ones.
RFC_5646 = """
de fr ja zh-Hant zh-Hans sr-Cyrl sr-Latn zh-cmn-Hans-CN cmn-Hans-CN zh-yue-HK yue-HK zh-Hans-CN sr-Latn-RS
sl-rozaj sl-rozaj-biske sl-nedis de-CH-1901 sl-IT-nedis hy-Latn-IT-arevela de-DE en-US es-419 de-CH-x-phonebk
x-whatever qaa-Qaaa-QM-x-southern de-Qaaa sr-Latn-QM sr-Qaaa-RS en-US-u-islamcal zh-CN-a-myext-x-private
en-a-myext-b-another
"""


@pytest.mark.rule("U1")
@pytest.mark.parametrize("tag", RFC_5646.split())
@pytest.mark.parametrize(
    "respell", [str, str.upper, str.lower, lambda tag: tag.replace("-", "_")], ids=["same", "upper", "lower", "lines"]
)
def test_a_language_is_stored_in_canonical_case(tag: str, respell: Callable[[str], str]) -> None:
    assert clean_language(respell(tag)) == tag


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("sk_SK", "sk-SK"),
        (" SK ", "sk"),
        ("az-Arab-x-AZE-derbend", "az-Arab-x-aze-derbend"),
        ("en-ca-x-ca", "en-CA-x-ca"),
        ("x-US-Latn", "x-us-latn"),
        ("de-1996", "de-1996"),
        ("EN-latn-gb-boont-R-extended-sequence-X-private", "en-Latn-GB-boont-r-extended-sequence-x-private"),
        ("", None),
        (None, None),
        (" ", None),
    ],
    ids=str,
)
def test_a_language_is_normalised(typed: str | None, kept: str | None) -> None:
    assert clean_language(typed) == kept


@pytest.mark.rule("U1")
@pytest.mark.parametrize(
    "tag",
    [
        "de-419-DE",
        "a-DE",
        "e",
        "en-",
        "-en",
        "en--US",
        "en-US-",
        "en US",
        "1en",
        "en-x",
        "x",
        "en-a",
        "abcdefghi",
        "en-abcdefghi",
        "sk-ŠK",
        "ﬁ",
        "١٢",
        "en-a-x",
        "d\u00e9",
    ],
)
def test_a_malformed_language_is_refused(tag: str) -> None:
    assert fault_of(lambda: clean_language(tag)) == FieldError("language", "malformed")


@pytest.mark.rule("U1")
def test_the_length_of_a_language_is_limited() -> None:
    longest = "en-x" + "-abcdefgh" * 9
    assert len(longest) == 85
    assert clean_language(longest) == longest
    assert fault_of(lambda: clean_language(longest + "-a")) == FieldError("language", "too_long")


@pytest.mark.rule("U1")
@given(st.text())
def test_normalising_a_stored_language_does_not_change_it(text: str) -> None:
    try:
        kept = clean_language(text)
    except Invalid:
        return
    assert clean_language(kept) == kept


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", ["MM/DD/YYYY", "DD/MM/YYYY", "YYYY/MM/DD"])
def test_there_are_three_date_formats(value: str) -> None:
    kept = clean_date_format(value)
    assert isinstance(kept, DateFormat)
    assert kept == value
    assert clean_date_format(kept) is kept
    assert len(DateFormat) == 3


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", ["dd/mm/yyyy", "YYYY-MM-DD", " ", "x" * 10_000_000], ids=lambda text: text[:20])
def test_another_date_format_is_refused(value: str) -> None:
    assert fault_of(lambda: clean_date_format(value)) == FieldError("date_format", "unknown")


@pytest.mark.rule("U1", "U13")
@pytest.mark.parametrize("value", [None, ""])
def test_none_and_empty_text_clear_a_date_format(value: str | None) -> None:
    assert clean_date_format(value) is None


@pytest.mark.rule("U1")
@given(st.integers(-2000, 2000))
def test_an_offset_is_in_quarter_hours_of_at_most_fourteen_hours(minutes: int) -> None:
    if minutes % 15 == 0 and -840 <= minutes <= 840:
        assert clean_offset(minutes, field="offset") == minutes
    else:
        assert fault_of(lambda: clean_offset(minutes, field="offset")) == FieldError("offset", "out_of_range")


@pytest.mark.rule("U1")
@pytest.mark.parametrize("minutes", [-840, -15, 0, 15, 345, 840])
def test_the_extreme_and_unusual_offsets_are_accepted(minutes: int) -> None:
    assert clean_offset(minutes, field="offset") == minutes


@pytest.mark.rule("U1")
@pytest.mark.parametrize("minutes", [-855, 855, 14, 1, 10**100], ids=lambda number: str(number)[:9])
def test_an_offset_out_of_range_or_between_quarter_hours_is_refused(minutes: int) -> None:
    assert fault_of(lambda: clean_offset(minutes, field="offset")) == FieldError("offset", "out_of_range")


@pytest.mark.rule("U13")
def test_none_clears_an_offset() -> None:
    assert clean_offset(None, field="offset") is None


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", [7, True, b"sk", ["sk"]], ids=repr)
def test_a_language_and_a_date_format_must_be_strings(value: object) -> None:
    for clean in (clean_language, clean_date_format):
        with pytest.raises(TypeError, match="must be str"):
            clean(value)


@pytest.mark.rule("U1")
@pytest.mark.parametrize("value", ["60", 60.0, True, b""], ids=repr)
def test_an_offset_must_be_an_integer(value: object) -> None:
    with pytest.raises(TypeError, match="offset must be int"):
        clean_offset(value, field="offset")
