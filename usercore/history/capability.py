"""History: the descriptor."""

from typing import Final

from usercore.history.ports import HistoryUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="history",
    unit=HistoryUnit,
    public=("Entry",),
)
