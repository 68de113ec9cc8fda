"""Statistics: what counts, when it is counted, and that stored counts are never wrong."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.helpers import PASSWORD, over, register
from usercore import DayCount, Host, Invalid, PasswordPolicy, UserCore
from usercore.passwords.hasher import Argon2Hasher
from usercore.statistics.rules import full_years, last_month_of, same_time_last_month
from usercore.testing import FakeClock, FakeHasher, FakeRandomness
from usercore_storage.memory import open_storage

pytestmark = pytest.mark.rule("X7")

DAY = timedelta(days=1)


def expected_of(instants: Sequence[datetime], now: datetime, zone: ZoneInfo) -> dict[str, int]:
    """Return the figures by looking at every instant."""
    today = now.astimezone(zone).date()
    locals_ = [at.astimezone(zone).date() for at in instants]
    first = last_month_of(today)
    until = same_time_last_month(now, str(zone))
    return {
        "today": locals_.count(today),
        "yesterday": locals_.count(today - DAY),
        "this_month": sum((day.year, day.month) == (today.year, today.month) for day in locals_),
        "last_month": sum((day.year, day.month) == (first.year, first.month) for day in locals_),
        "last_month_to_date": sum(at.astimezone(zone).date() >= first and at < until for at in instants),
        "active": len(instants),
    }


@settings(max_examples=30)
@given(
    now=st.datetimes(datetime(2026, 2, 1), datetime(2027, 4, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds the zone
    zone=st.sampled_from(["UTC", "Europe/Bratislava", "Africa/Cairo", "Pacific/Kiritimati", "America/St_Johns"]),
    ages=st.lists(st.lists(st.timedeltas(timedelta(0), timedelta(days=70)), max_size=6), min_size=1, max_size=3),
    pauses=st.lists(st.sampled_from([timedelta(0), timedelta(minutes=30), timedelta(hours=5), 2 * DAY, 35 * DAY])),
)
def test_figures_agree_with_every_instant_whatever_is_imported_between(
    now: datetime, zone: str, ages: list[list[timedelta]], pauses: list[timedelta]
) -> None:
    clock = FakeClock(now)
    core = UserCore.over(open_storage("memory://"), Host(clock=clock, randomness=FakeRandomness(), hasher=FakeHasher()))
    core.tenant("system").tenants.update("main", time_zone=zone)
    instants: list[datetime] = []
    for number, batch in enumerate(ages):
        clock.now += pauses[number] if number < len(pauses) else timedelta(0)
        added = [clock.now - age for age in batch]
        records = [{"external_id": f"{number}-{place}", "created_at": at} for place, at in enumerate(added)]
        assert core.registration.import_users(records).created == len(added)
        instants += added
        figures = core.statistics.widgets()
        expected = expected_of(instants, clock.now, ZoneInfo(zone))
        assert {field: getattr(figures, field) for field in expected} == expected
        days = [at.astimezone(ZoneInfo(zone)).date() for at in instants]
        assert [one.count for one in figures.by_day] == [days.count(one.day) for one in figures.by_day]
        today = clock.now.astimezone(ZoneInfo(zone)).date()
        assert [one.day for one in figures.by_day] == [today - number * DAY for number in range(30, -1, -1)]


def test_a_closed_day_is_counted_once_and_the_open_day_every_time(core: UserCore, clock: FakeClock) -> None:
    register(core, "ann")
    assert (core.statistics.widgets().today, core.statistics.widgets().active) == (1, 1)
    register(core, "bob")
    assert core.statistics.widgets().today == 2
    clock.now += DAY
    assert (core.statistics.widgets().today, core.statistics.widgets().yesterday) == (0, 2)
    stored = core._service.units.read(lambda unit: unit.registration_counts.list_ending(clock.now - 40 * DAY))
    assert stored[-1].count == 2
    assert core.statistics.recount() == len(stored)
    assert core.statistics.recount() == 0
    assert core.statistics.widgets().yesterday == 2


def test_a_day_is_not_closed_before_the_pause_of_the_policy(core: UserCore, clock: FakeClock) -> None:
    clock.now = datetime(2026, 5, 4, 0, 59, tzinfo=UTC)
    core.statistics.registrations(date(2026, 5, 3), date(2026, 5, 3))
    count = core._service.units.read(lambda unit: unit.registration_counts.list_ending(clock.now - DAY))
    assert count == []
    clock.now += timedelta(minutes=1)
    core.statistics.registrations(date(2026, 5, 3), date(2026, 5, 3))
    assert len(core._service.units.read(lambda unit: unit.registration_counts.list_ending(clock.now - DAY))) == 1


def test_deactivated_users_are_not_active_but_registered(core: UserCore) -> None:
    ann = register(core, "ann")
    register(core, "bob")
    core.users.deactivate(ann.id)
    assert (core.statistics.active(), core.statistics.widgets().today) == (1, 2)


def test_a_change_of_the_tenants_time_zone_moves_registrations_to_other_days(core: UserCore, clock: FakeClock) -> None:
    clock.now = datetime(2026, 5, 3, 23, 30, tzinfo=UTC)
    register(core)
    clock.now += 5 * DAY
    days = date(2026, 5, 3), date(2026, 5, 4)
    assert [one.count for one in core.statistics.registrations(*days)] == [1, 0]
    core.tenant("system").tenants.update("main", time_zone="Europe/Bratislava")
    assert [one.count for one in core.statistics.registrations(*days)] == [0, 1]


def test_an_import_that_moves_a_registration_is_counted_on_both_days(core: UserCore, clock: FakeClock) -> None:
    now = clock.now
    record = {"external_id": "7", "created_at": now - 3 * DAY}
    core.registration.import_users([record])
    before = core.statistics.widgets().by_day
    core.registration.import_users([{**record, "created_at": now - 2 * DAY}])
    after = core.statistics.widgets().by_day
    counts = [(one.count, other.count) for one, other in zip(before, after, strict=True) if one != other]
    assert counts == [(1, 0), (0, 1)]


@pytest.mark.rule("T2")
def test_tenants_count_their_own_users(core: UserCore) -> None:
    core.tenant("system").tenants.create("acme", "Acme")
    register(core)
    assert (core.statistics.active(), core.tenant("acme").statistics.active()) == (1, 0)
    assert core.tenant("acme").statistics.recount() > 0
    assert core.statistics.recount() > 0


def test_at_most_a_leap_year_of_days_is_returned(core: UserCore) -> None:
    first = date(2024, 1, 1)
    days = core.statistics.registrations(first, date(2024, 12, 31))
    assert (len(days), days[0]) == (366, DayCount(day=first, count=0))
    for last, reason in ((date(2025, 1, 1), "too_late"), (first - DAY, "too_early")):
        with pytest.raises(Invalid, match=reason):
            core.statistics.registrations(first, last)
    with pytest.raises(TypeError, match="first must be a date, not an instant"):
        core.statistics.registrations(datetime(2024, 1, 1, tzinfo=UTC), first)


def test_days_at_the_ends_of_the_calendar_are_refused(core: UserCore) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        core.tenant("system").tenants.update("main", time_zone=zone)
        for day in (date.min, date(1899, 12, 31), date(2242, 1, 1), date.max):
            with pytest.raises(Invalid):
                core.statistics.registrations(day, day)
        for day in (date(1900, 1, 2), date(2241, 12, 30)):
            assert core.statistics.registrations(day, day) == (DayCount(day=day, count=0),)


@pytest.mark.rule("P8")
def test_hashes_are_counted_by_format_pepper_and_age(core: UserCore, clock: FakeClock) -> None:
    hashing = over(core, hasher=Argon2Hasher(PasswordPolicy()))
    register(hashing, "ann", password=PASSWORD)
    register(hashing, "bob", password=PASSWORD)
    imported = "pbkdf2_sha256$600000$c2FsdA$" + "A" * 43 + "="
    hashing.registration.import_users([{"external_id": "7", "password_hash": imported}])
    (own, other) = hashing.statistics.hashes()
    assert (own.format, own.count, own.pepper_id) == ("$argon2id$v=19$m=19456,t=2,p=1", 2, None)
    assert (other.format, other.count) == ("pbkdf2_sha256$", 1)
    assert (own.years, other.years) == (0, 0)
    clock.now += 365 * DAY
    register(hashing, "cho", password=PASSWORD)
    assert [(one.years, one.count) for one in hashing.statistics.hashes()] == [(1, 2), (1, 1), (0, 1)]
    clock.now -= 730 * DAY  # a clock that was set back
    assert {one.years for one in hashing.statistics.hashes()} == {0}


@given(st.integers(0, 40), st.timedeltas(timedelta(0), 365 * DAY - timedelta(microseconds=1)))
def test_an_age_has_only_full_years(years: int, rest: timedelta) -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    assert full_years(since, since + years * 365 * DAY + rest) == years
