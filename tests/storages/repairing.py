"""What a repair heals and what it leaves, on every engine: cases to inherit. The test damages the rows by SQL."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

import usercore
from tests.profiles import IS_THOROUGH
from tests.storages.checking import ROWS, CheckedStore
from tests.storages.copying import dump
from usercore.kernel.ids import IdMaker
from usercore.kernel.randomness import system_randomness
from usercore.kernel.time import system_clock
from usercore_storage import RepairKind, check, repair, repairing
from usercore_storage.sql import repairing as pages
from usercore_storage.sql.repairing import YOUNG

HEALED: Final = {
    "a claim is gone": [RepairKind.CLAIMED],
    "a claim is another's": [RepairKind.CLAIMED],
    "a claim has another key": [RepairKind.CORRECTED],
    "a claim has another space": [RepairKind.CORRECTED],
    "a claim has no known space": [RepairKind.CORRECTED],
    "a claim has other uses": [RepairKind.CORRECTED],
    "a claim has uses that there are not": [RepairKind.CORRECTED],
    "a username was set by hand": [RepairKind.CLAIMED, RepairKind.FREED, RepairKind.INDEXED],
    "a word is gone": [RepairKind.INDEXED],
    "a word is another": [RepairKind.INDEXED],
}
"""The damages after whose repair a store is clean, and the repairs."""


def drawn(age: timedelta) -> int:
    """Return the id of a user who would be so old now."""
    return IdMaker(lambda: system_clock() - age, system_randomness)()


class RepairingCases(ABC):
    """Bind them by a fixture ``engine`` that returns a store filled by ``fill``."""

    @abstractmethod
    @pytest.fixture
    def engine(self) -> CheckedStore:
        """Return a full store."""

    @pytest.mark.parametrize("name", ROWS if IS_THOROUGH else HEALED)
    def test_what_can_be_healed_is_and_the_rest_is_reported(self, engine: CheckedStore, name: str) -> None:
        engine.run(ROWS[name].script)
        before, rows = check(engine.writable_url), dump(engine)
        dry = repair(engine.writable_url, dry_run=True)
        assert dump(engine) == rows
        assert dry.check == before
        heard = list[int]()
        report = repair(engine.writable_url, on_progress=heard.append)
        assert report.repairs == dry.repairs
        assert heard == [*range(1, len(report.repairs) + 1)]
        assert set(report.check.findings) <= set(before.findings)
        if name in HEALED:
            assert report.check.is_clean
            assert sorted({one.kind for one in report.repairs}) == sorted(set(HEALED[name]))
        assert repair(engine.writable_url).repairs == ()

    def test_claims_of_users_who_are_gone_are_freed(self, engine: CheckedStore) -> None:
        engine.run("DELETE FROM usercore_users")
        report = repair(engine.writable_url)
        assert {one.kind for one in report.repairs} == {RepairKind.FREED}
        assert engine.ask("SELECT * FROM usercore_claims") == []

    @pytest.mark.parametrize(("age", "left"), [(timedelta(0), 1), (YOUNG / 2, 1), (YOUNG * 2, 0)])
    def test_a_claim_of_a_user_who_may_be_seen_later_stays(
        self, engine: CheckedStore, age: timedelta, left: int
    ) -> None:
        engine.run(f"UPDATE usercore_claims SET holder_id = {drawn(age)} WHERE key = 'bob'")  # noqa: S608 - a number
        report = repair(engine.writable_url)
        assert len(report.repairs) == 1 - left
        assert report.check.is_clean == (not left)

    def test_a_key_that_two_users_need_stays_where_it_is(self, engine: CheckedStore) -> None:
        holder = engine.ask("SELECT holder_id FROM usercore_claims WHERE key = 'bob'")
        engine.run("UPDATE usercore_users SET username = 'bob' WHERE username = 'una'")
        report = repair(engine.writable_url)
        assert engine.ask("SELECT holder_id FROM usercore_claims WHERE key = 'bob'") == holder
        assert [one.problem.partition(" by user")[0] for one in report.check.findings] == ["its username is claimed"]

    def test_a_held_key_stays_held(self, engine: CheckedStore) -> None:
        ((holder,),) = engine.ask("SELECT id FROM usercore_users WHERE username = 'una'")
        values = f"uses = 0, held_until = 9000000000000000, holder_id = {holder}"
        engine.run(f"UPDATE usercore_claims SET {values} WHERE key = 'bob'")  # noqa: S608 - a number
        held = engine.ask("SELECT * FROM usercore_claims WHERE key = 'bob'")
        assert not repair(engine.writable_url).check.is_clean
        assert engine.ask("SELECT * FROM usercore_claims WHERE key = 'bob'") == held

    @pytest.mark.parametrize(
        "change",
        [
            lambda core: core.users.update(usercore.Username("bob"), username="robert"),
            lambda core: core.privacy.erase(usercore.Username("bob"), reason="asked"),
        ],
        ids=["renamed", "erased"],
    )
    def test_what_changed_since_it_was_found_is_read_again(
        self, engine: CheckedStore, change: Callable[[usercore.UserCore], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine.run("UPDATE usercore_claims SET uses = 3 WHERE key = 'bob'; DELETE FROM usercore_user_words")
        found = pages.suspects
        changes = [change]

        def changed(*given: Any) -> Iterator[Any]:
            for key in [*found(*given)]:
                if changes:
                    with usercore.open(engine.writable_url) as core:
                        changes.pop()(core)
                yield key

        monkeypatch.setattr(repairing, "suspects", changed)
        assert repair(engine.writable_url).check.is_clean

    def test_nothing_is_repaired_beside_writers(self, engine: CheckedStore) -> None:
        enough = threading.Event()

        def write() -> None:
            with usercore.open(engine.writable_url) as core:
                number = 0
                while not enough.is_set():
                    user = core.registration.register_external(f"n{number}@example.com", external_id=f"n{number}").user
                    core.users.update(user.id, username=f"name{number}")
                    number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            reports = [repair(engine.writable_url) for _ in range(3)]
        finally:
            enough.set()
            writer.join()
        assert [report.repairs for report in reports] == [()] * 3
        assert check(engine.writable_url).is_clean
