"""What strangers and gates are told."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected


class SignInRefused(Rejected):
    """Nobody was signed in. The same for whatever reason: the attempt that is kept says which."""

    code: ClassVar[str] = "sign_in.refused"


@attrs.frozen
class Vetoed(Rejected):
    """The named gate of the host said no."""

    code: ClassVar[str] = "gates.vetoed"
    gate: str
