"""Records create users with all their values, once, without mail, limits or attempts."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.importing.helpers import ANN, BOB, Record, counts, imported, shown
from tests.services.helpers import add_tenant, dump, over, register, unchanged
from usercore import (
    AccessId,
    Actor,
    AnyId,
    Email,
    ExternalId,
    Reference,
    Subscriber,
    UserCore,
    Username,
    UserNotFound,
    UserState,
)
from usercore.kernel.ids import FIRST_DRAWN, USER_KIND, UserId, uuid_of
from usercore.testing import NOON, FakeClock, MemoryMailer

pytestmark = pytest.mark.rule("R7")

LONG_AGO = datetime(2015, 3, 1, 12, 30, tzinfo=UTC)
BROUGHT = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")

WHOLE: Record = {
    "id": 4711,
    "email": "Jana@Bücher.example",
    "email_verified": True,
    "username": "jana",
    "external_id": 815,
    "access_ids": {2: "b", 4: "815"},
    "uuid": str(BROUGHT),
    "created_at": "2015-03-01T13:30:00+01:00",
    "first_name": "Jana",
    "last_name": "Nováková",
    "public_name": "Janka",
    "language": "sk_SK",
    "date_format": "DD/MM/YYYY",
    "timestamp_offset_minutes": 60,
    "data_offset_minutes": -15,
    "source": "crm",
    "referer": "https://example.com/",
    "registration_channel": "fair",
    "note": "two\nlines",
    "is_institution": True,
    "institution_name": "Kníhkupectvo",
}


def test_a_record_creates_a_user_with_all_its_values(core: UserCore) -> None:
    assert counts(imported(core, WHOLE)) == (1, 0, 0, 0)
    user = core.users.get(4711)
    assert (user.email, user.username, user.external_id) == ("Jana@bücher.example", "jana", "815")
    assert user.access_ids == (None, "b", None, "815")
    assert (user.uuid, user.created_at, user.modified_at) == (BROUGHT, LONG_AGO, NOON)
    assert (user.full_name, user.public_name, user.language) == ("Jana Nováková", "Janka", "sk-SK")
    assert (user.date_format, user.timestamp_offset_minutes, user.data_offset_minutes) == ("DD/MM/YYYY", 60, -15)
    assert (user.source, user.referer, user.registration_channel) == ("crm", "https://example.com/", "fair")
    assert (user.note, user.is_institution, user.institution_name) == ("two\nlines", True, "Kníhkupectvo")
    assert (user.email_verified_at, user.state, user.version) == (NOON, UserState.ACTIVE, 1)


def test_the_new_user_is_found_by_each_identifier(core: UserCore) -> None:
    imported(core, WHOLE)
    names: list[Reference] = [
        Email("JANA@bücher.example"),
        Username("Jana"),
        ExternalId(815),
        AccessId("b"),
        AccessId("815"),
        AnyId("b"),
        BROUGHT,
    ]
    assert {core.users.get(name).id for name in names} == {4711}


def test_a_record_with_one_identifier_creates_a_user(core: UserCore, clock: FakeClock) -> None:
    imported(core, {"external_id": "K-1"})
    user = core.users.get(ExternalId("K-1"))
    assert (user.email, user.source, user.created_at) == (None, "unknown", clock.now)
    assert user.id >= FIRST_DRAWN


def test_new_users_have_the_bound_actor_and_source(core: UserCore) -> None:
    imported(core.bind(actor=Actor.operator("Eve"), source="fair"), ANN)
    user = core.users.get(ExternalId("K-1"))
    assert (user.created_by, user.modified_by, user.source) == ("operator:Eve", "operator:Eve", "fair")


@pytest.mark.rule("X2")
def test_each_new_user_has_one_entry_of_history(core: UserCore) -> None:
    imported(core, ANN, BOB)
    for record in (ANN, BOB):
        (entry,) = core.history.of_user(ExternalId(str(record["external_id"]))).rows
        assert (entry.kind, entry.at, entry.old) == ("user.imported", NOON, {})
        assert (entry.new["email"], entry.new["first_name"]) == (record["email"], record["first_name"])


@pytest.mark.rule("R1")
def test_an_import_sends_no_mail_counts_no_limit_and_stores_no_attempt(core: UserCore, mailer: MemoryMailer) -> None:
    imported(core, ANN, BOB, {"email": "nobody"})
    core.outbox.deliver()
    assert mailer.sent == []
    tables = {name for name, rows in dump(core).items() if rows and name != "schema"}
    assert tables - {"user_words"} == {"tenants", "users", "claims", "history"}


@pytest.mark.rule("X3")
def test_subscribers_are_called_for_each_new_user(core: UserCore) -> None:
    heard: list[int] = []
    crm = Subscriber(name="crm", kinds={"user.imported"}, handle=lambda event: heard.append(event.entry.subject_id))
    core = over(core, subscribers=[crm])
    imported(core, ANN, BOB)
    core.outbox.deliver()
    assert heard == [core.users.get(ExternalId(name)).id for name in ("K-1", "K-2")]


@pytest.mark.rule("T2")
def test_users_are_imported_into_the_tenant_of_the_core(core: UserCore) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    assert counts(imported(core, ANN)) == counts(imported(acme, ANN)) == (1, 0, 0, 0)
    assert core.users.get(ExternalId("K-1")).id != acme.users.get(ExternalId("K-1")).id


PROBES: tuple[Record, ...] = (
    {},
    {"email": "eve@example.com"},
    {"external_id": "K-2", "note": "linked"},
    {"uuid": BROUGHT},
    {"uuid": uuid_of(UserId(77), USER_KIND)},
    {"first_name": "\n"},
)


@pytest.mark.rule("T2")
@pytest.mark.parametrize("tenant", ["acme", "system"])
@pytest.mark.parametrize("all_or_nothing", [False, True])
@pytest.mark.parametrize("probe", PROBES)
def test_an_import_has_the_same_result_for_a_free_id_and_one_of_another_tenants_user(
    core: UserCore, tenant: str, probe: Record, *, all_or_nothing: bool
) -> None:
    add_tenant(core)
    prober = core.tenant(tenant)
    imported(prober, BOB)

    def answer(user_id: int) -> list[str]:
        with unchanged(core):
            records = [{**probe, "id": user_id}]
            return shown(prober.registration.import_users(records, all_or_nothing=all_or_nothing).bad)

    free = answer(77)
    imported(core, {"id": 77, "email": "ann@example.com"})
    assert answer(77) == free != []


@pytest.mark.rule("T2")
def test_the_main_tenant_gets_an_id_that_another_tenant_tried_to_bring(core: UserCore) -> None:
    add_tenant(core)
    assert imported(core.tenant("acme"), {"id": 7, "email": "eve@example.com"}).bad_count == 1
    assert counts(imported(core, {"id": 7, "email": "ann@example.com"})) == (1, 0, 0, 0)


@pytest.mark.rule("I1")
@pytest.mark.parametrize(
    ("user_id", "fault"),
    [(0, "out_of_range"), (FIRST_DRAWN, "unknown"), (1 << 53, "out_of_range"), (-7, "out_of_range")],
)
def test_an_id_that_could_be_generated_is_refused(core: UserCore, user_id: int, fault: str) -> None:
    with unchanged(core):
        report = imported(core, {"id": user_id, "email": "ann@example.com"})
    assert shown(report.bad) == [f"line 1: id: {fault}"]


@pytest.mark.rule("I1")
def test_the_greatest_id_that_is_never_generated_is_imported(core: UserCore) -> None:
    imported(core, {"id": FIRST_DRAWN - 1, "external_id": "K-1"})
    assert core.users.get(FIRST_DRAWN - 1).external_id == "K-1"


@pytest.mark.rule("I2")
def test_the_derived_uuid_of_another_user_is_taken(core: UserCore) -> None:
    ann = register(core)
    report = imported(core, {"email": "eve@example.com", "uuid": ann.uuid}, {"id": 5, "external_id": "x"})
    assert shown(report.bad) == ["line 1: uuid: taken"]
    assert core.users.get(uuid_of(UserId(5), USER_KIND)).id == 5
    assert shown(imported(core, {"external_id": "y", "uuid": core.users.get(5).uuid}).bad) == ["line 1: uuid: taken"]


@pytest.mark.rule("I2")
def test_a_derived_uuid_that_its_user_replaced_is_free(core: UserCore) -> None:
    imported(core, {"id": 5, "external_id": "x", "uuid": BROUGHT})
    assert counts(imported(core, {"external_id": "y", "uuid": uuid_of(UserId(5), USER_KIND)})) == (1, 0, 0, 0)
    assert core.users.get(uuid_of(UserId(5), USER_KIND)).external_id == "y"


@pytest.mark.rule("I2")
@pytest.mark.parametrize("number", [0, 5])
def test_an_id_is_imported_together_with_the_uuid_derived_from_it(core: UserCore, number: int) -> None:
    made = uuid_of(UserId(number), USER_KIND)
    imported(core, {"id": 5, "external_id": "x", "uuid": made})
    assert counts(imported(core, {"external_id": "x", "note": "still there"})) == (0, 1, 0, 0)
    assert (core.users.get(made).id, core.users.get(5).uuid) == (5, made)


@pytest.mark.rule("I2")
def test_an_imported_uuid_replaces_the_derived_one(core: UserCore) -> None:
    imported(core, {"id": 5, "external_id": "x", "uuid": BROUGHT})
    assert core.users.get(BROUGHT).id == 5
    with pytest.raises(UserNotFound):
        core.users.get(uuid_of(UserId(5), USER_KIND))


@pytest.mark.rule("U3")
@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"external_id": "a-1"}, "external_id: taken"),
        ({"external_id": "new", "access_ids": ["K-1"]}, "access_ids: taken"),
        ({"external_id": "new", "access_ids": [None, "a-1"]}, "access_ids: taken"),
        ({"external_id": "new", "username": "ANNIE"}, "username: taken"),
        ({"external_id": "a-1", "username": "annie"}, "username: taken; external_id: taken"),
        ({"external_id": "new", "uuid": BROUGHT}, "uuid: taken"),
        ({"external_id": "new", "access_ids": ["z", "z"]}, "access_ids: repeated"),
        ({"external_id": "new", "email_verified": True}, "email_verified: no_email"),
        ({"email": "bob@example.com", "username": "ann@example.com"}, "username: not_own_email"),
        ({"external_id": "new", "username": "bob@example.com"}, "username: not_own_email"),
    ],
)
def test_a_taken_or_impossible_identifier_makes_a_bad_record(core: UserCore, record: Record, fault: str) -> None:
    imported(core, {**ANN, "username": "annie", "uuid": BROUGHT})
    with unchanged(core):
        report = imported(core, record)
    assert shown(report.bad) == [f"line 1: {fault}"]


@pytest.mark.rule("U3")
def test_one_user_may_use_one_key_in_several_ways(core: UserCore) -> None:
    imported(core, {"email": "ann@example.com", "username": "ANN@example.com", "external_id": "1", "access_ids": [1]})
    names: list[Reference] = [Email("ann@example.com"), Username("ann@example.com"), ExternalId(1), AccessId(1)]
    assert len({core.users.get(name).id for name in names}) == 1
