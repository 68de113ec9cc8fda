"""The storage fails at the n-th of its calls, for every n of every public method; no unit is stored in part."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from itertools import cycle
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.services.helpers import changed, dump
from usercore import Busy, Full, Unavailable
from usercore.storage import Storage
from usercore.testing import FaultyStorage
from usercore_storage import memory, sqlite

FAULTS: Final = (Busy, Full, Unavailable, MemoryError, KeyboardInterrupt)

Faults: TypeAlias = Sequence[type[BaseException]]

ORDERS: Final = [FAULTS[first:] + FAULTS[:first] for first in range(len(FAULTS))]
"""Each begins with another fault, so that with all of them each storage call of a call fails in each way."""

in_turn = pytest.mark.parametrize(
    "faults",
    [pytest.param(order, marks=[pytest.mark.thorough] if order is not ORDERS[0] else []) for order in ORDERS],
    ids=[order[0].__name__ for order in ORDERS],
)

SEVERAL_UNITS: Final = {
    "outbox.deliver",
    "core.cleanup",
    "registration.check_email",
    "sign_in.authenticate",
    "sign_in.identify",
    "sign_in.verify_password",
    "sign_in.with_password",
}
"""They may stop between two units, such as leasing a delivery and storing its result. Each is stored or not."""

IN_FILES: Final = {"registration.register", "registration.complete", "sign_in.with_login_token", "passwords.set"}
"""Calls of many statements, which are tested on SQLite, too; there each needs the disk."""


class Tried:
    """A full store whose calls can fail, a call on it, and the rows before."""

    def __init__(self, storage: Storage, call: Call) -> None:
        self.storage = FaultyStorage(storage)
        self.filled = build(self.storage)
        call.of(self.filled)  # binds the tenant of the call, which the core then knows for a while
        self.before = dump(self.filled.core)
        self.arguments = call.arguments(self.filled)
        self._call = call

    def run(self) -> None:
        self._call.of(self.filled)(**self.arguments)

    def fail(self, number: int, fault: type[BaseException]) -> None:
        """Make the call, in which one of the storage's fails, every second only after it was made."""
        with self.storage.failing(number, fault(), after=number % 2 == 0):
            self.run()

    def changed(self) -> set[str]:
        return changed(self.before, dump(self.filled.core))


def in_memory(call: Call) -> Tried:
    return Tried(memory.open_storage("memory://"), call)


def check_every_call_of_the_storage(make: Callable[[], Tried], faults: Faults) -> None:
    counted, tried = make(), make()
    for number, fault in zip(range(1, counted.storage.calls_of(counted.run) + 1), cycle(faults), strict=False):
        with pytest.raises(fault):
            tried.fail(number, fault)
        assert tried.changed() == set(), number
    tried.run()


@pytest.mark.rule("ERR", "X2")
@in_turn
@pytest.mark.parametrize("call", [call for call in CALLS if str(call) not in SEVERAL_UNITS], ids=str)
def test_a_failed_call_changes_nothing_and_works_when_repeated(call: Call, faults: Faults) -> None:
    check_every_call_of_the_storage(lambda: in_memory(call), faults)


@pytest.mark.rule("ERR", "X2")
@pytest.mark.slow
@in_turn
@pytest.mark.parametrize("call", [call for call in CALLS if str(call) in IN_FILES], ids=str)
def test_a_failed_call_in_a_file_changes_nothing_and_works_when_repeated(
    call: Call, faults: Faults, tmp_path: Path
) -> None:
    with ExitStack() as stack:

        def in_a_file() -> Tried:
            storage = sqlite.open_storage(f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}.db")
            stack.callback(storage.close)
            return Tried(storage, call)

        check_every_call_of_the_storage(in_a_file, faults)


@pytest.mark.rule("ERR")
@in_turn
@pytest.mark.parametrize("call", [call for call in CALLS if str(call) in SEVERAL_UNITS], ids=str)
def test_a_failed_call_of_several_units_works_when_repeated(call: Call, faults: Faults) -> None:
    counted = in_memory(call)
    for number, fault in zip(range(1, counted.storage.calls_of(counted.run) + 1), cycle(faults), strict=False):
        tried = in_memory(call)
        with suppress(fault):
            tried.fail(number, fault)
        tried.run()
