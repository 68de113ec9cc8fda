"""Groups: managing them, who is in them, and deleting them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.helpers import add_tenant, dump, over, refused, register, unchanged
from usercore import (
    Actor,
    Email,
    Group,
    GroupNotEmpty,
    GroupNotFound,
    GroupStaleVersion,
    GroupTaken,
    Invalid,
    Subject,
    Subscriber,
    User,
    UserCore,
    UserNotFound,
    UserState,
)
from usercore.groups.rules import SORTING_LIMIT, clean_sorting
from usercore.maintenance import cleanup
from usercore.testing import FakeClock


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core)


@pytest.fixture
def readers(core: UserCore) -> Group:
    return core.groups.create("Readers")


@pytest.mark.rule("G1", "T8")
def test_a_group_has_a_name_a_sorting_and_the_actor(core: UserCore, clock: FakeClock) -> None:
    olga = core.bind(actor=Actor.operator("Olga"))
    group = olga.groups.create(" Readers ", sorting=-3)
    assert (group.name, group.sorting, group.version) == ("Readers", -3, 1)
    assert (group.created_at, group.created_by) == (clock.now, "operator:Olga")
    assert core.groups.get(group.id) == core.groups.get("READERS") == group
    clock.tick()
    changed = core.groups.update(group.id, name="Clients", sorting=4, version=1)
    assert (changed.name, changed.sorting, changed.version) == ("Clients", 4, 2)
    assert (changed.modified_at, changed.modified_by, changed.created_by) == (clock.now, "host", "operator:Olga")
    with unchanged(core):
        assert core.groups.update("clients", name="Clients").version == 2
    with refused(core, GroupStaleVersion) as stale:
        core.groups.update(group.id, sorting=1, version=1)
    assert stale.value.current == 2


@pytest.mark.rule("G1", "U4")
@pytest.mark.parametrize("name", ["READERS", "readers ", "\uff32eaders"])
def test_a_name_is_unique_in_its_tenant_ignoring_case_and_width(core: UserCore, readers: Group, name: str) -> None:
    with refused(core, GroupTaken):
        core.groups.create(name)
    core.groups.create("Other")
    with refused(core, GroupTaken):
        core.groups.update("Other", name=name)
    assert core.groups.update(readers.id, name=name.strip()).name == name.strip()
    add_tenant(core)
    assert core.tenant("acme").groups.create(name).name == name.strip()


@pytest.mark.rule("G1", "U4")
def test_names_and_sortings_out_of_bounds_are_refused_by_field(core: UserCore) -> None:
    with refused(core, Invalid) as wrong:
        core.groups.create("x" * 257, sorting=SORTING_LIMIT)
    reasons = {one.field: one.reason for one in wrong.value.errors}
    assert reasons == {"name": "too_long", "sorting": "out_of_range"}
    for name in ("", " ", "a\nb", "\u202e", "\u0378", "\ud800"):
        with refused(core, Invalid):
            core.groups.create(name)


@pytest.mark.rule("G1")
@given(st.integers())
def test_a_sorting_has_32_bits(number: int) -> None:
    if -SORTING_LIMIT <= number < SORTING_LIMIT:
        assert clean_sorting(number) == number
    else:
        with pytest.raises(Invalid):
            clean_sorting(number)


@pytest.mark.rule("G1")
@pytest.mark.parametrize("key", ["Writers", 0, -1, 2**53, 2**70, 12345])
def test_a_group_that_is_not_there_is_refused(core: UserCore, ann: User, key: str | int) -> None:
    groups = core.groups
    calls: tuple[Callable[[], object], ...] = (
        lambda: groups.get(key),
        lambda: groups.update(key, sorting=1),
        lambda: groups.delete(key, force=True),
        lambda: groups.add(ann.id, key),
        lambda: groups.remove(ann.id, key),
        lambda: groups.members(key),
    )
    for call in calls:
        with refused(core, GroupNotFound):
            call()


@pytest.mark.rule("G1")
@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize("key", [b"Readers", None, True, 1.0])
def test_a_group_is_not_named_by_other_types(core: UserCore, ann: User, key: Any) -> None:
    with refused(core, TypeError):
        core.groups.add(ann.id, key)
    with refused(core, TypeError):
        core.groups.delete(key)


@pytest.mark.rule("G1")
def test_adding_and_removing_say_whether_anything_changed(core: UserCore, ann: User, readers: Group) -> None:
    with unchanged(core):
        assert core.groups.remove(ann.id, readers.id) is False
    assert core.groups.add(Email("ann@example.com"), "readers") is True
    with unchanged(core):
        assert core.groups.add(ann.id, readers.id) is False
    assert core.groups.remove(ann.id, "READERS") is True
    assert core.groups.of_user(ann.id) == ()
    assert core.users.get(ann.id).version == ann.version


@pytest.mark.rule("G1")
def test_an_unknown_user_is_refused(core: UserCore, readers: Group) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: core.groups.add(4711, readers.id),
        lambda: core.groups.remove(4711, readers.id),
        lambda: core.groups.of_user(4711),
    )
    for call in calls:
        with refused(core, UserNotFound):
            call()


@pytest.mark.rule("G1")
def test_members_and_groups_are_listed_by_joining_time(core: UserCore, readers: Group, clock: FakeClock) -> None:
    users = [register(core, name).id for name in ("ann", "bob", "cid")]
    first = core.groups.create("Later in time", sorting=-1)
    for user_id in (users[1], users[2], users[0]):
        clock.tick()
        core.bind(actor=Actor.operator("Olga")).groups.add(user_id, readers.id)
    core.users.deactivate(users[2])
    page = core.groups.members(readers.id, limit=2)
    assert [one.user_id for one in page] == [users[1], users[2]]
    (last,) = core.groups.members("Readers", cursor=page.cursor)
    assert (last.user_id, last.joined_at, last.added_by) == (users[0], clock.now, "operator:Olga")
    clock.tick()
    core.groups.add(users[0], first.id)
    joined = core.groups.of_user(users[0])
    assert [(one.group_name, one.member.user_id) for one in joined] == [
        ("Readers", users[0]),
        ("Later in time", users[0]),
    ]


@pytest.mark.rule("G1")
def test_groups_are_listed_by_sorting_and_name_in_pages(core: UserCore) -> None:
    for name, sorting in (("b", 1), ("C", 0), ("a", 1), ("d", -1)):
        core.groups.create(name, sorting=sorting)
    first = core.groups.list(limit=3)
    assert [group.name for group in first] == ["d", "C", "a"]
    assert [group.name for group in core.groups.list(cursor=first.cursor)] == ["b"]
    with refused(core, Invalid):
        core.groups.list(cursor=core.groups.members("b", limit=1).cursor or "?")


@pytest.mark.rule("G1", "X2")
def test_a_group_with_users_is_deleted_only_by_force(core: UserCore, ann: User, readers: Group) -> None:
    core.groups.add(ann.id, readers.id)
    core.users.deactivate(ann.id)
    with refused(core, GroupNotEmpty):
        core.groups.delete(readers.id)
    core.bind(actor=Actor.operator("Olga")).groups.delete(readers.id, force=True)
    with refused(core, GroupNotFound):
        core.groups.members(readers.id)
    assert core.groups.of_user(ann.id) == ()
    again = core.groups.create("readers")
    assert core.groups.members(again.id).rows == ()
    core.groups.delete(again.id)
    assert core.groups.list().rows == ()
    entries = core._service.units.read(
        lambda unit: unit.history.list_of(Subject.GROUP, readers.id, before=None, limit=9)
    )
    assert [(one.kind, one.actor) for one in entries] == [
        ("group.deleted", "operator:Olga"),
        ("group.created", "host"),
    ]
    assert entries[0].old["name"] == "Readers"


@pytest.mark.rule("G1", "T7")
def test_cleanup_finishes_the_deletion_of_groups(
    core: UserCore, readers: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 2)
    users = [register(core, name) for name in ("ann", "bob", "cid")]
    left = core.groups.create("Left")
    for user in users:
        core.groups.add(user.id, readers.id)
    core.groups.add(users[0].id, left.id)
    core.groups.delete(readers.id, force=True)
    batches: list[int] = []
    assert core.cleanup(on_progress=batches.append).groups == 4
    assert batches == [2, 2]
    assert [row["group_id"] for row in dump(core)["group_members"]] == [repr(left.id)]
    assert [row["id"] for row in dump(core)["groups"]] == [repr(left.id)]


@pytest.mark.rule("X2")
def test_history_and_events_name_the_group(core: UserCore, ann: User, readers: Group) -> None:
    heard: list[tuple[str, Any, Any]] = []

    def note(event: Any) -> None:
        heard.append((event.entry.kind, event.entry.old, event.entry.new))

    core = over(core, subscribers=[Subscriber(name="crm", kinds={"group.joined", "group.left"}, handle=note)])
    core.groups.add(ann.id, readers.id)
    core.groups.remove(ann.id, readers.id)
    core.outbox.deliver()
    named = {"group_id": readers.id, "group_name": "Readers"}
    assert heard == [("group.joined", {}, named), ("group.left", named, {})]
    assert [entry.kind for entry in core.history.of_user(ann.id)][:2] == ["group.left", "group.joined"]
    assert core.users.get(ann.id).state is UserState.ACTIVE
