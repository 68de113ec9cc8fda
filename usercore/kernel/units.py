"""Units of work: functions that a storage runs in one transaction, perhaps again, perhaps on another thread.

There is no ``with`` form: the body of a ``with`` cannot run again, and a ``return`` in it would come before the commit.
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
    """Runs units of work in a storage, for one tenant and origin."""

    @abstractmethod
    def write(self, work: Callable[[U_co], T]) -> T:
        """Run ``work`` in one transaction: all of it is committed, or nothing if it raises.

        ``work`` runs again after a lost race, perhaps on another thread. So it reads the clock and generates ids and
        secrets inside, closes over values only, and calls nothing slow and no code of the host.

        Raises:
            RuntimeError: a unit is open in this thread already.
            LostRace: it lost a race in every run.
            StorageError: the storage could not commit it; its subclasses name the reason.
        """

    def write_at_once(self, work: Callable[[U_co], T]) -> T:
        """Run ``work`` as ``write`` does, but do not wait for other units that write; by default, wait.

        Raises:
            Busy: it would have had to wait.
            RuntimeError: a unit is open in this thread already.
            LostRace: it lost a race in every run.
            StorageError: the storage could not commit it; its subclasses name the reason.
        """
        return self.write(work)

    @abstractmethod
    def read(self, query: Callable[[U_co], T]) -> T:
        """Run ``query`` on one consistent state. It takes no write lock and changes nothing. It may run again.

        Raises:
            RuntimeError: a unit is open in this thread already.
            StorageError: the storage could not read.
        """


class ResolvingUnit(Protocol):
    """The part of a unit that resolves references. A unit reads the users of its own tenant only."""

    @abstractmethod
    def resolve(self, reference: Reference) -> UserId:
        """Return the id of the user with this reference.

        An int is returned without a look-up; the caller locks or reads the user before it relies on the id.

        Raises:
            UserNotFound: no user has this identifier.
            Invalid: an identifier of this form cannot exist.
        """

    @abstractmethod
    def get_or_raise(self, reference: Reference) -> UserId:
        """Resolve the reference and check that the user exists, for units that only read.

        Raises:
            UserNotFound: no user of the unit's tenant has this reference, or it was erased.
            Invalid: an identifier of this form cannot exist.
        """


class ChangingUnit(ResolvingUnit, Protocol):
    """The part of a unit that every use-case that changes something needs."""

    @abstractmethod
    def lock(self, user_id: UserId) -> None:
        """Lock the user until the unit ends, so that what the unit reads afterwards stays true until its commit.

        The lock follows the check of a secret (a wrong secret locks no user) and precedes the first write and every
        read of the user's state. Locks are acquired in the order tenant; role, registration request or device token;
        user, lower id first.

        Locking the same user again in one unit increments the change number once more, and has no other effect.

        Raises:
            UserNotFound: the unit's tenant has no user with this id, or it was erased.
        """

    @abstractmethod
    def lock_tenant(self, tenant_id: TenantId) -> None:
        """Lock the tenant in the same way.

        Raises:
            TenantNotFound: no tenant has this id.
        """

    @abstractmethod
    def record(self, change: Change) -> None:
        """Record a change of a locked subject: a history row, and a delivery for each subscriber of its kind.

        Raises:
            RuntimeError: the unit neither locked nor added the subject.
        """


MOST_TRIES: Final = 3
"""How often a use-case reads, asks the host and writes, if what it read has changed each time. Source: usercore."""

MOST_RUNS: Final = 20
"""Most runs of one unit. Source: usercore: four times the 5 that 16 threads registering one email needed at most."""


def run_until_stored(run: Callable[[], T]) -> T:
    """Run a unit, and repeat it for as long as it loses races.

    Raises:
        LostRace: it lost twenty times.
    """
    for _ in range(MOST_RUNS):
        try:
            return run()
        except RunAgain:
            continue
    raise LostRace
