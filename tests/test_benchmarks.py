"""Both sides of a benchmark do the same work: they store the same rows, and return the same answers."""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks import authorizing
from benchmarks.__main__ import measure_postgres
from benchmarks.baseline.counting import Counting
from benchmarks.baseline.importing import Importing, ImportingRowByRow
from benchmarks.baseline.store import SqliteStore
from benchmarks.concurrency import Threads, Work, cost_of
from benchmarks.counting import Prepared
from benchmarks.figures import Figure, Goal, Ratio, ratio_of
from benchmarks.growth import grow
from benchmarks.listing import list_after, list_by_ids
from benchmarks.measuring import Calls, Cost, Scaled, costs_of
from benchmarks.meta import find_many, find_one
from benchmarks.options import Options, parse
from benchmarks.passwords import LEAST, open_by_hand, open_core_by, with_passwords
from benchmarks.people import NOW, PASSWORD, id_of, person, secret_of
from benchmarks.registering import record
from benchmarks.results import Result, result_of, table_of
from benchmarks.signing_in import identify, identify_in_memory
from benchmarks.stores import Stores, fill, open_core
from benchmarks.workloads import ALL, POSTGRES, Opener, Workload
from benchmarks.writing import lasting
from tests.rows import masked
from usercore import Email, Identity, NumberedPage, Page, Rejected, TokenUnknown

pytestmark = pytest.mark.benchmark

USERS = 12
SOME = 3

SLOW = {"W9c"}
"""They start many processes."""


def rows_of(path: Path) -> dict[str, list[str]]:
    """Return all rows of a store, masked."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    kept = {table: list(map(dict, connection.execute(f"SELECT * FROM {table}"))) for table in tables}  # noqa: S608 - our names
    connection.close()
    return masked(kept)


def run_all(workload: Workload[Stores], stores: Stores) -> None:
    with workload.open(stores, USERS) as sides:
        for side in sides.values():
            assert side.run(SOME).wall > 0


def cases(workloads: Iterable[Workload[Stores]]) -> list[Any]:
    return [pytest.param(one, id=str(one), marks=[pytest.mark.slow] * (one.id in SLOW)) for one in workloads]


@pytest.mark.parametrize("workload", cases(one for one in ALL if one.leaves_rows))
def test_both_sides_store_the_same_rows(workload: Workload[Stores], tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    before = rows_of(stores.copy(USERS, "untouched"))
    run_all(workload, stores)
    after = rows_of(tmp_path / f"{USERS}-usercore.db")
    assert after == rows_of(tmp_path / f"{USERS}-raw.db")
    assert after != before


@pytest.mark.parametrize("workload", [one for one in ALL if not one.leaves_rows], ids=str)
def test_workloads_that_store_no_rows_run(workload: Workload[Stores], tmp_path: Path) -> None:
    run_all(workload, Stores(tmp_path))


@pytest.mark.parametrize("opener", [find_one, find_many])
def test_both_sides_find_the_same_values(opener: Opener[Stores], tmp_path: Path) -> None:
    with opener(Stores(tmp_path), USERS) as sides:
        ours, raw = sides["usercore"], sides["raw"]
        assert isinstance(ours, Calls)
        assert isinstance(raw, Calls)
        for number in range(USERS):
            found, page = raw.call(id_of(number)), ours.call(id_of(number))
            assert found
            assert isinstance(page, Page)
            assert [*page.rows] == found


def test_both_sides_list_the_same_users(tmp_path: Path) -> None:
    cases: list[tuple[Opener[Stores], object]] = [
        (list_by_ids, [*map(id_of, range(1000))]),
        (list_after, id_of(USERS // 2)),
    ]
    for opener, argument in cases:
        with opener(Stores(tmp_path), USERS) as sides:
            ours, raw = sides["usercore"], sides["raw"]
            assert isinstance(ours, Calls)
            assert isinstance(raw, Calls)
            found, page = raw.call(argument), ours.call(argument)
            assert found
            assert isinstance(page, Page | NumberedPage)
            assert [*page.rows] == found


def test_both_sides_count_the_same_registrations(tmp_path: Path) -> None:
    with closing(open_core(Stores(tmp_path).copy(1001, "ours"))) as core:
        core.users.deactivate(id_of(1))
        ours = core.statistics.widgets()
    with closing(Counting(SqliteStore(tmp_path / "1001-ours.db"), lambda: NOW)) as raw:
        assert raw.widgets() == ours
    assert (ours.active, ours.yesterday, ours.today) == (1000, 2, 0)
    assert ours.last_month > ours.last_month_to_date > 0


def test_the_preparation_of_a_call_is_not_measured() -> None:
    steps: list[str] = []
    side = Prepared(lambda: steps.append("prepare"), lambda _: steps.append("call"))
    assert side.run(2).wall > 0
    assert steps == ["prepare", "call"] * 2


def test_goals_are_for_stores_that_are_large_enough() -> None:
    workload = attrs.evolve(ALL[0], goals_from=1000)
    costs = {"usercore": [Cost(1, 1)], "raw": [Cost(1, 1)]}
    goals = [[figure.goal for figure in result_of(workload, users, costs).figures] for users in (999, 1000)]
    assert goals == [[None], [Goal(bound=1.5)]]


@pytest.mark.parametrize("opener", [identify, identify_in_memory])
def test_both_sides_identify_the_same_user(opener: Opener[Stores], tmp_path: Path) -> None:
    with opener(Stores(tmp_path), USERS) as sides:
        ours, raw = sides["usercore"], sides["raw"]
        assert isinstance(ours, Calls)
        assert isinstance(raw, Calls)
        for number in range(USERS):
            assert ours.call(secret_of(number)) == raw.call(secret_of(number))


def test_both_sides_authorize_the_same_token(tmp_path: Path) -> None:
    with authorizing.authorize(Stores(tmp_path), USERS) as sides:
        ours, raw = sides["usercore"], sides["raw"]
        assert isinstance(ours, Calls)
        assert isinstance(raw, Calls)
        for number in range(USERS):
            secret = authorizing.secret_of(number)
            assert ours.call(secret) == raw.call(secret)


def test_both_sides_identify_a_user_with_roles(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    fill(tmp_path / f"{USERS}.db", USERS)
    with open_core(tmp_path / f"{USERS}.db") as core:
        for name in ("b", "A", "C"):
            core.roles.give(id_of(1), core.roles.create(name, permissions=[name, "x"], active=name != "C").id)
        core.roles.give(id_of(2), "C")
    with identify(stores, USERS) as sides:
        ours, raw = sides["usercore"], sides["raw"]
        assert isinstance(ours, Calls)
        assert isinstance(raw, Calls)
        identity = ours.call(secret_of(1))
        assert identity == raw.call(secret_of(1))
        assert isinstance(identity, Identity)
        assert identity.roles == ("A", "b")
        assert identity.permissions == {"A", "b", "x"}
        for side in (ours, raw):
            with pytest.raises(TokenUnknown):
                side.call(secret_of(2))


SHOWN = [
    *[(0, "wrong")] * 3,
    (0, PASSWORD),  # resets the failures before
    *[(1, "wrong")] * 10,
    (1, PASSWORD),  # too early
    (2, PASSWORD),  # not active
    (3, "\n"),  # an impossible password
    (USERS, PASSWORD),  # no such user
]
"""Attempts to sign in, by number of the user and password."""


def outcome_of(sign_in: Callable[[str, str], Identity], number: int, password: str) -> object:
    try:
        return sign_in(person(number).email, password).user
    except Rejected as refusal:
        return type(refusal), str(refusal)


def test_both_sides_refuse_the_same_passwords(tmp_path: Path) -> None:
    heavier = attrs.evolve(LEAST, passes=2)  # so that a successful sign-in replaces the hash
    paths = [with_passwords(Stores(tmp_path), USERS, name, LEAST) for name in ("usercore", "raw")]
    for path in paths:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE usercore_users SET state = 'deactivated' WHERE id = ?", (id_of(2),))
    with closing(open_core_by(paths[0], heavier)) as core, closing(open_by_hand(paths[1], heavier)) as raw:
        for number, password in SHOWN:
            expected = outcome_of(core.sign_in.with_password, number, password)
            assert outcome_of(raw.sign_in, number, password) == expected
    ours, theirs = map(rows_of, paths)
    assert ours == theirs
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            hashes = connection.execute("SELECT user_id, hash FROM usercore_credentials").fetchall()
        assert [user_id for user_id, text in hashes if ",t=2," in text] == [id_of(0)]


def test_single_inserts_store_the_same_rows_as_batches(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    for importing in Importing, ImportingRowByRow:
        with closing(importing(stores.by_hand(USERS, importing.__name__), lambda: NOW)) as by_hand:
            assert by_hand.import_users(map(record, range(USERS + SOME))) == SOME  # the others exist already
    ours, theirs = (rows_of(tmp_path / f"{USERS}-{one.__name__}.db") for one in (Importing, ImportingRowByRow))
    assert ours == theirs


def test_a_filled_store_has_the_users_that_usercore_would_have_created(tmp_path: Path) -> None:
    with open_core(Stores(tmp_path).copy(SOME, "filled")) as core:
        for number in range(SOME):
            user = core.users.get(Email(person(number).email))
            assert user == core.sign_in.identify(secret_of(number)).user
            assert (user.id, user.external_id) == (id_of(number), person(number).external_id)
            assert core.history.of_user(user.id).rows


def test_a_ratio_is_computed_for_each_round() -> None:
    assert ratio_of([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == Ratio(2.0, 1.0, 3.0)


@attrs.define
class Noting:
    """A side with known costs that records its turns."""

    name: str
    turns: list[str]

    def run(self, count: int) -> Cost:
        """Record the turn."""
        self.turns.append(self.name)
        return Cost(cpu=count, wall=2 * count)


def test_sides_alternate_in_mirrored_order() -> None:
    turns: list[str] = []
    costs = costs_of({name: Noting(name, turns) for name in "ab"}, rounds=1, count=8)
    assert turns == list("abbaabba") * 2
    assert (costs["a"], costs["b"]) == ([Cost(8, 16)], [Cost(8, 16)])


def test_the_costs_of_a_side_that_does_a_part_of_the_work_are_scaled_up() -> None:
    side = Scaled(Calls(int, iter("123456789")), part=0.1)
    side.run(20)
    assert list(side.side.arguments) == list("3456789")  # type: ignore[attr-defined]  # it is the Calls above
    assert Scaled(Noting("slow", []), part=0.1).run(20) == Cost(20, 40)


def test_threads_share_the_work_and_the_slowest_call_is_recorded() -> None:
    taken: list[int] = []
    met = threading.Barrier(2)

    def take(number: int) -> None:
        if number < 2:
            met.wait()  # so that each thread makes a call
        taken.append(number)

    cost = Threads([take, take], count()).run(10)
    assert sorted(taken) == list(range(10))
    assert 0 < cost.fairness <= 1
    assert cost.worst > 0


def test_one_slow_call_of_a_hundred_is_beyond_the_99th_percentile() -> None:
    few = [Work(durations=[0.002] * 50), Work(durations=[0.001] * 49 + [1])]
    assert (cost_of(few, cpu=0, started=0).p99, cost_of(few, cpu=0, started=0).worst) == (0.002, 1)
    few[0].durations.append(1)
    assert cost_of(few, cpu=0, started=0).p99 == 1


def test_an_exception_of_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Threads([lambda number: 1 / number] * 2, count()).run(3)


def test_costs_of_turns_are_added_and_their_maximum_is_recorded() -> None:
    assert Cost(1, 2, 3, 0.5, 1) + Cost(1, 2, 1, 0.4, 1) == Cost(2, 4, 3, 0.4, 2)
    assert Cost(0, 0, trips=1, p99=2) + Cost(0, 0, trips=1, p99=1) == Cost(0, 0, trips=2, p99=2)


@pytest.mark.slow
def test_processes_run_for_the_given_time(tmp_path: Path) -> None:
    with lasting(0.3)(Stores(tmp_path), USERS) as sides:
        for side in sides.values():
            assert side.run(1).refused == 0
    texts = rows_of(tmp_path / f"{USERS}-usercore.db")["usercore_history"]
    assert sum("user.updated" in text for text in texts) > 1


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (None, None),
        (Goal(bound=2), True),
        (Goal(bound=1.9), False),
        (Goal(bound=2, always=True), False),
        (Goal(bound=2, more=True), True),
        (Goal(bound=2, more=True, always=True), False),
    ],
)
def test_a_goal_applies_to_the_median_unless_it_is_for_every_round(goal: Goal | None, *, met: bool | None) -> None:
    assert Figure(name="CPU", value=Ratio(2.0, 1.0, 3.0), goal=goal).met is met


def test_the_table_has_a_line_for_each_figure() -> None:
    figures = [
        Figure(name="CPU", value=Ratio(1.0, 0.9, 1.25), goal=Goal(bound=1.5)),
        Figure(name="rate", value=Ratio(1.0, 0.9, 1.25), goal=Goal(bound=2, more=True)),
        Figure(name="wall", value=Ratio(1.0, 0.9, 1.25)),
    ]
    result = Result(id="W0", title="nothing", users=1000, operations=1, rounds=3, figures=figures)
    assert table_of([result]).splitlines()[2:] == [
        "| W0 | nothing | 1,000 | CPU | <= 1.5 | 1.00 [0.90-1.25] | met |",
        "|  |  |  | rate | >= 2 | 1.00 [0.90-1.25] | **missed** |",
        "|  |  |  | wall |  | 1.00 [0.90-1.25] |  |",
    ]


def test_growth_is_relative_to_the_raw_side_with_the_fewest_users(tmp_path: Path) -> None:
    workload = attrs.evolve(ALL[0], count=40, rounds=2)
    growth, result = grow(workload, Stores(tmp_path), [USERS, 2 * USERS])
    assert [point.users for point in growth.points] == [USERS, 2 * USERS]
    assert growth.points[0].raw == Ratio(1, 1, 1)
    assert [figure.name for figure in result.figures] == [f"CPU with {2 * USERS} to {USERS} users"]


def options(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Options:
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
    return parse()


def test_a_quick_run_is_small_and_not_written_to_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = options(monkeypatch, "--quick")
    assert not quick.whole
    assert (quick.users, quick.growth) == ([10_000], [10_000, 100_000])
    assert all(one.count < max(2, whole.count) for one, whole in zip(quick.chosen(ALL), ALL, strict=True))


def test_only_the_chosen_workloads_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    some = options(monkeypatch, "--only", "W3,PG5,growth", "--users", "2m,5k", "--seconds", "60")
    assert [one.id for one in some.chosen(ALL)] + [one.id for one in some.chosen(POSTGRES)] == ["W3", "PG5"]
    assert some.grows
    assert some.users == [5000, 2_000_000]
    assert [one.turns for one in map(some.as_asked, ALL) if one.lasting] == [1]


def test_an_unknown_workload_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(monkeypatch, "--only", "W99")
    assert "there is no W99" in capsys.readouterr().err


def test_a_missing_postgresql_server_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.databases.find_programs", lambda: None)
    assert measure_postgres(options(monkeypatch, "--quick")) == (None, [])
    assert "no server is installed" in capsys.readouterr().out
