"""Calls from asyncio: on threads, in two pools, so that calls that hash never make the others wait.

``async with usercore.aio.open("sqlite:///people.db") as people:`` opens a core, and
``await people.call(people.core.users.get, Email("ann@example.com"))`` calls it; type checkers know the arguments and
the result from the method itself, so no method is declared twice.

A call that is cancelled before a thread takes it up never runs. One that runs goes on to its end, and is stored or not
as if it had not been cancelled; only its result is dropped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import copy_context
from functools import partial, wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from usercore.core import UserCore
from usercore.kernel.errors import Unavailable
from usercore.opening import open as open_core

__all__ = ["HASHING", "THREADS", "AsyncCore", "open"]

P = ParamSpec("P")
T = TypeVar("T")

HASHING: Final = frozenset(
    {
        "core.atomic",  # what it runs may hash
        "outbox.deliver",
        "passwords.change",
        "passwords.reset",
        "passwords.set",
        "registration.check_email",
        "registration.complete",
        "registration.register",
        "sign_in.authenticate",
        "sign_in.verify_password",
        "sign_in.with_password",
    }
)
"""The calls that may hash a password, as ``service.method``. Source: spec P4."""

THREADS: Final = 16
"""Threads for calls that do not hash. Source: usercore: more than the ten connections that a pool of PostgreSQL has by
default; SQLite and memory answer such a call in far less than a millisecond."""


class AsyncCore:
    """Runs the calls of ``core``, and of its bound copies, on threads of its own. For any number of event loops."""

    def __init__(self, core: UserCore, *, threads: int = THREADS) -> None:
        """Work on this core. Calls that hash get as many threads as may hash or wait for that, and one more.

        With that one, a call that finds the queue full gets ``Overloaded`` at once, as it does without asyncio.
        """
        self.core = core
        passwords = core.policy.passwords
        max_hashing = passwords.hashes_at_once + passwords.max_waiting + 1
        self._hashing = ThreadPoolExecutor(max_hashing, thread_name_prefix="usercore-hashing")
        self._others = ThreadPoolExecutor(threads, thread_name_prefix="usercore")
        self._functions: Final = frozenset(_function_of(core, name) for name in HASHING)
        self._is_closed = False

    async def call(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of ``core`` or of a bound copy on a thread, and return its result.

        ``method`` may also be a function that takes such a method as an argument, as ``usercore.forms.call`` does.

        Raises:
            Unavailable: this was closed.
            UsercoreError: what the method raises.
        """
        hashes = any(map(self._hashes, (method, *args)))
        return await self.run(partial(method, *args, **kwargs), hashes=hashes)

    async def run(self, work: Callable[[], T], *, hashes: bool) -> T:
        """Run a function that calls ``core`` on a thread: of the pool for hashing if it ``hashes``.

        Raises:
            Unavailable: this was closed.
            UsercoreError: what the function raises.
        """
        if self._is_closed:
            raise Unavailable("the store is closed")
        pool = self._hashing if hashes else self._others
        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)

    def _hashes(self, value: object) -> bool:
        while isinstance(value, partial):
            value = value.func
        function = getattr(value, "__func__", None)
        return function is not None and function in self._functions

    async def close(self) -> None:
        """Refuse further calls, wait for those that run or wait, and close the core. Closing again does nothing.

        Cancelling does not stop it; it goes on in the background.
        """
        self._is_closed = True
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._close))

    def _close(self) -> None:
        self._hashing.shutdown()
        self._others.shutdown()
        self.core.close()

    async def __aenter__(self) -> Self:
        """Return this."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()


def _function_of(core: UserCore, name: str) -> Callable[..., object]:
    service, method = name.split(".")
    owner: Any = core if service == "core" else getattr(core, service)
    function: Callable[..., object] = getattr(type(owner), method)
    return function


def _on_thread(opener: Callable[P, UserCore]) -> Callable[P, AbstractAsyncContextManager[AsyncCore]]:
    """Return a context manager for asyncio that takes what ``opener`` takes."""

    @asynccontextmanager
    @wraps(opener)
    async def open_async(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[AsyncCore]:
        opening = ThreadPoolExecutor(1, thread_name_prefix="usercore-opening")
        future = opening.submit(opener, *args, **kwargs)
        opening.shutdown(wait=False)
        try:
            core = await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            future.add_done_callback(_close_opened)
            raise
        async with AsyncCore(core) as people:
            yield people

    return open_async


def _close_opened(future: "Future[UserCore]") -> None:
    """Close what was opened for a caller that did not wait for it."""
    if future.exception() is None:
        future.result().close()


open = _on_thread(open_core)  # noqa: A001 - the one verb of the library, as in ``usercore.open``
"""Open a store as ``usercore.open`` does, on a thread; for ``async with``, which closes it."""
