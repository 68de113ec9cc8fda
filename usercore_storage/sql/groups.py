"""Groups in SQL, a small table that every shard may have a copy of, and their members, beside the users."""

from usercore.groups.errors import GroupNotFound
from usercore.groups.model import Group, GroupId, GroupMember
from usercore.groups.ports import GroupMemberRepository, GroupRepository, JoinPlace
from usercore.groups.rules import SORTING_LIMIT
from usercore.kernel.changes import Subject
from usercore.kernel.time import FIRST, to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.named_rows import SqlNamedRows
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import GROUP_MEMBERS, GROUPS


class SqlGroups(SqlNamedRows[Group], GroupRepository):
    """Stores groups in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction, see the groups of this unit's tenant, and number their changes."""
        super().__init__(run, unit, GROUPS, subject=Subject.GROUP, not_found=GroupNotFound)
        self._list = (
            f"SELECT {GROUPS.select} FROM usercore_groups WHERE tenant_id = ? AND deleted_at IS NULL"
            " AND (sorting, name_folded) > (?, ?) ORDER BY sorting, name_folded LIMIT ?"
        )

    def list_from(self, after: tuple[int, str] | None, *, limit: int) -> list[Group]:
        start = after or (-SORTING_LIMIT, "")  # before every group, because no name is empty
        return self._all(self._list, (self._unit.tenant_id, *start, limit))


class SqlGroupMembers(SqlRows[GroupMember], GroupMemberRepository):
    """Stores members in the transaction of ``run``."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, GROUP_MEMBERS)
        self.from_all_shards = {  # the members of a group are on every shard
            "list": f"SELECT {GROUP_MEMBERS.select} FROM usercore_group_members WHERE group_id = ?"
            " AND (joined_at, user_id) > (?, ?) ORDER BY joined_at, user_id LIMIT ?",
            "remove": "DELETE FROM usercore_group_members WHERE (user_id, group_id) IN"
            " (SELECT user_id, group_id FROM usercore_group_members WHERE group_id = ? LIMIT ?) RETURNING user_id",
        }

    def list_of_group(self, group_id: GroupId, /, *, after: JoinPlace | None, limit: int) -> list[GroupMember]:
        start = after or (to_micros(FIRST), 0)
        return self._all(self.from_all_shards["list"], (group_id, *start, limit))

    def remove_of_group(self, group_id: GroupId, /, *, limit: int) -> int:
        return len(self._run(self.from_all_shards["remove"], (group_id, limit)))
