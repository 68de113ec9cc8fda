"""Groups and their members, in memory."""

from bisect import bisect_right
from heapq import nsmallest

from usercore.groups.errors import GroupNotFound
from usercore.groups.model import Group, GroupId, GroupMember
from usercore.groups.ports import GroupMemberRepository, GroupRepository, JoinPlace
from usercore.kernel.changes import Subject
from usercore.kernel.ids import UserId
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.named_rows import MemoryNamedRows
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.undo_list import UndoList, itself


class MemoryGroups(MemoryNamedRows[Group], GroupRepository):
    """Stores groups by id and name."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        super().__init__(undo, unit, subject=Subject.GROUP, not_found=GroupNotFound)

    def list_from(self, after: tuple[int, str] | None, *, limit: int) -> list[Group]:
        placed = (((group.sorting, name), group) for name, group in self._own())
        found = ((place, group) for place, group in placed if after is None or place > after)
        return [group for _, group in nsmallest(limit, found)]  # names are unique, so groups are never compared


class MemoryGroupMembers(MemoryRows[GroupMember], GroupMemberRepository):
    """Stores members by user and group, and by group and joining time."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "group_id")
        self._places = UndoList[GroupId, JoinPlace, JoinPlace](undo, itself)

    def add(self, row: GroupMember) -> None:
        super().add(row)
        self._places.add(row.group_id, _place_of(row))

    def remove(self, user_id: UserId, group_id: GroupId, /) -> bool:
        row = self.get(user_id, group_id)
        if row is not None:
            self._places.remove(group_id, _place_of(row))
        return super().remove(user_id, group_id)

    def list_of_group(self, group_id: GroupId, /, *, after: JoinPlace | None, limit: int) -> list[GroupMember]:
        places = self._places.of(group_id)
        start = 0 if after is None else bisect_right(places, after)
        found = (self.get(UserId(user_id), group_id) for _, user_id in places[start : start + limit])
        return [member for member in found if member is not None]

    def remove_of_group(self, group_id: GroupId, /, *, limit: int) -> int:
        removed = list(self._places.of(group_id)[:limit])
        for _, user_id in removed:
            self.remove(UserId(user_id), group_id)
        return len(removed)


def _place_of(member: GroupMember) -> JoinPlace:
    return to_micros(member.joined_at), member.user_id
