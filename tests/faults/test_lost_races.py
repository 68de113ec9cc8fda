"""A race that is lost between reading and writing: the unit runs again, sees the winner, and reports it."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, cast

import attrs
import pytest

from tests.faults.filled_stores import POLICY
from tests.services.helpers import dump, unchanged
from usercore import Email, Host, LostRace, Taken, UserCore
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing import FakeHasher
from usercore.testing.wrapping import WrappedStorage
from usercore_storage import memory, sqlite

T = TypeVar("T")
Want = Callable[[UserCore, int], object]


NOTHING: Final[dict[str, object]] = {"find": None, "find_many": [], "find_before_adding": []}
"""The results of queries for claims that find none."""


class Seeing:
    """How many queries still see a taken key as free."""

    def __init__(self) -> None:
        self.blind_for = 0
        self.looks = 0

    def see(self, kept: Callable[..., Any], nothing: object) -> Callable[..., Any]:
        """Return a query that returns what is stored, or nothing while it is blind."""

        def query(*what: Any) -> object:
            self.looks += 1
            if self.blind_for:
                self.blind_for -= 1
                return nothing
            return kept(*what)

        return query


@attrs.frozen
class Blind:
    """A unit, or its claims, in an earlier state."""

    _target: Any
    _seeing: Seeing

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name == "claims":
            return Blind(value, self._seeing)
        return self._seeing.see(value, NOTHING[name]) if name in NOTHING else value


@attrs.frozen
class BlindUnits(Units[Unit]):
    """Units that see an earlier state."""

    _units: Units[Unit]
    _seeing: Seeing

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._units.write(lambda unit: work(cast("Unit", Blind(unit, self._seeing))))

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._units.read(lambda unit: query(cast("Unit", Blind(unit, self._seeing))))


class BlindStorage(WrappedStorage):
    """A storage in which another transaction always comes in between."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.seeing = Seeing()

    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        return BlindUnits(units, self.seeing)


@attrs.frozen
class Race:
    """Ann exists, and Bob wants her identifiers."""

    core: UserCore
    open: UserCore
    seeing: Seeing
    bob: int


@pytest.fixture(params=["memory", "sqlite"])
def race(request: pytest.FixtureRequest, url: str) -> Iterator[Race]:
    storage = memory.open_storage("memory://") if request.param == "memory" else sqlite.open_storage(url)
    host, blind = Host(policy=POLICY, hasher=FakeHasher()), BlindStorage(storage)
    with UserCore.over(storage, host) as core:
        ann = core.registration.register("ann@example.com", username="ann", external_id="x-1").user
        core.users.set_access_ids(ann.id, ["a-1"])
        bob = core.registration.register("bob@example.com").user
        yield Race(UserCore.over(blind, host), core, blind.seeing, bob.id)


WANTED: Final[dict[str, Want]] = {
    "an email": lambda core, bob: core.emails.change(bob, "ANN@example.com"),
    "a username": lambda core, bob: core.users.update(bob, username="Ann"),
    "an external id": lambda core, bob: core.users.link_external_id(bob, "x-1"),
    "an access id": lambda core, bob: core.users.set_access_ids(bob, [None, "a-1"]),
    "an access id as external id": lambda core, bob: core.users.link_external_id(bob, "a-1"),
}


@pytest.mark.rule("U3")
@pytest.mark.parametrize("want", WANTED.values(), ids=list(WANTED))
def test_a_user_missed_by_the_first_read_is_seen_in_the_next_run(
    want: Callable[[UserCore, int], object], race: Race
) -> None:
    race.seeing.blind_for = 1
    with unchanged(race.open), pytest.raises(Taken):
        want(race.core, race.bob)
    assert race.seeing.looks == 2


@pytest.mark.rule("U3", "R1")
def test_of_two_registrations_of_a_free_email_one_raises_taken(race: Race) -> None:
    before = race.open.users.get(Email("ann@example.com"))
    race.seeing.blind_for = 2  # once before the hash, and once in the unit
    with unchanged(race.open, but={"registration_attempts", "rate_limits"}), pytest.raises(Taken):
        race.core.registration.register("ann@example.com")
    assert race.open.users.get(Email("ann@example.com")) == before
    statuses = [row["status"] for row in dump(race.open)["registration_attempts"] if "ann@" in row["login"]]
    assert sum("taken_email" in status for status in statuses) == 1


@pytest.mark.rule("U3")
@pytest.mark.parametrize("want", WANTED.values(), ids=list(WANTED))
def test_a_race_that_is_always_lost_ends_and_changes_nothing(
    want: Callable[[UserCore, int], object], race: Race
) -> None:
    race.seeing.blind_for = 10_000
    with unchanged(race.open), pytest.raises(LostRace):
        want(race.core, race.bob)
    race.seeing.blind_for = 0
    race.core.users.update(race.bob, username="bobby")
