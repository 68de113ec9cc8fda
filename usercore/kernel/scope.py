"""What every service works with: units, clock, chance, ids and context, frozen in one value."""

from typing import Generic, TypeVar

import attrs

from usercore.kernel.chance import Chance
from usercore.kernel.context import Context
from usercore.kernel.ids import IdSource
from usercore.kernel.time import Clock
from usercore.kernel.units import Units

U_co = TypeVar("U_co", covariant=True)


@attrs.frozen(kw_only=True)
class Scope(Generic[U_co]):
    """Handed to each service; binding a core to another actor or tenant makes another scope."""

    units: Units[U_co]
    clock: Clock
    chance: Chance
    new_id: IdSource
    context: Context
