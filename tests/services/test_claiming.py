"""Unclaimed users: creating them, registering them in place, and claiming what they have."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.helpers import (
    ANN,
    PASSWORD,
    BusyHasher,
    add_tenant,
    changed,
    credential_of,
    dump,
    opens,
    over,
    register,
    registration_attempts,
    sign_in,
    unchanged,
)
from usercore import (
    Actor,
    DeviceTokenUnknown,
    Email,
    ExternalId,
    Invalid,
    Secret,
    SignInRefused,
    Taken,
    User,
    UserCore,
    UserNotFound,
    UserState,
    WrongState,
)
from usercore.claiming.moves import MOVES
from usercore.claiming.rules import check_claimable, joined_notes
from usercore.testing import FakeClock, MemoryMailer
from usercore.testing.contracts.user_lists import bare
from usercore.users.fields import NOTE_LIMIT
from usercore_storage.sql.tables import ALL

STAYS = {
    "user_words": "they are made of the user's own fields",
    "claims": "the unclaimed user keeps the identifiers",
    "email_changes": "they are about the email, which stays",
    "credentials": "an unclaimed user has no password",
    "second_factors": "they are removed",
    "recovery_codes": "they are removed with the factors",
    "sign_in_challenges": "an unclaimed user cannot begin to sign in",
    "access_tokens": "they are revoked",
    "limited_use_tokens": "they are revoked",
    "remembered_devices": "they are forgotten",
    "source_accesses": "an unclaimed user cannot sign in",
    "actions": "they say what the host did about the unclaimed user",
    "attempts": "they show what was tried with the unclaimed user's keys",
    "registration_attempts": "as attempts",
    "passkeys": "they are removed",
    "group_members": "the unclaimed user was put into the group, not the user who claims it",
    "product_grants": "access was granted to the unclaimed user, not to the user who claims it",
    "role_assignments": "rights were given to the unclaimed user, not to the user who claims it",
}
"""Tables with rows of users that a claim does not move, and why."""


def unclaimed(core: UserCore, email: str | None = "una@example.com", **fields: Any) -> User:
    """Create an unclaimed user, after the pause between two registrations of an email."""
    wait(core)
    user = core.registration.register(email, unclaimed=True, **fields).user
    wait(core)
    return user


def wait(core: UserCore) -> None:
    """Wait until an email may be registered again."""
    clock = core._runtime.host.clock
    assert isinstance(clock, FakeClock)
    clock.advance(timedelta(seconds=6))


def kinds(core: UserCore, user: User) -> list[str]:
    """Return the kinds of a user's changes, oldest first."""
    return [entry.kind for entry in reversed(core.history.of_user(user.id).rows)]


def test_every_table_with_rows_of_users_moves_or_says_why_it_stays() -> None:
    tables = {table.name.removeprefix("usercore_") for table in ALL if table.user is not None}
    undecided = sorted(tables - MOVES.keys() - STAYS.keys())
    assert not undecided, f"usercore/claiming/moves.py: MOVES, or STAYS here, needs {undecided}"
    assert not MOVES.keys() & STAYS.keys()
    assert tables >= MOVES.keys() | STAYS.keys()


@pytest.mark.rule("R2", "R5")
@pytest.mark.parametrize(
    ("email", "fields"),
    [("una@example.com", {}), (None, {"username": "una"}), (None, {"external_id": "x-1"})],
    ids=["email", "username", "external id"],
)
def test_an_unclaimed_user_has_no_password_no_token_and_gets_no_mail(
    core: UserCore, mailer: MemoryMailer, email: str | None, fields: dict[str, Any]
) -> None:
    registration = core.registration.register(email, unclaimed=True, sign_in=True, **fields)
    user = registration.user
    assert (user.state, registration.access_token) == (UserState.UNCLAIMED, None)
    core.outbox.deliver()
    assert mailer.sent == []
    assert not core.access_tokens.list(user.id)
    assert kinds(core, user) == ["user.unclaimed_created"]
    assert core.users.get(user.id) == user


@pytest.mark.rule("R2")
@pytest.mark.parametrize("fields", [{"username": "una"}, {"external_id": 7}, {"username": "una", "password": PASSWORD}])
def test_a_username_or_an_external_id_is_enough_to_register(
    core: UserCore, mailer: MemoryMailer, fields: dict[str, Any]
) -> None:
    registration = core.registration.register(**fields, sign_in=True)
    assert registration.user.email is None
    assert registration.access_token is not None
    core.outbox.deliver()
    assert mailer.sent == []


@pytest.mark.rule("R2")
@pytest.mark.parametrize("fields", [{}, {"username": ""}, {"unclaimed": True}, {"first_name": "Una"}])
def test_a_user_without_any_identifier_is_refused(core: UserCore, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="no_identifier"):
        core.registration.register(**fields)


@pytest.mark.rule("R5")
@pytest.mark.parametrize("fields", [{"password": PASSWORD}, {"device_token": "ucd_x"}], ids=str)
def test_an_unclaimed_user_cannot_have_a_password_or_a_device(core: UserCore, fields: dict[str, Any]) -> None:
    with unchanged(core), pytest.raises(Invalid, match="has_credentials"):
        core.registration.register("una@example.com", **({"unclaimed": True} | fields))


@pytest.mark.rule("R5")
def test_an_unclaimed_user_gets_neither_password_nor_tokens_nor_sign_in(core: UserCore, clock: FakeClock) -> None:
    user = unclaimed(core)
    calls: list[Callable[[], object]] = [
        lambda: core.passwords.set(user.id, PASSWORD),
        lambda: core.login_tokens.issue(user.id),
        lambda: core.login_tokens.issue_many(user.id, 2),
        lambda: core.autologin_tokens.issue(user.id, valid_to=clock.now + timedelta(days=1)),
        lambda: core.passkeys.begin_registration(user.id),
        lambda: core.second_factors.begin(user.id),
        lambda: core.users.activate(user.id),
        lambda: core.users.deactivate(user.id),
    ]
    for call in calls:
        before = dump(core)
        with pytest.raises(WrongState):
            call()
        assert not changed(before, dump(core))
    with pytest.raises(SignInRefused):
        core.sign_in.trusted(user.id)
    with pytest.raises(SignInRefused):
        core.sign_in.with_password("una@example.com", PASSWORD)


@pytest.mark.rule("R5")
def test_unclaimed_users_are_shown_in_no_list_and_their_email_is_available(core: UserCore) -> None:
    unclaimed(core, first_name="Una")
    assert core.users.list().rows == core.users.search("una").rows == ()
    checked = core.registration.check_email("una@example.com")
    assert (checked.status, checked.user_id) == ("available", None)
    assert core.registration.check_email("una@example.com", PASSWORD).password is False


@pytest.mark.rule("R5")
def test_an_unclaimed_user_is_not_created_twice_nor_with_the_email_of_a_registered_one(core: UserCore) -> None:
    unclaimed(core)
    register(core)
    wait(core)
    for email in ("una@example.com", ANN):
        with pytest.raises(Taken):
            unclaimed(core, email)


def by_register(core: UserCore) -> User:
    return core.registration.register("UNA@example.com", password=PASSWORD, source="shop", first_name="Una").user


def by_register_external(core: UserCore) -> User:
    registration = core.registration.register_external("UNA@example.com", first_name="Una", source="shop")
    assert registration.created
    return registration.user


def by_link(core: UserCore) -> User:
    core.registration.request("UNA@example.com", source="shop")
    core.outbox.deliver()
    mailer = core._runtime.host.mailer
    assert isinstance(mailer, MemoryMailer)
    secret = mailer.sent[-1].text.split("/join/")[1].split()[0]
    return core.registration.complete(secret, password=PASSWORD, first_name="Una").user


def by_import(core: UserCore) -> User:
    report = core.registration.import_users([{"email": "UNA@example.com", "first_name": "Una", "source": "shop"}])
    assert (report.updated, report.bad_count) == (1, 0)
    return core.users.get(Email("una@example.com"))


@pytest.mark.rule("R5", "R8")
@pytest.mark.parametrize("way", [by_register, by_register_external, by_link, by_import], ids=lambda way: way.__name__)
def test_registering_the_email_registers_the_unclaimed_user_in_place(
    core: UserCore, way: Callable[[UserCore], User]
) -> None:
    old = unclaimed(core, last_name="Lee", note="a note", external_id="x-1")
    core.meta.upsert(old.id, "color", "blue")
    user = way(core)
    assert (user.id, user.state, user.email) == (old.id, UserState.ACTIVE, "UNA@example.com")
    assert (user.first_name, user.last_name, user.source) == ("Una", "Lee", "shop")
    assert (user.note, user.external_id, user.created_at) == ("a note", "x-1", old.created_at)
    assert [one.value for one in core.meta.list(user.id)] == ["blue"]
    assert "user.registered" in kinds(core, user) or way is by_import
    assert core.users.list().rows == (core.users.get(user.id),)
    wait(core)
    with pytest.raises(Taken):
        core.registration.register_external("una@example.com", fail_by_existing_email=True, external_id="x-9")
    assert opens(core, sign_in(core, user))


@pytest.mark.rule("R5")
def test_registering_in_place_signs_in_and_pairs_the_device(core: UserCore) -> None:
    old, phone = unclaimed(core), core.device_tokens.issue("phone")
    other = core.registration.register("bob@example.com", device_token=phone, sign_in=True).user
    registration = core.registration.register("una@example.com", password=PASSWORD, device_token=phone, sign_in=True)
    assert registration.access_token is not None
    assert opens(core, registration.access_token)
    assert [user.id for user in core.device_tokens.users(phone)] == [old.id] != [other.id]
    assert registration.user.last_sign_in_at is not None
    assert core.sign_in.with_password("una@example.com", PASSWORD).user.id == old.id


@pytest.mark.rule("R5")
def test_registering_in_place_is_refused_for_the_identifiers_of_others(core: UserCore) -> None:
    old = unclaimed(core)
    register(core, username="ann", external_id="x-1")
    for fields in ({"username": "ann"}, {"external_id": "x-1"}):
        wait(core)
        with pytest.raises(Taken):
            core.registration.register("una@example.com", **fields)  # type: ignore[arg-type]  # one of two fields
    assert core.users.get(old.id) == old
    assert registration_attempts(core)[0].status == "taken_external_id"


@pytest.mark.rule("R5")
def test_the_email_of_an_unclaimed_user_is_taken_unless_registering_in_place(core: UserCore) -> None:
    old = unclaimed(core)
    with pytest.raises(Taken):
        core.registration.register("UNA@example.com", password=PASSWORD, in_place=False)
    assert core.users.get(old.id) == old
    assert registration_attempts(core)[0].status == "taken_email"
    assert core.registration.register("bob@example.com", in_place=False).user.id != old.id


@pytest.mark.rule("R5")
def test_a_user_who_is_created_unclaimed_while_the_password_is_hashed_is_not_registered_unless_in_place(
    core: UserCore,
) -> None:
    hasher = BusyHasher()
    hasher.meanwhile = lambda: unclaimed(core)
    with pytest.raises(Taken):
        over(core, hasher=hasher).registration.register("una@example.com", password=PASSWORD, in_place=False)
    assert core.users.get(Email("una@example.com")).state is UserState.UNCLAIMED


@pytest.mark.rule("R5")
@pytest.mark.parametrize("meanwhile", ["registered", "claimed", "email changed"])
def test_an_unclaimed_user_may_change_while_the_password_is_hashed(core: UserCore, meanwhile: str) -> None:
    old, bob = unclaimed(core), register(core, "bob")
    hasher = BusyHasher()
    busy = over(core, hasher=hasher)
    happens: dict[str, Callable[[], object]] = {
        "registered": lambda: by_import(core),
        "claimed": lambda: core.registration.claim(old.id, bob.id),
        "email changed": lambda: core.emails.change(old.id, "other@example.com"),
    }
    hasher.meanwhile = happens[meanwhile]
    if meanwhile == "email changed":
        assert busy.registration.register("una@example.com", password=PASSWORD).user.id != old.id
        assert core.users.get(old.id).state is UserState.UNCLAIMED
    else:
        with pytest.raises(Taken):
            busy.registration.register("una@example.com", password=PASSWORD)
        assert credential_of(core, old.id) is None


@pytest.mark.rule("R5")
def test_a_claim_moves_meta_and_note_and_deactivates_the_unclaimed_user(core: UserCore, clock: FakeClock) -> None:
    una, ann = unclaimed(core, note="theirs"), register(core, note="own")
    for key, value in {"color": "blue", "size": "7"}.items():
        core.meta.upsert(una.id, key, value, public=True)
    core.meta.upsert(ann.id, "size", "9")
    clock.tick()
    claimed = core.bind(actor=Actor.operator("Zoë")).registration.claim(Email("una@example.com"), ann.id)
    assert [(one.key, one.value, one.public) for one in core.meta.list(ann.id)] == [
        ("color", "blue", True),
        ("size", "9", False),
    ]
    assert core.meta.list(una.id).rows == ()
    assert (claimed.note, claimed.version, claimed.modified_by) == ("own\ntheirs", ann.version + 1, "operator:Zoë")
    assert core.users.get(ann.id) == claimed
    left = core.users.get(una.id)
    assert (left.state, left.note, left.email, left.version) == (
        UserState.DEACTIVATED,
        None,
        "una@example.com",
        una.version + 1,
    )


@pytest.mark.rule("R5")
def test_a_claim_moves_addresses_with_their_versions_and_requests(core: UserCore) -> None:
    una, ann = unclaimed(core), register(core)
    for key in ("invoice", "print"):
        core.addresses.declare_type(key)
    own = core.addresses.add(ann.id, "invoice", city="Trnava")
    invoice, printed = (core.addresses.add(una.id, key, city="Nitra") for key in ("invoice", "print"))
    removed = core.addresses.add(una.id, "print", city="Levice")
    core.addresses.remove(una.id, removed.id)
    request = core.addresses.request_change(una.id, invoice.id, city="Martin")
    core.registration.claim(una.id, ann.id)
    assert core.addresses.list(una.id).rows == ()
    moved = {one.id: one for one in core.addresses.list(ann.id)}
    assert {one: moved[one].is_default for one in moved} == {own.id: True, invoice.id: False, printed.id: True}
    assert (moved[invoice.id].version_id, moved[invoice.id].city) == (invoice.version_id, "Nitra")
    assert core.addresses.accept(ann.id, request.id).new.city == "Martin"
    accepted = core.addresses.get(ann.id, invoice.id)
    assert accepted is not None
    assert accepted.city == "Martin"
    for user, count in ((una, 3), (ann, 3)):
        assert kinds(core, user).count("address.moved") == count


@pytest.mark.rule("R5")
def test_the_histories_of_both_users_name_the_other(core: UserCore) -> None:
    una, ann = unclaimed(core), register(core)
    core.registration.claim(una.id, ann.id)
    for one, other, kind in ((una, ann, "user.claimed_away"), (ann, una, "user.claimed")):
        entry = next(entry for entry in core.history.of_user(one.id).rows if entry.kind == kind)
        assert entry.new is not None
        assert entry.new["other_id"] == other.id
    assert core.users.get(ann.id).version == ann.version, "nothing of the user's own changed"


@pytest.mark.rule("R5")
@pytest.mark.parametrize("valid", [True, False])
def test_a_device_token_pairs_the_access_token_that_was_used_last(
    core: UserCore, clock: FakeClock, *, valid: bool
) -> None:
    una, ann, phone = unclaimed(core), register(core), core.device_tokens.issue("phone")
    other = core.registration.register("bob@example.com", device_token=phone, sign_in=True).user
    tokens = [sign_in(core, ann) for _ in range(2)]
    clock.tick()
    tokens.append(sign_in(core, ann))
    if not valid:
        core.access_tokens.revoke_all(ann.id)
    core.registration.claim(una.id, ann.id, phone)
    paired = [one.device is not None for one in sorted(core.access_tokens.list(ann.id), key=lambda one: one.issued_at)]
    assert paired == ([False, False, True] if valid else [])
    assert ([user.id for user in core.device_tokens.users(phone)]) == ([ann.id] if valid else [other.id])


@pytest.mark.rule("R5")
def test_an_unknown_device_token_claims_nothing(core: UserCore) -> None:
    una, ann = unclaimed(core), register(core)
    with unchanged(core), pytest.raises(DeviceTokenUnknown):
        core.registration.claim(una.id, ann.id, Secret("ucd_x"))


@pytest.mark.rule("R5")
def test_only_an_unclaimed_user_is_claimed_only_once_and_only_by_an_active_one(core: UserCore) -> None:
    una, second, ann, bob = unclaimed(core), unclaimed(core, "two@example.com"), register(core), register(core, "bob")
    core.registration.claim(una.id, ann.id)
    core.users.deactivate(bob.id)
    refused = [
        (una.id, ann.id, "deactivated"),
        (ann.id, ann.id, "active"),
        (second.id, second.id, "unclaimed"),
        (second.id, bob.id, "deactivated"),
    ]
    for one, other, state in refused:
        with unchanged(core), pytest.raises(WrongState) as raised:
            core.registration.claim(one, other)
        assert raised.value.state == state
    for pair in ((second.id, 1), (1, ann.id), (ExternalId("none"), ann.id)):
        with unchanged(core), pytest.raises(UserNotFound):
            core.registration.claim(*pair)


@pytest.mark.rule("R5", "T2")
def test_users_of_another_tenant_can_neither_claim_nor_be_claimed(core: UserCore) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    una, ann = unclaimed(core), register(acme)
    for here in (core, acme):
        with unchanged(core), pytest.raises(UserNotFound):
            here.registration.claim(una.id, ann.id)


@pytest.mark.rule("R5")
def test_notes_that_are_too_long_together_claim_nothing(core: UserCore) -> None:
    una, ann = unclaimed(core, note="a" * 40_000), register(core, note="b" * 40_000)
    with unchanged(core), pytest.raises(Invalid, match="too_long"):
        core.registration.claim(una.id, ann.id)


@pytest.mark.rule("R5")
@given(st.none() | st.text("ab\n", min_size=1, max_size=9), st.none() | st.text("ab\n", min_size=1, max_size=9))
def test_joined_notes_have_both_of_them(own: str | None, other: str | None) -> None:
    joined = joined_notes(own, other)
    assert joined == (own if own == other or other is None else other if own is None else f"{own}\n{other}")
    assert joined is None or len(joined) <= NOTE_LIMIT


@pytest.mark.rule("R5")
@given(st.sampled_from(UserState), st.sampled_from(UserState))
def test_only_an_active_user_claims_an_unclaimed_one(one: UserState, other: UserState) -> None:
    users = bare(1, state=one), bare(2, state=other)
    if (one, other) == (UserState.UNCLAIMED, UserState.ACTIVE):
        check_claimable(*users)
    else:
        with pytest.raises(WrongState):
            check_claimable(*users)
