"""Joining: units run in savepoints of a transaction that the host has open, and the host's commit keeps them.

A newcomer would run a unit again that lost a race. But what it lost against is committed, and the host's transaction
goes on seeing the state from before; only the host can roll back and start over.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import attrs

from usercore.kernel.errors import LostRace, RunAgain, StorageError
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.workflows.recording import Origin
from usercore_storage.sql.run import Run
from usercore_storage.sql.unit import SqlUnit

T = TypeVar("T")

SECRET: Final = "SELECT secret FROM usercore_schema"  # noqa: S105 - a statement

_OTHER_STORE: Final = "the connection is not to the store of this core"


class HostTransaction:
    """A transaction of the host's. For the one thread that has it."""

    def __init__(self, run: Run, is_open: Callable[[], bool], *, secret: bytes) -> None:
        """Work over the host's connection, which must be to the store with this secret.

        Raises:
            ValueError: no transaction is open, or the store cannot be found there.
        """
        self._run, self._is_open, self._is_busy = run, is_open, False
        self._unit = SqlUnit(run)
        self._check_open()
        try:
            is_ours = self._in_savepoint(lambda: [bytes(found) for (found,) in run(SECRET)]) == [secret]
        except StorageError as error:
            raise ValueError(_OTHER_STORE) from error
        if not is_ours:
            raise ValueError(_OTHER_STORE)

    def _check_open(self) -> None:
        if not self._is_open():
            msg = "no transaction is open on the connection: begin one, and commit it when all is done"
            raise ValueError(msg)

    def units(self, origin: Origin) -> Units[Unit]:
        """Give units of this origin, of which no observer hears; see ``UnitSource``."""
        return JoinedUnits(self, attrs.evolve(origin, observe=None))

    def run(self, origin: Origin, work: Callable[[Unit], T]) -> T:
        """Run a unit in a savepoint.

        Raises:
            RuntimeError: a unit is open already.
            ValueError: the transaction has ended.
            LostRace: somebody was faster; roll back and start over.
            StorageError: the engine failed, and may have given up the whole transaction.
        """
        if self._is_busy:
            raise RuntimeError("a unit is open in this transaction already; let the service join it by Joined(unit)")
        self._check_open()
        self._is_busy = True
        try:
            return self._in_savepoint(lambda: self._begun(origin, work))
        except RunAgain as race:
            raise LostRace from race
        finally:
            self._is_busy = False

    def _begun(self, origin: Origin, work: Callable[[Unit], T]) -> T:
        self._unit.begin(origin)
        return work(self._unit)

    def _in_savepoint(self, run: Callable[[], T]) -> T:
        self._run("SAVEPOINT usercore")
        try:
            result = run()
            self._run("RELEASE SAVEPOINT usercore")
        except BaseException:
            self._take_back()
            raise
        return result

    def _take_back(self) -> None:
        if self._is_open():  # an engine that has given up the transaction has taken back all of it
            with suppress(StorageError):  # the connection is lost, and the transaction with it
                self._run("ROLLBACK TO SAVEPOINT usercore")
                self._run("RELEASE SAVEPOINT usercore")


@attrs.frozen
class JoinedUnits(Units[Unit]):
    """Units of one origin."""

    _host: HostTransaction
    _origin: Origin

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._host.run(self._origin, work)

    def read(self, look: Callable[[Unit], T]) -> T:
        return self._host.run(self._origin, look)
