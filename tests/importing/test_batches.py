"""Records of one import have the effect of single imports; races and interrupts store no partial batch."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing.helpers import ANN, BOB, Record, counts, imported, shown
from tests.services.helpers import Dump, add_tenant, dump, unchanged
from usercore import AccessId, ExternalId, Host, LostRace, UserCore, UserState
from usercore.importing import candidates
from usercore.importing.plan import Plan
from usercore.importing.unit import find_known, store_steps
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain
from usercore.storage import Storage, Unit
from usercore.testing import NOON, FakeClock, FakeRandomness, FaultyStorage, WatchedStorage
from usercore_storage import memory

pytestmark = pytest.mark.rule("R7")


def over(storage: Storage) -> UserCore:
    return UserCore.over(storage, Host(clock=FakeClock(), randomness=FakeRandomness()))


def test_a_later_record_changes_the_user_that_an_earlier_one_created(core: UserCore) -> None:
    assert counts(imported(core, ANN, {**ANN, "first_name": "Anna"}, {**ANN, "first_name": "Anna"})) == (1, 1, 1, 0)
    user = core.users.get(ExternalId("K-1"))
    assert (user.first_name, user.version) == ("Anna", 2)
    assert [entry.new.get("first_name") for entry in core.history.of_user(user.id).rows] == ["Anna", "Ann"]


def test_a_key_that_an_earlier_record_claimed_is_taken(core: UserCore) -> None:
    report = imported(
        core, ANN, {**BOB, "access_ids": ["a-1"]}, {**BOB, "username": "x"}, {"email": "c@d.eu", "username": "X"}
    )
    assert shown(report.bad) == ["line 2: access_ids: taken", "line 4: username: taken"]


@pytest.mark.parametrize("present", [(), (ANN,), (BOB,), (ANN, BOB)])
def test_a_key_moves_from_one_user_to_the_next(core: UserCore, present: tuple[Record, ...]) -> None:
    imported(core, *present)
    records = [
        ANN,
        {"external_id": "K-1", "access_ids": ["new"]},
        {**BOB, "access_ids": ["a-1"]},
        {"external_id": "K-2", "access_ids": ["b-2"]},
        {"external_id": "K-1", "access_ids": ["a-1"]},
    ]
    assert imported(core, *records).bad_count == 0
    owners = {text: core.users.get(AccessId(text)).external_id for text in ("a-1", "b-2")}
    assert owners == {"a-1": "K-1", "b-2": "K-2"}
    assert core.users.find(AccessId("new")) is None


NAMES = {
    "id": st.sampled_from([1, 2, 1 << 41]),
    "email": st.sampled_from(["a@b.eu", "A@b.eu", "c@d.eu", None]),
    "external_id": st.sampled_from(["1", "2", None]),
    "username": st.sampled_from(["ann", "a@b.eu", "c@d.eu", None]),
    "access_id_1": st.sampled_from(["1", "3", None]),
    "access_id_2": st.sampled_from(["2", "3", None]),
    "email_verified": st.booleans(),
    "first_name": st.sampled_from(["Ann", "Bob"]),
}
RECORDS = st.lists(st.fixed_dictionaries({}, optional=NAMES), max_size=12)


@given(RECORDS)
def test_records_of_one_batch_have_the_effect_of_single_imports(records: list[Record]) -> None:
    together, alone = over(memory.open_storage("memory://")), over(memory.open_storage("memory://"))
    at_once = imported(together, *records)
    singly = [imported(alone, record) for record in records]
    assert counts(at_once) == tuple(map(sum, zip((0, 0, 0, 0), *map(counts, singly), strict=True)))
    assert [bad.errors for bad in at_once.bad] == [bad.errors for report in singly for bad in report.bad]
    assert kept(together) == kept(alone)


def kept(core: UserCore) -> dict[str, Any]:
    content: Dump = dump(core)
    return {table: content.get(table) for table in ("users", "claims")}


def test_each_thousand_records_are_one_unit(core: UserCore, storage: WatchedStorage) -> None:
    done: list[int] = []
    before = storage.writes
    core.registration.import_users(({"external_id": number} for number in range(2500)), on_progress=done.append)
    assert (storage.writes - before, done) == (3, [1000, 2000, 2500])


@pytest.mark.rule("T2")
def test_an_id_of_another_tenants_user_does_not_make_a_batch_slower(kept_in: Storage) -> None:
    main = over(faulty := FaultyStorage(kept_in))
    add_tenant(main)
    acme = main.tenant("acme")
    imported(main, {"id": 77, "email": "ann@example.com"})
    batches = [[{"external_id": f"{part}-{number}"} for number in range(999)] for part in range(3)]
    without = faulty.calls_of(lambda: imported(acme, *batches[0]))
    free = faulty.calls_of(lambda: imported(acme, *batches[1], {"id": 78, "email": "eve@example.com"}))
    foreign = faulty.calls_of(lambda: imported(acme, *batches[2], {"id": 77, "email": "eve@example.com"}))
    assert (foreign, free) == (free, without)


def test_long_notes_make_smaller_batches() -> None:
    notes = ({"external_id": number, "note": "x" * 60_000} for number in range(40))
    lengths = [len(batch) for batch in candidates.batches(candidates.candidates(notes))]
    assert lengths == [17, 17, 6]


def test_stored_batches_stay_if_the_iterable_of_records_raises(core: UserCore) -> None:
    def records() -> Iterator[Record]:
        for number in range(1500):
            yield {"external_id": number}
        raise EOFError

    with pytest.raises(EOFError):
        core.registration.import_users(records())
    assert core.users.find(ExternalId(999)) is not None
    assert core.users.find(ExternalId(1000)) is None


def test_a_unit_that_runs_again_imports_once(kept_in: Storage) -> None:
    faulty = FaultyStorage(kept_in)
    core = over(faulty)
    imported(core, {"external_id": "K-1", "access_ids": ["x"]})
    calls = faulty.calls_of(lambda: imported(core, {**BOB, "external_id": "K-0"}, {"external_id": "K-1", "note": "0"}))
    for number in range(1, calls + 1):
        with faulty.failing(number, RunAgain(), after=True):
            records = {"external_id": f"new-{number}"}, {"external_id": "K-1", "note": f"{number}"}
            assert counts(imported(core, *records)) == (1, 1, 0, 0)
        assert core.users.get(ExternalId("K-1")).note == f"{number}"
        assert len(core.history.of_user(ExternalId(f"new-{number}")).rows) == 1


def test_a_unit_that_fails_stores_nothing_of_its_batch(kept_in: Storage) -> None:
    faulty = FaultyStorage(kept_in)
    core = over(faulty)
    imported(core, ANN)
    calls = faulty.calls_of(lambda: imported(core, BOB, {**ANN, "note": "0"}))
    for number in range(1, calls + 1):
        with unchanged(core), pytest.raises(ZeroDivisionError), faulty.failing(number, ZeroDivisionError(), after=True):
            imported(core, {"external_id": "new", "access_ids": ["new"]}, {**ANN, "note": "1"})


def changed_since(core: UserCore, state: UserState) -> None:
    """Move Ann to another state, in another transaction than the import."""

    def change(unit: Unit) -> None:
        user = unit.users.lock(unit.resolve(ExternalId("K-1")))
        unit.users.replace(evolve(user, state=state))

    core._service.units.write(change)


@pytest.mark.parametrize("state", [UserState.DEACTIVATED, UserState.ERASED])
def test_a_plan_for_a_user_who_was_changed_meanwhile_is_not_stored(core: UserCore, state: UserState) -> None:
    imported(core, ANN)
    batch = list(candidates.candidates([{**ANN, "first_name": "Anna"}]))
    known = core._service.units.read(lambda unit: find_known(unit, batch, at=NOON))
    plan = Plan(known, blank=evolve(known.users[0], id=0), new_id=core._service.new_id, admit=lambda _, __: None)
    steps = [plan.step(candidate) for candidate in batch]
    changed_since(core, state)
    with unchanged(core), pytest.raises(LostRace):
        core._service.units.write(lambda unit: store_steps(unit, MAIN, known, steps))


def test_the_id_of_an_erased_user_is_refused(core: UserCore) -> None:
    imported(core, {"id": 5, "external_id": "K-1"})
    changed_since(core, UserState.ERASED)
    with unchanged(core):
        assert shown(imported(core, {"id": 5, "note": "?"}).bad) == ["line 1: id: erased"]
