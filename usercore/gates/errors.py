"""What a gate raises."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected


@attrs.frozen
class Vetoed(Rejected):
    """The named gate of the host refused."""

    code: ClassVar[str] = "gates.vetoed"
    gate: str
