"""Clean-up costs what it removes: each statement finds its rows by an index, and rows that stay add no steps."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.architecture.statements import CLEANING, statements
from tests.faults.filled_stores import build
from tests.storages.cleaning import statements_of_cleanup
from usercore.kernel.context import MAIN, Context
from usercore.kernel.entity import evolve
from usercore.kernel.secret import digest_of
from usercore.outbox.model import DeliveryState
from usercore.storage import Unit
from usercore.storage.recording import UnitContext
from usercore.testing import NOON, TICK, FakeClock
from usercore.testing.samples import (
    ANN,
    a_claim,
    a_delivery,
    a_device_token,
    a_limited_use_token,
    a_registration_attempt,
    a_registration_link,
    a_user,
    an_access_token,
    an_action,
    an_api_token,
    an_attempt,
    an_email_change,
    an_entry,
)
from usercore.throttling.model import CounterKind, CountingRule
from usercore.tokens.model import RememberedDevice
from usercore.users.model import UserState
from usercore_storage import sqlite
from usercore_storage.sql.table import Row
from usercore_storage.sqlite.connections import Connection
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
        lambda unit: unit.users.remove_unconfirmed(unit.users.list_unconfirmed(NOON, limit=1000)),
    ),
    "valid access tokens": (
        lambda unit, number: unit.access_tokens.add(
            an_access_token(digest=digest_of(str(number)), expires_at=NOON, revoked_at=NOON)
        ),
        lambda unit: unit.access_tokens.remove_expired(NOON, limit=1000),
    ),
    "valid limited-use tokens": (
        lambda unit, number: unit.limited_use_tokens.add(
            a_limited_use_token(
                digest=digest_of(str(number)), expires_at=NOON, revoked_at=NOON, redeemed_at=NOON, uses=1
            )
        ),
        lambda unit: unit.limited_use_tokens.remove_expired(NOON, limit=1000),
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
    "valid registration links": (
        lambda unit, number: unit.registration_links.add(
            a_registration_link(id=number, completed_at=NOON, expires_at=NOON)
        ),
        lambda unit: unit.registration_links.remove_expired(NOON, limit=1000),
    ),
    "attempts to register": (
        lambda unit, number: unit.registration_attempts.add(a_registration_attempt(id=number)),
        lambda unit: unit.registration_attempts.remove_before(NOON, limit=1000),
    ),
    "changes of emails": (
        lambda unit, number: unit.email_changes.put(an_email_change(number=number, open_until=NOON)),
        lambda unit: unit.email_changes.remove_closed(NOON, limit=1000),
    ),
    "held keys": (
        lambda unit, number: unit.claims.put(a_claim(key=str(number), uses=0, held_until=NOON)),
        lambda unit: unit.claims.remove_held(NOON, limit=1000),
    ),
    "device tokens": (
        lambda unit, number: unit.device_tokens.add(a_device_token(digest=digest_of(str(number)), last_used_at=NOON)),
        lambda unit: unit.device_tokens.remove_unused(NOON, limit=1000),
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


@pytest.mark.rule("K8")
def test_each_statement_of_a_clean_up_finds_its_rows_in_the_order_of_an_index(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    build(storage)
    with closing(Connection(tmp_path / "store.db")) as connection:
        connection("BEGIN IMMEDIATE")
        ran = dict(statements_of_cleanup(storage, connection))
        plans = {text: connection(f"EXPLAIN QUERY PLAN {text}", values) for text, values in ran.items()}
    assert ran.keys() >= {text for name, text in statements().items() if name in CLEANING}
    assert {text: plan for text, plan in plans.items() if any(map(reads_more, plan))} == {}


def reads_more(line: Row) -> bool:
    """Return whether a line of a plan reads rows that the statement neither removes nor returns."""
    *_, detail = line
    return (detail.startswith("SCAN") and detail != "SCAN CONSTANT ROW") or "TEMP B-TREE" in detail
