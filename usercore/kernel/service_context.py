"""What every service works with: units, clock, chance, ids and context, frozen in one value."""

from typing import Generic, TypeVar

from usercore.kernel.context import Context
from usercore.kernel.ids import IdSource
from usercore.kernel.randomness import Randomness
from usercore.kernel.time import Clock
from usercore.kernel.units import Units
from usercore.kernel.values import frozen

U_co = TypeVar("U_co", covariant=True)


@frozen(kw_only=True)
class ServiceContext(Generic[U_co]):
    """Handed to each service; binding a core to another actor or tenant makes another scope."""

    units: Units[U_co]
    clock: Clock
    randomness: Randomness
    new_id: IdSource
    context: Context
    joined: bool = False
    """Whether its units are parts of a transaction of the host's or of an atomic call."""

    def check_alone(self, call: str) -> None:
        """Refuse a call in a larger transaction, whose rollback would forget what it counts, or which it leaves.

        Raises:
            TypeError: the scope is joined or atomic.
        """
        if self.joined:
            msg = f"{call} is not for a joined or atomic core: it counts failures, which a rollback would forget, "
            raise TypeError(f"{msg}or goes beyond the transaction; call it outside")
