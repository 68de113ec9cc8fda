"""Copies between two engines: cases to inherit. The rows are compared by the test's own statements."""

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import cycle
from typing import Any

import attrs
import pytest

import usercore
from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS
from tests.profiles import some
from tests.storages.checking import CheckedStore
from usercore import Corrupt, ReadOnly, TargetNotEmpty, UsercoreError
from usercore.opening import open_storage
from usercore_storage import CopyProgress, CopyStep, check, copy, reopen
from usercore_storage.copies import copier
from usercore_storage.copies.side import Side
from usercore_storage.sql.tables import ALL

Dump = dict[str, list[str]]


@attrs.frozen
class Pair:
    """A full store, and how to make empty ones of its kind, and of the kind that a copy is to fill."""

    source: CheckedStore
    make_source: Callable[[], CheckedStore]
    make_target: Callable[[], CheckedStore]


def dump(store: CheckedStore) -> Dump:
    """Return all rows of all tables, and the version and secret."""
    found = {"usercore_schema": ["version", "secret"]}
    found |= {table.name: [column.name for column in (*table.extra, *table.columns)] for table in ALL}
    questions = {table: f"SELECT {', '.join(names)} FROM {table}" for table, names in found.items()}  # noqa: S608 - our own names
    return {
        table: sorted(repr([_alike(value) for value in row]) for row in store.ask(question))
        for table, question in questions.items()
    }


def _alike(value: object) -> object:
    return int(value) if isinstance(value, bool) else bytes(value) if isinstance(value, memoryview) else value


def refusal_of(store: CheckedStore) -> str | None:
    """Return the code of the error that opening raises, or None."""
    try:
        open_storage(store.url).close()
    except UsercoreError as error:
        return error.code
    return None


class Stopped(BaseException):
    """The process ends here."""


class Death:
    """Ends the process after so many transactions of either store, before or after the commit of the last one."""

    def __init__(self, patch: pytest.MonkeyPatch, engines: set[type[Side]], *, after: int, committed: bool) -> None:
        self.left, self.committed = after, committed
        for engine in engines:
            for name in ("write", "script"):
                patch.setattr(engine, name, self.deadly(getattr(engine, name)))
            patch.setattr(engine, "read", self.dead(engine.read))

    @property
    def came(self) -> bool:
        return self.left < 0

    def end_if_due(self) -> None:
        if self.came:
            raise Stopped

    def dead(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            self.end_if_due()
            return run(*given, **named)

        return wrapped

    def deadly(self, run: Callable[..., Any]) -> Callable[..., Any]:
        inside: list[bool] = []

        def wrapped(*given: Any, **named: Any) -> Any:
            if inside:  # a script is a write, too
                return run(*given, **named)
            self.end_if_due()
            self.left -= 1
            inside.append(True)
            try:
                result = run(*given, **named) if self.committed or self.left >= 0 else None
            finally:
                inside.clear()
            self.end_if_due()
            return result

        return wrapped


class CopyingCases(ABC):
    """Bind them by a fixture ``pair``."""

    @abstractmethod
    @pytest.fixture
    def pair(self) -> Pair:
        """Return a full store and how to make targets."""

    @pytest.fixture
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Copy in many small steps."""
        monkeypatch.setattr(copier, "PAGE", 40)
        monkeypatch.setattr(copier, "BATCH", 7)
        monkeypatch.setattr(copier, "FEW", 3)

    def test_a_copy_has_every_row_and_only_it_can_be_written(self, pair: Pair) -> None:
        before, target = dump(pair.source), pair.make_target()
        report = copy(pair.source.url, target.url)
        assert report.is_finished
        assert report.rows == report.compared == sum(len(found) for found in before.values()) - 1
        assert dump(target) == before
        assert check(target.url) == check(pair.source.url)
        assert check(target.url).is_clean
        with usercore.open(target.url) as core:
            core.users.update(usercore.Username("una"), note="here")
        with usercore.open(pair.source.url) as core:
            with pytest.raises(ReadOnly):
                core.users.update(usercore.Username("una"), note="there")
            assert core.users.get(usercore.Username("una")).note == "called twice"

    def test_a_source_that_was_opened_again_is_what_it_was(self, pair: Pair) -> None:
        target = pair.make_target()
        copy(pair.source.url, target.url)
        for _ in range(2):
            reopen(pair.source.url)
        assert check(pair.source.url).is_clean
        with usercore.open(pair.source.url) as core:
            core.users.update(usercore.Username("una"), note="there")
        with pytest.raises(ValueError, match="same store"):
            copy(pair.source.url, target.url)

    def test_a_source_may_stay_open(self, pair: Pair) -> None:
        copy(pair.source.url, pair.make_target().url, close=False)
        with usercore.open(pair.source.url) as core:
            core.users.update(usercore.Username("una"), note="there")
        assert check(pair.source.url).is_clean

    @pytest.mark.usefixtures("small")
    @pytest.mark.parametrize("seed", [*some(range(15), 15, in_ci=5)])
    def test_calls_made_meanwhile_are_in_the_copy(self, pair: Pair, seed: int) -> None:
        source, target, seen = pair.make_source(), pair.make_target(), set[CopyStep]()
        with closing(open_storage(source.url)) as storage:
            filled = build(storage)
            calls = [call for call in CALLS if str(call) != "core.close"]
            random.Random(seed).shuffle(calls)  # noqa: S311 - the same in each run
            left = cycle(calls)

            def call_some(progress: CopyProgress) -> None:
                seen.add(progress.step)
                if progress.step is CopyStep.LAST:
                    with pytest.raises(ReadOnly):
                        filled.core.groups.create("too late")
                    return
                for _ in range(2 if progress.step is CopyStep.COPY else 1):
                    call = next(left)
                    with suppress(UsercoreError, LookupError, StopIteration):  # another one ran before
                        call.of(filled)(**call.arguments(filled))

            report = copy(source.url, target.url, on_progress=call_some)
        assert seen == set(CopyStep)
        assert report.changes > 0
        assert dump(target) == dump(source)
        assert check(target.url).is_clean

    @pytest.mark.usefixtures("small")
    def test_a_copy_that_was_killed_goes_on(self, pair: Pair, engines: set[type[Side]]) -> None:
        before = dump(pair.source)
        for number in some(range(1, 400, 3), 21, in_ci=5):
            target = pair.make_target()
            with pytest.MonkeyPatch.context() as patch:
                death = Death(patch, engines, after=number, committed=number % 2 == 0)
                with suppress(Stopped):
                    copy(pair.source.url, target.url)
            if not death.came:
                break
            if refusal_of(target) is None and dump(target)["usercore_users"]:
                assert dump(target) == before
            with suppress(ReadOnly):  # all is done
                assert copy(pair.source.url, target.url).is_finished
            assert dump(target) == before
            assert check(target.url).is_clean
            reopen(pair.source.url)
        else:
            pytest.fail("there are more transactions than were tried")

    def test_writers_lose_nothing_that_was_acknowledged(self, pair: Pair) -> None:
        target, acknowledged, enough = pair.make_target(), list[str](), threading.Event()

        def write() -> None:
            with usercore.open(pair.source.url) as core:
                while not enough.is_set():
                    email = f"n{len(acknowledged)}@example.com"
                    try:
                        core.registration.register_external(email, external_id=f"n{len(acknowledged)}")
                    except ReadOnly:
                        return
                    acknowledged.append(email)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            copy(pair.source.url, target.url)
        finally:
            enough.set()
            writer.join()
        assert acknowledged
        assert {email for (email,) in target.ask("SELECT email FROM usercore_users")} >= set(acknowledged)
        assert dump(target) == dump(pair.source)

    def test_the_last_step_may_be_left_to_another_call(self, pair: Pair) -> None:
        target = pair.make_target()
        first = copy(pair.source.url, target.url, finish=False)
        assert (first.is_finished, first.closed.total_seconds()) == (False, 0)
        assert refusal_of(target) == Corrupt.code
        assert check(pair.source.url).is_clean
        with usercore.open(pair.source.url) as core:
            core.users.update(usercore.Username("una"), note="since")
        second = copy(pair.source.url, target.url)
        assert (second.rows, second.compared) == (0, 0)
        assert second.changes == second.last_changes > 0
        assert dump(target) == dump(pair.source)

    @pytest.mark.usefixtures("small")
    def test_rows_that_exchanged_a_unique_name_are_copied(self, pair: Pair) -> None:
        with usercore.open(pair.source.url) as core:
            for name in ("One", "Two"):
                core.roles.create(name)
        exchanged: list[bool] = []

        def exchange(progress: CopyProgress) -> None:
            if progress.step is CopyStep.COMPARE and not exchanged:
                exchanged.append(True)
                pair.source.run("UPDATE usercore_roles SET modified_by = 'host' WHERE name_folded = 'one'")
                pair.source.run("UPDATE usercore_users SET note = 'changed'")  # so that batches part the two
                for old, new in (("one", "three"), ("two", "one"), ("three", "two")):
                    pair.source.run(f"UPDATE usercore_roles SET name_folded = '{new}' WHERE name_folded = '{old}'")  # noqa: S608 - as above

        target = pair.make_target()
        copy(pair.source.url, target.url, on_progress=exchange)
        assert dump(target) == dump(pair.source)

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE usercore_users SET note = 'other'",
            "DELETE FROM usercore_claims",
            "INSERT INTO usercore_registration_counts VALUES (7, 7, 7, 7)",
        ],
    )
    def test_a_row_that_differs_ends_the_copy(self, pair: Pair, damage: str) -> None:
        target = pair.make_target()

        def damage_target(progress: CopyProgress) -> None:
            if progress.step is CopyStep.INDEX and progress.done == progress.total:
                target.run(damage)

        with pytest.raises(Corrupt):
            copy(pair.source.url, target.url, on_progress=damage_target)
        assert refusal_of(target) == Corrupt.code

    def test_a_failure_in_the_last_step_opens_the_source_again(self, pair: Pair) -> None:
        copy(pair.source.url, target_url := pair.make_target().url, finish=False)
        with usercore.open(pair.source.url) as core:
            core.users.update(usercore.Username("una"), note="since")

            def fail(progress: CopyProgress) -> None:
                with pytest.raises(ReadOnly):
                    core.users.update(usercore.Username("una"), note="never")
                raise ZeroDivisionError(progress)

            with pytest.raises(ZeroDivisionError):
                copy(pair.source.url, target_url, on_progress=fail)
            core.users.update(usercore.Username("una"), note="again")
        assert copy(pair.source.url, target_url).is_finished

    @pytest.mark.rule("ERR")
    def test_what_cannot_be_filled_is_refused_and_unchanged(self, pair: Pair) -> None:
        target = pair.make_target()
        with usercore.open(target.url) as core:
            core.registration.register("other@example.com")
        before = dump(target)
        with pytest.raises(TargetNotEmpty, match="usercore_tenants"):
            copy(pair.source.url, target.url)
        with pytest.raises(ValueError, match="same store"):
            copy(pair.source.url, pair.source.url)
        assert dump(target) == before
        assert check(pair.source.url).is_clean
        half = pair.make_target()
        copy(pair.source.url, half.url, finish=False)
        with pytest.raises(TargetNotEmpty, match="unfinished copy"):
            copy(target.url, half.url)
        reopen(pair.source.url)
        with pytest.raises(TargetNotEmpty, match="unfinished copy"):
            copy(pair.source.url, half.url)
