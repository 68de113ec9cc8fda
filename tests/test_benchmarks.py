"""Both sides of a benchmark do the same work: they leave the same rows, and give the same answers."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks.measuring import Calls, Cost, Ratio, Scaled, costs_of, ratio_of
from benchmarks.people import id_of, person, secret_of
from benchmarks.signing_in import identify, identify_in_memory
from benchmarks.stores import Stores, open_core
from benchmarks.workloads import ALL, Opener, Workload
from usercore import Email

USERS = 12
SOME = 3

DRAWN = {("usercore_access_tokens", "digest"), ("usercore_login_tokens", "digest")}
PUBLIC_ID = re.compile(r"uc[al]-\w{9}-\w{11}")


def rows_of(path: Path) -> dict[str, list[str]]:
    """Give all rows of a store; ids made since it was filled are told by their order, drawn values by their length."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    kept = {table: list(map(dict, connection.execute(f"SELECT * FROM {table}"))) for table in tables}  # noqa: S608 - our names
    connection.close()
    values = {value for rows in kept.values() for row in rows for value in row.values()}
    ids = {number: f"new {place}" for place, number in enumerate(sorted(filter(is_new_id, values)))}
    return {table: sorted(masked(table, row, ids) for row in rows) for table, rows in kept.items()}


def is_new_id(value: object) -> bool:
    return isinstance(value, int) and id_of(10**9) < value < 10**15  # instants are later


def masked(table: str, row: dict[str, Any], ids: dict[int, str]) -> str:
    shown = {name: len(value) if (table, name) in DRAWN else ids.get(value, value) for name, value in row.items()}
    return PUBLIC_ID.sub("a public id", repr(shown))


def run_all(workload: Workload, stores: Stores) -> None:
    with workload.open(stores, USERS) as sides:
        for side in sides.values():
            assert side.run(SOME).cpu > 0


@pytest.mark.parametrize("workload", [one for one in ALL if one.leaves_rows], ids=str)
def test_both_sides_leave_the_same_rows(workload: Workload, tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    before = rows_of(stores.copy(USERS, "untouched"))
    run_all(workload, stores)
    after = rows_of(tmp_path / f"{USERS}-usercore.db")
    assert after == rows_of(tmp_path / f"{USERS}-raw.db")
    assert after != before


@pytest.mark.parametrize("workload", [one for one in ALL if not one.leaves_rows], ids=str)
def test_what_leaves_no_rows_runs(workload: Workload, tmp_path: Path) -> None:
    run_all(workload, Stores(tmp_path))


@pytest.mark.parametrize("opener", [identify, identify_in_memory])
def test_both_sides_identify_the_same_user(opener: Opener, tmp_path: Path) -> None:
    with opener(Stores(tmp_path), USERS) as sides:
        ours, raw = sides["usercore"], sides["raw"]
        assert isinstance(ours, Calls)
        assert isinstance(raw, Calls)
        for number in range(USERS):
            assert ours.call(secret_of(number)) == raw.call(secret_of(number))


def test_a_filled_store_has_whom_usercore_would_have_made(tmp_path: Path) -> None:
    with open_core(Stores(tmp_path).copy(SOME, "filled")) as core:
        for number in range(SOME):
            user = core.users.get(Email(person(number).email))
            assert user == core.sign_in.identify(secret_of(number)).user
            assert (user.id, user.external_id) == (id_of(number), person(number).external_id)
            assert core.history.of_user(user.id).rows


def test_a_ratio_is_formed_round_by_round() -> None:
    assert ratio_of([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == Ratio(2.0, 1.0, 3.0)


@attrs.define
class Noting:
    """A side that costs what it is told, and notes its turns."""

    name: str
    turns: list[str]

    def run(self, count: int) -> Cost:
        """Note the turn."""
        self.turns.append(self.name)
        return Cost(cpu=count, wall=2 * count)


def test_sides_take_turns_there_and_back_again() -> None:
    turns: list[str] = []
    costs = costs_of({name: Noting(name, turns) for name in "ab"}, rounds=1, count=8)
    assert turns == list("abbaabba") * 2
    assert (costs["a"].cpu, costs["b"].wall) == ([8], [16])


def test_a_slow_side_is_charged_for_what_it_did_not_do() -> None:
    side = Scaled(Calls(int, iter("123456789")), part=0.1)
    side.run(20)
    assert list(side.side.arguments) == list("3456789")  # type: ignore[attr-defined]  # it is the Calls above
    assert Scaled(Noting("slow", []), part=0.1).run(20) == Cost(20, 40)
