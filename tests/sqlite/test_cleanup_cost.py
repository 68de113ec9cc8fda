"""Clean-up costs what it removes: rows that stay add no steps of SQLite's machine."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from usercore.kernel.context import MAIN, Context
from usercore.kernel.entity import evolve
from usercore.kernel.secret import digest_of
from usercore.outbox.model import DeliveryState
from usercore.storage import Unit
from usercore.storage.recording import UnitContext
from usercore.testing import NOON, TICK, FakeClock
from usercore.testing.samples import (
    ANN,
    a_delivery,
    a_registration_link,
    a_user,
    an_action,
    an_api_token,
    an_attempt,
    an_entry,
)
from usercore.throttling.model import CounterKind, CountingRule
from usercore.tokens.model import RememberedDevice
from usercore.users.model import UserState
from usercore_storage import sqlite
from usercore_storage.sqlite.storage import SqliteStorage

DAY = timedelta(days=1)
RULE = CountingRule(forgotten_before=NOON - DAY, window_before=NOON - DAY, window_threshold=9, set_back_after=NOON)

FEW, MANY = 20, 4000

STEPS: dict[str, tuple[Callable[[Unit, int], object], Callable[[Unit], object]]] = {
    "attempts": (
        lambda unit, number: unit.attempts.add(an_attempt(id=number, user_agent=f"agent {number}")),
        lambda unit: unit.attempts.remove_before(NOON, limit=1000),
    ),
    "logins": (
        lambda unit, number: unit.attempts.add(an_attempt(id=number, user_id=None)),
        lambda unit: unit.attempts.blank_logins(NOON, limit=1000),
    ),
    "blanked logins": (
        lambda unit, number: unit.attempts.add(an_attempt(id=number, user_id=None, login=None, at=NOON - DAY)),
        lambda unit: unit.attempts.blank_logins(NOON, limit=1000),
    ),
    "user agents": (
        lambda unit, number: unit.attempts.add(an_attempt(id=number, user_agent=f"agent {number}")),
        lambda unit: unit.user_agents.remove_unused(NOON, limit=1000),
    ),
    "registration requests": (
        lambda unit, number: unit.registration_links.add(a_registration_link(id=number)),
        lambda unit: unit.registration_links.remove_abandoned(NOON, now=NOON + 2 * DAY, limit=1000),
    ),
    "entries of history": (
        lambda unit, number: unit.history.add_many([an_entry(change_no=number, at=NOON - DAY)]),
        lambda unit: unit.history.remove_unknown_logins(NOON, limit=1000),
    ),
    "users": (
        lambda unit, number: unit.users.add(a_user(id=number, state=UserState.ACTIVE, modified_at=NOON - DAY)),
        lambda unit: unit.users.remove_unconfirmed(NOON, limit=1000),
    ),
    "API tokens": (
        lambda unit, number: unit.api_tokens.add(
            an_api_token(id=number, digest=digest_of(str(number)), expires_at=NOON, revoked_at=NOON)
        ),
        lambda unit: unit.api_tokens.remove_expired(NOON, limit=1000),
    ),
    "completed requests": (
        lambda unit, number: unit.registration_links.add(a_registration_link(id=number, completed_at=NOON)),
        lambda unit: unit.registration_links.remove_abandoned(NOON + DAY, now=NOON + 2 * DAY, limit=1000),
    ),
    "actions": (
        lambda unit, number: unit.actions.add(an_action(id=number)),
        lambda unit: unit.actions.remove_before(NOON, limit=1000),
    ),
    "deliveries": (
        lambda unit, number: unit.deliveries.add(
            evolve(a_delivery(change_no=number), state=DeliveryState.DONE, finished_at=NOON)
        ),
        lambda unit: unit.deliveries.remove_done(NOON, limit=1000),
    ),
    "failure counters of accounts": (
        lambda unit, number: unit.failure_counters.record_failure(
            number.to_bytes(8, "big"), CounterKind.ACCOUNT, at=NOON - 2 * DAY, rule=RULE
        ),
        lambda unit: unit.failure_counters.remove_stale(NOON, after=NOON + TICK, limit=1000),
    ),
    "remembered devices": (
        lambda unit, number: unit.remembered_devices.put(
            RememberedDevice(user_id=ANN, device_digest=digest_of(str(number)), remembered_at=NOON)
        ),
        lambda unit: unit.remembered_devices.remove_expired(NOON, limit=1000),
    ),
    "rate limits": (
        lambda unit, number: unit.rate_limits.use(number.to_bytes(8, "big"), at=NOON, window=DAY, most=5),
        lambda unit: unit.rate_limits.remove_before(NOON, limit=1000),
    ),
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    with closing(sqlite.open_storage(f"sqlite:///{tmp_path}/store.db")) as storage:
        yield storage


@pytest.mark.rule("K8")
@pytest.mark.parametrize("name", STEPS)
def test_rows_that_stay_add_nothing_to_the_cost_of_a_clean_up(storage: SqliteStorage, name: str) -> None:
    add, clean = STEPS[name]
    units = storage.units(UnitContext(context=Context(tenant_id=MAIN), clock=FakeClock()))

    def fill(first: int, last: int) -> None:
        units.write(lambda unit: [add(unit, number) for number in range(first, last)])

    def steps() -> int:
        taken = [0]

        def count() -> int:
            taken[0] += 1
            return 0

        raw = storage.writer()._connection.raw
        raw.set_progress_handler(count, 1)
        assert not units.write(clean)
        raw.set_progress_handler(None, 1)
        return taken[0]

    fill(1, FEW)
    few = steps()
    fill(FEW, MANY)
    assert steps() < few + FEW
