"""What every storage must do to count registrations."""

from datetime import datetime, timedelta

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.storage.registration_counts import CountedPeriod
from usercore.testing.contracts.base import Contract, write_and_fail
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, a_user
from usercore.users.model import NO_ACCESS_IDS, UserState

DAY = timedelta(days=1)


def period(number: int, count: int = 5, tenant_id: TenantId = MAIN) -> CountedPeriod:
    """Return the count of the day with this number."""
    return CountedPeriod(
        tenant_id=tenant_id, starts_at=NOON + number * DAY, ends_at=NOON + (number + 1) * DAY, count=count
    )


def add(
    unit: Unit, user_id: int, at: datetime | None, *, state: UserState = UserState.ACTIVE, tenant_id: TenantId = MAIN
) -> None:
    """Store a user who registered at an instant, or not yet."""
    bare = a_user(tenant_id=tenant_id, email=None, username=None, external_id=None)
    kept = evolve(bare, id=UserId(user_id), access_ids=NO_ACCESS_IDS, supplied_uuid=None, state=state, registered_at=at)
    unit.users.add(evolve(kept, change_no=1))


def put(units: Units[Unit], *periods: CountedPeriod, tenant_id: TenantId = MAIN) -> None:
    """Store counts."""

    def work(unit: Unit) -> None:
        unit.lock_tenant(tenant_id)
        unit.registration_counts.put_many(periods)

    units.write(work)


def stored(units: Units[Unit], since: datetime = FIRST) -> list[CountedPeriod]:
    """Return the stored counts."""
    return units.read(lambda unit: unit.registration_counts.list_ending(since))


@pytest.mark.rule("X7")
class RegistrationCountsContract(Contract):
    """One case for each guarantee of ``RegistrationCounts``."""

    def test_users_of_any_state_are_counted_by_a_half_open_span(self, main: Units[Unit]) -> None:
        for number, state in enumerate(UserState):
            main.write(lambda unit: add(unit, 201 + number, NOON + number * TICK, state=state))  # noqa: B023 - runs at once
        main.write(lambda unit: add(unit, 301, None))
        spans = [(NOON, NOON + number * TICK) for number in range(20)]  # more than one statement may count
        expected = [min(number, len(UserState)) for number in range(20)]
        for length in range(len(spans)):
            counts = main.read(lambda unit: unit.registration_counts.count_many(spans[:length]))  # noqa: B023 - runs at once
            assert counts == expected[:length]
        ends = [(FIRST, LAST), (NOON, NOON), (LAST, FIRST)]
        assert main.read(lambda unit: unit.registration_counts.count_many(ends)) == [len(UserState), 0, 0]

    def test_registered_users_who_are_not_active_are_counted(self, main: Units[Unit]) -> None:
        for number, state in enumerate(UserState):
            main.write(lambda unit: add(unit, 201 + number, NOON, state=state))  # noqa: B023 - runs at once
            main.write(lambda unit: add(unit, 301 + number, None, state=state))  # noqa: B023 - runs at once
        assert main.read(lambda unit: unit.registration_counts.count_inactive()) == len(UserState) - 1

    def test_counts_are_listed_by_their_ends_from_an_instant_on(self, main: Units[Unit]) -> None:
        whole = CountedPeriod(tenant_id=MAIN, starts_at=FIRST, ends_at=NOON + DAY, count=2**40)
        put(main, period(2), period(0), period(1, 0), whole)
        assert stored(main) == [whole, period(0), period(1, 0), period(2)]
        assert stored(main, NOON + 2 * DAY) == [period(1, 0), period(2)]
        assert stored(main, NOON + 2 * DAY + TICK) == [period(2)]

    def test_a_count_replaces_that_of_the_same_period(self, main: Units[Unit]) -> None:
        put(main, period(0), period(1))
        put(main, period(0, 7))
        assert stored(main) == [period(0, 7), period(1)]

    def test_the_periods_that_contain_an_instant_of_a_range_are_dropped(self, main: Units[Unit]) -> None:
        periods = [period(number) for number in range(5)]
        put(main, *periods)

        def drop(unit: Unit) -> None:
            unit.lock_tenant(MAIN)
            unit.registration_counts.drop(periods[1].ends_at, periods[3].starts_at)

        write_and_fail(main, drop)
        assert stored(main) == periods
        main.write(drop)
        assert stored(main) == [periods[0], periods[1], periods[4]]

    def test_all_are_removed_and_counted(self, main: Units[Unit]) -> None:
        put(main, period(0), period(1))
        assert main.write(lambda unit: unit.registration_counts.clear()) == 2
        assert main.write(lambda unit: unit.registration_counts.clear()) == 0

    @pytest.mark.rule("T2")
    def test_each_tenant_has_its_own_counts(self, main: Units[Unit], acme: Units[Unit]) -> None:
        put(main, period(0))
        put(acme, period(0, 3, ACME), tenant_id=ACME)
        main.write(lambda unit: add(unit, 201, NOON))
        acme.write(lambda unit: add(unit, 301, NOON, state=UserState.DEACTIVATED, tenant_id=ACME))
        assert (stored(main), stored(acme)) == ([period(0)], [period(0, 3, ACME)])
        assert main.read(lambda unit: unit.registration_counts.count_inactive()) == 0
        assert acme.read(lambda unit: unit.registration_counts.count_many([(NOON, LAST)])) == [1]
        acme.write(lambda unit: unit.registration_counts.drop(FIRST, LAST))
        assert (stored(main), stored(acme)) == ([period(0)], [])

    def test_no_count_lacks_a_registration_that_is_stored_at_the_same_time(self, main: Units[Unit]) -> None:
        def work(unit: Unit, number: int, meet: Meet) -> None:
            meet()
            unit.lock_tenant(MAIN)
            if number:
                unit.registration_counts.drop(NOON, NOON)
                add(unit, 201, NOON)
            else:
                (found,) = unit.registration_counts.count_many([(NOON, NOON + DAY)])
                unit.registration_counts.put_many([period(0, found)])

        overlap(main, work)
        assert stored(main) in ([], [period(0, 1)])
