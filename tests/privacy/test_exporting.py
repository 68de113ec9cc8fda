"""An export has everything that is personal, nothing secret, and an import of it gives the same person."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.importing.helpers import counts
from tests.privacy.full_life import EMAIL, MARK, MARKS, OF_USER, Lives, live
from tests.services.helpers import dump, register, unchanged
from usercore import ExternalId, Host, Invalid, User, UserCore, UserNotFound
from usercore.addresses.model import FIELDS as ADDRESS_FIELDS
from usercore.privacy.exporting import SECTIONS, plain
from usercore.storage import ROWS
from usercore.testing import FakeClock, FakeHasher, MemoryMailer, strategies
from usercore_storage import memory


def texts_in(value: object) -> Iterator[str]:
    """Iterate over all texts in plain data."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)
    elif value is not None:
        yield str(value)


@pytest.fixture
def lives(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> Lives:
    return live(core, clock, mailer)


@pytest.mark.rule("X5")
def test_an_export_has_every_section_and_what_is_personal_in_it(lives: Lives) -> None:
    with unchanged(lives.core):
        exported = lives.core.privacy.export(lives.user.id)
    assert json.loads(json.dumps(exported)) == exported
    assert {*SECTIONS, "format", "exported_at", "tenant", "user", "account", "claimed", "history"} == exported.keys()
    for name, rows in SECTIONS.items():
        assert exported[name], f"the life has no {name}"
        columns = set(rows.personal + rows.plain) - {rows.user, "tenant_id"}
        assert all(row.keys() == columns for row in exported[name])
        marked = [column for row in exported[name] for column in row if MARK in str(row[column]).lower()]
        assert marked or not set(rows.personal) - {"ip"}
    assert exported["user"]["email"] == EMAIL
    assert exported["account"]["uuid"] == str(OF_USER)
    assert exported["history"][0]["kind"] == "user.registered"
    assert set(MARKS) <= {mark for mark in MARKS for text in texts_in(exported) if mark in text.lower()}


@pytest.mark.rule("X5", "R5")
def test_an_export_has_the_same_of_each_user_who_was_claimed_and_is_none_of_their_own(core: UserCore) -> None:
    ann = register(core)
    una, ula = (register(core, name, unclaimed=True, first_name=f"{MARK} {name}", note=MARK) for name in ("una", "ula"))
    for one in (una, ula):
        core.registration.claim(one.id, ann.id)
    core.users.activate(ula.id)
    exported = core.privacy.export(ann.id)
    (claimed,) = exported["claimed"]
    assert claimed.keys() == exported.keys() - {"format", "exported_at", "tenant", "claimed"}
    assert (claimed["account"]["id"], claimed["user"]["first_name"]) == (una.id, f"{MARK} una")
    assert [one["kind"] for one in claimed["history"]] == ["user.unclaimed_created", "user.claimed_away"]
    assert core.privacy.export(ula.id)["claimed"] == []


@pytest.mark.rule("X5")
def test_an_export_has_no_secret_and_nothing_of_others(lives: Lives) -> None:
    texts = list(texts_in(lives.core.privacy.export(lives.user.id)))
    hidden = {
        value
        for table, rows in dump(lives.core).items()
        for row in rows
        for column, value in row.items()
        if table in {"credentials", "access_tokens", "recovery_codes", "passkeys"} and column in SECRETS
    }
    assert len(hidden) > len(SECRETS)
    assert not [text for text in texts if text in hidden or repr(text) in hidden]
    assert not [text for text in texts if "bob@example.com" in text]


SECRETS = {name for rows in ROWS.values() for name in rows.secret}


@pytest.mark.rule("X5", "X6")
def test_a_user_who_is_exported_erased_and_imported_is_the_same_person(lives: Lives) -> None:
    core = lives.core
    core.users.deactivate(lives.user.id)
    exported = json.loads(json.dumps(core.privacy.export(lives.user.id)))
    core.privacy.erase(lives.user.id, "moves away")
    report = core.registration.import_users([exported["user"]])
    assert (report.created, report.bad) == (1, ())
    again = core.users.get(ExternalId(lives.user.external_id or ""))
    restore_by_calls(core, again.id, exported)
    assert belongings_of(core.privacy.export(again.id)) == belongings_of(exported)
    assert all(belongings_of(exported).values())


BELONGINGS: Final[dict[str, tuple[str, ...]]] = {
    "meta": ("key", "value", "public"),
    "groups": ("group_id",),
    "roles": ("role_id",),
    "products": ("product_id", "valid_from", "valid_until"),
    "addresses": ("type", "is_default"),
    "address_versions": ("type", *ADDRESS_FIELDS),
}
"""What an export has of a user that calls store again: all but ids, and who stored it when."""


def restore_by_calls(core: UserCore, user_id: int, exported: dict[str, Any]) -> None:
    """Store again what an import does not take, as ``docs/how-to/erase-and-export.md`` says."""
    for row in exported["meta"]:
        core.meta.upsert(user_id, row["key"], row["value"], public=row["public"])
    for row in exported["groups"]:
        core.groups.add(user_id, row["group_id"])
    for row in exported["roles"]:
        core.roles.give(user_id, row["role_id"])
    for row in exported["products"]:
        start, end = (row[name] and datetime.fromisoformat(row[name]) for name in ("valid_from", "valid_until"))
        core.products.grant(user_id, [row["product_id"]], start, end)
    for row in exported["address_versions"]:
        core.addresses.add(user_id, row["type"], **{name: row[name] for name in ADDRESS_FIELDS})
    if exported["account"]["state"] == "deactivated":
        core.users.deactivate(user_id)


def belongings_of(exported: dict[str, Any]) -> dict[str, object]:
    """Return what is the same of a person after an import and these calls."""
    rows = {
        section: [tuple(row[name] for name in columns) for row in exported[section]]
        for section, columns in BELONGINGS.items()
    }
    return {"user": exported["user"], "state": exported["account"]["state"], **rows}


LINES = st.one_of(st.none(), strategies.names())

RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "email": strategies.emails(),
        "username": strategies.usernames(),
        "external_id": strategies.host_ids(),
        "access_ids": st.lists(strategies.host_ids().map("a{}".format), min_size=1, max_size=4, unique=True),
        "uuid": st.uuids(version=4),
        "created_at": strategies.instants(),
        "first_name": LINES,
        "last_name": LINES,
        "public_name": LINES,
        "institution_name": LINES,
        "note": st.sampled_from(["one\ntwo", "😀", None]),
        "language": st.sampled_from(["sk-SK", None]),
        "date_format": st.sampled_from(["DD/MM/YYYY", None]),
        "timestamp_offset_minutes": st.sampled_from([-60, 0, 840, None]),
        "is_institution": st.booleans(),
        "source": st.sampled_from(["shop", None]),
    },
)

META = st.dictionaries(
    st.text("ab", min_size=1, max_size=3), st.tuples(strategies.storable_text(), st.booleans()), max_size=2
)


@pytest.mark.rule("R7", "X5", "X6")
def test_any_user_who_is_exported_erased_and_imported_is_the_same_person() -> None:
    with closing(memory.open_storage("memory://")) as storage:
        core = UserCore.over(storage, Host(hasher=FakeHasher()))

        @given(RECORDS, META, st.booleans())
        def check(record: dict[str, Any], meta: dict[str, tuple[str, bool]], verified: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
            flags = {"email_verified": verified} if "email" in record else {}
            made = core.registration.import_users([{"external_id": "only", **record, **flags}])
            assume(made.created == 1)
            (user,) = core.users.list().rows
            if "external_id" not in record:
                core.users.unlink_external_id(user.id)  # perhaps the only identifier
            for key, (value, public) in meta.items():
                core.meta.upsert(user.id, key, value, public=public)
            exported = json.loads(json.dumps(core.privacy.export(user.id)))
            core.privacy.erase(user.id, "asked")
            assert counts(core.registration.import_users([exported["user"]] * 2)) == (1, 0, 1, 0)
            (again,) = core.users.list().rows
            for row in exported["meta"]:
                core.meta.upsert(again.id, row["key"], row["value"], public=row["public"])
            assert person_of(core, again) == person_of_export(exported)
            assert again.external_id == record.get("external_id")
            core.privacy.erase(again.id, "asked")

        check()


def person_of(core: UserCore, user: User) -> object:
    return person_of_export(core.privacy.export(user.id))


def person_of_export(exported: dict[str, Any]) -> object:
    """Return what an import carries of a person, and the values that are stored by calls."""
    return exported["user"], [(row["key"], row["value"], row["public"]) for row in exported["meta"]]


@pytest.mark.rule("X5")
def test_a_user_who_is_not_there_is_not_exported(core: UserCore) -> None:
    ann = register(core)
    core.tenant("system").tenants.create("acme", "Acme")
    core.privacy.erase(ann.id, "asked")
    for one in (core, core.tenant("acme")):
        with pytest.raises(UserNotFound):
            one.privacy.export(ann.id)
    with pytest.raises(Invalid):
        core.privacy.export(ExternalId(" "))


@pytest.mark.rule("X5")
def test_columns_are_plain_data(lives: Lives) -> None:
    assert plain((None, "a")) == [None, "a"]
    assert plain(lives.user.created_at) == lives.user.created_at.isoformat()
    assert plain(OF_USER) == str(OF_USER)
    assert type(plain(lives.user.state)) is str
