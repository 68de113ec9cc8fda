"""History: the descriptor."""

from typing import Final

from usercore.history.model import ROWS, ActionLogPolicy
from usercore.history.ports import HistoryUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="history",
    unit=HistoryUnit,
    rows=ROWS,
    policies=(ActionLogPolicy,),
    public=("Action", "ActionCount", "ActionLogPolicy", "Entry"),
)
