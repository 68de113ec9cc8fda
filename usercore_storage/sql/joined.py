"""Units in a transaction that the host has open: each runs in a savepoint, and the host's commit makes it durable.

A unit that loses a race does not run again: at REPEATABLE READ and above, the transaction would still see the state
from before the race, so only the host can roll back and start over.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import attrs

from usercore.kernel.errors import Busy, LostRace, RunAgain, StorageError, TenantNotFound
from usercore.kernel.units import Units
from usercore.kernel.values import frozen
from usercore.storage import Unit
from usercore.storage.recording import UnitContext
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.unit import SqlUnit

T = TypeVar("T")

_OTHER_STORE: Final = "the connection is not to the store of this core"


class HostTransaction:
    """A transaction of the host. For use in the one thread that owns it."""

    def __init__(
        self,
        run: Executor,
        is_open: Callable[[], bool],
        check: Callable[[], None],
        *,
        shadows: str,
        finish: Callable[[], None] | None = None,
    ) -> None:
        """Use the host's connection. ``check`` raises, before each unit, if rows would not be read as they are stored.

        ``shadows`` is a statement that returns the connection's temporary tables that have names of ours. ``finish`` is
        called at the end of each unit, in its savepoint.
        """
        self._run, self._is_open, self._check, self._is_busy = run, is_open, check, False
        self._shadows, self._finish = shadows, finish
        self._unit = SqlUnit(run)

    def check_store(self, recognise: Callable[[Executor], bool], *, begin: str | None = None) -> None:
        """Check that the connection leads to the store that this function recognises.

        ``begin`` is a statement that begins a transaction where the driver would begin one for the host; that
        transaction ends again if the connection is refused.

        Raises:
            ValueError: no transaction is open, the store cannot be found there, or temporary tables hide ours.
            LostRace: the transaction has lost a race already.
            StorageError: the connection is broken or locked, or a statement has failed before.
        """
        if begin is None:
            self._check_recognised(recognise)
            return
        self._check()
        try:
            self._run(begin)
            self._check_recognised(recognise)
        except BaseException:
            with suppress(StorageError):
                self._run("ROLLBACK")
            raise

    def _check_recognised(self, recognise: Callable[[Executor], bool]) -> None:
        self._check_open()
        try:
            is_ours = self._in_savepoint(lambda: self._recognised(recognise))
        except RunAgain as race:
            raise LostRace from race
        except Busy:
            raise
        except StorageError as error:
            self._check_open()  # the connection may have broken meanwhile
            raise ValueError(_OTHER_STORE) from error
        if not is_ours:
            raise ValueError(_OTHER_STORE)

    def _recognised(self, recognise: Callable[[Executor], bool]) -> bool:
        self._check_shadows()
        return recognise(self._run)

    def _check_shadows(self) -> None:
        """Check in each unit, as the host may create one at any time, that no temporary table hides ours."""
        if self._run(self._shadows):
            raise ValueError("the connection has temporary tables with names of ours")

    def _check_open(self) -> None:
        self._check()
        if not self._is_open():
            msg = "no transaction is open on the connection: begin one, and commit it when all is done"
            raise ValueError(msg)

    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return units with this context. They notify no observer; see ``UnitSource``."""
        return JoinedUnits(self, attrs.evolve(origin, observe=None))

    def run(self, origin: UnitContext, work: Callable[[Unit], T]) -> T:
        """Run a unit in a savepoint.

        Raises:
            RuntimeError: a unit is open already.
            ValueError: the transaction has ended, the connection was set up otherwise, or its temporary tables hide
                ours.
            TenantNotFound: the host rolled back the tenant.
            LostRace: another transaction was faster; roll back and start over.
            StorageError: the engine failed, and may have rolled back the whole transaction.
        """
        if self._is_busy:
            raise RuntimeError("a unit is open in this transaction already; use that one")
        self._check_open()
        self._is_busy = True
        try:
            return self._in_savepoint(lambda: self._begun(origin, work))
        except RunAgain as race:
            raise LostRace from race
        finally:
            self._is_busy = False

    def _begun(self, origin: UnitContext, work: Callable[[Unit], T]) -> T:
        self._check_shadows()
        unit = self._unit
        unit.begin(origin)
        if unit.tenants.get(unit.tenant_id) is None:  # created in this transaction and rolled back in it
            raise TenantNotFound
        result = work(unit)
        unit.finish()
        if self._finish is not None:
            self._finish()
        return result

    def _in_savepoint(self, run: Callable[[], T]) -> T:
        is_whole = False
        self._run("SAVEPOINT usercore_unit")
        try:
            result = run()
            is_whole = True
            self._run("RELEASE SAVEPOINT usercore_unit")
        except BaseException as error:
            if is_whole and not isinstance(error, Exception):
                raise  # an interrupt, perhaps after the release: then there is no savepoint to roll back to
            try:
                self._roll_back()
            except BaseException:  # an interrupt, perhaps before the rollback was done; repeating it is harmless
                self._roll_back()
                raise
            self._forget()
            raise
        return result

    def _roll_back(self) -> None:
        if self._is_open():  # an engine that aborted the transaction has rolled back all of it
            with suppress(StorageError):  # the connection is lost, and the transaction with it
                self._run("ROLLBACK TO SAVEPOINT usercore_unit")

    def _forget(self) -> None:
        if self._is_open():
            with suppress(StorageError):
                self._run("RELEASE SAVEPOINT usercore_unit")


@frozen
class JoinedUnits(Units[Unit]):
    """Units with one context."""

    _host: HostTransaction
    _origin: UnitContext

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._host.run(self._origin, work)

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._host.run(self._origin, query)
