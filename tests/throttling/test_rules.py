"""When the next attempt may come, to the microsecond, and which failures are counted together."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import SecretBytes
from usercore.testing import NOON, TICK
from usercore.testing.strategies import failure_counters, instants
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import CounterKind, FailureCounter, RateLimitWindow, ThrottlePolicy
from usercore.throttling.rules import (
    counting_rule,
    failures_of,
    is_void,
    locked_until,
    next_wait,
    time_left,
    time_until_free,
)
from usercore_storage.memory.throttling import MemoryRateLimits
from usercore_storage.memory.undo_dict import UndoLog

POLICY = ThrottlePolicy()
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
NONE = timedelta(0)
FAILURES = st.integers(0, 200)
KINDS = st.sampled_from(CounterKind)
MAIN = TenantId(2)

WAITS = [NONE, *(10 * 2**doubled * SECOND for doubled in range(7)), 15 * MINUTE]


def counter(
    failures: int, *, kind: CounterKind = CounterKind.ACCOUNT, reset_up_to: int = 3, wrong: int = 0
) -> FailureCounter:
    """Return a counter with that many failures, the last at noon."""
    return FailureCounter(
        key=b"k" * 32,
        kind=kind,
        tries=failures + reset_up_to,
        reset_up_to=reset_up_to,
        wrong_passwords=wrong,
        since=NOON,
        last_at=NOON,
    )


@pytest.mark.rule("S7")
@pytest.mark.parametrize(("kind", "free"), [("account", 9), ("login", 9), ("address", 99)])
def test_the_wait_doubles_from_ten_seconds_to_fifteen_minutes(kind: str, free: int) -> None:
    waits = [next_wait(free + more, CounterKind(kind), POLICY) for more in range(9)]
    assert waits == WAITS
    assert next_wait(0, CounterKind(kind), POLICY) == NONE
    assert next_wait(10**9, CounterKind(kind), POLICY) == 15 * MINUTE


@pytest.mark.rule("S7")
@given(FAILURES, KINDS)
def test_the_wait_never_gets_shorter_and_at_most_doubles(failures: int, kind: CounterKind) -> None:
    wait, longer = next_wait(failures, kind, POLICY), next_wait(failures + 1, kind, POLICY)
    assert wait <= longer <= max(2 * wait, 10 * SECOND)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("failures", [10, 12, 17, 99, 100, 150])
def test_a_wait_ends_at_its_instant(failures: int) -> None:
    failed = counter(failures)
    end = NOON + next_wait(failures, CounterKind.ACCOUNT, POLICY)
    for now in (NOON, NOON + TICK, end - TICK):
        assert locked_until(failed, now=now, policy=POLICY) == end
    for now in (end, end + TICK):
        assert locked_until(failed, now=now, policy=POLICY) is None


@pytest.mark.rule("S7")
@pytest.mark.parametrize("failed", [None, counter(0), counter(9)], ids=["none", "0", "9"])
def test_nine_failures_are_followed_by_no_wait(failed: FailureCounter | None) -> None:
    assert locked_until(failed, now=NOON, policy=POLICY) is None


@pytest.mark.rule("S7")
@given(failure_counters(), instants())
def test_no_wait_is_longer_than_the_longest_whatever_the_clock_did(
    failed: FailureCounter,
    now: datetime,
) -> None:
    until = locked_until(failed, now=now, policy=POLICY)
    assert until is None or NONE < until - now <= POLICY.max_wait


@pytest.mark.rule("S7")
@given(FAILURES, st.timedeltas(NONE, DAY))
def test_an_attempt_is_locked_out_until_the_wait_after_the_last_failure(failures: int, since: timedelta) -> None:
    failed, now = counter(failures), NOON + since
    counted = failures if since < DAY else 0
    wait = next_wait(counted, CounterKind.ACCOUNT, POLICY)
    assert locked_until(failed, now=now, policy=POLICY) == (NOON + wait if since < wait else None)


@pytest.mark.rule("S7")
@given(st.integers(100, 300), st.integers(1, 100), st.sampled_from([CounterKind.ACCOUNT, CounterKind.LOGIN]))
def test_as_many_failures_as_void_a_password_are_followed_by_the_longest_wait(
    failures: int, before_wait: int, kind: CounterKind
) -> None:
    policy = ThrottlePolicy(failures_before_wait=before_wait)
    assert next_wait(failures, kind, policy) == 15 * MINUTE


@pytest.mark.rule("S7")
def test_a_counter_from_before_the_clock_was_set_back_locks_nothing() -> None:
    early = NOON - 2 * 60 * MINUTE
    assert locked_until(counter(10), now=early, policy=POLICY) is None
    assert failures_of(counter(10), now=early, policy=POLICY) == 0
    assert failures_of(counter(10), now=NOON - POLICY.max_wait, policy=POLICY) == 10


@pytest.mark.rule("S7", "K8")
@given(FAILURES, KINDS)
def test_failures_start_no_wait_after_a_day(failures: int, kind: CounterKind) -> None:
    failed = counter(failures, kind=kind)
    assert failures_of(failed, now=NOON + DAY - TICK, policy=POLICY) == failures
    assert failures_of(failed, now=NOON + DAY, policy=POLICY) == 0
    assert failures_of(None, now=NOON, policy=POLICY) == 0


@pytest.mark.rule("S7")
@pytest.mark.parametrize(
    ("failed", "void"),
    [(None, False), (counter(500, wrong=99), False), (counter(0, wrong=100), True), (counter(0, wrong=101), True)],
    ids=["none", "99 wrong", "100 wrong", "101 wrong"],
)
def test_a_hundred_wrong_passwords_in_a_row_void_the_password(failed: FailureCounter | None, void: bool) -> None:  # noqa: FBT001 - an outcome
    assert is_void(failed, policy=POLICY) is void


@pytest.mark.rule("S7")
@given(KINDS, instants().filter(lambda now: now > NOON - 9999 * DAY))
def test_only_addresses_count_in_windows(kind: CounterKind, now: datetime) -> None:
    rule = counting_rule(kind, now=now, policy=POLICY)
    assert rule.window_threshold == (100 if kind is CounterKind.ADDRESS else 0)
    assert now - rule.window_before == timedelta(hours=1)
    assert now - rule.forgotten_before == DAY
    assert rule.set_back_after - now == POLICY.max_wait


def keys(secret: bytes = b"secret", prefix: int = POLICY.ipv6_prefix) -> CounterKeys:
    return CounterKeys(secret=SecretBytes(secret), ipv6_prefix=prefix)


@pytest.mark.rule("S7")
@pytest.mark.parametrize(
    ("ip", "same"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("::1", "::2"),
    ],
)
def test_an_ipv6_address_counts_with_its_block(ip: str, same: str) -> None:
    assert keys().address(MAIN, ip) == keys().address(MAIN, same)
    assert keys().registration_address(MAIN, ip) == keys().registration_address(MAIN, same)
    assert keys().address(MAIN, ip) != keys().registration_address(MAIN, ip)


@pytest.mark.rule("S7")
@given(st.ip_addresses(v=6), st.integers(0, 127), st.sampled_from((48, 56, 64, 128)))
def test_addresses_with_the_same_prefix_count_as_one(address: IPv6Address, bit: int, prefix: int) -> None:
    other, of = str(IPv6Address(int(address) ^ 1 << (127 - bit))), keys(prefix=prefix)
    assert (of.address(MAIN, str(address)) == of.address(MAIN, other)) == (bit >= prefix)


@pytest.mark.rule("S7")
@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_each_ipv4_address_counts_alone(one: object, other: object) -> None:
    assert (keys().address(MAIN, str(one)) == keys().address(MAIN, str(other))) == (one == other)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.rule("S7", "T2")
@given(TEXT, TEXT, st.integers(1, 9), st.integers(1, 9))
@example("7", "7", 2, 2)
def test_different_logins_and_tenants_have_different_keys(one: str, other: str, here: int, there: int) -> None:
    same = keys().login(TenantId(here), one) == keys().login(TenantId(there), other)
    assert same == (one == other and here == there)
    assert keys().login(MAIN, one) != keys().account(MAIN, UserId(7))
    assert keys().registration(MAIN, "pause", one) != keys().registration(MAIN, "email", one)


@pytest.mark.rule("S7")
def test_a_key_reveals_nothing_without_the_secret() -> None:
    key = keys().account(MAIN, UserId(42))
    assert len(key) == 32
    assert key == keys().account(MAIN, UserId(42))
    assert key != keys(b"another").account(MAIN, UserId(42))


@pytest.mark.rule("R1")
@pytest.mark.parametrize(("used", "left"), [(0, None), (5, None), (6, MINUTE - SECOND), (7, MINUTE - SECOND)])
def test_a_window_that_was_used_too_often_has_time_left(used: int, left: timedelta | None) -> None:
    window = RateLimitWindow(key=b"k" * 32, started_at=NOON, used=used)
    assert time_left(window, most=5, window=MINUTE, now=NOON + SECOND) == left


@pytest.mark.rule("R1")
@given(st.integers(1, 7), st.integers(0, 8), st.integers(-5, 5))
def test_a_look_at_a_window_foretells_what_another_use_leads_to(most: int, uses: int, seconds: int) -> None:
    windows = MemoryRateLimits(UndoLog())
    key, window = b"k" * 32, 3 * SECOND
    for _ in range(uses):
        windows.use(key, at=NOON, window=window, most=most)
    now = NOON + seconds * SECOND
    foretold = [time_until_free(found, most=most, window=window, now=now) for found in windows.get_many([key])]
    used = windows.use(key, at=now, window=window, most=most)
    assert (foretold or [None]) == [time_left(used, most=most, window=window, now=now)]
