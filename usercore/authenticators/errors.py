"""Errors of sign-ins, and of gates."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected


class SignInRefused(Rejected):
    """No user was signed in. The error is the same for each reason; the stored attempt has the reason."""

    code: ClassVar[str] = "sign_in.refused"


@attrs.frozen
class Vetoed(Rejected):
    """The named gate of the host refused."""

    code: ClassVar[str] = "gates.vetoed"
    gate: str
