"""Second factors: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.second_factors.model import KINDS, ROWS, SecondFactorPolicy
from usercore.second_factors.ports import SecondFactorsUnit

CAPABILITY: Final = Capability(
    name="second_factors",
    unit=SecondFactorsUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(SecondFactorPolicy,),
    public=(
        "CodeWrong",
        "EnrollmentNotFound",
        "FactorKey",
        "LastSecondFactor",
        "NoFactorKey",
        "NoSecondFactor",
        "RequiredFor",
        "SecondFactor",
        "SecondFactorNotFound",
        "SecondFactorPolicy",
        "SecondFactorRequired",
        "SecondFactorSetupRequired",
        "TooManySecondFactors",
        "TotpEnrollment",
    ),
)
