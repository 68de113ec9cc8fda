"""The dependencies of every service: units, clock, randomness, ids and context, in one frozen value."""

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
    """Passed to each service; binding a core to another actor or tenant creates another one."""

    units: Units[U_co]
    clock: Clock
    randomness: Randomness
    new_id: IdSource
    context: Context
    joined: bool = False
    """Whether its units are part of a transaction of the host or of an atomic call."""

    def check_alone(self, call: str) -> None:
        """Refuse a call that must not be part of a larger transaction.

        A rollback would discard the failures it counts, or its effects are outside the transaction.

        Raises:
            TypeError: the units are joined to a larger transaction.
        """
        if self.joined:
            msg = f"{call} is not for a joined or atomic core: it counts failures, which a rollback would forget, "
            raise TypeError(f"{msg}or goes beyond the transaction; call it outside")
