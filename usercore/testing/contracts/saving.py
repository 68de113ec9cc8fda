"""Races of saving users on every storage: two units that are open at the same time, and have read."""

from collections.abc import Callable

import pytest

from usercore.composition.host import Host
from usercore.core import UserCore
from usercore.kernel.errors import Invalid, StaleVersion, Taken
from usercore.registration.detail import SavedUser, UserDetail
from usercore.storage import Storage
from usercore.testing.contracts.base import Contract
from usercore.testing.contracts.password_races import MeetingStorage
from usercore.testing.fakes import FakeClock, FakeHasher, FakeRandomness
from usercore.users.model import User, UserState


class _Race:
    """Two roles, on a core whose units meet."""

    def __init__(self, storage: Storage, *, after: str | None = None) -> None:
        self.storage = MeetingStorage(storage, after=after)
        host = Host(clock=FakeClock(), randomness=FakeRandomness(), hasher=FakeHasher())
        self.core = UserCore.over(self.storage, host)
        for name in ("one", "two"):
            self.core.roles.create(name)

    def saving(self, first_name: str, *, upsert: bool = False, **detail: object) -> Callable[[], SavedUser]:
        """Return a call that saves a user, by default with the role that has this name."""
        given: UserDetail = {"username": "webb", "first_name": first_name, "last_name": "Webb", "roles": [first_name]}
        given |= detail  # type: ignore[typeddict-item]  # any detail
        return lambda: self.core.registration.save(upsert=upsert, **given)

    def run(self, *calls: Callable[[], object]) -> tuple[list[SavedUser], list[object]]:
        """Run two calls at once; return the users that were saved, and everything else."""
        results = self.storage.race(*calls)
        saved = [one for one in results if isinstance(one, SavedUser)]
        return saved, [one for one in results if not isinstance(one, SavedUser)]

    def roles_of(self, saved: SavedUser) -> list[str]:
        """Return the names of the roles that a user has now."""
        return [held.role_name for held in self.core.roles.of_user(saved.user.id)]


class SavingContract(Contract):
    """Each case is a promise of claims and of the locks of roles and users together."""

    @pytest.mark.rule("R4", "U3")
    def test_of_two_new_users_with_one_username_one_is_created(self, storage: Storage) -> None:
        race = _Race(storage, after="find_before_adding")
        (saved,), (refused,) = race.run(race.saving("one"), race.saving("two"))
        assert isinstance(refused, Taken)
        assert (saved.created, race.roles_of(saved)) == (True, [saved.user.first_name])

    @pytest.mark.rule("R4", "U3")
    def test_of_two_upserts_of_one_username_one_creates_and_the_other_one_updates(self, storage: Storage) -> None:
        race = _Race(storage, after="find_before_adding")
        saved, rest = race.run(race.saving("one", upsert=True), race.saving("two", upsert=True))
        assert rest == []
        last, first = sorted(saved, key=lambda one: one.created)
        assert (first.created, last.created, last.user.id) == (True, False, first.user.id)
        assert race.core.users.get(first.user.id).first_name == last.user.first_name
        assert race.roles_of(first) == [last.user.first_name]

    @pytest.mark.rule("R4", "U13")
    def test_of_two_saves_of_one_version_one_is_stale(self, storage: Storage) -> None:
        race = _Race(storage)
        user = race.saving("one")().user
        (saved,), (refused,) = race.run(*(race.saving("two", id=user.id, version=1, last_name=name) for name in "ab"))
        assert isinstance(refused, StaleVersion)
        assert race.core.users.get(user.id).last_name == saved.user.last_name

    @pytest.mark.rule("R4", "U2")
    def test_a_user_who_is_saved_and_deactivated_at_once_is_both(self, storage: Storage) -> None:
        race = _Race(storage)
        user = race.saving("one")().user
        (saved,), (moved,) = race.run(race.saving("two", id=user.id), lambda: race.core.users.deactivate(user.id))
        assert isinstance(moved, User)
        now = race.core.users.get(user.id)
        assert (now.state, now.first_name, now.version) == (UserState.DEACTIVATED, "two", 3)
        assert race.roles_of(saved) == ["two"]

    @pytest.mark.rule("R4", "T7")
    def test_a_role_that_is_deleted_while_a_user_is_saved_was_given_before_or_is_unknown(
        self, storage: Storage
    ) -> None:
        race = _Race(storage)
        role, user = race.core.roles.get("two"), race.saving("one")().user
        saved, rest = race.run(race.saving("two", id=user.id, roles=[role.id]), lambda: race.core.roles.delete(role.id))
        assert [type(one) for one in rest if one is not None] == ([] if saved else [Invalid])
        assert [held.role_name for held in race.core.roles.of_user(user.id)] == ([] if saved else ["one"])
