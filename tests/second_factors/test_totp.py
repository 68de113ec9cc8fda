"""Time-based codes: the vectors of RFC 6238 and RFC 4226, and the window."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.second_factors.totp import code_at, matching_step, step_at, text_of_secret, uri_of
from usercore.testing.strategies import instants

SECRET = b"12345678901234567890"
"""Of the vectors for SHA-1. Source: RFC 6238, appendix B; RFC 4226, appendix D."""

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.rule("F3")
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert code_at(SECRET, step_at(at)) == code[-6:], "the last six of its eight digits"
    assert matching_step(SECRET, code[-6:], now=at, window=0) == seconds // 30


@pytest.mark.rule("F3")
@pytest.mark.parametrize(
    ("step", "code"),
    [*enumerate(("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"))],
)
def test_codes_are_those_of_rfc_4226(step: int, code: str) -> None:
    assert code_at(SECRET, step) == code


@pytest.mark.rule("F3")
@given(st.binary(min_size=20, max_size=20), instants(), st.integers(0, 5), st.integers(-9, 9))
def test_a_code_matches_within_the_window_only(secret: bytes, now: datetime, window: int, off: int) -> None:
    middle = step_at(now)
    step = max(0, middle + off)
    found = matching_step(secret, code_at(secret, step), now=now, window=window)
    if abs(step - middle) <= window:
        assert found is not None
        assert found >= step, "the latest step with this code"
    if found is not None:
        assert abs(found - middle) <= window
        assert code_at(secret, found) == code_at(secret, step)


@pytest.mark.rule("F3")
@given(st.one_of(st.text(), st.text("0123456789", max_size=9), st.text("٠١٢٣٤٥", min_size=6, max_size=6)))
def test_text_that_is_no_code_matches_no_step(text: str) -> None:
    step = matching_step(SECRET, text, now=NOW, window=1)
    codes = {code_at(SECRET, step_at(NOW) + off) for off in (-1, 0, 1)}
    assert (step is not None) == (text in codes)


@pytest.mark.rule("F3")
def test_codes_need_no_clock_and_no_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("codes are computed from what is given")

    for module, name in ((time, "time"), (os, "urandom")):
        monkeypatch.setattr(module, name, refuse)
    assert matching_step(SECRET, code_at(SECRET, step_at(NOW)), now=NOW, window=1) == step_at(NOW)


@pytest.mark.rule("F1")
@given(st.binary(min_size=20, max_size=20))
def test_a_secret_is_written_in_base_32_without_padding(secret: bytes) -> None:
    text = text_of_secret(secret)
    assert len(text) == 32
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.rule("F1")
def test_names_in_the_uri_are_quoted() -> None:
    uri = uri_of(SECRET, account="a:b?c&d@example.com", issuer="Ä & Co: #1")
    assert uri == (
        "otpauth://totp/%C3%84%20%26%20Co%3A%20%231:a%3Ab%3Fc%26d%40example.com"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=%C3%84%20%26%20Co%3A%20%231"
    )
