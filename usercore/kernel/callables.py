"""Checks of the host's callables: whatever can be checked without calling them is checked when the store is opened.

usercore calls them without awaiting. ``async def`` and generator functions would only return an object and never run,
so a gate that should refuse would admit every user.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Generator, Iterable
from functools import partial
from typing import TypeVar

from usercore.kernel.text import check_type

_NEVER_RUN = (Awaitable, AsyncIterator, Generator)


T = TypeVar("T")


def items_of(given: Iterable[T]) -> tuple[T, ...]:
    """Return the host's values as a tuple, so that a generator can be iterated over more than once.

    Raises:
        TypeError: it cannot be iterated over, or is text.
    """
    if isinstance(given, str | bytes):
        msg = f"what a host brings several of must be a sequence, not {type(given).__name__}"
        raise TypeError(msg)
    return tuple(given)


def check_callable(value: object, *arguments: object, name: str) -> None:
    """Check that ``value`` can be called with these positional arguments, and that the call runs it.

    Raises:
        TypeError: it cannot be called so, or its call would only return a coroutine or a generator.
    """
    if not callable(value):
        msg = f"{name} must be callable, not {type(value).__name__}"
        raise TypeError(msg)
    if _is_deferred(value):
        msg = f"{name} must be a plain function: usercore does not await, so an 'async def' or generator never runs"
        raise TypeError(msg)
    try:
        signature = inspect.signature(value, follow_wrapped=False)
    except ValueError:  # some built-in functions have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        words = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
        msg = f"{name} must be callable with {words}: {error}"
        raise TypeError(msg) from None


def _is_deferred(value: object) -> bool:
    while isinstance(value, partial):
        value = value.func
    call = getattr(type(value), "__call__", None)  # noqa: B004 - of the class, whose ``def`` may be async
    return _is_deferred_function(value) or _is_deferred_function(call)


def _is_deferred_function(function: object) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def check_method(owner: object, method: str, *arguments: object, name: str) -> None:
    """Check that ``owner`` has a method that can be called with these positional arguments.

    Raises:
        TypeError: it has none, it cannot be called so, or its call would only return a coroutine or a generator.
    """
    if isinstance(owner, type):
        msg = f"{name} must be an object, not the class {owner.__name__}"
        raise TypeError(msg)
    if getattr(owner, method, None) is None:
        msg = f"{name} must have a method {method!r}; {type(owner).__name__} has none"
        raise TypeError(msg)
    check_callable(getattr(owner, method), *arguments, name=f"{name}'s {method!r}")


def check_result(value: object, *, name: str) -> None:
    """Check that a call ran: it returned neither an awaitable nor a generator, as a lambda that wraps one does.

    Raises:
        TypeError: it returned one of them.
    """
    if isinstance(value, _NEVER_RUN):
        close = getattr(value, "close", None)
        if callable(close):
            close()  # or Python warns of a coroutine that was never awaited
        msg = f"{name} must not be a {type(value).__name__}: usercore does not await, so it never runs"
        raise TypeError(msg)


def check_reason(value: object, *, name: str) -> str | None:
    """Return the result of one of the host's checks if it is a reason (text) or None.

    Raises:
        TypeError: it is neither, or the check never ran.
    """
    check_result(value, name=name)
    return None if value is None else check_type(value, str, name=name)
