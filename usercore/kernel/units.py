"""Units of work: functions that a storage runs in one transaction, perhaps again, perhaps on another thread.

There is no ``with`` form: a ``with`` cannot run again, and a ``return`` inside one is told before the commit.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from usercore.kernel.changes import Change
from usercore.kernel.errors import LostRace, RunAgain
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.references import Reference

T = TypeVar("T")
U_co = TypeVar("U_co", covariant=True)


class Units(Protocol[U_co]):
    """Where units of work run: a storage bound to a tenant and an origin."""

    @abstractmethod
    def write(self, work: Callable[[U_co], T]) -> T:
        """Run ``work`` in one transaction and keep all of it, or nothing if it raises.

        ``work`` may run again when a race was lost, and on another thread. So it reads the clock, draws ids and
        secrets inside, closes over values only, and calls nothing slow and no code of the host.

        Raises:
            RuntimeError: a unit is open in this thread already.
            LostRace: it lost a race in every run.
            StorageError: the storage could not keep it; its subclasses say why.
        """

    @abstractmethod
    def read(self, query: Callable[[U_co], T]) -> T:
        """Run ``query`` on one consistent state. It takes no write lock and changes nothing. It may run again.

        Raises:
            RuntimeError: a unit is open in this thread already.
            StorageError: the storage could not read.
        """


class ResolvingUnit(Protocol):
    """The part of a unit that finds whom a reference names. A unit sees the users of its own tenant only."""

    @abstractmethod
    def resolve(self, reference: Reference) -> UserId:
        """Give the id of the user that ``reference`` names.

        An int is given back as it is, without a look-up; who goes on with it guards or reads the user.

        Raises:
            UserNotFound: nobody has this identifier.
            Invalid: an identifier of this form cannot exist.
        """

    @abstractmethod
    def get_or_raise(self, reference: Reference) -> UserId:
        """Resolve the reference and make sure that the user is there, for those who only look.

        Raises:
            UserNotFound: nobody in the unit's tenant is named so, or they were erased.
            Invalid: an identifier of this form cannot exist.
        """


class ChangingUnit(ResolvingUnit, Protocol):
    """The part of a unit that every use-case needs which changes something."""

    @abstractmethod
    def lock(self, user_id: UserId) -> None:
        """Lock the user until the unit ends, so that what is read after it stays true until it is stored.

        Comes after the checks of what was shown (a wrong secret locks nobody), before the first write and before
        whatever depends on the user's state. Guards are taken in the order tenant, user, lower id first.

        Guarding the same user again in one unit counts one more change, and harms nothing else.

        Raises:
            UserNotFound: there is no such user in the unit's tenant, or it was erased.
        """

    @abstractmethod
    def lock_tenant(self, tenant_id: TenantId) -> None:
        """Lock the tenant in the same way.

        Raises:
            TenantNotFound: there is no such tenant.
        """

    @abstractmethod
    def record(self, change: Change) -> None:
        """Note a change of a guarded subject: a history row, and a delivery for each subscriber of its kind.

        Raises:
            RuntimeError: the unit neither guarded nor added the subject.
        """


MOST_RUNS: Final = 20
"""Runs of one unit. Source: usercore: 16 threads registering one email needed at most 5 (findings); four times that."""


def run_until_kept(run: Callable[[], T]) -> T:
    """Run a unit again while it loses races.

    Raises:
        LostRace: it lost twenty times.
    """
    for _ in range(MOST_RUNS):
        try:
            return run()
        except RunAgain:
            continue
    raise LostRace
