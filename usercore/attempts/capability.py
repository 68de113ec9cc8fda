"""Attempts: the descriptor."""

from typing import Final

from usercore.attempts.model import ROWS, RegistrationPolicy
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="attempts",
    unit=AttemptsUnit,
    rows=ROWS,
    policies=(RegistrationPolicy,),
    public=(
        "Attempt",
        "AttemptStatus",
        "RegistrationPolicy",
        "RegistrationStatus",
    ),
)
