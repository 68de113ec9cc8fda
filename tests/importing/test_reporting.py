"""Progress, bad records, a report of bounded size, and all or nothing."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.importing.helpers import ANN, BOB, Record, counts, imported, shown
from tests.services.helpers import dump, unchanged
from usercore import BadRecord, ExternalId, FieldError, Host, ImportLine, LostRace, UserCore
from usercore.importing.model import BAD_KEPT
from usercore.kernel.errors import RunAgain
from usercore.storage import Storage, Unit
from usercore.testing import FakeClock, FakeRandomness, FaultyStorage, WatchedStorage

pytestmark = pytest.mark.rule("R7")


def test_bad_records_are_reported_by_position_with_all_errors_and_the_others_are_imported(core: UserCore) -> None:
    report = imported(core, {"email": "ann@", "language": "e"}, ANN, {}, BOB)
    assert counts(report) == (2, 0, 0, 2)
    assert report.bad == (
        BadRecord(1, (FieldError("email", "malformed"), FieldError("language", "malformed"))),
        BadRecord(3, (FieldError("record", "no_identifier"),)),
    )
    assert shown(report.bad)[0] == "line 1: email: malformed; language: malformed"


def test_a_line_of_a_file_is_reported_with_its_number_and_errors(core: UserCore) -> None:
    broken = ImportLine(17, errors=(FieldError("record", "malformed"),))
    report = core.registration.import_users([broken, ImportLine(18, ANN), ImportLine(20, {})])
    assert counts(report) == (1, 0, 0, 2)
    assert shown(report.bad) == ["line 17: record: malformed", "line 20: record: no_identifier"]


@pytest.mark.parametrize("record", [None, 5, "ann@example.com", ["ann@example.com"], ("email", "ann@example.com")])
def test_a_value_that_is_not_a_mapping_is_a_bad_record(core: UserCore, record: Any) -> None:
    assert shown(imported(core, record, ANN).bad) == ["line 1: record: wrong_type"]


@pytest.mark.parametrize("whole", [False, True])
def test_the_report_lists_a_thousand_bad_records_and_on_bad_is_called_for_all(core: UserCore, whole: bool) -> None:  # noqa: FBT001 - a case
    told: list[BadRecord] = []
    report = core.registration.import_users(({} for _ in range(2500)), all_or_nothing=whole, on_bad=told.append)
    assert (report.bad_count, len(report.bad), len(told)) == (2500, BAD_KEPT, 2500)
    assert list(report.bad) == told[:BAD_KEPT]
    assert [bad.line for bad in told] == list(range(1, 2501))


def test_the_callbacks_may_use_the_core(core: UserCore) -> None:
    found: list[object] = []
    core.registration.import_users(
        [ANN, {}],
        on_progress=lambda done: found.append((done, core.users.get(ExternalId("K-1")).first_name)),
        on_bad=lambda bad: found.append((bad.line, core.users.find(ExternalId("K-2")))),
    )
    assert found == [(2, "Ann"), (2, None)]


@pytest.mark.parametrize("records", [None, 5, True, "ann@example.com", b"x", ANN])
def test_an_argument_that_is_not_an_iterable_of_records_is_refused(core: UserCore, records: Any) -> None:
    with unchanged(core), pytest.raises(TypeError):
        core.registration.import_users(records)


@pytest.mark.parametrize(
    "wrong", [{"all_or_nothing": 1}, {"all_or_nothing": None}, {"on_progress": 5}, {"on_bad": "print"}], ids=str
)
def test_an_argument_of_another_type_is_refused_before_a_record_is_read(core: UserCore, wrong: dict[str, Any]) -> None:
    records = iter([ANN])
    with pytest.raises(TypeError):
        core.registration.import_users(records, **wrong)
    assert next(records) is ANN


def test_an_import_of_no_records_reports_zeros(core: UserCore) -> None:
    assert counts(imported(core)) == counts(whole(core, [])) == (0, 0, 0, 0)


def test_an_import_that_always_loses_raises_lost_race(core: UserCore, storage: WatchedStorage) -> None:
    def lose(_: Unit) -> None:
        raise RunAgain

    storage.before_commit.append(lose)
    with unchanged(core), pytest.raises(LostRace):
        imported(core, ANN, BOB)


def whole(core: UserCore, records: Iterable[Record], **told: Any) -> Any:
    """Import all or nothing."""
    return core.registration.import_users(records, all_or_nothing=True, **told)


def many(count: int) -> Iterator[Record]:
    return ({"external_id": number, "access_ids": [f"m-{number}"]} for number in range(count))


def test_all_or_nothing_stores_everything_if_no_record_is_bad(core: UserCore, storage: WatchedStorage) -> None:
    before, done = storage.writes, list[int]()
    report = whole(
        core, [*many(1500), {"external_id": 3, "note": "again"}, {"external_id": 4}], on_progress=done.append
    )
    assert counts(report) == (1500, 1, 1, 0)
    assert (storage.writes - before, done) == (1, [1000, 1502])
    assert core.users.get(ExternalId(1499)).access_ids[0] == "m-1499"


def test_all_or_nothing_stores_nothing_if_any_record_is_bad_and_reports_all_bad_ones(core: UserCore) -> None:
    imported(core, ANN)
    bad: list[Record] = [
        {"email": "bob@"},
        {"external_id": "new", "access_ids": ["m-1499"]},
        {**BOB, "access_ids": ["K-1"]},
    ]
    told: list[BadRecord] = []
    with unchanged(core):
        report = whole(core, [bad[0], *many(1500), {**ANN, "note": "?"}, *bad[1:]], on_bad=told.append)
    assert counts(report) == (0, 0, 0, 3)
    assert shown(told) == shown(report.bad)
    assert shown(told) == ["line 1: email: malformed", "line 1503: access_ids: taken", "line 1504: access_ids: taken"]


def test_an_all_or_nothing_unit_that_runs_again_imports_and_reports_once(kept_in: Storage) -> None:
    faulty = FaultyStorage(kept_in)
    core = UserCore.over(faulty, Host(clock=FakeClock(), randomness=FakeRandomness()))
    imported(core, ANN)
    told: list[BadRecord] = []
    with faulty.failing(6, RunAgain(), after=True):
        assert counts(whole(core, [BOB, {**ANN, "note": "?"}])) == (1, 1, 0, 0)
    with faulty.failing(6, RunAgain(), after=True):
        assert whole(core, [{"external_id": "x"}, {}, {**ANN, "note": "!"}], on_bad=told.append).bad_count == 1
    assert len(told) == 1


def test_an_exception_in_the_middle_of_all_or_nothing_stores_nothing(core: UserCore, storage: WatchedStorage) -> None:
    def fail(_: Unit) -> None:
        raise KeyboardInterrupt

    before = dump(core)
    storage.before_commit.append(fail)
    with pytest.raises(KeyboardInterrupt):
        whole(core, [ANN, BOB])
    assert dump(core) == before
