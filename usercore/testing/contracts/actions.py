"""The contract of the action log."""

from collections.abc import Mapping

import pytest

from usercore.history.model import Action, ActionCount
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_for_all,
    check_runs_again,
    store,
    write_and_fail,
)
from usercore.testing.contracts.rows import OF_ACME, check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ACTION, ANN, BOB, an_action
from usercore.testing.strategies import entities


def log(units: Units[Unit], *actions: Action) -> None:
    """Store actions."""
    store(units, lambda unit: unit.actions.add, *actions)


def listed(units: Units[Unit], user_id: UserId | None = None, action: str | None = None) -> list[Action]:
    """Return the actions of a tenant, or those of a user or of a name, newest first."""
    return units.read(lambda unit: unit.actions.list_before(None, user_id=user_id, action=action, limit=1000))


def counted(units: Units[Unit], user_id: UserId | None = None) -> Mapping[str, int]:
    """Return how often each action was logged."""
    counts = units.read(lambda unit: unit.actions.counts(user_id))
    assert all(type(one) is ActionCount for one in counts)
    return {one.action: one.count for one in counts}


class ActionRepositoryContract(Contract):
    """One case for each promise of ``ActionRepository``."""

    @pytest.mark.rule("X4")
    def test_actions_are_stored_completely(self, people: Units[Unit]) -> None:
        numbers = iter(range(1, 1 << 30))

        def check(drawn: Action) -> None:
            action = evolve(drawn, id=next(numbers), user_id=None if drawn.user_id is None else ANN)
            log(people, action)
            (newest,) = people.read(
                lambda unit: unit.actions.list_before(None, user_id=None, action=action.action, limit=1)
            )
            assert_same(newest, action)

        check_for_all(entities(Action), check)

    @pytest.mark.rule("X4")
    def test_actions_with_boundary_values_are_stored(self, people: Units[Unit]) -> None:
        edges = [
            an_action(id=LIMIT - 1, at=LAST - TICK, action="😀" * 255, params_text='"' + "é" * 30_000 + '"'),
            an_action(id=2, action="", actor="", ip="", source="", params_text=""),
            an_action(id=1, at=FIRST, user_id=None, ip=None, source=None, params_text=None),
        ]
        log(people, *edges)
        for stored, given in zip(listed(people), edges, strict=True):
            assert_same(stored, given)

    @pytest.mark.parametrize("user_id", [ANN, None])
    @pytest.mark.rule("I1", "X4")
    def test_an_action_with_an_id_in_use_runs_the_unit_again(
        self, people: Units[Unit], acme: Units[Unit], user_id: UserId | None
    ) -> None:
        log(people, an_action(id=11, user_id=user_id), an_action(id=11, user_id=BOB))
        theirs = people if user_id else acme
        check_runs_again(
            theirs, lambda unit, number: unit.actions.add(an_action(id=number, user_id=user_id)), taken=11, free=12
        )
        assert [one.id for one in listed(people)].count(11) == 2

    @pytest.mark.rule("X4")
    def test_actions_are_listed_page_by_page_by_user_and_by_name(self, people: Units[Unit]) -> None:
        in_order = [
            an_action(id=10, user_id=None, action="b"),
            an_action(id=9, user_id=BOB, action="a"),
            an_action(id=9, action="a"),
            an_action(id=9, user_id=None, action="a"),
            an_action(id=8, action="b"),
            an_action(id=7, action="A"),
            an_action(id=6, user_id=BOB, action="b"),
            an_action(id=1, action="a", at=NOON + TICK),
        ]
        log(people, *in_order[::3], *in_order[1::3], *in_order[2::3])
        for user_id in (None, ANN, BOB, UserId(999)):
            for name in (None, "a", "b", "c"):
                check_pages(
                    people,
                    lambda unit, before, size: unit.actions.list_before(
                        before,
                        user_id=user_id,  # noqa: B023 - used at once
                        action=name,  # noqa: B023 - used at once
                        limit=size,
                    ),
                    place_of=lambda one: (one.id, one.user_id or 0),
                    expected=[one for one in in_order if user_id in (None, one.user_id) and name in (None, one.action)],
                )

    @pytest.mark.rule("X4")
    def test_actions_are_counted_by_name(self, people: Units[Unit]) -> None:
        assert counted(people) == counted(people, ANN) == {}
        names = ("a", "b", "a", "A")
        log(people, *(an_action(id=number, action=name) for number, name in enumerate(names)))
        log(people, an_action(user_id=BOB, action="b"), an_action(user_id=None, action="c"))
        assert counted(people) == {"a": 2, "b": 2, "A": 1, "c": 1}
        assert counted(people, ANN) == {"a": 2, "b": 1, "A": 1}

    @pytest.mark.rule("T2", "X4")
    def test_tenants_do_not_see_one_anothers_actions(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        ours = an_action(id=3), an_action(id=1, user_id=None)
        theirs = an_action(id=4, user_id=OF_ACME, tenant_id=ACME), an_action(id=2, user_id=None, tenant_id=ACME)
        log(people, *ours)
        log(acme, *theirs)
        for units, own, user_id in ((people, ours, OF_ACME), (acme, theirs, ANN)):
            assert listed(units) == listed(units, action=ACTION.action) == list(own)
            assert counted(units) == {ACTION.action: 2}
            assert (listed(units, user_id), listed(units, user_id, ACTION.action), counted(units, user_id)) == (
                [],
                [],
                {},
            )

    @pytest.mark.rule("K8", "X4")
    def test_older_actions_of_any_tenant_are_removed_batch_by_batch(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        fresh = an_action(id=9)
        log(people, fresh, *(an_action(id=number, at=NOON - TICK) for number in range(1, 5)))
        log(acme, an_action(id=8, user_id=None, at=FIRST, tenant_id=ACME))
        write_and_fail(people, lambda unit: unit.actions.remove_before(NOON, limit=9))
        assert len(listed(people)) == 5
        removed = [people.write(lambda unit: unit.actions.remove_before(NOON, limit=2)) for _ in range(4)]
        assert removed == [2, 2, 1, 0]
        assert (listed(people), listed(acme), counted(people)) == ([fresh], [], {ACTION.action: 1})

    @pytest.mark.rule("T7", "X4")
    def test_the_log_of_one_tenant_is_emptied_batch_by_batch(self, people: Units[Unit], acme: Units[Unit]) -> None:
        ours = an_action(id=9)
        log(people, ours)
        log(acme, *(an_action(id=number, user_id=None, tenant_id=ACME) for number in range(1, 4)))
        write_and_fail(acme, lambda unit: unit.actions.remove_all(limit=9))
        assert [acme.write(lambda unit: unit.actions.remove_all(limit=2)) for _ in range(3)] == [2, 1, 0]
        assert (listed(people), listed(acme), counted(acme)) == ([ours], [], {})

    @pytest.mark.rule("X4")
    def test_a_unit_that_fails_logs_nothing(self, people: Units[Unit]) -> None:
        write_and_fail(people, lambda unit: unit.actions.add(ACTION))
        assert (listed(people), listed(people, ANN), counted(people)) == ([], [], {})
        log(people, ACTION)
        assert listed(people, ANN, ACTION.action) == [ACTION]
