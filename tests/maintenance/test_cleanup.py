"""Clean-up: what it removes or blanks, after what time, and what it leaves."""

from datetime import timedelta

import attrs
import pytest

from tests.services.helpers import PASSWORD, dump, opens, over, register, sign_in
from usercore import (
    Cleaned,
    DeliveryPolicy,
    Full,
    LinkPolicy,
    RetentionPolicy,
    SignInRefused,
    UserCore,
)
from usercore.testing import NOON, TICK, FakeClock, FaultyStorage, MemoryMailer, WatchedStorage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

TABLES = [field.name for field in attrs.fields(Cleaned)]  # type: ignore[arg-type]  # mypy does not see an attrs class


@pytest.mark.rule("K8")
def test_clean_up_removes_rows_after_their_retention(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register("ann@example.com", sign_in=True).user
    core.login_tokens.issue(user.id)
    core.registration.request("bob@example.com")
    core.access_tokens.revoke_all(user.id)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password("nobody@example.com", "wrong")
    core.outbox.deliver()
    gone: dict[str, list[tuple[timedelta, int]]] = {}
    for age in (DAY, 7 * DAY, 30 * DAY, 31 * DAY, 365 * DAY):
        for edge in (timedelta(0), TICK):
            clock.now = NOON + age + edge
            cleaned = core.cleanup()
            for table in TABLES:
                if count := getattr(cleaned, table):
                    gone.setdefault(table, []).append((age + edge, count))
    assert gone == {
        "failure_counters": [(DAY + TICK, 1)],
        "rate_limits": [(DAY + TICK, 4)],
        "deliveries": [(7 * DAY + TICK, 2)],
        "access_tokens": [(30 * DAY + TICK, 1)],
        "limited_use_tokens": [(30 * DAY + TICK, 1)],
        "registration_links": [(30 * DAY + TICK, 1)],
        "unknown_logins": [(30 * DAY + TICK, 1)],
        "registration_addresses": [(30 * DAY + TICK, 2)],
        "attempts": [(365 * DAY + TICK, 2)],
        "registration_attempts": [(365 * DAY + TICK, 2)],
    }
    assert set(dump(core)) >= {"users", "claims", "credentials", "history"}


@pytest.mark.rule("K8")
def test_clean_up_does_not_remove_rows_in_use(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    token = sign_in(core, user)
    core.passwords.request_reset("ann@example.com")
    clock.advance(31 * DAY)
    core.cleanup()
    assert opens(core, token)
    assert [delivery.kind for delivery in core.outbox.pending().rows] == ["password.reset_requested"]


@pytest.mark.rule("K8")
def test_the_address_of_a_request_that_was_never_completed_is_in_no_table_after_thirty_days(
    core: UserCore, clock: FakeClock
) -> None:
    core.registration.request("bob@example.com")
    core.outbox.deliver()
    clock.now = NOON + 30 * DAY
    core.cleanup()
    assert tables_with(core, "bob@") == {"history", "registration_attempts", "registration_links"}
    clock.now += TICK
    core.cleanup()
    assert tables_with(core, "bob@") == set()
    (blanked,) = requests_in_history(core)
    assert "expires_at" in blanked


@pytest.mark.rule("K8")
def test_the_address_of_a_completed_request_stays_in_the_history_of_its_user_only(
    core: UserCore, mailer: MemoryMailer, clock: FakeClock
) -> None:
    core.registration.request("bob@example.com")
    core.outbox.deliver()
    user = core.registration.complete(mailer.sent[-1].text.split("/join/")[1].split()[0]).user
    clock.advance(62 * DAY)
    core.cleanup()
    (entry,) = requests_in_history(core)
    assert "bob@example.com" not in entry, "nothing would find it when the user is erased"
    assert "bob@example.com" in [one.new.get("email") for one in core.history.of_user(user.id)]


@pytest.mark.rule("K8")
def test_nothing_is_left_of_requests_to_reset_passwords_that_no_user_has(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    caller = core.bind(ip="203.0.113.9", user_agent="curl")
    caller.passwords.request_reset("hunter2")
    clock.now = NOON + 30 * DAY
    assert core.cleanup().requests_of_unknown == 0
    clock.now += TICK
    assert core.cleanup().requests_of_unknown == 1
    core.outbox.deliver()
    assert tables_with(core, "203.0.113.9") == tables_with(core, "unknown") == set()
    assert not mailer.sent


@pytest.mark.rule("K8")
def test_a_mail_that_was_set_aside_goes_with_its_request(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    policy = attrs.evolve(core.policy, deliveries=DeliveryPolicy(set_aside_after=timedelta(minutes=1)))
    hasty = over(core, policy=policy)
    hasty.registration.request("bob@example.com")
    mailer.fail_next(2)
    for _ in range(2):
        hasty.outbox.deliver()
        clock.advance(timedelta(minutes=1))
    assert hasty.outbox.failed().rows
    clock.now = NOON + 30 * DAY + TICK
    hasty.cleanup()
    assert not hasty.outbox.failed().rows


@pytest.mark.rule("K8")
def test_a_request_whose_link_still_works_is_not_blanked(core: UserCore, clock: FakeClock) -> None:
    links, retention = LinkPolicy(registration_lifetime=60 * DAY), RetentionPolicy(tokens=timedelta(0))
    patient = over(core, policy=attrs.evolve(core.policy, links=links, retention=retention))
    patient.registration.request("bob@example.com")
    clock.now = NOON + 60 * DAY - TICK
    patient.cleanup()
    assert {"history", "registration_links"} <= tables_with(core, "bob@")
    clock.now += TICK
    patient.cleanup()
    assert tables_with(core, "bob@") == set()


@pytest.mark.rule("K8")
def test_a_short_retention_of_tokens_removes_no_request_before_its_history_is_blanked(
    core: UserCore, clock: FakeClock
) -> None:
    hasty = over(core, policy=attrs.evolve(core.policy, retention=RetentionPolicy(tokens=timedelta(0))))
    hasty.registration.request("bob@example.com")
    for age in (2 * DAY, 31 * DAY):
        clock.now = NOON + age
        hasty.cleanup()
    assert tables_with(core, "bob@") == set()


@pytest.mark.rule("K8")
def test_the_login_of_an_attempt_that_found_no_user_is_blanked_after_thirty_days(
    core: UserCore, clock: FakeClock
) -> None:
    user = register(core, password=PASSWORD)
    for login in ("ann@example.com", "hunter2"):
        with pytest.raises(SignInRefused):
            core.sign_in.with_password(login, "wrong")
    clock.now = NOON + 30 * DAY + TICK
    assert core.cleanup().unknown_logins == 1
    assert [attempt.login for attempt in core.history.attempts(user.id).rows] == ["ann@example.com"]
    assert tables_with(core, "hunter2") == set()


@pytest.mark.rule("K8")
def test_a_clean_up_that_fails_at_any_call_is_completed_by_the_next(
    storage: WatchedStorage, core: UserCore, clock: FakeClock
) -> None:
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    calls = faulty.calls_of(late.cleanup)
    core.registration.request("bob@example.com")
    register(core)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password("nobody@example.com", "wrong")
    core.outbox.deliver()
    clock.advance(400 * DAY)
    for number in range(1, calls + 1):
        with pytest.raises(Full), faulty.failing(number, Full()):
            late.cleanup()
    late.cleanup()
    assert tables_with(core, "bob@") == tables_with(core, "nobody") == set()
    assert not set(dump(core)) & {"attempts", "registration_attempts", "registration_links", "rate_limits"}


def tables_with(core: UserCore, text: str) -> set[str]:
    """Return the tables that have a row with this text."""
    return {name for name, rows in dump(core).items() if text in repr(rows)}


def requests_in_history(core: UserCore) -> list[str]:
    """Return the values after, of the requests to register in history."""
    return [row["new_text"] for row in dump(core)["history"] if "registration.requested" in row["kind"]]
