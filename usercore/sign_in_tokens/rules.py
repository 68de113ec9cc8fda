"""When an autologin token may be valid, and how often. Pure."""

from datetime import datetime

from usercore.kernel.errors import FieldError, Invalid
from usercore.tokens.policies import AutologinTokenPolicy


def check_terms(
    valid_from: datetime | None, valid_to: datetime, max_uses: int, *, now: datetime, policy: AutologinTokenPolicy
) -> None:
    """Check that a token with these terms could be redeemed some time, within the limits of the policy.

    Raises:
        Invalid: ``valid_to`` is not after now and ``valid_from``, or too far ahead; or ``max_uses`` is out of range.
    """
    errors = []
    if not max(now, valid_from or now) < valid_to <= now + policy.max_lifetime:
        errors.append(FieldError("valid_to", "out_of_range"))
    if not 1 <= max_uses <= policy.max_uses:
        errors.append(FieldError("max_uses", "out_of_range"))
    if errors:
        raise Invalid(tuple(errors))
