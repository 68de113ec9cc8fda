"""Recovery codes, pending enrollments, and who needs a factor."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import FactorKey, RequiredFor, SecondFactorPolicy
from usercore.kernel.entity import evolve
from usercore.second_factors.rules import (
    clean_code,
    confirmed,
    digest_of_recovery_code,
    generate_recovery_code,
    is_redeemable,
    is_required,
    pending,
)
from usercore.testing.contracts.second_factors import CHALLENGE, FACTOR, PENDING
from usercore.testing.fakes import NOON, TICK

POLICY = SecondFactorPolicy()


@pytest.mark.rule("F4")
@given(st.binary(min_size=15, max_size=15))
def test_a_recovery_code_has_120_bits_in_four_groups(drawn: bytes) -> None:
    code = generate_recovery_code(lambda count: drawn[:count]).reveal()
    assert [len(group) for group in code.split("-")] == [6, 6, 6, 6]
    assert set(code) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")
    number = sum(
        "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(sign) << 5 * place for place, sign in enumerate(code.replace("-", ""))
    )
    assert number == int.from_bytes(drawn, "big"), "no bit is lost"


@pytest.mark.rule("F4")
@given(st.binary(min_size=15, max_size=15), st.sampled_from(["", " ", "-", " - ", "\u00a0"]), st.booleans())
def test_a_recovery_code_may_be_typed_in_other_spellings(drawn: bytes, between: str, lower: bool) -> None:  # noqa: FBT001 - drawn
    code = generate_recovery_code(lambda _: drawn).reveal()
    typed = code.replace("-", between).replace("0", "O").replace("1", "l")
    assert digest_of_recovery_code(typed.lower() if lower else typed) == digest_of_recovery_code(code)


@pytest.mark.rule("F4")
@given(st.text())
def test_any_text_has_a_clean_form_and_a_digest(text: str) -> None:
    assert clean_code(clean_code(text)) == clean_code(text)
    assert len(digest_of_recovery_code(text)) == 32


@pytest.mark.rule("F7")
@pytest.mark.parametrize("is_privileged", [False, True])
@pytest.mark.parametrize("required_for", RequiredFor)
def test_a_factor_is_demanded_as_the_policy_says(required_for: RequiredFor, is_privileged: bool) -> None:  # noqa: FBT001 - a parameter of the test
    policy = SecondFactorPolicy(required_for=required_for, keys=(FactorKey(id="a", key=bytes(32)),))
    expected = {RequiredFor.NONE: False, RequiredFor.PRIVILEGED: is_privileged, RequiredFor.ALL: True}
    assert is_required(policy, is_privileged=is_privileged) == expected[required_for]


@pytest.mark.rule("F1")
def test_only_an_unconfirmed_factor_of_the_last_hour_is_pending() -> None:
    begun = evolve(PENDING, created_at=NOON)
    end = NOON + POLICY.enrollment_lifetime
    assert pending([FACTOR, begun], now=end - TICK, policy=POLICY) == begun
    assert pending([FACTOR, begun], now=end, policy=POLICY) is None
    assert pending([FACTOR], now=NOON, policy=POLICY) is None
    assert confirmed([FACTOR, begun]) == [FACTOR]


@pytest.mark.rule("F2")
def test_a_challenge_is_redeemable_until_it_expires_or_is_redeemed() -> None:
    end = CHALLENGE.expires_at
    assert is_redeemable(CHALLENGE, now=end - TICK)
    assert not is_redeemable(CHALLENGE, now=end)
    assert not is_redeemable(evolve(CHALLENGE, redeemed_at=NOON), now=end - timedelta(minutes=1))
