"""Groups: whatever is created, renamed, joined, left and deleted, a dict tells the outcome."""

from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from usercore.groups.errors import GroupNotEmpty, GroupNotFound, GroupStaleVersion, GroupTaken
from usercore.testing.machines.base import StateMachine

SPELLINGS: Final = st.sampled_from(["Readers", "readers", "Ω", "ω"])
WHOM: Final = st.integers(0, 2)


@attrs.define
class _Group:
    """What is known of a group; ``members`` are the numbers of its users in the order in which they joined."""

    name: str
    sorting: int
    version: int = 1
    members: list[int] = attrs.field(factory=list)


@pytest.mark.rule("G1", "T8", "X2")
class GroupMachine(StateMachine):
    """Two names of groups and three users, of whom one is deactivated."""

    outcomes = frozenset(
        {
            "GroupNotEmpty",
            "GroupNotFound",
            "GroupStaleVersion",
            "GroupTaken",
            "joined",
            "joined already",
            "left",
            "not a member",
            "deleted",
            "deleted by force",
        }
    )

    def begin(self) -> None:
        """Register the users, and create a group with a member."""
        register = self.core.registration.register_external
        self.users = [register(f"{name}@example.com").user.id for name in ("ann", "bob", "cid")]
        self.core.users.deactivate(self.users[2])
        self.groups: dict[str, _Group] = {}
        self.create("Readers", 10)
        self.add(0, "Readers")

    def known(self, name: str) -> _Group | None:
        """Return the group with this name, or None."""
        return self.groups.get(name.casefold())

    @rule(name=SPELLINGS, sorting=st.integers(-1, 1))
    def create(self, name: str, sorting: int) -> None:
        """Create a group, unless its name is in use."""
        if self.known(name):
            self.refuses(GroupTaken, lambda: self.core.groups.create(name, sorting=sorting))
            return
        assert self.core.groups.create(name, sorting=sorting).version == 1
        self.groups[name.casefold()] = _Group(name, sorting)

    @rule(name=SPELLINGS, to=SPELLINGS, sorting=st.integers(-1, 1), behind=st.sampled_from([0, 0, 1]))
    def update(self, name: str, to: str, sorting: int, behind: int) -> None:
        """Rename and move a group, with the version that was read or an older one."""
        group, groups = self.known(name), self.core.groups
        if group is None:
            self.refuses(GroupNotFound, lambda: groups.update(name, sorting=sorting))
        elif behind:
            self.refuses(GroupStaleVersion, lambda: groups.update(name, name=to, version=group.version - 1))
        elif self.groups.get(to.casefold(), group) is not group:
            self.refuses(GroupTaken, lambda: groups.update(name, name=to, sorting=sorting))
        else:
            updated = groups.update(name, name=to, sorting=sorting, version=group.version)
            group.version += (group.name, group.sorting) != (to, sorting)
            group.name, group.sorting = to, sorting
            assert updated.version == group.version
            self.groups[to.casefold()] = self.groups.pop(name.casefold())

    @rule(whom=WHOM, name=SPELLINGS)
    def add(self, whom: int, name: str) -> None:
        """Add a user to a group."""
        group, user_id = self.known(name), self.users[whom]
        if group is None:
            self.refuses(GroupNotFound, lambda: self.core.groups.add(user_id, name))
            return
        changes, before = whom not in group.members, self.events(whom)
        assert self.core.groups.add(user_id, name) == changes
        assert self.events(whom) == before + changes
        self.saw("joined" if changes else "joined already")
        group.members += [whom] if changes else []
        self.clock.tick()

    @rule(whom=WHOM, name=SPELLINGS)
    def remove(self, whom: int, name: str) -> None:
        """Remove a user from a group."""
        group, user_id = self.known(name), self.users[whom]
        if group is None:
            self.refuses(GroupNotFound, lambda: self.core.groups.remove(user_id, name))
            return
        changes, before = whom in group.members, self.events(whom)
        assert self.core.groups.remove(user_id, name) == changes
        assert self.events(whom) == before + changes
        self.saw("left" if changes else "not a member")
        group.members = [member for member in group.members if member != whom]

    @rule(name=SPELLINGS, force=st.booleans(), cleans=st.booleans())
    def delete(self, name: str, force: bool, cleans: bool) -> None:  # noqa: FBT001 - drawn
        """Delete a group, with members only by force, and perhaps finish it at once."""
        group = self.known(name)
        if group is None:
            self.refuses(GroupNotFound, lambda: self.core.groups.delete(name, force=force))
            return
        if group.members and not force:
            self.refuses(GroupNotEmpty, lambda: self.core.groups.delete(name))
            return
        self.core.groups.delete(name, force=force)
        del self.groups[name.casefold()]
        self.saw("deleted by force" if group.members else "deleted")
        if cleans:
            assert self.core.cleanup().groups > len(group.members)

    def events(self, whom: int) -> int:
        """Return how often the user joined or left a group."""
        entries = self.core.history.of_user(self.users[whom], limit=1000)
        return sum(entry.kind in ("group.joined", "group.left") for entry in entries)

    @invariant()
    def the_lists_agree(self) -> None:
        """Compare all lists with the model."""
        if not hasattr(self, "groups"):
            return
        in_order = sorted(self.groups.values(), key=lambda group: (group.sorting, group.name.casefold()))
        assert [group.name for group in self.core.groups.list()] == [group.name for group in in_order]
        for group in in_order:
            assert [one.user_id for one in self.core.groups.members(group.name)] == [
                self.users[whom] for whom in group.members
            ]
        for whom, user_id in enumerate(self.users):
            held = {one.group_name for one in self.core.groups.of_user(user_id)}
            assert held == {group.name for group in in_order if whom in group.members}
