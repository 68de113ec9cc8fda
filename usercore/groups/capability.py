"""Groups: the descriptor."""

from typing import Final

from usercore.groups.model import KINDS, ROWS
from usercore.groups.ports import GroupsUnit
from usercore.kernel.capability import Capability

CAPABILITY: Final = Capability(
    name="groups",
    unit=GroupsUnit,
    kinds=KINDS,
    rows=ROWS,
    public=("Group", "GroupMember", "GroupNotEmpty", "GroupNotFound", "GroupStaleVersion", "GroupTaken", "JoinedGroup"),
)
