"""Login tokens, and what clean-up removes."""

from datetime import timedelta

import attrs
import pytest

from tests.services.helpers import PASSWORD, dump, opens, over, refused, register, sign_in
from usercore import (
    AttemptStatus,
    Cleaned,
    Email,
    Full,
    Invalid,
    LinkPolicy,
    RetentionPolicy,
    SignInRefused,
    TenantInactive,
    UserCore,
    UserNotFound,
)
from usercore.testing import NOON, TICK, FakeClock, FaultyStorage, MemoryMailer, WatchedStorage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

TABLES = [field.name for field in attrs.fields(Cleaned)]  # type: ignore[arg-type]  # mypy does not see an attrs class


@pytest.mark.rule("K3")
def test_a_login_token_signs_in_once(core: UserCore) -> None:
    user = register(core)
    secret = core.login_tokens.issue(Email("ann@example.com"))
    identity = core.sign_in.with_login_token(secret.reveal(), source="mail")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "login_token", "mail")
    assert identity.access_token is not None
    assert opens(core, identity.access_token)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_COUNT_EXPIRED


@pytest.mark.rule("K3")
def test_a_login_token_expires_after_five_minutes(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    secret = core.login_tokens.issue(user.id)
    clock.now = NOON + 5 * MINUTE
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_DATE_EXPIRED
    clock.now -= TICK
    assert core.sign_in.with_login_token(secret).user.id == user.id


@pytest.mark.rule("K3")
def test_several_login_tokens_are_issued_in_one_call_or_none(core: UserCore, storage: WatchedStorage) -> None:
    user = register(core)
    secrets = core.login_tokens.issue_many(user.id, 100)
    assert len(set(secrets)) == 100
    assert core.sign_in.with_login_token(secrets[99]).user.id == user.id
    for count in (0, 101, -1):
        with refused(core, Invalid, but=()):
            core.login_tokens.issue_many(user.id, count)
    for wrong in (True, "3", 2.0, None):
        with refused(core, TypeError, but=()):
            core.login_tokens.issue_many(user.id, wrong)  # type: ignore[arg-type]  # what is tested
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    with refused(core, Full, but=()), faulty.failing(11, Full()):
        late.login_tokens.issue_many(user.id, 10)
    with refused(core, UserNotFound, but=()):
        core.login_tokens.issue_many(7, 3)


@pytest.mark.rule("K3", "T3")
def test_no_login_token_is_issued_in_an_inactive_tenant(core: UserCore) -> None:
    user = register(core)
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    for issue in (core.login_tokens.issue, lambda ref: core.login_tokens.issue_many(ref, 2)):
        with refused(core, TenantInactive, but=()):
            issue(user.id)
        with refused(core, UserNotFound, but=()):
            issue(7)
    tenants.activate("main")
    assert core.sign_in.with_login_token(core.login_tokens.issue(user.id)).user.id == user.id


@pytest.mark.rule("K3", "K9")
def test_an_attempt_with_a_revoked_login_token_has_the_status_token_count_expired(core: UserCore) -> None:
    user = register(core)
    secret = core.login_tokens.issue(user.id)
    core.access_tokens.revoke_all(user.id)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(secret)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.TOKEN_COUNT_EXPIRED


@pytest.mark.rule("K8")
def test_clean_up_removes_rows_after_their_retention(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register("ann@example.com").user
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
    core.registration.request("bob@example.com")
    clock.advance(31 * DAY)
    core.cleanup()
    assert opens(core, token)
    assert [delivery.kind for delivery in core.outbox.pending().rows] == ["registration.requested"]


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
def test_the_address_of_a_completed_request_stays_in_history(
    core: UserCore, mailer: MemoryMailer, clock: FakeClock
) -> None:
    core.registration.request("bob@example.com")
    core.outbox.deliver()
    core.registration.complete(mailer.sent[-1].text.split("/join/")[1].split()[0])
    clock.advance(62 * DAY)
    core.cleanup()
    (entry,) = requests_in_history(core)
    assert "bob@example.com" in entry


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
