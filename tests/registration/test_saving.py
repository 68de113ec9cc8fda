"""Saving a user detail: what creates a user, what updates one, the roles, and every fault at once."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.services.helpers import (
    PASSWORD,
    TRIES,
    BusyStorage,
    add_tenant,
    dump,
    opens,
    over,
    refused,
    register,
    registration_attempts,
    sign_in,
    unchanged,
)
from usercore import (
    UNSET,
    Actor,
    Email,
    Gates,
    Invalid,
    RateLimited,
    RegistrationRequest,
    RegistrationStatus,
    Role,
    RoleNotFound,
    SavedUser,
    SignInRefused,
    StaleVersion,
    Taken,
    TenantInactive,
    UserCore,
    Username,
    UserNotFound,
    UserState,
    Vetoed,
    forms,
)
from usercore.kernel.context import MAIN
from usercore.kernel.ids import ROLE_KIND, USER_KIND, uuid_of
from usercore.testing import NOON, FakeClock, FakeGate, MemoryMailer, WatchedStorage

BROUGHT = UUID("d4fdd98f-ac63-4836-a011-6567b2641b3a")
LONG_AGO = 2**41
PAUSE = timedelta(seconds=5)


@pytest.fixture
def role(core: UserCore) -> Role:
    return core.roles.create("Designer")


def save(core: UserCore, *, upsert: bool = False, **detail: Any) -> SavedUser:
    """Save David Webb, who has the role Designer unless another one is passed."""
    david: dict[str, Any] = {"username": "dwebb", "first_name": "David", "last_name": "Webb", "roles": ["Designer"]}
    return core.registration.save(upsert=upsert, **(david | detail))


def faults(error: Invalid) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in error.errors]


def kinds_of(core: UserCore, ref: int) -> list[str]:
    """Return the kinds of the changes of a user, in order."""
    return [entry.kind for entry in reversed(core.history.of_user(ref).rows)]


@pytest.mark.rule("R4", "T4", "U1")
def test_without_an_id_a_user_with_roles_is_created(core: UserCore, role: Role, clock: FakeClock) -> None:
    by = core.bind(actor=Actor.operator("John Doe"), source="directory")
    saved = save(
        by,
        id=None,
        is_admin=False,
        tenant="MAIN",
        email=None,
        roles=[role.uuid],
        timestamp_offset_minutes=0,
        data_offset_minutes=-90,
        language="en_us",
        date_format="MM/DD/YYYY",
        note="from the directory",
    )
    user, (held,) = saved.user, saved.roles
    assert (saved.created, core.users.get(user.id)) == (True, user)
    assert (user.username, user.email, user.full_name, user.source) == ("dwebb", None, "David Webb", "directory")
    assert (user.language, user.date_format, user.note) == ("en-US", "MM/DD/YYYY", "from the directory")
    assert (user.timestamp_offset_minutes, user.data_offset_minutes) == (0, -90)
    assert (user.state, user.version, user.created_at, user.modified_at) == (UserState.ACTIVE, 1, NOON, NOON)
    assert (user.created_by, user.modified_by) == ("operator:John Doe", "operator:John Doe")
    assert (held.role.id, held.assignment.user_id, held.assignment.version) == (role.id, user.id, 1)
    assert (held.assignment.created_at, held.assignment.created_by) == (NOON, "operator:John Doe")
    assert (held.assignment.modified_at, held.assignment.modified_by) == (NOON, "operator:John Doe")
    assert core.roles.of_user(user.id) == saved.roles
    assert kinds_of(core, user.id) == ["user.registered", "user.role_requirement_changed", "role.given"]
    (attempt,) = registration_attempts(core, user)
    assert (attempt.status, attempt.login, attempt.at) == (RegistrationStatus.OK, "dwebb", clock.now)


@pytest.mark.rule("R4", "U2")
def test_a_new_user_has_no_password_no_token_and_no_mail_and_needs_an_active_role(
    core: UserCore, role: Role, mailer: MemoryMailer
) -> None:
    user = save(core, email="dwebb@example.com").user
    core.outbox.deliver()
    assert (mailer.sent, core.access_tokens.list(user.id).rows) == ([], ())
    assert core.users.status(user.id).code == 3
    assert opens(core, sign_in(core, user))
    core.roles.update(role.id, active=False)
    with refused(core, SignInRefused):
        core.sign_in.trusted(user.id)


@pytest.mark.rule("R4", "ERR")
def test_all_faults_of_a_new_user_are_reported_at_once(core: UserCore) -> None:
    with refused(core, Invalid) as raised:
        core.registration.save(
            username="d webb",
            first_name=" ",
            email="nowhere",
            language="?",
            roles=[LONG_AGO, "", uuid_of(LONG_AGO, ROLE_KIND)],
            data_offset_minutes=7,
            tenant="acme",
            is_admin=True,
        )
    assert faults(raised.value) == [
        ("first_name", "missing"),
        ("last_name", "missing"),
        ("is_admin", "another_tenant"),
        ("email", "malformed"),
        ("roles.2", "empty"),
        ("language", "malformed"),
        ("data_offset_minutes", "out_of_range"),
        ("username", "forbidden_character"),
        ("roles.1", "unknown"),
        ("roles.3", "unknown"),
        ("tenant", "another_tenant"),
    ]
    (attempt,) = registration_attempts(core)
    assert (attempt.status, attempt.login) == (RegistrationStatus.INVALID_EMAIL, "nowhere")


@pytest.mark.rule("R4", "ERR")
@pytest.mark.parametrize("by", ["id", "username"])
def test_all_faults_of_a_known_user_are_reported_at_once(core: UserCore, role: Role, by: str) -> None:
    user = save(core, email="dwebb@example.com", roles=[role.id]).user
    wrong: dict[str, Any] = {"last_name": None, "email": "nowhere", "roles": [LONG_AGO], "uuid": BROUGHT, "tenant": "x"}
    named = {"id": user.id, "username": "d webb"} if by == "id" else {"upsert": True}
    with refused(core, Invalid, but=()) as raised:
        save(core, **wrong, **named)
    assert faults(raised.value) == [
        ("last_name", "missing"),
        ("email", "malformed"),
        ("roles.1", "unknown"),
        *([("username", "forbidden_character")] if by == "id" else []),
        ("tenant", "another_tenant"),
        ("uuid", "fixed"),
    ]
    assert registration_attempts(core) == []


@pytest.mark.rule("R4", "R5")
@pytest.mark.parametrize("upsert", [True, False])
def test_an_unclaimed_user_is_registered_in_place_by_the_email(
    core: UserCore, role: Role, clock: FakeClock, *, upsert: bool
) -> None:
    una = core.registration.register("una@example.com", username="dwebb", unclaimed=True).user
    clock.advance(PAUSE)
    saved = save(core, upsert=upsert, email="UNA@example.com", roles=[role.id])
    assert (saved.user.id, saved.user.state, saved.created) == (una.id, UserState.ACTIVE, True)
    assert [one.role.id for one in saved.roles] == [role.id]


@pytest.mark.rule("R4")
@pytest.mark.parametrize("value", [UNSET, None, "", " \n"], ids=repr)
@pytest.mark.parametrize("known", [False, True])
def test_a_username_a_first_and_a_last_name_and_a_role_are_needed(
    core: UserCore, role: Role, value: Any, *, known: bool
) -> None:
    detail: dict[str, Any] = {"id": save(core).user.id} if known else {}
    names = {"username": value, "first_name": value, "last_name": value}
    given = {name: text for name, text in names.items() if text is not UNSET}
    with refused(core, Invalid) as raised:
        core.registration.save(**detail, **given, roles=[])
    needed = [("username", "missing"), ("first_name", "missing"), ("last_name", "missing"), ("roles", "missing")]
    assert faults(raised.value) == needed
    if known:
        assert core.roles.of_user(Username("dwebb"))[0].role.id == role.id
    else:
        assert core.users.list().rows == ()


@pytest.mark.rule("R4")
def test_an_admin_names_no_tenant_and_no_roles(core: UserCore) -> None:
    system = core.tenant("system")
    saved = save(system, roles=[], is_admin=True)
    assert (saved.created, saved.user.is_admin, saved.roles, saved.user.requires_role) == (True, True, (), False)
    for ref in (None, saved.user.id):
        with refused(core, Invalid) as raised:
            save(system, id=ref, tenant="system", roles=["Designer"], is_admin=False)
        assert faults(raised.value) == [
            ("is_admin", "another_tenant"),
            ("tenant", "admin_has_none"),
            ("roles", "admin_has_none"),
        ]
    assert save(system, id=saved.user.id, roles=(), last_name="Jones").user.full_name == "David Jones"


@pytest.mark.rule("R4", "T5")
def test_the_last_admin_can_be_saved_and_sign_in(core: UserCore) -> None:
    system = core.tenant("system")
    admin = register(system, "root", password=PASSWORD)
    save(system, id=admin.id, roles=[], email=None, username="root")
    assert system.sign_in.with_password("root", PASSWORD).user.id == admin.id


@pytest.mark.rule("R4", "T2")
@pytest.mark.parametrize("named", ["key", "uuid"])
def test_a_detail_may_name_the_tenant_that_the_core_is_bound_to_and_no_other(
    core: UserCore, role: Role, named: str
) -> None:
    acme = add_tenant(core)
    own = core.tenant("system").tenants.get("main")
    assert save(core, tenant=getattr(own, named), roles=[role.id]).created
    unknown = {"key": "nowhere", "uuid": BROUGHT}
    for other in (getattr(acme, named), unknown[named]):
        with refused(core, Invalid) as raised:
            save(core, username="other", tenant=other)
        assert faults(raised.value) == [("tenant", "another_tenant")]


@pytest.mark.rule("R4", "T4")
def test_unknown_roles_are_refused_by_id_and_ignored_by_name(core: UserCore, role: Role) -> None:
    saved = save(core, roles=["nothing", "DESIGNER", role.uuid, "nothing else"])
    assert [held.role.id for held in saved.roles] == [role.id]
    for unknown in (LONG_AGO, uuid_of(LONG_AGO, ROLE_KIND), uuid_of(role.id, USER_KIND)):
        for ref in (None, saved.user.id):
            with refused(core, Invalid) as raised:
                save(core, id=ref, username="other", roles=["Designer", unknown])
            assert faults(raised.value) == [("roles.2", "unknown")]


@pytest.mark.rule("R4")
def test_names_of_unknown_roles_only_are_no_role(core: UserCore, role: Role) -> None:
    user = save(core).user
    for ref in (None, user.id):
        with refused(core, Invalid) as raised:
            save(core, id=ref, username="other", roles=["nothing"])
        assert faults(raised.value) == [("roles", "missing")]
    assert core.roles.of_user(user.id)[0].role.id == role.id


@pytest.mark.rule("R4", "T2", "T4")
def test_another_tenants_role_is_refused_like_an_unknown_one(core: UserCore, role: Role) -> None:
    add_tenant(core)
    theirs = core.tenant("acme").roles.create("Auditor")
    for foreign, unknown in ((theirs.id, LONG_AGO), (theirs.uuid, uuid_of(LONG_AGO, ROLE_KIND))):
        for roles in ([role.id, foreign], [role.id, unknown]):
            with refused(core, Invalid) as raised:
                save(core, roles=roles)
            assert faults(raised.value) == [("roles.2", "unknown")]
    assert [held.role.id for held in save(core, roles=["Auditor", "Designer"]).roles] == [role.id]


@pytest.mark.rule("R4", "T8")
def test_an_update_sets_the_roles_and_keeps_how_others_were_given(core: UserCore, role: Role, clock: FakeClock) -> None:
    editor, auditor = core.roles.create("Editor"), core.roles.create("auditor")
    before = {held.role.id: held for held in save(core, roles=[role.id, editor.id]).roles}
    clock.advance(timedelta(days=1))
    by = core.bind(actor=Actor.operator("Eve"))
    saved = save(by, id=core.users.get(Username("dwebb")).id, roles=["Editor", auditor.uuid])
    kept = {held.role.id: held for held in saved.roles}
    assert list(kept) == [auditor.id, editor.id], "by name, ignoring case"
    assert kept[editor.id].assignment == before[editor.id].assignment
    new = kept[auditor.id].assignment
    assert (new.version, new.created_at, new.created_by) == (1, clock.now, "operator:Eve")
    assert new.uuid not in {held.assignment.uuid for held in before.values()}
    assert kinds_of(core, saved.user.id)[-2:] == ["role.taken", "role.given"]
    assert core.roles.of_user(saved.user.id) == saved.roles


@pytest.mark.rule("R4", "U13")
def test_with_an_id_the_user_is_updated_and_what_is_left_out_stays(
    core: UserCore, role: Role, clock: FakeClock
) -> None:
    old = save(core, email="dwebb@example.com", language="sk", note="first").user
    clock.advance(timedelta(days=1))
    references: list[int | UUID] = [old.id, old.uuid]
    for ref in references:
        version = core.users.get(ref).version
        saved = save(core, id=ref, username="webb", last_name="Jones", language="", version=version)
        user = saved.user
        assert [held.role.id for held in saved.roles] == [role.id]
        assert (saved.created, user.id, user.created_at, user.modified_at) == (False, old.id, NOON, clock.now)
        assert (user.username, user.full_name, user.language) == ("webb", "David Jones", None)
        assert (user.email, user.note, user.version) == ("dwebb@example.com", "first", 2)
        assert core.users.get(user.id) == user
    assert registration_attempts(core) == []
    assert [attempt.status for attempt in registration_attempts(core, old)] == [RegistrationStatus.OK]
    assert kinds_of(core, old.id)[-1] == "user.updated"


@pytest.mark.rule("R4")
def test_saving_the_same_again_changes_nothing(core: UserCore, role: Role, clock: FakeClock) -> None:
    first = save(core, email="dwebb@example.com", uuid=BROUGHT, roles=[role.id])
    clock.advance(timedelta(days=1))
    with unchanged(core):
        again = save(core, id=BROUGHT, email="dwebb@example.com", uuid=BROUGHT, roles=[role.uuid])
    assert (again.user.version, again.created) == (1, False)
    assert [held.assignment for held in again.roles] == [held.assignment for held in first.roles]


@pytest.mark.rule("R4", "T4")
def test_a_lifted_requirement_of_a_role_stays_lifted_until_another_role_is_given(core: UserCore, role: Role) -> None:
    user = save(core, roles=[role.id]).user
    core.roles.require(user.id, required=False)
    assert not save(core, id=user.id).user.requires_role
    core.roles.create("Editor")
    assert save(core, id=user.id, roles=["Editor"]).user.requires_role


@pytest.mark.rule("R4")
@pytest.mark.parametrize("unknown", [LONG_AGO, uuid_of(LONG_AGO, USER_KIND), BROUGHT, 0, -1, 2**53, 10**30])
def test_unknown_ids_are_not_found(core: UserCore, role: Role, unknown: int | UUID) -> None:
    assert role.active
    for upsert in (False, True):
        with refused(core, UserNotFound, but=()):
            save(core, id=unknown, upsert=upsert)


@pytest.mark.rule("R4", "T2")
def test_another_tenants_users_are_not_found_and_their_names_are_free(core: UserCore, role: Role) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    theirs = save(acme, roles=[acme.roles.create("Designer").id], uuid=BROUGHT, email="dwebb@example.com").user
    for ref in (theirs.id, BROUGHT):
        with refused(core, UserNotFound, but=()):
            save(core, id=ref)
    mine = save(core, upsert=True, uuid=BROUGHT, email="dwebb@example.com", roles=[role.id])
    assert (mine.created, mine.user.uuid, acme.users.get(BROUGHT)) == (True, BROUGHT, theirs)


@pytest.mark.rule("R4", "U13")
def test_a_stale_version_is_refused(core: UserCore, role: Role) -> None:
    user = save(core).user
    core.users.update(user.id, first_name="Dave")
    for detail in ({"id": user.id}, {"upsert": True}):
        with refused(core, StaleVersion, but=()) as raised:
            save(core, version=1, roles=[role.id], **detail)
        assert raised.value.current == 2
    assert save(core, id=user.id, version=2).user.version == 3


@pytest.mark.rule("R4", "U13")
@pytest.mark.parametrize("upsert", [False, True])
def test_a_version_of_a_user_who_does_not_exist_creates_none(core: UserCore, role: Role, *, upsert: bool) -> None:
    with refused(core, UserNotFound, but=()):
        save(core, version=1, upsert=upsert, roles=[role.id])


@pytest.mark.rule("R4")
def test_without_an_id_a_known_username_is_taken_unless_upsert_is_on(core: UserCore, role: Role) -> None:
    first = save(core).user
    with refused(core, Taken) as raised:
        save(core, username="DWEBB", roles=[role.id])
    assert (raised.value.space, raised.value.field) == ("login", "username")
    assert registration_attempts(core)[0].status is RegistrationStatus.TAKEN_USERNAME
    saved = save(core, username="DWebb", upsert=True, first_name="Dave")
    assert (saved.created, saved.user.id, saved.user.username) == (False, first.id, "DWebb")
    assert (saved.user.full_name, saved.user.version) == ("Dave Webb", 2)
    assert save(core, username="jdoe", upsert=True).created


@pytest.mark.rule("R4")
def test_another_users_email_is_not_updated_by_a_username(core: UserCore, role: Role, clock: FakeClock) -> None:
    register(core, "dwebb")
    clock.advance(PAUSE)
    with refused(core, Invalid) as raised:
        save(core, username="dwebb@example.com", upsert=True, roles=[role.id])
    assert faults(raised.value) == [("username", "not_own_email")]
    with refused(core, Taken):
        save(core, username="dwebb@example.com", email="dwebb@example.com", upsert=True)


@pytest.mark.rule("R4", "U3")
@pytest.mark.parametrize(
    "detail", [{"username": "ann"}, {"username": "other", "email": "ANN@example.com"}], ids=["username", "email"]
)
def test_what_another_user_has_is_taken(core: UserCore, role: Role, clock: FakeClock, detail: dict[str, Any]) -> None:
    register(core, username="ann")
    clock.advance(PAUSE)
    user = save(core, username="dwebb", roles=[role.id]).user
    for ref in (None, user.id):
        with refused(core, Taken) as raised:
            save(core, id=ref, **detail)
        assert raised.value.field == list(detail)[-1]


@pytest.mark.rule("R4", "I2")
def test_a_uuid_is_brought_along_and_stays(core: UserCore, role: Role) -> None:
    user = save(core, uuid=BROUGHT, roles=[role.id]).user
    assert (user.uuid, core.users.get(BROUGHT)) == (BROUGHT, user)
    with refused(core, Taken) as raised:
        save(core, username="other", uuid=BROUGHT)
    assert (raised.value.space, raised.value.field) == ("uuid", "uuid")
    with refused(core, UserNotFound, but=()):
        core.users.get(uuid_of(user.id, USER_KIND))
    with refused(core, Invalid) as refusal:
        save(core, id=user.id, uuid=uuid_of(user.id, USER_KIND))
    assert faults(refusal.value) == [("uuid", "fixed")]
    assert save(core, id=user.id, uuid=None).user.uuid == BROUGHT


@pytest.mark.rule("R4", "I2")
def test_a_uuid_that_is_derived_from_another_users_id_is_taken(core: UserCore, role: Role) -> None:
    ann, gone = register(core), register(core, "gone")
    unit_of = core._service.units
    unit_of.write(lambda unit: unit.users.replace(_erased(unit.users.lock(gone.id))))
    for other in (ann, gone):
        with refused(core, Taken):
            save(core, uuid=other.uuid, roles=[role.id])


def _erased(user: Any) -> Any:
    from usercore.users.rules import erased  # noqa: PLC0415

    return erased(user, at=NOON, by="host")


@pytest.mark.rule("R4", "E1", "U6")
def test_another_email_is_stored_as_emails_change_does(
    core: UserCore, role: Role, mailer: MemoryMailer, clock: FakeClock
) -> None:
    user = save(core, email="dwebb@example.com", roles=[role.id]).user
    core.emails.set_verified(user.id, verified=True)
    token = core.login_tokens.issue(user.id)
    saved = save(core, id=user.id, email="d.webb@example.com").user
    assert (saved.email, saved.email_verified) == ("d.webb@example.com", False)
    assert "user.email_changed" in kinds_of(core, user.id)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(token)
    core.outbox.deliver()
    assert [(mail.to, str(mail.kind)) for mail in mailer.sent] == [("dwebb@example.com", "email_changed")]
    core.emails.set_verified(user.id, verified=True)
    respelled = save(core, id=user.id, email="D.Webb@Example.com").user
    assert (respelled.email, respelled.email_verified) == ("D.Webb@example.com", True)
    clock.tick()
    cleared = save(core, id=user.id, email=None).user
    assert (cleared.email, cleared.email_verified, cleared.username) == (None, False, "dwebb")
    assert core.users.find(Email("d.webb@example.com")) is None


@pytest.mark.rule("R4", "E3")
def test_a_change_of_the_email_can_be_undone_no_more_once_another_one_is_saved(
    core: UserCore, role: Role, clock: FakeClock
) -> None:
    user = save(core, email="dwebb@example.com", roles=[role.id]).user
    core.emails.set_verified(user.id, verified=True)
    core.emails.change(user.id, "second@example.com", undo=True)
    save(core, id=user.id, email="third@example.com")
    clock.advance(PAUSE)
    assert register(core, "dwebb").email == "dwebb@example.com", "the address is not held any more"


@pytest.mark.rule("R4", "U7")
def test_a_username_with_an_at_sign_is_the_email_that_the_user_will_have(core: UserCore, role: Role) -> None:
    user = save(core, username="a@example.com", email="a@example.com", roles=[role.id]).user
    moved = save(core, id=user.id, username="b@example.com", email="b@example.com").user
    assert (moved.username, moved.email) == ("b@example.com", "b@example.com")
    assert save(core, id=user.id, username="b@example.com").user.version == moved.version
    for detail in ({"email": None}, {"email": "c@example.com"}):
        with refused(core, Invalid) as raised:
            save(core, id=user.id, username="b@example.com", **detail)
        assert faults(raised.value) == [("username", "not_own_email")]
    assert save(core, id=user.id, username="webb", email=None).user.username == "webb"


@pytest.mark.rule("R4", "U2")
def test_the_state_of_a_saved_user_stays(core: UserCore, role: Role) -> None:
    user = save(core, roles=[role.id]).user
    core.users.deactivate(user.id)
    assert save(core, upsert=True, first_name="Dave").user.state is UserState.DEACTIVATED
    assert core.users.status(user.id).code == 2


@pytest.mark.rule("R4", "R5")
@pytest.mark.parametrize("by", ["id", "username"])
def test_an_unclaimed_user_who_is_updated_stays_unclaimed(core: UserCore, role: Role, by: str) -> None:
    una = core.registration.register("una@example.com", username="dwebb", unclaimed=True).user
    detail = {"id": una.id, "email": "una@example.com"} if by == "id" else {"upsert": True}
    saved = save(core, roles=[role.id], **detail)
    assert (saved.user.id, saved.user.state, saved.user.full_name) == (una.id, UserState.UNCLAIMED, "David Webb")
    assert not saved.created
    with refused(core, SignInRefused):
        core.sign_in.trusted(una.id)


@pytest.mark.rule("R4", "Y2")
def test_a_detail_is_read_from_json_and_answered_as_json(core: UserCore, role: Role) -> None:
    editor = core.roles.create("Editor")
    body = {
        "username": "dwebb",
        "first_name": "David",
        "last_name": "Webb",
        "uuid": str(BROUGHT),
        "tenant": "main",
        "roles": [str(role.uuid), editor.id, "unknown"],
        "data_offset_minutes": 60,
    }
    fields = [*body, "id", "version", "email"]
    form = forms.saved_user(forms.call(core.registration.save, body, fields), "operator")
    assert (form["created"], form["user"]["uuid"], form["user"]["tenant_id"]) == (True, str(BROUGHT), MAIN)
    assert [held["role"]["name"] for held in form["roles"]] == ["Designer", "Editor"]
    assert {held["assignment"]["user_id"] for held in form["roles"]} == {form["user"]["id"]}
    assert json.loads(json.dumps(form)) == form
    shown = forms.saved_user(forms.call(core.registration.save, body | {"id": str(BROUGHT)}, fields), "user")
    assert "created_by" not in shown["roles"][0]["assignment"]
    with refused(core, Invalid, but=()) as raised:
        forms.call(core.registration.save, body | {"roles": "Designer", "version": "1"}, fields)
    assert sorted(faults(raised.value)) == [("roles", "wrong_type"), ("version", "wrong_type")]


@pytest.mark.rule("R4", "R5")
def test_the_email_of_an_unclaimed_user_registers_them_in_place(core: UserCore, role: Role, clock: FakeClock) -> None:
    una = core.registration.register("una@example.com", unclaimed=True, note="called", source="kiosk").user
    clock.advance(PAUSE)
    saved = save(core, email="UNA@example.com", roles=[role.id], uuid=una.uuid)
    assert (saved.created, saved.user.id, saved.user.state) == (True, una.id, UserState.ACTIVE)
    assert (saved.user.full_name, saved.user.note, saved.user.source) == ("David Webb", "called", "kiosk")
    assert (saved.user.supplied_uuid, saved.user.requires_role) == (None, True)
    assert core.users.get(una.id) == saved.user


@pytest.mark.rule("R4", "R5", "I2")
def test_an_unclaimed_user_who_is_registered_in_place_gets_the_uuid(
    core: UserCore, role: Role, clock: FakeClock
) -> None:
    una = core.registration.register("una@example.com", unclaimed=True).user
    clock.advance(PAUSE)
    saved = save(core, email="una@example.com", roles=[role.id], uuid=BROUGHT)
    assert (saved.user.id, saved.user.uuid) == (una.id, BROUGHT)
    with refused(core, Invalid):
        save(core, id=una.id, uuid=una.uuid)


@pytest.mark.rule("R1", "R4")
def test_new_users_pass_the_gates_and_limits_of_registrations(core: UserCore, storage: WatchedStorage) -> None:
    core.roles.create("Designer")
    gate = FakeGate(storage)
    bound = over(core, gates=Gates(registration=[gate])).bind(ip="192.0.2.1")
    user = save(bound, email="dwebb@example.com", upsert=True).user
    save(bound, id=user.id)
    save(bound, upsert=True)
    (asked,) = gate.asked
    assert isinstance(asked, RegistrationRequest)
    assert (asked.email, asked.username, asked.channel) == ("dwebb@example.com", "dwebb", "save")
    core.emails.change(user.id, "other@example.com")
    with refused(core, RateLimited):
        save(core, username="other", email="dwebb@example.com")
    for number in range(19):
        save(bound, username=f"user{number}")
    with refused(core, RateLimited):
        save(bound, username="late")
    assert registration_attempts(core)[0].status is RegistrationStatus.RATE_LIMITED


@pytest.mark.rule("R1", "R4")
def test_a_gate_may_refuse_a_new_user(core: UserCore, role: Role) -> None:
    def refuse(_: RegistrationRequest) -> None:
        gate = "closed"
        raise Vetoed(gate)

    user = save(core, roles=[role.id]).user
    bound = over(core, gates=Gates(registration=[refuse]))
    for upsert in (False, True):
        with refused(core, Vetoed):
            save(bound, username="other", upsert=upsert)
    assert registration_attempts(core)[0].status is RegistrationStatus.VETOED
    assert not save(bound, upsert=True).created
    assert not save(bound, id=user.id).created


@pytest.mark.rule("R4", "T3")
def test_no_user_is_created_in_an_inactive_tenant(core: UserCore, role: Role) -> None:
    user = save(core, roles=[role.id]).user
    core.tenant("system").tenants.deactivate("main")
    with refused(core, TenantInactive):
        save(core, username="other")
    assert save(core, id=user.id, first_name="Dave").user.first_name == "Dave"


@pytest.mark.rule("R4")
def test_a_role_that_is_deleted_after_it_was_looked_up_is_unknown_and_starts_no_pause(
    core: UserCore, storage: WatchedStorage
) -> None:
    role = core.roles.create("Designer")
    busy = BusyStorage(storage)
    core = UserCore.over(busy, core._runtime.host)
    busy.looks, busy.meanwhile = 1, lambda: core.roles.delete(role.id)
    with refused(core, Invalid, but={*TRIES, "roles", "history"}) as raised:
        save(core, roles=[role.id], email="dwebb@example.com")
    assert faults(raised.value) == [("roles.1", "unknown")]
    assert registration_attempts(core)[0].status is RegistrationStatus.INVALID
    with refused(core, RoleNotFound, but=()):
        core.roles.get(role.id)
    again = core.roles.create("Designer")
    assert save(core, roles=[again.id], email="dwebb@example.com").created


@pytest.mark.rule("R4")
def test_a_user_who_is_created_after_the_look_is_updated_by_an_upsert(core: UserCore, storage: WatchedStorage) -> None:
    core.roles.create("Designer")
    busy = BusyStorage(storage)
    core = UserCore.over(busy, core._runtime.host)
    busy.looks, busy.meanwhile = 1, lambda: save(core, first_name="Dave")
    saved = save(core, upsert=True)
    assert (saved.created, saved.user.full_name, saved.user.version) == (False, "David Webb", 2)


WRONG: Sequence[dict[str, Any]] = [
    {"id": "17"},
    {"id": True},
    {"id": Username("dwebb")},
    {"uuid": str(BROUGHT)},
    {"version": "1"},
    {"version": True},
    {"is_admin": 1},
    {"tenant": 7},
    {"roles": "Designer"},
    {"roles": b"Designer"},
    {"roles": {"Designer": 1}},
    {"roles": {1, 2}},
    {"roles": 7},
    {"roles": None},
    {"roles": [True]},
    {"roles": [None]},
    {"roles": [1.5]},
    {"username": 7},
    {"email": 7},
    {"email": Email("dwebb@example.com")},
    {"first_name": 7},
    {"upsert": 1},
    {"full_name": "David Webb"},
    {"external_id": "17"},
]


@pytest.mark.rule("R4")
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_type_or_an_unknown_field_changes_nothing(core: UserCore, wrong: dict[str, Any]) -> None:
    core.roles.create("Designer")
    before = dump(core)
    with pytest.raises(TypeError):
        save(core, **wrong)
    assert dump(core) == before


@pytest.mark.rule("R4")
def test_a_detail_has_at_most_a_hundred_roles(core: UserCore) -> None:
    roles = [core.roles.create(f"role {number}").id for number in range(3)]
    assert len(save(core, roles=[*roles, *["Designer"] * 97]).roles) == 3
    with refused(core, Invalid) as raised:
        save(core, username="other", roles=[*roles] * 34)
    assert faults(raised.value) == [("roles", "count")]
