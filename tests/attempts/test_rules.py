"""When the next try may come, to the microsecond, and whose tries are counted together."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usercore.attempts.model import (
    LOGIN_LIMIT,
    AttemptStatus,
    FailureCounter,
    RateLimitWindow,
    RegistrationStatus,
    ThrottlePolicy,
)
from usercore.attempts.rules import (
    attempt_of,
    block_of,
    failures_of,
    is_void,
    key_of,
    left_of,
    locked_until,
    login_of,
    next_wait,
    registration_attempt_of,
)
from usercore.kernel.context import Context
from usercore.testing import NOON, TICK
from usercore.testing.samples import ANN
from usercore.testing.strategies import hostile_text, instants, throttles

POLICY = ThrottlePolicy()
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
NONE = timedelta(0)
FAILURES = st.integers(0, 200)

WAITS = {
    0: NONE,
    9: NONE,
    10: 10 * SECOND,
    11: 20 * SECOND,
    12: 40 * SECOND,
    13: 80 * SECOND,
    14: 160 * SECOND,
    15: 320 * SECOND,
    16: 640 * SECOND,
    17: 15 * MINUTE,
    18: 15 * MINUTE,
    99: 15 * MINUTE,
    10**9: 15 * MINUTE,
}


def throttle(failures: int, *, forgiven: int = 3, last_at: datetime = NOON) -> FailureCounter:
    """Make a counter with that many failures in a row."""
    return FailureCounter(key=b"k" * 32, tried=failures + forgiven, forgiven=forgiven, last_at=last_at)


@pytest.mark.rule("S7")
@pytest.mark.parametrize(("failures", "wait"), WAITS.items(), ids=map(str, WAITS))
def test_the_wait_doubles_from_ten_seconds_to_fifteen_minutes(failures: int, wait: timedelta) -> None:
    assert next_wait(failures, POLICY) == wait


@pytest.mark.rule("S7")
@given(FAILURES)
def test_the_wait_never_gets_shorter_and_at_most_doubles(failures: int) -> None:
    wait, longer = next_wait(failures, POLICY), next_wait(failures + 1, POLICY)
    assert wait <= longer <= max(2 * wait, 10 * SECOND)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("failures", [10, 12, 17, 99, 100, 150])
def test_a_wait_ends_at_its_instant(failures: int) -> None:
    counter, end = throttle(failures), NOON + next_wait(failures, POLICY)
    for now in (NOON - MINUTE, NOON, NOON + TICK, end - TICK):
        assert locked_until(counter, now=now, policy=POLICY) == end
    for now in (end, end + TICK):
        assert locked_until(counter, now=now, policy=POLICY) is None


@pytest.mark.rule("S7")
@pytest.mark.parametrize("counter", [None, throttle(0), throttle(9), throttle(-1)], ids=["none", "0", "9", "forgiven"])
def test_nine_failures_cost_no_wait(counter: FailureCounter | None) -> None:
    assert locked_until(counter, now=NOON, policy=POLICY) is None


@pytest.mark.rule("S7")
@given(throttles(), instants())
def test_who_must_wait_waits_until_the_wait_after_the_last_try(counter: FailureCounter, now: datetime) -> None:
    failures = failures_of(counter, now=now, policy=POLICY)
    until = locked_until(counter, now=now, policy=POLICY)
    assert (until is None) == (now >= counter.last_at + next_wait(failures, POLICY))
    assert until in (None, counter.last_at + next_wait(failures, POLICY))


@pytest.mark.rule("S7")
@given(FAILURES, FAILURES)
def test_only_failures_since_the_last_success_count(failures: int, forgiven: int) -> None:
    assert failures_of(throttle(failures, forgiven=forgiven), now=NOON, policy=POLICY) == failures


@pytest.mark.rule("S7", "K8")
@pytest.mark.parametrize(("failures", "left"), [(1, 0), (10, 0), (99, 0), (100, 100), (101, 101)])
def test_failures_are_forgotten_after_a_day_unless_they_voided_the_password(failures: int, left: int) -> None:
    counter = throttle(failures)
    assert failures_of(counter, now=NOON + DAY - TICK, policy=POLICY) == failures
    assert failures_of(counter, now=NOON + DAY, policy=POLICY) == left
    assert failures_of(counter, now=NOON + 1000 * DAY, policy=POLICY) == left


@pytest.mark.rule("S7")
def test_nobody_has_failed_who_never_tried() -> None:
    assert failures_of(None, now=NOON, policy=POLICY) == 0


@pytest.mark.rule("S7")
@pytest.mark.parametrize(
    ("counter", "void"),
    [
        (None, False),
        (throttle(0), False),
        (throttle(99), False),
        (throttle(100), True),
        (throttle(101), True),
        (throttle(99, forgiven=100), False),
    ],
    ids=["none", "0", "99", "100", "101", "99 since a success"],
)
def test_a_hundred_failures_in_a_row_void_the_password(counter: FailureCounter | None, void: bool) -> None:  # noqa: FBT001 - an outcome
    assert is_void(counter, policy=POLICY) is void


@pytest.mark.rule("S7")
@pytest.mark.parametrize(
    ("ip", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_address_counts_with_its_block(ip: str, block: str) -> None:
    assert block_of(ip, ipv6_prefix=POLICY.ipv6_prefix) == block


@pytest.mark.rule("S7")
@given(st.ip_addresses(v=6), st.integers(0, 127), st.sampled_from((48, 56, 64, 128)))
def test_addresses_that_begin_alike_count_as_one(address: IPv6Address, bit: int, prefix: int) -> None:
    other = str(IPv6Address(int(address) ^ 1 << (127 - bit)))
    is_one = block_of(str(address), ipv6_prefix=prefix) == block_of(other, ipv6_prefix=prefix)
    assert is_one == (bit >= prefix)


@pytest.mark.rule("S7")
@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_each_ipv4_address_counts_alone(one: object, other: object) -> None:
    assert (block_of(str(one), ipv6_prefix=64) == block_of(str(other), ipv6_prefix=64)) == (one == other)


PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=4)


@pytest.mark.rule("S7")
@given(PARTS, PARTS)
@example(["ab"], ["a", "b"])
def test_counters_of_different_names_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (key_of(b"secret", *one) == key_of(b"secret", *other)) == (one == other)


@pytest.mark.rule("S7")
def test_a_key_tells_nothing_without_the_secret() -> None:
    key = key_of(b"secret", "account", 2, "user", 42)
    assert len(key) == 32
    assert key == key_of(b"secret", "account", 2, "user", 42)
    assert key != key_of(b"another", "account", 2, "user", 42)


@pytest.mark.rule("R1")
@pytest.mark.parametrize(("used", "left"), [(0, None), (5, None), (6, MINUTE - SECOND), (7, MINUTE - SECOND)])
def test_an_allowance_is_left_until_it_is_used_too_often(used: int, left: timedelta | None) -> None:
    allowance = RateLimitWindow(key=b"k" * 32, started_at=NOON, used=used)
    assert left_of(allowance, most=5, window=MINUTE, now=NOON + SECOND) == left


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, None),
        ("", ""),
        (" Ann ", " Ann "),
        ("x" * 254, "x" * 254),
        ("x" * 255, "x" * 254),
        ("😀" * 300, "😀" * 254),
        ("a\0\ud800\n", "a???"),
    ],
    ids=["none", "nothing", "blanks", "254", "255", "wide", "hostile"],
)
def test_a_login_is_kept_as_typed_by_its_start(typed: str | None, kept: str | None) -> None:
    assert login_of(typed) == kept


@pytest.mark.rule("S6")
@given(hostile_text())
def test_whatever_was_typed_as_a_login_can_be_kept(text: str) -> None:
    kept = login_of(text)
    assert kept is not None
    assert len(kept) <= LOGIN_LIMIT
    assert kept.isprintable()


@pytest.mark.rule("S6", "R1")
def test_an_attempt_says_when_from_where_and_how_it_ended() -> None:
    context = Context(ip="192.0.2.7", user_agent="Lynx", source="web")
    attempt = attempt_of(
        context, AttemptStatus.WRONG_PASS, number=7, user_id=ANN, login="x" * 300, way="password", at=NOON
    )
    registration = registration_attempt_of(
        context, RegistrationStatus.VETOED, number=8, user_id=None, login="x" * 300, at=NOON
    )
    assert (attempt.id, attempt.user_id, attempt.status, attempt.authenticator) == (7, ANN, "wrong_pass", "password")
    assert (registration.id, registration.user_id, registration.status) == (8, None, "vetoed")
    for record in (attempt, registration):
        assert (record.tenant_id, record.login, record.at) == (2, "x" * 254, NOON)
        assert (record.ip, record.user_agent, record.source) == ("192.0.2.7", "Lynx", "web")


@pytest.mark.rule("S6")
def test_a_status_says_whether_somebody_was_signed_in() -> None:
    good = {status for status in AttemptStatus if status.is_ok}
    assert good == {"ok", "api_ok", "login_token_ok", "access_token_ok", "login_after_sign_up"}
