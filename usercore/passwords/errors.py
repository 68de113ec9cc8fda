"""Errors of setting a password."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected


@attrs.frozen
class PasswordRefused(Rejected):
    """The new password breaks the policy: every reason, of ``too_short too_long common personal forbidden``.

    The host's own checks may add further reasons.
    """

    code: ClassVar[str] = "passwords.refused"
    reasons: tuple[str, ...]
