"""The contract of attempts: to sign in and to register, which differ in their fields only."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, cast

import attrs
import pytest
from hypothesis.strategies import SearchStrategy

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import strategies
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_runs_again,
    store,
    write_and_fail,
)
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, ATTEMPT, BOB, REGISTRATION_ATTEMPT

Try = Attempt | RegistrationAttempt


class Repository(Protocol):
    """What the two repositories of attempts have in common."""

    def add(self, attempt: Any, /) -> None:  # noqa: ANN401 - each takes its own kind of attempt
        """Store an attempt."""

    def list_of(self, user_id: UserId | None, *, before: int | None, limit: int) -> Sequence[Try]:
        """Return attempts, newest first."""

    def remove_of(self, user_id: UserId, *, limit: int) -> int:
        """Remove attempts of a user."""

    def erase_login(self, login: str, *, keep: UserId | None, limit: int) -> int:
        """Remove or blank attempts with a login."""

    def remove_before(self, before: datetime, *, limit: int) -> int:
        """Remove older attempts."""

    def blank_logins(self, before: datetime, *, limit: int) -> int:
        """Set the login to None in older attempts of no user."""


@attrs.frozen
class Kind:
    """One of the two kinds of attempts: its repository, its strategy and a sample."""

    name: str
    generated: Callable[[], SearchStrategy[Any]]
    sample: Try

    def __str__(self) -> str:
        """Return the name of the kind in reports."""
        return self.name

    def of(self, unit: Unit) -> Repository:
        """Return the repository of this kind."""
        return cast("Repository", getattr(unit, self.name))

    def make(self, number: int, user_id: UserId | None = ANN, **fields: object) -> Try:
        """Create an attempt with this id."""
        return evolve(self.sample, id=number, user_id=user_id, **fields)

    def add(self, units: Units[Unit], *tries: Try) -> None:
        """Store attempts."""
        store(units, lambda unit: self.of(unit).add, *tries)

    def listed(self, units: Units[Unit], user_id: UserId | None = ANN, *, before: int | None = None) -> list[Try]:
        """Return the attempts of a user, or those without a user, newest first."""
        return list(units.read(lambda unit: self.of(unit).list_of(user_id, before=before, limit=1000)))

    def remove(self, units: Units[Unit], limit: int) -> int:
        """Remove attempts from before noon."""
        return units.write(lambda unit: self.of(unit).remove_before(NOON, limit=limit))


KINDS: Final = (
    Kind("attempts", strategies.attempts, ATTEMPT),
    Kind("registration_attempts", strategies.registration_attempts, REGISTRATION_ATTEMPT),
)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


class AttemptRepositoriesContract(Contract):
    """One case for each promise of ``AttemptRepository`` and ``RegistrationAttemptRepository``."""

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_attempts_are_stored_completely(self, people: Units[Unit], kind: Kind) -> None:
        stored: dict[UserId | None, list[Try]] = {ANN: [], None: []}

        def check(generated: Try) -> None:
            number = sum(map(len, stored.values())) + 1
            attempt = evolve(generated, id=number, user_id=None if generated.user_id is None else ANN)
            stored[attempt.user_id].insert(0, attempt)
            kind.add(people, attempt)
            (newest,) = people.read(lambda unit: kind.of(unit).list_of(attempt.user_id, before=None, limit=1))
            assert_same(newest, attempt)

        check_for_all(kind.generated(), check)
        for user_id, tries in stored.items():
            assert kind.listed(people, user_id) == tries[:1000]

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_attempts_with_boundary_values_are_stored(self, people: Units[Unit], kind: Kind) -> None:
        edges = [
            kind.make(LIMIT - 1, at=LAST - TICK, user_agent="é" * 256),
            kind.make(2, login="", source="", ip="", user_agent=""),
            kind.make(1, at=FIRST, login=None, source=None, ip=None, user_agent=None),
        ]
        kind.add(people, *edges)
        for stored, given in zip(kind.listed(people), edges, strict=True):
            assert_same(stored, given)

    @pytest.mark.parametrize("user_id", [ANN, None])
    @each_kind
    @pytest.mark.rule("I1")
    def test_an_attempt_with_an_id_in_use_runs_the_unit_again(
        self, people: Units[Unit], kind: Kind, user_id: UserId | None
    ) -> None:
        first, again = kind.make(11, user_id), {"ip": "192.0.2.99"}
        kind.add(people, first)
        check_runs_again(
            people, lambda unit, number: kind.of(unit).add(kind.make(number, user_id, **again)), taken=11, free=12
        )
        assert kind.listed(people, user_id) == [kind.make(12, user_id, **again), first]

    @each_kind
    @pytest.mark.rule("I1")
    def test_an_id_used_without_a_user_in_another_tenant_runs_the_unit_again(
        self, people: Units[Unit], acme: Units[Unit], kind: Kind
    ) -> None:
        kind.add(people, kind.make(11, None))
        check_runs_again(
            acme, lambda unit, number: kind.of(unit).add(kind.make(number, None, tenant_id=ACME)), taken=11, free=12
        )
        assert kind.listed(people, None) == [kind.make(11, None)]
        assert kind.listed(acme, None) == [kind.make(12, None, tenant_id=ACME)]

    @each_kind
    @pytest.mark.rule("I1")
    def test_two_users_and_no_user_may_share_an_attempt_id(self, people: Units[Unit], kind: Kind) -> None:
        tries = [kind.make(11, user_id) for user_id in (ANN, BOB, None)]
        kind.add(people, *tries)
        assert [kind.listed(people, each.user_id) for each in tries] == [[each] for each in tries]

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_attempts_are_listed_by_id_newest_first(self, people: Units[Unit], kind: Kind) -> None:
        tries = {number: kind.make(number, at=NOON - number * TICK) for number in (5, 1, 1 << 45, 9, 10)}
        kind.add(people, *tries.values(), kind.make(7, BOB), kind.make(8, None))
        newest_first = [tries[number] for number in sorted(tries, reverse=True)]
        assert kind.listed(people) == newest_first
        assert kind.listed(people, UserId(999)) == []

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_a_page_of_attempts_begins_below_an_id_and_has_a_limit(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, *(kind.make(number) for number in range(1, 8)), kind.make(8, None))
        pages = {before: kind.listed(people, before=before) for before in (None, 8, 4, 1)}
        assert [[each.id for each in page] for page in pages.values()] == [
            [7, 6, 5, 4, 3, 2, 1],
            [7, 6, 5, 4, 3, 2, 1],
            [3, 2, 1],
            [],
        ]
        two = people.read(lambda unit: kind.of(unit).list_of(ANN, before=5, limit=2))
        assert [each.id for each in two] == [4, 3]

    @each_kind
    @pytest.mark.rule("T2")
    def test_tenants_do_not_see_one_anothers_attempts(self, people: Units[Unit], acme: Units[Unit], kind: Kind) -> None:
        ours, theirs = kind.make(11, None), kind.make(12, None, tenant_id=ACME)
        kind.add(people, ours, kind.make(13))
        kind.add(acme, theirs)
        assert (kind.listed(people, None), kind.listed(acme, None)) == ([ours], [theirs])
        assert kind.listed(acme, ANN) == []

    @each_kind
    @pytest.mark.rule("K8")
    def test_older_attempts_of_any_tenant_are_removed(self, people: Units[Unit], acme: Units[Unit], kind: Kind) -> None:
        kind.add(people, kind.make(1, at=NOON - TICK), kind.make(2, at=NOON), kind.make(3, None, at=FIRST))
        kind.add(acme, kind.make(4, None, at=FIRST, tenant_id=ACME))
        assert kind.remove(people, limit=9) == 3
        assert [each.id for each in kind.listed(people)] == [2]
        assert kind.listed(people, None) == kind.listed(acme, None) == []

    @each_kind
    @pytest.mark.rule("K8")
    def test_at_most_limit_attempts_are_removed(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, *(kind.make(number, at=FIRST) for number in range(1, 6)))
        assert [kind.remove(people, limit=2) for _ in range(4)] == [2, 2, 1, 0]
        assert kind.listed(people) == []

    @each_kind
    @pytest.mark.rule("K8")
    def test_logins_of_older_attempts_without_a_user_become_none_in_any_tenant(
        self, people: Units[Unit], acme: Units[Unit], kind: Kind
    ) -> None:
        of_ann, old, fresh = kind.make(1, at=FIRST), kind.make(2, None, at=NOON - TICK), kind.make(3, None, at=NOON)
        theirs = kind.make(4, None, at=FIRST, tenant_id=ACME)
        kind.add(people, of_ann, old, fresh, kind.make(5, None, at=FIRST, login=None))
        kind.add(acme, theirs)
        assert people.write(lambda unit: kind.of(unit).blank_logins(NOON, limit=9)) == 2
        assert kind.listed(people) == [of_ann]
        assert kind.listed(people, None)[1:] == [fresh, evolve(old, login=None)]
        assert kind.listed(acme, None) == [evolve(theirs, login=None)]

    @each_kind
    @pytest.mark.rule("K8")
    def test_no_more_logins_are_blanked_than_asked_and_each_once(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, *(kind.make(number, None, at=FIRST) for number in range(1, 6)))
        blank = [people.write(lambda unit: kind.of(unit).blank_logins(NOON, limit=2)) for _ in range(4)]
        assert blank == [2, 2, 1, 0]
        assert {attempt.login for attempt in kind.listed(people, None)} == {None}

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_attempts_with_one_user_agent_and_with_different_ones_have_their_own(
        self, people: Units[Unit], kind: Kind
    ) -> None:
        several = [kind.make(number, user_agent=text) for number, text in enumerate(["a", "b", "a", "", "A", None], 1)]
        kind.add(people, *several)
        assert kind.listed(people) == several[::-1]

    @each_kind
    @pytest.mark.rule("S6", "R1")
    def test_a_user_agent_of_a_failed_unit_is_stored_by_the_next(self, people: Units[Unit], kind: Kind) -> None:
        write_and_fail(people, lambda unit: kind.of(unit).add(kind.make(1, user_agent="first")))
        kind.add(people, kind.make(2, user_agent="first"))
        assert [attempt.user_agent for attempt in kind.listed(people)] == ["first"]

    @each_kind
    @pytest.mark.rule("K8")
    def test_user_agents_that_are_named_are_not_removed(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, kind.make(1, at=NOON, user_agent="at noon"))
        people.write(lambda unit: unit.user_agents.remove_unused(NOON, limit=1000))
        assert [attempt.user_agent for attempt in kind.listed(people)] == ["at noon"]

    @each_kind
    @pytest.mark.rule("K8")
    def test_a_user_agent_that_was_removed_is_stored_again(self, people: Units[Unit], kind: Kind) -> None:
        kind.add(people, kind.make(1, at=FIRST, user_agent="again"))
        kind.remove(people, limit=9)
        people.write(lambda unit: unit.user_agents.remove_unused(NOON, limit=1000))
        kind.add(people, kind.make(2, at=NOON, user_agent="again"))
        assert [attempt.user_agent for attempt in kind.listed(people)] == ["again"]
