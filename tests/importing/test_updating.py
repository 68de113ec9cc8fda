"""Records change the users they name and no others; the same records again change nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.importing.helpers import ANN, BOB, Record, counts, imported, shown
from tests.services.helpers import register, sign_in, unchanged
from usercore import AccessId, Email, ExternalId, User, UserCore, Username, UserState
from usercore.kernel.ids import FIRST_DRAWN
from usercore.testing import NOON, FakeClock, MemoryMailer

pytestmark = pytest.mark.rule("R7")

BROUGHT = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")


@pytest.fixture
def ann(core: UserCore, clock: FakeClock) -> User:
    """Return Ann, who was imported a day ago; her email is verified, and is her username."""
    imported(core, {**ANN, "email_verified": True, "username": "ann@example.com"})
    clock.advance(timedelta(days=1))
    return core.users.get(Email("ann@example.com"))


def entries(core: UserCore, user: User) -> list[str]:
    return [entry.kind for entry in core.history.of_user(user.id).rows]


def test_the_same_records_again_change_nothing(core: UserCore, clock: FakeClock) -> None:
    records: list[Record] = [
        {**ANN, "email_verified": True, "username": "ann@example.com", "created_at": "2015-01-01T00:00:00Z"},
        {**BOB, "id": 5, "uuid": str(BROUGHT), "note": None, "source": ""},
        {"email": "bob@example.com", "last_name": "Builder"},
    ]
    assert counts(imported(core, *records)) == (2, 1, 0, 0)
    clock.advance(timedelta(days=1))
    with unchanged(core):
        assert counts(imported(core, *records)) == (0, 0, 3, 0)


def test_a_field_that_is_left_out_stays_and_none_clears_it(core: UserCore, ann: User) -> None:
    assert counts(imported(core, {"external_id": "K-1", "last_name": "Lee", "first_name": None})) == (0, 1, 0, 0)
    now = core.users.get(ann.id)
    assert (now.first_name, now.last_name, now.email, now.access_ids) == (None, "Lee", ann.email, ann.access_ids)


@pytest.mark.rule("U1")
def test_a_change_raises_the_version_and_stores_instant_and_actor(core: UserCore, ann: User, clock: FakeClock) -> None:
    imported(core, {"external_id": "K-1", "first_name": "Anna"})
    now = core.users.get(ann.id)
    assert (now.version, now.modified_at, now.created_at) == (ann.version + 1, clock.now, NOON)


@pytest.mark.rule("X2")
def test_a_change_stores_one_entry_of_history_with_the_differences(core: UserCore, ann: User) -> None:
    imported(
        core, {"external_id": "K-1", "first_name": "Anna", "language": "sk", "created_at": NOON - timedelta(days=9)}
    )
    newest, _ = core.history.of_user(ann.id).rows
    assert newest.kind == "user.imported"
    assert newest.old == {"created_at": NOON.isoformat(), "first_name": "Ann", "language": None}
    assert newest.new["language"] == "sk"


OTHERWISE: dict[str, Record] = {
    "username": {"username": "ANN@Example.com"},
    "access ids": {"access_ids": ["card-1", "card-7"]},
    "an access id": {"access_id_2": "card-7"},
    "uuid": {"uuid": str(BROUGHT)},
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_record_with_none_of_these_names_its_user_by_what_it_has(core: UserCore, ann: User, name: str) -> None:
    ids = {"access_id_1": "card-1", "access_id_2": "card-7", "uuid": str(BROUGHT)}
    imported(core, {"id": ann.id, **ids})
    record = {**OTHERWISE[name], "note": "found"}
    assert counts(imported(core, record)) == (0, 1, 0, 0)
    assert core.users.get(ann.id).note == "found"
    with unchanged(core):
        assert counts(imported(core, record)) == (0, 0, 1, 0)
    core.privacy.erase(ann.id, "asked")
    created = {"username": "anna"} if name == "username" else OTHERWISE[name]
    assert counts(imported(core, created, created)) == (1, 0, 1, 0)


def test_a_user_who_has_nothing_else_is_named_by_the_uuid_of_the_id(core: UserCore, ann: User) -> None:
    assert counts(imported(core, {"uuid": str(ann.uuid), "note": "found"})) == (0, 1, 0, 0)
    core.privacy.erase(ann.id, "asked")
    assert counts(imported(core, {"uuid": str(ann.uuid)})) == (1, 0, 0, 0)
    assert core.users.get(ann.uuid).supplied_uuid == ann.uuid


@pytest.mark.parametrize(
    ("record", "reasons"),
    [
        ({"username": "bob@example.com"}, "username: not_own_email"),
        ({"access_ids": ["card-7", "card-8"]}, "record: two_users"),
        ({"access_id_1": "K-1"}, "access_ids: taken"),
    ],
)
@pytest.mark.usefixtures("ann")
def test_what_is_not_the_users_own_does_not_name_one(core: UserCore, record: Record, reasons: str) -> None:
    imported(core, {"external_id": "K-2", "access_id_1": "card-8"}, {"external_id": "K-1", "access_id_1": "card-7"})
    report = imported(core, record)
    assert [shown(report.bad)] == [[f"line 1: {reasons}"]]


@pytest.mark.parametrize("name", [{"id": "its own"}, {"external_id": "K-1"}, {"email": "ANN@Example.COM"}])
def test_a_user_is_named_by_id_by_external_id_or_by_email(core: UserCore, ann: User, name: Record) -> None:
    name = {"id": ann.id} if "id" in name else name
    assert counts(imported(core, {**name, "note": "found"})) == (0, 1, 0, 0)
    assert core.users.get(ann.id).note == "found"


@pytest.mark.parametrize(
    "record",
    [
        {"external_id": "K-1", "email": "bob@example.com"},
        {"id": "ann", "email": "bob@example.com"},
        {"id": "ann", "external_id": "K-2"},
        {"id": 7, "external_id": "K-1"},
        {"id": 7, "email": "bob@example.com"},
    ],
)
def test_identifiers_of_two_users_are_a_bad_record(core: UserCore, ann: User, record: Record) -> None:
    imported(core, BOB)
    record = {**record, "id": ann.id} if record.get("id") == "ann" else record
    with unchanged(core):
        assert shown(imported(core, record).bad) == ["line 1: record: two_users"]


@pytest.mark.usefixtures("ann")
@pytest.mark.rule("U8")
def test_an_external_id_is_linked_to_the_user_of_the_email_unless_they_have_another(core: UserCore) -> None:
    bob = register(core, "bob")
    imported(core, {"email": "bob@example.com", "external_id": "K-2"})
    assert core.users.get(ExternalId("K-2")).id == bob.id
    report = imported(core, {"email": "ann@example.com", "external_id": "K-3"})
    assert shown(report.bad) == ["line 1: external_id: another_linked"]


@pytest.mark.rule("U8")
def test_by_id_an_external_id_is_replaced_or_removed(core: UserCore, ann: User) -> None:
    imported(core, {"id": ann.id, "external_id": "K-9"})
    assert core.users.get(ExternalId("K-9")).id == ann.id
    imported(core, {"id": ann.id, "external_id": None})
    assert core.users.find(ExternalId("K-9")) is None


@pytest.mark.rule("U9")
def test_named_slots_are_replaced_and_the_others_stay(core: UserCore, ann: User) -> None:
    imported(core, {"external_id": "K-1", "access_id_1": "a-2", "access_id_3": "a-3"})
    assert core.users.get(ann.id).access_ids == ("a-2", None, "a-3", None)
    imported(core, {"external_id": "K-1", "access_ids": [None]})
    assert core.users.get(ann.id).access_ids == (None, None, "a-3", None)
    assert core.users.find(AccessId("a-2")) is None
    report = imported(core, {"external_id": "K-1", "access_id_1": "a-3"})
    assert shown(report.bad) == ["line 1: access_ids: repeated"]


@pytest.mark.rule("E1", "U6")
def test_another_email_is_unverified_and_the_username_follows(core: UserCore, ann: User) -> None:
    imported(core, {"external_id": "K-1", "email": "ann@example.org"})
    now = core.users.get(Username("ann@example.org"))
    assert (now.id, now.email, now.email_verified) == (ann.id, "ann@example.org", False)
    assert core.users.find(Email("ann@example.com")) is None


@pytest.mark.rule("E4")
def test_another_spelling_of_the_email_stays_verified(core: UserCore, ann: User) -> None:
    imported(core, {"external_id": "K-1", "email": "Ann@EXAMPLE.com"})
    now = core.users.get(ann.id)
    assert (now.email, now.email_verified_at) == ("Ann@example.com", ann.email_verified_at)


@pytest.mark.rule("U6")
def test_a_record_states_whether_the_email_is_verified(core: UserCore, ann: User, clock: FakeClock) -> None:
    assert counts(imported(core, {"external_id": "K-1", "email_verified": True})) == (0, 0, 1, 0)
    imported(core, {"external_id": "K-1", "email_verified": False})
    assert core.users.get(ann.id).email_verified_at is None
    imported(core, {"external_id": "K-1", "email": "ann@example.org", "email_verified": True})
    assert core.users.get(ann.id).email_verified_at == clock.now


@pytest.mark.rule("U13")
def test_an_email_is_removed_together_with_the_username_equal_to_it(core: UserCore, ann: User) -> None:
    imported(core, {"external_id": "K-1", "email": None})
    now = core.users.get(ann.id)
    assert (now.email, now.email_verified_at, now.username) == (None, None, None)
    assert counts(imported(core, {"email": "ann@example.com"})) == (1, 0, 0, 0)


@pytest.mark.rule("K9")
def test_another_email_revokes_login_tokens_and_another_spelling_does_not(core: UserCore, ann: User) -> None:
    core.login_tokens.issue(ann.id)
    imported(core, {"external_id": "K-1", "email": "ANN@example.com"})
    assert "tokens.revoked" not in entries(core, ann)
    access = sign_in(core, ann)
    imported(core, {"external_id": "K-1", "email": "ann@example.org"})
    assert entries(core, ann)[0] == "tokens.revoked"
    assert core.sign_in.identify(access).user.id == ann.id


@pytest.mark.usefixtures("ann")
@pytest.mark.rule("E1")
def test_the_owner_of_a_replaced_email_is_not_mailed(core: UserCore, mailer: MemoryMailer) -> None:
    imported(core, {"external_id": "K-1", "email": "ann@example.org"})
    core.outbox.deliver()
    assert mailer.sent == []


@pytest.mark.rule("X7")
def test_the_date_of_the_record_becomes_created_at(core: UserCore, ann: User) -> None:
    imported(core, {"external_id": "K-1", "created_at": "2015-05-01T10:00:00+02:00"})
    assert core.users.get(ann.id).created_at == datetime(2015, 5, 1, 8, tzinfo=UTC)
    assert counts(imported(core, {"external_id": "K-1", "created_at": "2015-05-01T08:00:00Z"})) == (0, 0, 1, 0)


@pytest.mark.rule("I2")
def test_a_uuid_is_set_later_or_cleared_and_the_derived_one_changes_nothing(core: UserCore, ann: User) -> None:
    assert counts(imported(core, {"external_id": "K-1", "uuid": ann.uuid})) == (0, 0, 1, 0)
    imported(core, {"external_id": "K-1", "uuid": BROUGHT})
    assert core.users.get(BROUGHT).id == ann.id
    imported(core, {"external_id": "K-1", "uuid": None})
    assert core.users.get(ann.uuid).id == ann.id
    assert core.users.find(BROUGHT) is None


@pytest.mark.rule("U2")
def test_a_deactivated_user_is_changed_and_stays_so(core: UserCore, ann: User) -> None:
    core.users.deactivate(ann.id)
    imported(core, {"external_id": "K-1", "first_name": "Anna"})
    now = core.users.get(ann.id)
    assert (now.first_name, now.state) == ("Anna", UserState.DEACTIVATED)


@pytest.mark.rule("I1")
def test_an_id_generated_in_another_tenant_is_unknown(core: UserCore, ann: User) -> None:
    assert ann.id >= FIRST_DRAWN
    operators = core.tenant("system")
    assert shown(imported(operators, {"id": ann.id, "note": "?"}).bad) == ["line 1: id: unknown"]


@pytest.mark.usefixtures("ann")
@pytest.mark.rule("U3")
@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"external_id": "K-1", "username": "bobby"}, "username: taken"),
        ({"external_id": "K-1", "access_ids": ["K-2"]}, "access_ids: taken"),
        ({"external_id": "K-1", "username": "bob@example.com"}, "username: not_own_email"),
    ],
)
def test_a_change_to_an_identifier_of_another_user_is_refused(core: UserCore, record: Record, fault: str) -> None:
    imported(core, {**BOB, "username": "bobby"})
    with unchanged(core):
        assert shown(imported(core, {**record, "note": "?"}).bad) == [f"line 1: {fault}"]


@pytest.mark.rule("U1", "R7")
def test_a_public_name_that_is_the_email_is_not_stored_and_importing_it_again_changes_nothing(core: UserCore) -> None:
    record = {"external_id": "K-7", "email": "eve@example.com", "public_name": "EVE@example.com"}
    assert counts(imported(core, record)) == (1, 0, 0, 0)
    user = core.users.get(ExternalId("K-7"))
    assert (user.chosen_public_name, user.public_name) == (None, "eve@example.com")
    assert counts(imported(core, record)) == (0, 0, 1, 0)
    imported(core, {"external_id": "K-7", "public_name": "Eve@example.org"})
    assert core.users.get(user.id).chosen_public_name == "Eve@example.org"
    imported(core, {"external_id": "K-7", "email": "eve@example.org"})
    assert core.users.get(user.id).chosen_public_name is None
