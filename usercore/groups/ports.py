"""What groups ask of a storage. ``usercore.testing.contracts.groups`` tests implementations."""

from abc import abstractmethod
from typing import Protocol

from usercore.groups.model import Group, GroupId, GroupMember
from usercore.kernel.ids import UserId
from usercore.kernel.named import NamedRepository
from usercore.kernel.units import ChangingUnit

JoinPlace = tuple[int, int]
"""The place of a member in a group's list: the joining time in microseconds since 1970, and the user's id."""


class GroupRepository(NamedRepository[Group], Protocol):
    """Stores groups."""

    @abstractmethod
    def list_from(self, after: tuple[int, str] | None, *, limit: int) -> list[Group]:
        """Return at most ``limit`` groups by sorting and the key of their name, that follow this place."""


class GroupMemberRepository(Protocol):
    """Stores which user joined which group. Callers lock or read the user first, and find the group in its tenant."""

    @abstractmethod
    def add(self, row: GroupMember, /) -> None:
        """Store a new member.

        Raises:
            RunAgain: the user is a member of this group.
        """

    @abstractmethod
    def get(self, user_id: UserId, group_id: GroupId, /) -> GroupMember | None:
        """Return the record of this user and group, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[GroupMember]:
        """Return the user's records by the id of the group."""

    @abstractmethod
    def put(self, row: GroupMember, /) -> None:
        """Store a record of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, group_id: GroupId, /) -> bool:
        """Remove a record; return whether there was one."""

    @abstractmethod
    def list_of_group(self, group_id: GroupId, /, *, after: JoinPlace | None, limit: int) -> list[GroupMember]:
        """Return at most ``limit`` members by joining time and id, from behind this place.

        An index finds them: the cost does not depend on the position.
        """

    @abstractmethod
    def remove_of_group(self, group_id: GroupId, /, *, limit: int) -> int:
        """Remove at most ``limit`` members of a group of any tenant; return how many."""


class GroupsUnit(ChangingUnit, Protocol):
    """The part of a unit that groups need."""

    @property
    def groups(self) -> GroupRepository:
        """The tenant's groups as this unit sees them."""

    @property
    def group_members(self) -> GroupMemberRepository:
        """The members as this unit sees them."""
