"""The contract of history."""

from datetime import datetime

import pytest

from usercore.history.model import Entry
from usercore.history.ports import Place
from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, assert_same, check_stored_completely, with_unique, write_and_fail
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, ENTRY, an_entry
from usercore.testing.strategies import entries


def get(units: Units[Unit], entry: Entry) -> Entry | None:
    """Return the entry at the position of this one, or None."""
    position = entry.change_no, entry.position
    return units.read(lambda unit: unit.history.get(entry.subject, entry.subject_id, position))


def positions(
    units: Units[Unit], subject_id: int = ANN, subject: Subject = Subject.USER, before: Place | None = None
) -> list[Place]:
    """Return the positions of a subject's entries, newest first."""
    found = units.read(lambda unit: unit.history.list_of(subject, subject_id, before=before, limit=5000))
    assert {(entry.subject, entry.subject_id) for entry in found} <= {(subject, subject_id)}
    return [(entry.change_no, entry.position) for entry in found]


def store_entries(units: Units[Unit], *entries: Entry) -> None:
    """Store these entries in one unit."""
    units.write(lambda unit: unit.history.add_many(entries))


class HistoryRepositoryContract(Contract):
    """One case for each promise of ``HistoryRepository``."""

    @pytest.mark.rule("X2")
    def test_entries_are_stored_completely(self, people: Units[Unit]) -> None:
        check_stored_completely(
            people,
            with_unique(entries(), "change_no"),
            add=lambda unit, entry: unit.history.add_many([entry]),
            get=lambda unit, entry: unit.history.get(
                entry.subject, entry.subject_id, (entry.change_no, entry.position)
            ),
        )

    @pytest.mark.rule("X2")
    def test_entries_with_boundary_values_are_stored(self, people: Units[Unit]) -> None:
        edges = [
            an_entry(change_no=1, at=FIRST, ip=None, source=None, old_text=None, new_text=None),
            an_entry(change_no=LIMIT - 1, position=5000, at=LAST - TICK, ip="", source="", old_text="", new_text="{}"),
            an_entry(subject=Subject.TENANT, subject_id=LIMIT - 1, new_text='"' + "😀" * 20_000 + '"'),
        ]
        store_entries(people, *edges)
        for entry in edges:
            assert_same(get(people, entry), entry)

    def test_a_missing_entry_is_none(self, people: Units[Unit]) -> None:
        store_entries(people, ENTRY)
        absent = [
            an_entry(position=1),
            an_entry(change_no=3),
            an_entry(subject_id=BOB),
            an_entry(subject=Subject.TENANT),
        ]
        assert [get(people, entry) for entry in absent] == [None] * len(absent)

    @pytest.mark.rule("R7")
    def test_many_entries_are_stored(self, people: Units[Unit]) -> None:
        several = [an_entry(change_no=number // 3, position=number % 3) for number in range(2100)]
        people.write(lambda unit: [unit.history.add_many([]), unit.history.add_many(several)])
        assert positions(people) == [(entry.change_no, entry.position) for entry in reversed(several)]

    @pytest.mark.rule("X2")
    def test_a_subjects_entries_are_listed_newest_first(self, people: Units[Unit]) -> None:
        newest_first = [(10, 0), (9, 1), (9, 0), (2, 10), (2, 9), (1, 0)]
        shuffled = [*newest_first[::2], *newest_first[1::2]]
        entries = [an_entry(change_no=change_no, position=position) for change_no, position in shuffled]
        store_entries(people, *entries)
        assert positions(people) == newest_first
        assert positions(people, BOB) == []

    @pytest.mark.parametrize(
        ("before", "rest"),
        [
            ((3, 0), [(2, 1), (2, 0), (1, 1), (1, 0)]),
            ((2, 1), [(2, 0), (1, 1), (1, 0)]),
            ((2, 0), [(1, 1), (1, 0)]),
            ((1, 9), [(1, 1), (1, 0)]),
            ((1, 0), []),
        ],
        ids=str,
    )
    @pytest.mark.rule("X2")
    def test_a_page_of_entries_starts_before_a_position(
        self, people: Units[Unit], before: Place, rest: list[Place]
    ) -> None:
        stored = [an_entry(change_no=change_no, position=position) for change_no in (1, 2) for position in (0, 1)]
        store_entries(people, *stored)
        assert positions(people, before=before) == rest

    @pytest.mark.rule("X2")
    def test_a_page_of_entries_has_a_limit(self, people: Units[Unit]) -> None:
        store_entries(people, *(an_entry(change_no=number) for number in range(1, 6)))
        page = people.read(lambda unit: unit.history.list_of(Subject.USER, ANN, before=(5, 0), limit=2))
        assert [entry.change_no for entry in page] == [4, 3]

    @pytest.mark.rule("X2", "P6")
    def test_entries_of_one_kind_are_listed_from_a_position_up_to_a_limit(self, people: Units[Unit]) -> None:
        stored = [an_entry(change_no=number, kind="b" if number % 2 else "a") for number in range(1, 8)]
        store_entries(people, *stored, an_entry(subject=Subject.TENANT, kind="b"))

        def numbers(before: Place | None, limit: int, kind: str = "b") -> list[int]:
            page = people.read(
                lambda unit: unit.history.list_of(Subject.USER, ANN, before=before, limit=limit, kind=kind)
            )
            return [entry.change_no for entry in page]

        assert numbers(None, 100) == [7, 5, 3, 1]
        assert numbers((5, 0), 100) == [3, 1]
        assert numbers((5, 1), 2) == [5, 3]
        assert numbers(None, 100, "B") == []

    @pytest.mark.rule("X2", "E3")
    def test_the_earliest_instant_from_a_position_on_is_found(self, people: Units[Unit], acme: Units[Unit]) -> None:
        def earliest(place: Place, subject: Subject = Subject.USER, units: Units[Unit] = people) -> datetime | None:
            return units.read(lambda unit: unit.history.earliest_from(subject, ANN, place))

        instants = {(1, 0): 4, (2, 0): 6, (2, 1): 5, (3, 0): 7}
        stored = [
            an_entry(change_no=number, position=position, at=NOON + count * TICK)
            for (number, position), count in instants.items()
        ]
        others = [an_entry(subject=Subject.TENANT, change_no=2), an_entry(subject_id=BOB, change_no=2)]
        store_entries(people, *stored, *(evolve(other, at=NOON) for other in others))
        found = [earliest(place) for place in [(0, 0), (2, 0), (2, 1), (2, 2), (3, 0)]]
        assert found == [NOON + count * TICK for count in (4, 5, 5, 7, 7)]
        assert earliest((2, 0), Subject.TENANT) == NOON
        assert (earliest((3, 1)), earliest((0, 0), units=acme)) == (None, None)

    @pytest.mark.rule("X2")
    def test_subjects_of_different_kinds_may_share_an_id(self, people: Units[Unit]) -> None:
        several = [an_entry(subject=subject, change_no=number) for number, subject in enumerate(Subject, start=1)]
        store_entries(people, *several)
        assert [positions(people, subject=subject) for subject in Subject] == [
            [(number, 0)] for number in range(1, len(Subject) + 1)
        ]

    @pytest.mark.rule("T2")
    def test_tenants_do_not_see_one_anothers_entries(self, people: Units[Unit], acme: Units[Unit]) -> None:
        theirs = an_entry(tenant_id=ACME, subject_id=11)
        store_entries(people, ENTRY)
        store_entries(acme, theirs)
        assert (get(acme, ENTRY), get(people, theirs)) == (None, None)
        assert (positions(acme), positions(people, 11)) == ([], [])
        assert get(acme, theirs) == theirs

    @pytest.mark.rule("X2")
    def test_a_unit_that_fails_leaves_no_entry(self, people: Units[Unit]) -> None:
        write_and_fail(people, lambda unit: unit.history.add_many([ENTRY, an_entry(position=1)]))
        assert positions(people) == []

    @pytest.mark.rule("K8")
    def test_addresses_and_personal_fields_are_taken_out_of_a_subjects_entries_and_the_rest_stays(
        self, people: Units[Unit]
    ) -> None:
        requested = an_entry(
            ip="192.0.2.7",
            subject=Subject.REGISTRATION,
            kind="a",
            old_text='{"email":"x","n":1}',
            new_text='{"email":"y"}',
        )
        others = [
            evolve(requested, change_no=3, kind="b"),
            evolve(requested, subject=Subject.USER),
            evolve(requested, subject_id=BOB),
        ]
        store_entries(people, requested, *others)
        people.write(
            lambda unit: unit.history.blank(
                Subject.REGISTRATION, requested.subject_id, {"a": frozenset({"email"})}, tenant_id=requested.tenant_id
            )
        )
        assert_same(get(people, requested), evolve(requested, ip=None, old_text='{"n":1}', new_text=None))
        assert_same(get(people, others[0]), evolve(others[0], ip=None))
        assert [get(people, entry) for entry in others[1:]] == others[1:]

    @pytest.mark.rule("K8")
    def test_entries_about_unknown_logins_of_any_tenant_are_removed_the_oldest_first(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        old = [an_entry(subject=Subject.UNKNOWN_LOGIN, subject_id=n, at=NOON - n * TICK) for n in (1, 2, 3)]
        theirs = an_entry(subject=Subject.UNKNOWN_LOGIN, subject_id=4, at=NOON - 4 * TICK, tenant_id=ACME)
        stay = [an_entry(subject=Subject.UNKNOWN_LOGIN, subject_id=5, at=NOON), an_entry(at=NOON - TICK)]
        store_entries(people, *old, *stay)
        store_entries(acme, theirs)
        rounds = [people.write(lambda unit: unit.history.remove_unknown_logins(NOON, limit=3)) for _ in range(3)]
        assert list(map(sorted, rounds)) == [[2, 3, 4], [1], []]
        assert [get(people, entry) for entry in (*old, *stay)] == [None, None, None, *stay]
        assert get(acme, theirs) is None

    @pytest.mark.rule("K8", "T2")
    def test_entries_of_any_tenant_are_blanked_and_only_of_that_one(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        theirs = an_entry(tenant_id=ACME, subject=Subject.REGISTRATION, subject_id=11, new_text='{"email":"y"}')
        store_entries(acme, theirs)
        fields = {theirs.kind: frozenset({"email"})}
        people.write(lambda unit: unit.history.blank(Subject.REGISTRATION, 11, fields, tenant_id=ENTRY.tenant_id))
        assert get(acme, theirs) == theirs
        people.write(lambda unit: unit.history.blank(Subject.REGISTRATION, 11, fields, tenant_id=ACME))
        kept = get(acme, theirs)
        assert kept is not None
        assert kept.new == {}
