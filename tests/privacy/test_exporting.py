"""An export has everything that is personal, nothing secret, and an import of it gives the same person."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.privacy.full_life import EMAIL, MARK, MARKS, OF_USER, Lives, live
from tests.services.helpers import dump, register, unchanged
from usercore import ExternalId, Host, Invalid, UserCore, UserNotFound
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
    assert {*SECTIONS, "format", "exported_at", "tenant", "user", "account", "history"} == exported.keys()
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
    exported = json.loads(json.dumps(core.privacy.export(lives.user.id)))
    core.privacy.erase(lives.user.id, "moves away")
    report = core.registration.import_users([exported["user"]])
    assert (report.created, report.bad) == (1, ())
    for row in exported["meta"]:
        core.meta.upsert(ExternalId(lives.user.external_id or ""), row["key"], row["value"], public=row["public"])
    again = core.privacy.export(ExternalId(lives.user.external_id or ""))
    assert again["user"] == exported["user"]
    kept = [[(row["key"], row["value"], row["public"]) for row in one["meta"]] for one in (exported, again)]
    assert kept[0] == kept[1] != []


LINES = st.one_of(st.none(), strategies.names())

RECORDS = st.fixed_dictionaries(
    {"email": strategies.emails()},
    optional={
        "email_verified": st.booleans(),
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


@pytest.mark.rule("X5", "X6")
def test_what_an_import_carries_of_any_user_comes_back() -> None:
    with closing(memory.open_storage("memory://")) as storage:
        core = UserCore.over(storage, Host(hasher=FakeHasher()))

        @given(RECORDS)
        def check(record: dict[str, Any]) -> None:
            assume(core.registration.import_users([record]).created == 1)
            (user,) = core.users.list().rows
            exported = json.loads(json.dumps(core.privacy.export(user.id)))["user"]
            core.privacy.erase(user.id, "asked")
            assert core.registration.import_users([exported]).bad == ()
            (again,) = core.users.list().rows
            assert core.privacy.export(again.id)["user"] == exported
            assert again.external_id == record.get("external_id")
            core.privacy.erase(again.id, "asked")

        check()


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
