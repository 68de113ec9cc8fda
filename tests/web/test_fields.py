"""Fields of forms and queries."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import FieldError, Invalid
from usercore_web import check_present, read_flag, read_number


def faults(refusal: pytest.ExceptionInfo[Invalid]) -> list[FieldError]:
    return list(refusal.value.errors)


@given(number=st.integers(0, 10**16 - 1))
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    assert read_number({"n": str(number)}, "n") == number


@pytest.mark.parametrize("text", ["-1", "+1", " 1", "1_0", "1.0", "٣", "x", "9" * 17])
def test_a_text_that_is_no_number_is_malformed(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_number({"n": text}, "n")
    assert faults(refusal) == [FieldError("n", "malformed")]


@given(text=st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        read_number({"n": text}, "n")
    with suppress(Invalid):
        read_flag({"f": text}, "f", default=True)


@pytest.mark.parametrize(("texts", "value"), [("1 true TRUE on yes", True), ("0 false off No", False)])
def test_a_flag_is_read(*, texts: str, value: bool) -> None:
    for default in (True, False):
        assert {read_flag({"f": text}, "f", default=default) for text in texts.split()} == {value}
        assert read_flag({"f": ""}, "f", default=default) is default
        assert read_flag({}, "f", default=default) is default


@pytest.mark.parametrize("text", ["2", "t", " ", "wahr"])
def test_a_text_that_is_no_flag_is_malformed(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_flag({"f": text}, "f", default=True)
    assert faults(refusal) == [FieldError("f", "malformed")]


def test_all_fields_that_are_missing_or_empty_are_named() -> None:
    check_present({"a": "0"}, "a")
    with pytest.raises(Invalid) as refusal:
        check_present({"a": "1", "b": ""}, "a", "b", "c")
    assert faults(refusal) == [FieldError("b", "missing"), FieldError("c", "missing")]
    with pytest.raises(Invalid) as refusal:
        read_number({}, "n")
    assert faults(refusal) == [FieldError("n", "missing")]
