"""Products: granting, revoking and asking for access, by instants and by dates of the tenant."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.services.helpers import add_tenant, over, refused, register, unchanged
from usercore import Actor, Email, Invalid, Subscriber, User, UserCore, UserNotFound
from usercore.testing import NOON, FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core)


@pytest.mark.rule("X1")
def test_a_grant_without_bounds_is_valid_from_now_on_for_ever(core: UserCore, ann: User, clock: FakeClock) -> None:
    assert not core.products.has_access(ann.id, ["weekly"])
    (grant,) = core.bind(actor=Actor.operator("Olga")).products.grant(Email("ann@example.com"), ["weekly"])
    assert (grant.product_id, grant.valid_from, grant.valid_until) == ("weekly", NOON, None)
    assert (grant.user_id, grant.granted_at, grant.granted_by) == (ann.id, NOON, "operator:Olga")
    clock.advance(timedelta(days=10_000))
    assert core.products.has_access(ann.id, ["weekly"])
    assert core.products.has_access(ann.id, ["daily", "weekly"]), "any of them is enough"
    assert not core.products.has_access(ann.id, ["Weekly", "daily"])
    assert core.products.list(ann.id) == (grant,)


@pytest.mark.rule("X1")
def test_access_begins_at_the_first_instant_and_ends_before_the_last(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    core.products.grant(ann.id, ["weekly"], NOON + HOUR, NOON + 2 * HOUR)
    answers = []
    for seconds in (0, 3599, 1, 3599, 1):
        clock.advance(timedelta(seconds=seconds))
        answers.append(core.products.has_access(ann.id, ["weekly"]))
    assert answers == [False, False, True, True, False]


@pytest.mark.rule("X1")
def test_a_date_is_the_start_of_that_day_in_the_tenants_zone(core: UserCore, clock: FakeClock) -> None:
    add_tenant(core)
    core.tenant("system").tenants.update("acme", time_zone="Europe/Bratislava")
    acme = core.tenant("acme")
    ann = register(acme)
    (grant,) = acme.products.grant(ann.id, ["weekly"], date(2026, 3, 29), date(2026, 3, 30))
    assert grant.valid_from == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert grant.valid_until == datetime(2026, 3, 29, 22, tzinfo=UTC), "summer time begins: the day has 23 hours"
    clock.now = grant.valid_until - timedelta(microseconds=1)
    assert acme.products.has_access(ann.id, ["weekly"])
    clock.now = grant.valid_until
    assert not acme.products.has_access(ann.id, ["weekly"])
    core.tenant("system").tenants.update("acme", time_zone="UTC")
    assert acme.products.list(ann.id) == (grant,), "what was granted is stored as instants"


@pytest.mark.rule("X1")
def test_a_product_granted_as_long_already_changes_nothing(core: UserCore, ann: User, clock: FakeClock) -> None:
    (first,) = core.products.grant(ann.id, ["weekly"], until=NOON + 2 * HOUR)
    clock.advance(HOUR)
    with unchanged(core):
        assert core.products.grant(ann.id, ["weekly"], until=NOON + 2 * HOUR) == (first,)
    again, daily = core.products.grant(ann.id, ["weekly", "daily", "weekly"], until=NOON + 3 * HOUR)
    assert (again.product_id, again.id != first.id, daily.product_id) == ("weekly", True, "daily")
    assert [one.id for one in core.products.list(ann.id)] == [first.id, again.id, daily.id]


@pytest.mark.rule("X1")
@pytest.mark.parametrize(
    ("since", "until"),
    [
        (None, NOON),
        (NOON, NOON),
        (NOON + HOUR, NOON),
        (None, date(2026, 3, 1)),
        (date(2026, 3, 2), date(2026, 3, 2)),
        (NOON + HOUR, date(2026, 3, 1)),
    ],
)
def test_a_grant_that_would_never_be_valid_is_refused(core: UserCore, ann: User, since: Any, until: Any) -> None:
    with refused(core, Invalid) as wrong:
        core.products.grant(ann.id, ["weekly"], since, until)
    assert [(one.field, one.reason) for one in wrong.value.errors] == [("until", "out_of_range")]


@pytest.mark.rule("X1")
def test_revoking_ends_all_grants_of_the_products(core: UserCore, ann: User) -> None:
    core.products.grant(ann.id, ["weekly", "daily"])
    core.products.grant(ann.id, ["weekly"], NOON - HOUR, NOON + HOUR)
    (kept,) = core.products.grant(ann.id, ["monthly"], date(2027, 1, 1))
    assert core.products.revoke(ann.id, ["weekly", "daily"]) is True
    assert core.products.list(ann.id) == (kept,)
    assert not core.products.has_access(ann.id, ["weekly", "daily", "monthly"])
    with unchanged(core):
        assert core.products.revoke(ann.id, ["weekly"]) is False


@pytest.mark.rule("X1")
def test_users_who_are_not_active_and_users_of_inactive_tenants_have_no_access(core: UserCore, ann: User) -> None:
    core.products.grant(ann.id, ["weekly"])
    core.users.deactivate(ann.id)
    assert not core.products.has_access(ann.id, ["weekly"])
    core.users.activate(ann.id)
    assert core.products.has_access(ann.id, ["weekly"])
    core.tenant("system").tenants.deactivate("main")
    assert not core.products.has_access(ann.id, ["weekly"])


@pytest.mark.rule("X1")
def test_an_unknown_user_is_refused(core: UserCore) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: core.products.grant(4711, ["weekly"]),
        lambda: core.products.revoke(4711, ["weekly"]),
        lambda: core.products.has_access(4711, ["weekly"]),
        lambda: core.products.list(4711),
    )
    for call in calls:
        with refused(core, UserNotFound):
            call()


@pytest.mark.rule("X2")
def test_history_and_events_name_the_product(core: UserCore, ann: User) -> None:
    heard: list[Any] = []
    subscriber = Subscriber(name="crm", kinds={"product.granted", "product.revoked"}, handle=heard.append)
    core = over(core, subscribers=[subscriber])
    core.products.grant(ann.id, ["weekly"], until=date(2026, 4, 1))
    core.products.revoke(ann.id, ["weekly"])
    core.outbox.deliver()
    values = {
        "product_id": "weekly",
        "valid_from": NOON.isoformat(),
        "valid_until": datetime(2026, 4, 1, tzinfo=UTC).isoformat(),
    }
    told = [(event.entry.kind, event.entry.old, event.entry.new) for event in heard]
    assert told == [("product.granted", {}, values), ("product.revoked", values, {})]
