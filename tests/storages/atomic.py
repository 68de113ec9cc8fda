"""What ``core.atomic`` promises on every storage: cases to inherit from."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import attrs
import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.storages.joining import ANN, BOB, Listeners, call_or_be_refused
from usercore import (
    Actor,
    Email,
    ExternalId,
    Invalid,
    LostRace,
    StorageError,
    Taken,
    TenantNotFound,
    UserCore,
    UserNotFound,
)
from usercore.kernel.errors import RunAgain, Unavailable
from usercore.storage import Storage
from usercore.testing import FaultyStorage

MEETING = 0.2
"""Seconds in which two open units meet, unless the storage has one writer."""


class AtomicCases:
    """Inherited by a test class for each storage, which brings the fixture ``storage``."""

    @abstractmethod
    def dump(self, storage: Storage) -> object:
        """Return every row that is stored."""

    @pytest.fixture
    def listeners(self) -> Listeners:
        return Listeners()

    @pytest.fixture
    def core(self, storage: Storage, listeners: Listeners) -> UserCore:
        return UserCore.over(storage, listeners.host())

    @pytest.mark.rule("Y1")
    def test_all_calls_are_stored_and_the_result_is_returned(self, core: UserCore) -> None:
        def work(core: UserCore) -> int:
            user = core.registration.register_external(ANN, external_id="7").user
            core.users.update(user.id, first_name="Ann")
            return core.users.get(ExternalId("7")).id

        user_id = core.atomic(work)
        assert core.users.get(user_id).first_name == "Ann"
        assert len(core.history.of_user(user_id).rows) == 2

    @pytest.mark.rule("Y1")
    def test_an_error_of_the_work_undoes_all_calls(self, core: UserCore, storage: Storage) -> None:
        before = self.dump(storage)

        def work(core: UserCore) -> None:
            core.registration.register_external(ANN)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            core.atomic(work)
        assert self.dump(storage) == before

    @pytest.mark.rule("Y1")
    def test_a_refused_call_undoes_all_calls_unless_the_work_handles_it(self, core: UserCore, storage: Storage) -> None:
        core.registration.register_external(BOB, external_id="7")
        before = self.dump(storage)

        def work(core: UserCore, *, handles: bool) -> None:
            ann = core.registration.register_external(ANN).user
            with suppress(*[Taken] * handles):
                core.users.link_external_id(ann.id, "7")
            with suppress(Invalid):
                core.emails.change(ann.id, "no email")
            core.users.update(ann.id, first_name="Ann")

        with pytest.raises(Taken):
            core.atomic(lambda core: work(core, handles=False))
        assert self.dump(storage) == before
        core.atomic(lambda core: work(core, handles=True))
        ann = core.users.get(Email(ANN))
        assert (ann.first_name, ann.external_id) == ("Ann", None)

    @pytest.mark.rule("Y1")
    def test_every_call_works_and_can_be_undone_or_is_refused_by_name(
        self, storage: Storage, subtests: pytest.Subtests
    ) -> None:
        filled = build(storage)
        before = self.dump(storage)

        def work(core: UserCore, call: Call) -> None:
            call_or_be_refused(call, attrs.evolve(filled, core=core))
            raise ZeroDivisionError

        for call in CALLS:
            with subtests.test(str(call)):
                with pytest.raises(ZeroDivisionError):
                    filled.core.atomic(lambda core: work(core, call))  # noqa: B023 - called at once
                assert self.dump(storage) == before

    def test_it_cannot_join_or_be_used_as_a_context(self, core: UserCore) -> None:
        def work(core: UserCore) -> None:
            with pytest.raises(TypeError, match="with is not for"), core:
                pass
            with pytest.raises(TypeError, match="joined is not for"):
                core.joined(object())

        core.atomic(work)

    def test_observers_are_told_after_the_commit_of_what_was_stored(self, core: UserCore, listeners: Listeners) -> None:
        core.outbox.deliver()
        listeners.plain.clear()  # of the tenants that are built in
        listeners.durable.clear()

        def work(core: UserCore) -> None:
            ann = core.registration.register_external(ANN).user
            with suppress(Invalid):
                core.users.update(ann.id, language="no language")
            core.users.update(ann.id, first_name="Ann")
            assert listeners.plain == []

        core.atomic(work)
        assert listeners.plain == ["user.registered", "user.updated"]
        assert listeners.durable == []
        assert core.outbox.deliver() == 2
        assert listeners.durable == listeners.plain

    def test_observers_are_not_told_of_what_was_undone(self, core: UserCore, listeners: Listeners) -> None:
        listeners.plain.clear()

        def work(core: UserCore) -> None:
            core.registration.register_external(ANN)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            core.atomic(work)
        assert listeners.plain == []

    def test_bound_copies_work_in_the_same_unit(self, core: UserCore) -> None:
        def work(core: UserCore) -> None:
            core.tenant("system").tenants.create("acme", "Acme")
            acme = core.bind(actor=Actor.operator("Olga")).tenant("acme")
            assert acme.registration.register_external(ANN).user.created_by == "operator:Olga"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            core.atomic(work)
        with pytest.raises(TenantNotFound):
            core.tenant("acme")

    def test_a_nested_call_is_undone_alone_or_with_the_outer_one(self, core: UserCore) -> None:
        def fail(core: UserCore) -> None:
            core.registration.register_external(BOB)
            raise ZeroDivisionError

        def outer(core: UserCore) -> None:
            core.registration.register_external(ANN)
            with suppress(ZeroDivisionError):
                core.atomic(fail)
            assert core.users.find(Email(BOB)) is None
            core.atomic(lambda core: core.users.update(Email(ANN), first_name="Ann"))

        def undone(core: UserCore) -> None:
            core.atomic(lambda core: core.users.update(Email(ANN), first_name="Zoë"))
            raise ZeroDivisionError

        core.atomic(outer)
        with pytest.raises(ZeroDivisionError):
            core.atomic(undone)
        assert core.users.get(Email(ANN)).first_name == "Ann"
        assert core.users.find(Email(BOB)) is None

    def test_work_that_would_never_run_is_refused(self, core: UserCore) -> None:
        async def work(core: UserCore) -> None:
            core.registration.register_external(ANN)

        with pytest.raises(TypeError, match="async def"):
            _ = core.atomic(work)
        with pytest.raises(TypeError, match="never runs"):
            _ = core.atomic(lambda core: work(core))  # noqa: PLW0108 - hides what it is
        with pytest.raises(TypeError, match="work must be callable"):
            core.atomic(None)  # type: ignore[arg-type]
        assert core.users.find(Email(ANN)) is None

    def test_its_core_works_in_no_other_thread_and_not_after_it(self, core: UserCore) -> None:
        def work(core: UserCore) -> UserCore:
            with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="only in the thread"):
                pool.submit(core.users.find, Email(ANN)).result()
            return core

        with pytest.raises(RuntimeError, match="has ended"):
            core.atomic(work).users.find(Email(ANN))

    def test_another_core_in_it_is_refused(self, core: UserCore) -> None:
        for call in (core.users.find, core.users.get):
            with pytest.raises(RuntimeError, match="a unit is open"):
                core.atomic(lambda _, call=call: call(Email(ANN)))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults

        def work(outer: UserCore) -> None:
            with pytest.raises(RuntimeError, match="a unit is open"):
                outer.atomic(lambda _: outer.users.find(Email(ANN)))

        core.atomic(work)

    def test_a_lost_race_runs_it_again_even_if_the_work_suppresses_it(
        self, storage: Storage, listeners: Listeners
    ) -> None:
        faulty = FaultyStorage(storage)
        core = UserCore.over(faulty, listeners.host())
        runs = []

        def work(core: UserCore) -> None:
            runs.append(1)
            with suppress(Exception):
                core.registration.register_external(ANN)

        calls = faulty.calls_of(lambda: core.atomic(work))
        core.users.update(Email(ANN), first_name="Ann")
        runs.clear()
        with faulty.failing(calls // 2, RunAgain()):
            core.atomic(lambda core: [work(core), core.registration.register_external(BOB)])  # type: ignore[func-returns-value]
        assert len(runs) == 2
        assert core.users.find(Email(BOB)) is not None

    def test_a_failing_storage_undoes_all_even_if_the_work_suppresses_it(
        self, storage: Storage, listeners: Listeners
    ) -> None:
        faulty = FaultyStorage(storage)
        core = UserCore.over(faulty, listeners.host())
        before = self.dump(storage)

        def work(core: UserCore) -> None:
            core.registration.register_external(ANN)
            with suppress(StorageError), faulty.failing(3, Unavailable()):
                core.registration.register_external(BOB)
            with suppress(StorageError):
                core.users.get(Email(ANN))

        with pytest.raises(Unavailable):
            core.atomic(work)
        assert self.dump(storage) == before

    def test_a_race_that_is_always_lost_is_told(self, core: UserCore, storage: Storage) -> None:
        before = self.dump(storage)

        def work(core: UserCore) -> None:
            core.registration.register_external(ANN)
            raise RunAgain

        with pytest.raises(LostRace):
            core.atomic(work)
        assert self.dump(storage) == before

    def test_of_two_that_are_open_together_and_claim_one_key_one_is_stored_whole(self, core: UserCore) -> None:
        barrier = Barrier(2)

        def work(core: UserCore, number: int) -> None:
            own = core.registration.register_external(f"{number}@example.com").user
            assert core.users.find(ExternalId("7")) is None
            _meet(barrier)
            core.users.link_external_id(own.id, "7")

        def run(number: int) -> bool:
            try:
                core.atomic(lambda core: work(core, number))
            except (Taken, AssertionError):
                return False
            return True

        stored = _in_two_threads(run)
        assert sorted(stored) == [False, True]
        assert core.users.get(ExternalId("7")).email == f"{stored.index(True)}@example.com"
        with pytest.raises(UserNotFound):
            core.users.get(Email(f"{stored.index(False)}@example.com"))

    def test_two_that_are_open_together_and_change_two_users_crosswise_are_both_stored(self, core: UserCore) -> None:
        users = [core.registration.register_external(email).user.id for email in (ANN, BOB)]
        barrier = Barrier(2)

        def work(core: UserCore, number: int) -> None:
            core.users.update(users[number], first_name=f"by {number}")
            _meet(barrier)
            core.users.update(users[1 - number], first_name=f"by {number}")

        _in_two_threads(lambda number: core.atomic(lambda core: work(core, number)))
        ann, bob = (core.users.get(user_id) for user_id in users)
        assert ann.first_name == bob.first_name
        assert ann.version == bob.version == 3


def _meet(barrier: Barrier) -> None:
    with suppress(BrokenBarrierError):
        barrier.wait(MEETING)


def _in_two_threads(run: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))
