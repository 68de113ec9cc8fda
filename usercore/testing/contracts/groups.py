"""The contracts of groups and of their members."""

import pytest

from usercore.composition.host import Host
from usercore.core import UserCore
from usercore.groups.errors import GroupNotEmpty, GroupNotFound
from usercore.groups.model import Group, GroupId, GroupMember
from usercore.groups.ports import JoinPlace
from usercore.groups.rules import SORTING_LIMIT
from usercore.kernel.context import MAIN
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.text import unique_key
from usercore.kernel.time import FIRST, LAST, to_micros
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.testing.contracts.base import Contract, add_users, write_and_fail
from usercore.testing.contracts.named import NAMES, NamedRows, named_cases
from usercore.testing.contracts.password_races import MeetingStorage
from usercore.testing.contracts.rows import UserRows, check_pages, row_cases
from usercore.testing.fakes import NOON, TICK, FakeClock, FakeHasher, FakeRandomness
from usercore.testing.samples import ACME, ANN, BOB
from usercore.testing.strategies import entities

EDITORS = Group(
    id=GroupId(801),
    tenant_id=MAIN,
    name="Editors",
    sorting=20,
    created_at=NOON - TICK,
    created_by="host",
    modified_at=NOON,
    modified_by="operator:Zoë",
    version=3,
    change_no=5,
)

ROWS = NamedRows(
    name="groups",
    rules=("T2", "T8", "G1"),
    repository=lambda unit: unit.groups,
    sample=EDITORS,
    edges=[
        Group(
            id=GroupId(LIMIT - 1),
            tenant_id=MAIN,
            name="😀" * 256,
            sorting=-SORTING_LIMIT,
            created_at=FIRST,
            created_by="",
            modified_at=LAST - TICK,
            modified_by="operator:" + "😀" * 255,
            version=LIMIT - 1,
            change_no=LIMIT - 1,
        ),
    ],
    drawn=entities(Group),
    not_found=GroupNotFound,
)


@named_cases(ROWS)
class GroupRepositoryContract(Contract):
    """One case for each promise of ``GroupRepository``."""

    @pytest.mark.rule("G1", "T2")
    def test_groups_of_the_tenant_are_listed_by_sorting_and_name(self, main: Units[Unit], acme: Units[Unit]) -> None:
        sortings = (SORTING_LIMIT - 1, 0, -1, 0, -SORTING_LIMIT)
        named = enumerate(NAMES, start=11)
        several = [ROWS.numbered(number, name=name, sorting=sortings[number % 5]) for number, name in named]
        ROWS.add(main, EDITORS, *several)
        ROWS.add(acme, ROWS.numbered(99, tenant_id=ACME))
        ROWS.change(main, deleted_at=NOON)
        check_pages(
            main,
            lambda unit, after, limit: unit.groups.list_from(after, limit=limit),
            place_of=lambda group: (group.sorting, unique_key(group.name)),
            expected=sorted(several, key=lambda group: (group.sorting, unique_key(group.name))),
        )


def member(user_id: UserId = ANN, *, group_id: int = EDITORS.id, ticks: int = 0) -> GroupMember:
    """Return the record that a user joined a group some ticks after noon."""
    at = NOON + ticks * TICK
    return GroupMember(user_id=user_id, group_id=GroupId(group_id), tenant_id=MAIN, joined_at=at, added_by="host")


MEMBERS = UserRows(
    name="group members",
    rules=("G1",),
    repository=lambda unit: unit.group_members,
    key="group_id",
    sample=member(),
    other=member(ticks=1),
    edges=[
        GroupMember(
            user_id=ANN,
            group_id=GroupId(LIMIT - 1),
            tenant_id=MAIN,
            joined_at=LAST - TICK,
            added_by="operator:" + "😀" * 255,
        ),
        GroupMember(user_id=ANN, group_id=GroupId(1), tenant_id=MAIN, joined_at=FIRST, added_by=""),
    ],
    drawn=entities(GroupMember),
    keys=tuple(map(GroupId, (1, 2, 10, 1 << 32, LIMIT - 1))),
)
CROWD = [UserId(number) for number in range(201, 206)]


def members_of(units: Units[Unit], group_id: int = EDITORS.id) -> list[UserId]:
    """Return the ids of a group's members, in pages of different sizes."""

    def page(unit: Unit, after: JoinPlace | None, limit: int) -> list[GroupMember]:
        return unit.group_members.list_of_group(GroupId(group_id), after=after, limit=limit)

    rows = units.read(lambda unit: page(unit, None, 1000))
    check_pages(units, page, place_of=lambda row: (to_micros(row.joined_at), row.user_id), expected=rows)
    return [row.user_id for row in rows]


@row_cases(MEMBERS)
class GroupMemberRepositoryContract(Contract):
    """One case for each promise of ``GroupMemberRepository`` besides those of all rows of users."""

    @pytest.mark.rule("G1")
    def test_members_are_listed_by_joining_time_and_id(self, people: Units[Unit]) -> None:
        add_users(people, MAIN, *CROWD)
        for user_id, ticks in reversed([*zip(CROWD, (3, 1, 1, -5, 2), strict=True)]):
            MEMBERS.put(people, member(user_id, ticks=ticks))
        MEMBERS.put(people, member(group_id=EDITORS.id + 1))
        in_order = [CROWD[3], CROWD[1], CROWD[2], CROWD[4], CROWD[0]]
        assert members_of(people) == in_order
        assert (members_of(people, EDITORS.id + 1), members_of(people, 999)) == ([ANN], [])
        MEMBERS.put(people, member(CROWD[3], ticks=9))
        people.write(lambda unit: MEMBERS.remove_in(unit, member(CROWD[2])))
        assert members_of(people) == [CROWD[1], CROWD[4], CROWD[0], CROWD[3]]

    @pytest.mark.rule("G1")
    def test_a_unit_that_fails_changes_no_list_of_members(self, people: Units[Unit]) -> None:
        MEMBERS.put(people, member())
        write_and_fail(people, lambda unit: MEMBERS.put_in(unit, member(BOB)))
        write_and_fail(people, lambda unit: MEMBERS.put_in(unit, member(ticks=1)))
        write_and_fail(people, lambda unit: MEMBERS.remove_in(unit, member()))
        write_and_fail(people, lambda unit: unit.group_members.remove_of_group(EDITORS.id, limit=9))
        assert people.read(lambda unit: unit.group_members.list_of_group(EDITORS.id, after=None, limit=9)) == [member()]

    @pytest.mark.rule("G1")
    def test_members_of_a_group_are_removed_in_batches(self, people: Units[Unit], acme: Units[Unit]) -> None:
        kept = member(group_id=7)
        MEMBERS.put(people, member(), member(BOB), kept)

        def remove(limit: int) -> int:
            return acme.write(lambda unit: unit.group_members.remove_of_group(EDITORS.id, limit=limit))

        assert [remove(1) for _ in range(3)] == [1, 1, 0]
        assert (MEMBERS.list_of(people), MEMBERS.list_of(people, BOB)) == ([kept], [])


class GroupRaceContract(Contract):
    """What the locks of groups prevent."""

    @pytest.mark.rule("G1")
    def test_of_adding_a_user_and_deleting_the_empty_group_one_is_refused(self, storage: Storage) -> None:
        meeting = MeetingStorage(storage)
        core = UserCore.over(meeting, Host(clock=FakeClock(), randomness=FakeRandomness(), hasher=FakeHasher()))
        ann = core.registration.register("ann@example.com", send_email=False).user.id
        group = core.groups.create("Editors").id
        added, deleted = meeting.race(lambda: core.groups.add(ann, group), lambda: core.groups.delete(group))
        if added is True:
            assert isinstance(deleted, GroupNotEmpty)
            assert [one.group.id for one in core.groups.of_user(ann)] == [group]
        else:
            assert isinstance(added, GroupNotFound)
            assert deleted is None
            assert core.groups.of_user(ann) == ()
