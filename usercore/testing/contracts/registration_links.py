"""The contract of registration requests and their links."""

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_for_all,
    check_runs_again,
    check_stored_completely,
    store,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, REGISTRATION_LINK, a_registration_link
from usercore.testing.strategies import registration_links
from usercore.tokens.model import RegistrationLink

LINK = REGISTRATION_LINK

EDGES = [
    LINK,
    a_registration_link(id=1, digest=None, language=None, source=None, referer=None),
    a_registration_link(id=LIMIT - 1, source="", referer="x" * 2000, change_no=LIMIT - 1),
    a_registration_link(id=2, requested_at=FIRST, expires_at=LAST - TICK, completed_at=LAST - TICK, refusals=0),
    a_registration_link(id=3, refusals=LIMIT - 1),
]


def add(units: Units[Unit], *links: RegistrationLink) -> None:
    """Store requests."""
    store(units, lambda unit: unit.registration_links.add, *links)


def get(units: Units[Unit], link_id: int = LINK.id) -> RegistrationLink | None:
    """Return a request as it is now, or None."""
    return units.read(lambda unit: unit.registration_links.get(link_id))


def count_refusal(unit: Unit) -> int:
    """Count a refusal of a request as services do: lock it, and store the number that it has now."""
    link = unit.registration_links.lock(LINK.id)
    assert link
    unit.registration_links.replace(evolve(link, refusals=link.refusals + 1))
    return link.refusals + 1


def complete(unit: Unit) -> bool:
    """Complete a request as services do: lock it and check its state; return whether it was still pending."""
    link = unit.registration_links.lock(LINK.id)
    assert link
    unit.registration_links.replace(evolve(link, completed_at=NOON))
    return link.completed_at is None


class RegistrationLinkRepositoryContract(Contract):
    """One case for each promise of ``RegistrationLinkRepository``."""

    @pytest.mark.rule("R8")
    def test_registration_links_are_stored_completely(self, main: Units[Unit]) -> None:
        check_stored_completely(
            main,
            with_unique(registration_links(), "id"),
            add=lambda unit, link: unit.registration_links.add(link),
            get=lambda unit, link: unit.registration_links.get(link.id),
        )

    @pytest.mark.parametrize("link", EDGES, ids=lambda link: str(link.id))
    @pytest.mark.rule("R8")
    def test_registration_links_with_boundary_values_are_stored(
        self, main: Units[Unit], link: RegistrationLink
    ) -> None:
        add(main, link)
        assert_same(get(main, link.id), link)

    @pytest.mark.rule("I1")
    def test_a_registration_link_with_an_id_in_use_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def draw(unit: Unit, link_id: int) -> None:
            unit.registration_links.add(a_registration_link(id=link_id, email="second@example.com"))

        add(main, LINK)
        check_runs_again(main, draw, taken=LINK.id, free=11)
        assert get(main) == LINK
        assert get(main, 11) == a_registration_link(id=11, email="second@example.com")

    def test_a_missing_registration_link_is_none(self, main: Units[Unit]) -> None:
        assert get(main) is None
        assert main.write(lambda unit: unit.registration_links.lock(LINK.id)) is None

    @pytest.mark.rule("T2")
    def test_another_tenants_registration_link_is_not_found(self, main: Units[Unit], acme: Units[Unit]) -> None:
        add(main, LINK)
        add(acme, a_registration_link(id=11, tenant_id=ACME))
        assert get(acme) is None
        assert acme.write(lambda unit: unit.registration_links.lock(LINK.id)) is None
        assert get(main) == LINK
        assert get(main, 11) is None

    @pytest.mark.rule("R8")
    def test_lock_counts_a_change_and_returns_the_current_request(self, main: Units[Unit]) -> None:
        add(main, LINK, a_registration_link(id=11))
        locked = main.write(lambda unit: unit.registration_links.lock(LINK.id))
        assert_same(locked, evolve(LINK, change_no=LINK.change_no + 1))
        assert get(main) == locked
        assert get(main, 11) == a_registration_link(id=11)

    @pytest.mark.rule("R6")
    def test_a_registration_link_is_replaced_completely(self, main: Units[Unit]) -> None:
        def check(generated: RegistrationLink) -> None:
            link = evolve(generated, id=LINK.id, tenant_id=ACME)
            locked = main.write(
                lambda unit: [unit.registration_links.lock(link.id), unit.registration_links.replace(link)][0]
            )
            assert locked
            assert_same(get(main), evolve(link, tenant_id=LINK.tenant_id, change_no=locked.change_no))
            assert get(main, 11) == a_registration_link(id=11)

        add(main, LINK, a_registration_link(id=11))
        check_for_all(registration_links(), check)

    @pytest.mark.rule("R8")
    def test_a_unit_that_fails_completes_no_request(self, main: Units[Unit]) -> None:
        add(main, LINK)
        write_and_fail(main, complete)
        assert get(main) == LINK

    @pytest.mark.rule("K8")
    def test_registration_links_that_were_completed_or_expired_before_are_removed(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        gone = [
            a_registration_link(id=1, completed_at=NOON - TICK),
            a_registration_link(id=2, expires_at=NOON - TICK),
            a_registration_link(id=5, expires_at=FIRST, completed_at=NOON),
        ]
        stay = [a_registration_link(id=3, completed_at=NOON), a_registration_link(id=4, expires_at=NOON), LINK]
        add(main, *gone, *stay)
        add(acme, a_registration_link(id=6, tenant_id=ACME, expires_at=FIRST))
        removed = main.write(lambda unit: unit.registration_links.remove_expired(NOON, limit=9))
        assert sorted(link.id for link in removed) == [1, 2, 5, 6]
        assert get(acme, 6) is None
        assert [get(main, link.id) for link in gone] == [None] * len(gone)
        assert [get(main, link.id) for link in stay] == stay
        add(main, *gone)

    @pytest.mark.rule("K8")
    def test_at_most_limit_registration_links_are_removed(self, main: Units[Unit]) -> None:
        add(main, *(a_registration_link(id=number, completed_at=FIRST) for number in range(1, 6)))
        removed = [main.write(lambda unit: unit.registration_links.remove_expired(NOON, limit=2)) for _ in range(4)]
        assert [len(links) for links in removed] == [2, 2, 1, 0]
        assert [get(main, number) for number in range(1, 6)] == [None] * 5

    @pytest.mark.rule("R8")
    def test_one_of_eight_threads_completes_it(self, main: Units[Unit]) -> None:
        def read_then_complete(_: int, meet: Meet) -> bool:
            assert get(main) == LINK
            meet()
            return main.write(complete)

        add(main, LINK)
        assert sorted(race(read_then_complete)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("R8")
    def test_one_of_two_open_units_completes_it(self, main: Units[Unit]) -> None:
        def read_then_complete(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.registration_links.get(LINK.id)
            meet()
            return complete(unit)

        add(main, LINK)
        assert sorted(overlap(main, read_then_complete)) == [False, True]

    @pytest.mark.rule("K7")
    def test_refusals_in_two_open_units_are_both_counted(self, main: Units[Unit]) -> None:
        def read_then_count(unit: Unit, _: int, meet: Meet) -> int:
            assert unit.registration_links.get(LINK.id)
            meet()
            return count_refusal(unit)

        add(main, LINK)
        assert sorted(overlap(main, read_then_count)) == [LINK.refusals + 1, LINK.refusals + 2]

    @pytest.mark.rule("K7")
    def test_refusals_in_eight_threads_are_all_counted(self, main: Units[Unit]) -> None:
        def read_then_count(_: int, meet: Meet) -> int:
            meet()
            return main.write(count_refusal)

        add(main, LINK)
        assert sorted(race(read_then_count)) == [LINK.refusals + number + 1 for number in range(THREADS)]
        stored = get(main)
        assert stored
        assert stored.refusals == LINK.refusals + THREADS

    @pytest.mark.rule("K8")
    def test_older_expired_requests_that_were_not_completed_are_removed_in_any_tenant(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        old = {"requested_at": NOON - 2 * TICK, "expires_at": NOON}
        gone = a_registration_link(id=1, **old)
        stay = [
            a_registration_link(id=2, **old, completed_at=NOON),
            a_registration_link(id=3, requested_at=NOON - 2 * TICK, expires_at=NOON + TICK),
            a_registration_link(id=4, requested_at=NOON - TICK, expires_at=NOON),
        ]
        theirs = a_registration_link(id=5, tenant_id=ACME, **old)
        add(main, gone, *stay)
        add(acme, theirs)
        removed = main.write(lambda unit: unit.registration_links.remove_abandoned(NOON - TICK, now=NOON, limit=9))
        assert sorted(removed, key=lambda link: link.id) == [gone, theirs]
        assert (get(main, 1), get(acme, 5)) == (None, None)
        assert [get(main, link.id) for link in stay] == stay

    @pytest.mark.rule("K8")
    def test_no_more_abandoned_requests_are_removed_than_asked(self, main: Units[Unit]) -> None:
        old = {"requested_at": FIRST, "expires_at": NOON - TICK}
        add(main, *(a_registration_link(id=number, **old) for number in range(1, 6)))
        counts = [
            len(main.write(lambda unit: unit.registration_links.remove_abandoned(NOON, now=NOON, limit=2)))
            for _ in range(4)
        ]
        assert counts == [2, 2, 1, 0]
