"""Calls from asyncio: typed, on threads of two pools, so that no call waits for hashes of others."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import attrs
import pytest

import usercore
from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call, vars_of
from tests.services.helpers import PASSWORD
from usercore import (
    Email,
    Host,
    Overloaded,
    PasswordCredentials,
    PasswordPolicy,
    Policy,
    SignInRefused,
    Unavailable,
    UserCore,
    aio,
    forms,
)
from usercore.passwords.hasher import HashSlots
from usercore.passwords.model import Credential
from usercore.testing import FakeHasher
from usercore_storage import memory

ANN = "ann@example.com"
LOGINS = 40
MAY_HASH = {"core.atomic", "outbox.deliver", "sign_in.authenticate"}
"""Calls that hash for some arguments, and not for those of the samples."""
PATIENCE = 60.0
"""Seconds after which a call that waits for ever fails its test."""


class NotingHasher(FakeHasher):
    """Notes the threads that hash; while ``gate`` is closed, hashes wait."""

    def __init__(self, policy: PasswordPolicy | None = None) -> None:
        super().__init__()
        self.threads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)
        self._slots = HashSlots(policy or PasswordPolicy())

    @contextmanager
    def hold_slot(self) -> Iterator[None]:
        with self._slots.hold():
            yield

    def verify(self, credential: Credential | None, password: str | None) -> bool:
        self.waiting.release()
        assert self.gate.wait(PATIENCE)
        return super().verify(credential, password)

    def _compute(self, profile: str, salt: str, password: str) -> str:
        self.threads.append(threading.current_thread().name)
        return super()._compute(profile, salt, password)


def core_of(hasher: NotingHasher, policy: PasswordPolicy | None = None) -> UserCore:
    host = Host(hasher=hasher, policy=Policy(passwords=policy or PasswordPolicy()))
    core = UserCore.over(memory.open_storage("memory://"), host)
    core.registration.register(ANN, password=PASSWORD, send_email=False)
    hasher.threads.clear()
    return core


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, PATIENCE))


@pytest.mark.rule("P4")
def test_identify_does_not_wait_for_forty_logins() -> None:
    policy = PasswordPolicy(max_waiting=2 * LOGINS)
    hasher = NotingHasher(policy)
    core = core_of(hasher, policy)
    secret = core.sign_in.with_password(ANN, PASSWORD).access_token
    hasher.gate.clear()

    async def main() -> list[usercore.SignedIn]:
        async with aio.AsyncCore(core, threads=1) as people:
            logins = [
                asyncio.create_task(people.call(core.sign_in.with_password, ANN, PASSWORD)) for _ in range(LOGINS)
            ]
            await asyncio.to_thread(hasher.waiting.acquire)
            assert (await people.call(core.sign_in.identify, secret)).user.email == ANN
            assert not any(login.done() for login in logins)
            hasher.gate.set()
            return await asyncio.gather(*logins)

    assert len(run(main())) == LOGINS


@pytest.mark.rule("P4")
def test_a_login_past_the_queue_is_told_at_once() -> None:
    policy = PasswordPolicy(hashes_at_once=1, max_waiting=1)
    hasher = NotingHasher(policy)
    core = core_of(hasher, policy)
    core.registration.register("bob@example.com", password=PASSWORD, send_email=False)
    core.registration.register("carl@example.com", password=PASSWORD, send_email=False)
    hasher.gate.clear()

    async def main() -> None:
        async with aio.AsyncCore(core) as people:
            logins = [
                asyncio.create_task(people.call(core.sign_in.with_password, f"{name}@example.com", PASSWORD))
                for name in ("ann", "bob", "carl")
            ]
            done, _ = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
            hasher.gate.set()
            with pytest.raises(Overloaded):
                await done.pop()
            assert not done
            results = await asyncio.gather(*logins, return_exceptions=True)
            assert [isinstance(result, Overloaded) for result in results].count(True) == 1

    run(main())


@pytest.mark.rule("P4")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_what_hashes_is_declared_and_runs_on_the_pool_for_hashes(call: Call) -> None:
    hasher = NotingHasher()
    filled = build(memory.open_storage("memory://"))
    filled.core._runtime.hasher = hasher
    rebuilt = attrs.evolve(filled, core=filled.core.bind())
    hasher.threads.clear()

    async def main() -> None:
        people = aio.AsyncCore(rebuilt.core)
        await people.call(partial(call.of(rebuilt), **call.arguments(rebuilt)))
        if str(call) != "core.close":
            await people.close()

    run(main())
    assert all(name.startswith("usercore-hashing") for name in hasher.threads)
    if str(call) not in MAY_HASH:
        assert bool(hasher.threads) == (str(call) in aio.HASHING)


@pytest.mark.rule("P4")
def test_every_declared_call_exists() -> None:
    for name in aio.HASHING:
        service, method = name.split(".")
        assert method in vars_of(service)


@pytest.mark.rule("P4", "Y2")
def test_a_hashing_method_is_recognised_behind_a_partial_and_as_an_argument() -> None:
    hasher = NotingHasher()
    core = core_of(hasher)
    body = {"login": ANN, "password": PASSWORD}

    async def main() -> None:
        async with aio.AsyncCore(core) as people:
            await people.call(partial(core.sign_in.with_password, ANN, PASSWORD))
            await people.call(core.bind(ip="192.0.2.1").sign_in.with_password, ANN, PASSWORD)
            await people.call(core.sign_in.authenticate, PasswordCredentials(login=ANN, password=PASSWORD))
            await people.call(forms.call, core.sign_in.with_password, body, fields=list(body))

    run(main())
    assert hasher.threads
    assert all(name.startswith("usercore-hashing") for name in hasher.threads)


def test_errors_and_context_variables_arrive() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nothing")
    core = core_of(NotingHasher())

    async def main() -> None:
        async with aio.AsyncCore(core) as people:
            with pytest.raises(SignInRefused):
                await people.call(core.sign_in.with_password, ANN, "wrong")
            variable.set("a request")
            assert await people.call(core.atomic, lambda _: variable.get()) == "a request"

    run(main())


def test_a_call_under_way_goes_on_when_it_is_cancelled_and_one_that_waits_never_runs() -> None:
    core = core_of(NotingHasher())
    started, go_on = threading.Event(), threading.Event()

    def work(core: UserCore) -> None:
        started.set()
        assert go_on.wait(PATIENCE)
        core.users.update(Email(ANN), first_name="Ann")

    async def main() -> None:
        async with aio.AsyncCore(core, threads=1) as people:
            under_way = asyncio.create_task(people.call(lambda: core.atomic(work)))
            await asyncio.to_thread(started.wait)
            waiting = asyncio.create_task(people.call(core.users.update, Email(ANN), last_name="Lee"))
            await asyncio.sleep(0)
            for task in (under_way, waiting):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            go_on.set()
            await people.call(core.users.get, Email(ANN))
            ann = await people.call(core.users.get, Email(ANN))
            assert (ann.first_name, ann.last_name) == ("Ann", None)

    run(main())


def test_closing_waits_for_calls_and_refuses_further_ones() -> None:
    core = core_of(NotingHasher())
    started, go_on = threading.Event(), threading.Event()

    def work(core: UserCore) -> str | None:
        started.set()
        assert go_on.wait(PATIENCE)
        return core.users.get(Email(ANN)).email

    async def main() -> None:
        people = aio.AsyncCore(core)
        call = asyncio.create_task(people.call(core.atomic, work))
        await asyncio.to_thread(started.wait)
        closing = asyncio.create_task(people.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await people.call(core.users.get, Email(ANN))
        assert not closing.done()
        go_on.set()
        await closing
        assert await call == ANN
        await people.close()

    run(main())
    with pytest.raises(Unavailable):
        core.users.get(Email(ANN))


def test_it_opens_as_the_core_does_and_closes_at_the_end() -> None:
    async def main() -> None:
        async with aio.open("memory://") as people:
            core = people.core
            user = (await people.call(core.registration.register, ANN, send_email=False)).user
            assert await people.call(core.users.get, user.id) == user
        with pytest.raises(Unavailable):
            core.users.get(user.id)
        with pytest.raises(ValueError, match="no storage for"):
            async with aio.open("nothing://"):
                pass

    run(main())


def test_a_store_whose_caller_was_cancelled_is_closed() -> None:
    opened: list[UserCore] = []
    started, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Told(UserCore):
        def close(self) -> None:
            super().close()
            closed.set()

    def open_slowly() -> UserCore:
        started.set()
        assert go_on.wait(PATIENCE)
        opened.append(Told.over(memory.open_storage("memory://")))
        return opened[0]

    async def enter() -> None:
        async with aio._on_thread(open_slowly)():
            pass

    async def main() -> None:
        task = asyncio.create_task(enter())
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    go_on.set()
    assert closed.wait(PATIENCE)
    with pytest.raises(Unavailable):
        opened[0].users.find(Email(ANN))


def test_one_serves_several_event_loops() -> None:
    core = core_of(NotingHasher())
    people = aio.AsyncCore(core)

    def main(_: int) -> str | None:
        user: usercore.User = asyncio.run(people.call(core.users.get, Email(ANN)))
        return user.email

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(main, range(4))) == [ANN] * 4
    asyncio.run(people.close())
