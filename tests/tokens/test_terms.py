"""The terms of an autologin token: it could be redeemed some time, within the limits of the policy."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import AutologinTokenPolicy, Invalid
from usercore.sign_in_tokens.rules import check_terms
from usercore.testing import NOON, TICK
from usercore.testing.samples import a_limited_use_token
from usercore.testing.strategies import instants
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.rules import check_redeemable

DAY = timedelta(days=1)
POLICY = AutologinTokenPolicy()
GOOD: Mapping[str, Any] = {"valid_from": None, "valid_to": NOON + DAY, "max_uses": 1}


def refused_fields(**terms: Any) -> list[str]:
    """Return the fields that are out of range."""
    try:
        check_terms(**{**GOOD, **terms}, now=NOON, policy=POLICY)
    except Invalid as refusal:
        return [error.field for error in refusal.errors if error.reason == "out_of_range"]
    return []


@pytest.mark.rule("K4")
@pytest.mark.parametrize(
    ("terms", "refused"),
    [
        ({}, []),
        ({"valid_to": NOON + TICK}, []),
        ({"valid_to": NOON}, ["valid_to"]),
        ({"valid_to": NOON - DAY}, ["valid_to"]),
        ({"valid_to": NOON + 365 * DAY}, []),
        ({"valid_to": NOON + 365 * DAY + TICK}, ["valid_to"]),
        ({"valid_from": NOON - 9000 * DAY}, []),
        ({"valid_from": NOON + DAY - TICK}, []),
        ({"valid_from": NOON + DAY}, ["valid_to"]),
        ({"max_uses": 1000}, []),
        ({"max_uses": 1001}, ["max_uses"]),
        ({"max_uses": 0}, ["max_uses"]),
        ({"max_uses": -1, "valid_to": NOON}, ["valid_to", "max_uses"]),
    ],
)
def test_terms_at_the_boundaries(terms: Mapping[str, Any], refused: list[str]) -> None:
    assert refused_fields(**terms) == refused


@pytest.mark.rule("K4")
@given(st.none() | instants(), instants(), st.integers(-2, 2000))
def test_accepted_terms_are_those_of_a_token_that_can_be_redeemed_some_time(
    valid_from: datetime | None, valid_to: datetime, max_uses: int
) -> None:
    accepted = not refused_fields(valid_from=valid_from, valid_to=valid_to, max_uses=max_uses)
    token = a_limited_use_token(valid_from=valid_from, expires_at=valid_to, max_uses=max_uses)
    assert accepted == (
        is_redeemable_at(token, max(NOON, valid_from or NOON)) and valid_to <= NOON + 365 * DAY and max_uses <= 1000
    )


def is_redeemable_at(token: Any, now: datetime) -> bool:
    """Return whether the token can be redeemed then."""
    try:
        check_redeemable(token, now=now)
    except TokenInvalid:
        return False
    return True
