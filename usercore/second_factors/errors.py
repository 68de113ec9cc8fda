"""Why a second factor is needed, or a call about one was refused."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import NotFound, Rejected
from usercore.kernel.secret import Secret


@attrs.frozen
class SecondFactorRequired(Rejected):
    """The first factor was right, and a code is missing: pass both to ``sign_in.with_second_factor``.

    The challenge names no user and is no token: without a code it is of no use.
    """

    code: ClassVar[str] = "second_factors.required"
    challenge: Secret


@attrs.frozen
class SecondFactorSetupRequired(Rejected):
    """The first factor was right, and the policy demands a second one, but the user has none.

    Pass the challenge to ``second_factors.begin_by_challenge``, and the first code to ``sign_in.with_second_factor``.
    """

    code: ClassVar[str] = "second_factors.setup_required"
    challenge: Secret


class NoFactorKey(Rejected):
    """Second factors cannot be enrolled: the host gave no key that encrypts their secrets."""

    code: ClassVar[str] = "second_factors.no_key"

    def __str__(self) -> str:
        """Return the code, and what the host has to do."""
        return f"{self.code}: give a key in Policy(second_factors=SecondFactorPolicy(keys=(FactorKey(...),)))"


class CodeWrong(Rejected):
    """The code is wrong, too old, or was used before."""

    code: ClassVar[str] = "second_factors.code_wrong"


class TooManySecondFactors(Rejected):
    """The user has as many second factors as the policy allows."""

    code: ClassVar[str] = "second_factors.too_many"


class LastSecondFactor(Rejected):
    """The policy demands a second factor of this user, and this is the last one."""

    code: ClassVar[str] = "second_factors.last"


class NoSecondFactor(Rejected):
    """The user has no second factor, so recovery codes would be of no use."""

    code: ClassVar[str] = "second_factors.none"


class SecondFactorNotFound(NotFound):
    """The user has no second factor with this id."""

    code: ClassVar[str] = "second_factors.not_found"


class EnrollmentNotFound(NotFound):
    """The user has begun no enrollment, or it was not confirmed in time."""

    code: ClassVar[str] = "second_factors.enrollment_not_found"
