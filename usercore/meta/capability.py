"""Meta: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.meta.model import KINDS, ROWS, MetaPolicy
from usercore.meta.ports import MetaUnit

CAPABILITY: Final = Capability(
    name="meta",
    unit=MetaUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(MetaPolicy,),
    public=("KeyUser", "MetaPolicy", "MetaRule", "MetaType", "MetaValue"),
)
