"""History: the descriptor."""

from typing import Final

from usercore.history.model import ActionLogPolicy
from usercore.history.ports import HistoryUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="history",
    unit=HistoryUnit,
    policies=(ActionLogPolicy,),
    public=("Action", "ActionCount", "ActionLogPolicy", "Entry"),
)
