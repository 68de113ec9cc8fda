"""Roles: managing and giving them, what they allow, and when one is required."""

from collections.abc import Callable

import pytest

from tests.services.helpers import ANN, PASSWORD, add_tenant, dump, opens, refused, register, sign_in, unchanged
from usercore import (
    Actor,
    AdminHasNoRoles,
    AttemptStatus,
    Email,
    Identity,
    Invalid,
    Role,
    RoleNotFound,
    RoleStaleVersion,
    RoleTaken,
    SignInRefused,
    TokenUnknown,
    User,
    UserCore,
    UserNotFound,
)
from usercore.kernel.ids import ROLE_KIND, uuid_of
from usercore.maintenance import cleanup
from usercore.testing import FakeClock

WRITE = "posts.write"


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, password=PASSWORD)


@pytest.fixture
def editors(core: UserCore) -> Role:
    return core.roles.create("Editors", permissions=[WRITE, "posts.delete", WRITE])


def may_sign_in(core: UserCore) -> bool:
    try:
        return core.sign_in.with_password(ANN, PASSWORD).user.email == ANN
    except SignInRefused:
        return False


@pytest.mark.rule("T4", "T8")
def test_a_role_is_created_with_sorted_permissions_and_the_actor(core: UserCore, clock: FakeClock) -> None:
    olga = core.bind(actor=Actor.operator("Olga"))
    role = olga.roles.create(" Editors ", permissions={"b", "a"}, privileged=True, active=False)
    assert (role.name, role.permissions, role.privileged, role.active) == ("Editors", ("a", "b"), True, False)
    assert (role.created_at, role.created_by, role.version) == (clock.now, "operator:Olga", 1)
    assert role.uuid == uuid_of(role.id, ROLE_KIND)
    assert core.roles.get(role.id) == core.roles.get(role.uuid) == core.roles.get("EDITORS") == role


@pytest.mark.rule("T4", "T8")
def test_an_update_changes_the_named_fields_and_the_version(core: UserCore, editors: Role, clock: FakeClock) -> None:
    clock.tick()
    role = core.bind(actor=Actor.operator("Olga")).roles.update("editors", name="Writers", permissions=())
    assert (role.name, role.permissions, role.active, role.version) == ("Writers", (), True, 2)
    assert (role.modified_at, role.modified_by, role.created_at) == (clock.now, "operator:Olga", editors.created_at)
    with unchanged(core):
        assert core.roles.update("writers", name="Writers", active=True) == core.roles.get(role.id)


@pytest.mark.rule("T4", "T8")
def test_a_stale_version_is_refused(core: UserCore, editors: Role) -> None:
    core.roles.update("Editors", active=False, version=1)
    with refused(core, RoleStaleVersion) as stale:
        core.roles.update(editors.id, active=True, version=1)
    assert stale.value.current == 2


@pytest.mark.rule("T4")
@pytest.mark.usefixtures("editors")
def test_a_name_is_unique_in_its_tenant_ignoring_case(core: UserCore) -> None:
    with refused(core, RoleTaken):
        core.roles.create("EDITORS")
    core.roles.create("Writers")
    with refused(core, RoleTaken):
        core.roles.update("Writers", name="editors")
    assert core.roles.update("editors", name="EDITORS").name == "EDITORS"
    add_tenant(core)
    assert core.tenant("acme").roles.create("Editors").name == "Editors"


@pytest.mark.rule("T4")
def test_all_wrong_fields_are_listed(core: UserCore) -> None:
    with refused(core, Invalid) as wrong:
        core.roles.create("x" * 257, permissions=["fine", " white "])
    assert [(one.field, one.reason) for one in wrong.value.errors] == [
        ("name", "too_long"),
        ("permissions", "white_space"),
    ]
    with refused(core, Invalid):
        core.roles.create("many", permissions=list(map(str, range(1001))))
    assert len(core.roles.create("many", permissions=list(map(str, range(1000)))).permissions) == 1000


@pytest.mark.rule("T4")
@pytest.mark.parametrize("permissions", ["posts.write", b"posts", {"a": 1}, None, [1], iter(["a"])])
def test_permissions_of_a_wrong_type_are_refused(core: UserCore, permissions: list[str]) -> None:
    with refused(core, TypeError):
        core.roles.create("Editors", permissions=permissions)


@pytest.mark.rule("T4")
@pytest.mark.parametrize("key", ["Writers", 0, -1, 2**53, 2**70, 12345, uuid_of(12345, ROLE_KIND), uuid_of(12345, 1)])
def test_a_role_that_is_not_there_is_refused(core: UserCore, ann: User, key: str | int) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: core.roles.get(key),
        lambda: core.roles.update(key, active=False),
        lambda: core.roles.delete(key),
        lambda: core.roles.give(ann.id, key),
        lambda: core.roles.take(ann.id, key),
    )
    for call in calls:
        with refused(core, RoleNotFound):
            call()


@pytest.mark.rule("T4", "T2")
def test_another_tenants_role_is_refused(core: UserCore, ann: User) -> None:
    add_tenant(core)
    role = core.tenant("acme").roles.create("Editors")
    for key in (role.id, role.uuid, role.name):
        with refused(core, RoleNotFound):
            core.roles.give(ann.id, key)


@pytest.mark.rule("T4")
def test_roles_are_listed_by_name_in_pages(core: UserCore) -> None:
    for name in ("b", "C", "a"):
        core.roles.create(name, active=name != "b")
    first = core.roles.list(limit=2)
    assert [role.name for role in first] == ["a", "b"]
    assert [role.name for role in core.roles.list(cursor=first.cursor)] == ["C"]
    assert [role.name for role in core.roles.list(True)] == ["a", "C"]  # noqa: FBT003 - the first parameter
    assert [role.name for role in core.roles.list(False)] == ["b"]  # noqa: FBT003 - as above


@pytest.mark.rule("T4", "T8")
def test_giving_a_role_is_a_record_and_giving_it_again_changes_nothing(
    core: UserCore, ann: User, editors: Role, clock: FakeClock
) -> None:
    clock.tick()
    olga = core.bind(actor=Actor.operator("Olga"))
    assert olga.roles.give(ann.id, "editors") is True
    (held,) = core.roles.of_user(ann.id)
    record = held.assignment
    assert held.role == core.roles.get(editors.id)
    assert (record.user_id, record.role_id) == (ann.id, editors.id)
    assert (record.created_at, record.created_by, record.version) == (clock.now, "operator:Olga", 1)
    assert record.uuid not in {editors.uuid, ann.uuid}
    with unchanged(core):
        assert core.roles.give(ann.id, editors.uuid) is False
    assert core.users.get(ann.id).version == ann.version + 1


@pytest.mark.rule("T4")
def test_taking_a_role_says_whether_the_user_had_it(core: UserCore, ann: User, editors: Role) -> None:
    with unchanged(core):
        assert core.roles.take(ann.id, editors.id) is False
    core.roles.give(ann.id, editors.id)
    first = core.roles.of_user(ann.id)[0].assignment
    assert core.roles.take(Email(ANN), editors.id) is True
    assert core.roles.of_user(ann.id) == ()
    core.roles.give(ann.id, editors.id)
    assert core.roles.of_user(ann.id)[0].assignment.id != first.id


@pytest.mark.rule("T4")
def test_a_users_roles_are_listed_by_name_also_inactive_ones(core: UserCore, ann: User) -> None:
    for name in ("b", "C", "a"):
        core.roles.give(ann.id, core.roles.create(name, active=name != "b").id)
    assert [held.role.name for held in core.roles.of_user(ann.id)] == ["a", "b", "C"]


@pytest.mark.rule("T4", "X2")
def test_what_happened_is_in_the_users_history(core: UserCore, ann: User, editors: Role) -> None:
    core.roles.give(ann.id, editors.id)
    core.roles.take(ann.id, editors.id)
    core.roles.require(ann.id, required=False)
    lifted, taken, required, given = core.history.of_user(ann.id).rows[:4]
    names = {"role_id": editors.id, "role_name": "Editors"}
    assert (given.kind, given.old, given.new) == ("role.given", {}, names)
    assert (taken.kind, taken.old, taken.new) == ("role.taken", names, {})
    assert (required.old, required.new) == ({"requires_role": False}, {"requires_role": True})
    assert (lifted.kind, lifted.new) == ("user.role_requirement_changed", {"requires_role": False})


@pytest.mark.rule("T4")
def test_a_user_who_never_had_a_role_can_sign_in(core: UserCore, ann: User) -> None:
    assert may_sign_in(core)
    assert core.history.explain(ann.id) == ()


@pytest.mark.rule("T4")
def test_a_user_who_was_given_a_role_needs_an_active_one_until_that_is_lifted(
    core: UserCore, ann: User, editors: Role
) -> None:
    core.roles.give(ann.id, editors.id)
    assert may_sign_in(core)
    core.roles.update(editors.id, active=False)
    assert not may_sign_in(core)
    assert core.history.attempts(ann.id).rows[0].status is AttemptStatus.INACTIVE_USER
    assert core.history.explain(ann.id) == ("no_active_role",)
    core.roles.give(ann.id, core.roles.create("Readers").id)
    assert may_sign_in(core)
    core.roles.take(ann.id, "readers")
    core.roles.take(ann.id, "editors")
    assert not may_sign_in(core)
    assert core.roles.require(ann.id, required=False) is True
    assert may_sign_in(core)
    with unchanged(core):
        assert core.roles.require(ann.id, required=False) is False
    core.roles.give(ann.id, editors.id)
    assert not may_sign_in(core), "a role that is given later is required again"


@pytest.mark.rule("T4")
def test_a_role_that_is_required_of_a_user_without_roles_keeps_the_user_out(core: UserCore, ann: User) -> None:
    assert core.roles.require(ann.id, required=True) is True
    assert not may_sign_in(core)
    assert core.users.get(ann.id).requires_role is True


@pytest.mark.rule("T4", "K2", "K9")
def test_tokens_are_refused_while_the_user_has_no_active_role(core: UserCore, ann: User, editors: Role) -> None:
    core.roles.give(ann.id, editors.id)
    token = sign_in(core, ann)
    core.roles.update(editors.id, active=False)
    with pytest.raises(TokenUnknown):
        core.sign_in.identify(token)
    with pytest.raises(SignInRefused):
        core.sign_in.with_access_token(token)
    core.roles.update(editors.id, active=True)
    assert opens(core, token)


@pytest.mark.rule("S5", "T6", "K9")
def test_an_identity_has_the_active_roles_and_what_they_allow_looked_up_at_each_call(
    core: UserCore, ann: User, editors: Role
) -> None:
    core.roles.give(ann.id, editors.id)
    core.roles.give(ann.id, core.roles.create("artists", permissions=["draw"]).id)
    core.roles.give(ann.id, core.roles.create("Former", permissions=["old"], active=False).id)
    signed_in = core.sign_in.with_password(ANN, PASSWORD)
    found: list[Identity] = [
        signed_in,
        core.sign_in.identify(signed_in.access_token),
        core.sign_in.with_access_token(signed_in.access_token),
    ]
    for identity in found:
        assert identity.roles == ("artists", "Editors")
        assert identity.permissions == {"draw", WRITE, "posts.delete"}
        assert [identity.allows(one) for one in (WRITE, "draw", "old", "POSTS.WRITE")] == [True, True, False, False]
    core.roles.update(editors.id, permissions=[], name="Readers")
    core.roles.take(ann.id, "artists")
    lowered = core.sign_in.identify(signed_in.access_token)
    assert (lowered.roles, lowered.permissions) == (("Readers",), frozenset())


@pytest.mark.rule("T6")
def test_a_permission_is_compared_exactly_and_unknown_ones_are_denied(core: UserCore, ann: User, editors: Role) -> None:
    assert not core.roles.allows(ann.id, WRITE)
    core.roles.give(ann.id, editors.id)
    assert core.roles.allows(Email(ANN), WRITE)
    for other in ("posts", "posts.*", "posts.write.", "Posts.write", "*"):
        assert not core.roles.allows(ann.id, other)
    core.roles.update(editors.id, permissions=["caf\u00e9", "*"])
    assert core.roles.allows(ann.id, "cafe\u0301"), "the same text in another normal form"
    assert not core.roles.allows(ann.id, WRITE), "no wildcards"


@pytest.mark.rule("T6")
def test_an_inactive_role_user_or_tenant_allows_nothing(core: UserCore, editors: Role) -> None:
    add_tenant(core)
    acme, tenants = core.tenant("acme"), core.tenant("system").tenants
    user, role = register(acme), acme.roles.create("Editors", permissions=[WRITE])
    acme.roles.give(user.id, role.id)
    changes: tuple[tuple[Callable[[], object], Callable[[], object]], ...] = (
        (lambda: acme.roles.update(role.id, active=False), lambda: acme.roles.update(role.id, active=True)),
        (lambda: acme.users.deactivate(user.id), lambda: acme.users.activate(user.id)),
        (lambda: tenants.deactivate("acme"), lambda: tenants.activate("acme")),
        (lambda: acme.roles.take(user.id, role.id), lambda: acme.roles.give(user.id, role.id)),
    )
    for end, begin in changes:
        assert acme.roles.allows(user.id, WRITE)
        end()
        assert not acme.roles.allows(user.id, WRITE)
        begin()
    for reference in (user.id, user.uuid, 1, Email("nobody@example.com")):
        with refused(core, UserNotFound):
            core.roles.allows(reference, WRITE)
    assert editors.permissions


@pytest.mark.rule("T5", "T6")
def test_an_active_admin_is_allowed_everything_and_an_inactive_one_nothing(core: UserCore) -> None:
    system = core.tenant("system")
    admin, _ = register(system, password=PASSWORD), register(system, "bob", password=PASSWORD)
    assert system.roles.allows(admin.id, "anything")
    identity = system.sign_in.with_password(ANN, PASSWORD)
    assert (identity.roles, identity.allows("anything")) == ((), True)
    system.users.deactivate(admin.id)
    assert not system.roles.allows(admin.id, "anything")


@pytest.mark.rule("T5")
def test_an_admin_has_no_roles_and_requires_none(core: UserCore) -> None:
    system = core.tenant("system")
    admin, role = register(system, password=PASSWORD), system.roles.create("Editors")
    with refused(system, AdminHasNoRoles):
        system.roles.give(admin.id, role.id)
    with refused(system, AdminHasNoRoles):
        system.roles.require(admin.id, required=True)
    with unchanged(system):
        assert system.roles.require(admin.id, required=False) is False
    assert may_sign_in(system)


@pytest.mark.rule("T5")
def test_the_host_may_sign_in_the_holder_of_a_privileged_role_and_it_is_recorded(core: UserCore, ann: User) -> None:
    core.roles.give(ann.id, core.roles.create("Staff", privileged=True).id)
    assert core.sign_in.trusted(ann.id, allow_privileged=True).roles == ("Staff",)
    assert core.history.of_user(ann.id).rows[0].kind == "access_token.asserted_by_host"
    assert core.history.explain(ann.id) == ("password_only",)
    core.roles.update("Staff", privileged=False)
    core.sign_in.trusted(ann.id, allow_privileged=True)
    assert core.history.of_user(ann.id).rows[0].kind == "access_token.issued"
    assert core.history.explain(ann.id) == ()


@pytest.mark.rule("T5")
def test_an_inactive_privileged_role_makes_no_user_privileged(core: UserCore, ann: User) -> None:
    core.roles.give(ann.id, core.roles.create("Staff", privileged=True, active=False).id)
    core.roles.give(ann.id, core.roles.create("Readers").id)
    assert core.sign_in.with_login_token(core.login_tokens.issue(ann.id)).roles == ("Readers",)


@pytest.mark.rule("T7", "T8", "X2")
def test_a_deleted_role_is_not_there_and_its_name_is_free(core: UserCore, ann: User, clock: FakeClock) -> None:
    core.roles.create("Staff", permissions=[WRITE])
    role = core.roles.create("Editors", permissions=[WRITE])
    core.roles.give(ann.id, role.id)
    token = sign_in(core, ann)
    clock.tick()
    core.bind(actor=Actor.operator("Olga")).roles.delete("editors")
    assert not may_sign_in(core)
    assert not opens(core, token)
    assert core.roles.of_user(ann.id) == ()
    assert not core.roles.allows(ann.id, WRITE)
    assert [one.name for one in core.roles.list()] == ["Staff"]
    for key in ("Editors", role.id, role.uuid):
        with refused(core, RoleNotFound):
            core.roles.give(ann.id, key)
        with refused(core, RoleNotFound):
            core.roles.delete(key)
    again = core.roles.create("EDITORS")
    assert core.roles.of_user(ann.id) == (), "the holders of the deleted role do not have the new one"
    core.roles.give(ann.id, again.id)
    assert opens(core, token)


@pytest.mark.rule("T7")
def test_cleanup_finishes_the_deletion_of_roles_in_batches(
    core: UserCore, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 2)
    users = [ann, *(register(core, name) for name in ("bob", "cid", "dan"))]
    gone, left = core.roles.create("Gone"), core.roles.create("Left")
    for user in users:
        core.roles.give(user.id, gone.id)
    core.roles.give(ann.id, left.id)
    core.roles.delete(gone.id)
    batches: list[int] = []

    def stop_after_one(rows: int) -> None:
        batches.append(rows)
        if len(batches) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        core.cleanup(on_progress=stop_after_one)
    assert core.cleanup(on_progress=batches.append).roles == 3
    assert batches == [2, 2, 1]
    assert core.cleanup().roles == 0
    assert [row["role_id"] for row in dump(core)["role_assignments"]] == [repr(left.id)]
    assert [row["id"] for row in dump(core)["roles"]] == [repr(left.id)]
