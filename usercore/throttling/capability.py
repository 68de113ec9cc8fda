"""Throttling: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.throttling.model import ROWS, ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit

CAPABILITY: Final = Capability(
    name="throttling",
    unit=ThrottlingUnit,
    rows=ROWS,
    policies=(ThrottlePolicy,),
    public=("ThrottlePolicy",),
)
