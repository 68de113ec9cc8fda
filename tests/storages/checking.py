"""The findings of a check, on every engine: cases to inherit. The test damages the rows by SQL."""

import re
import threading
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from itertools import count, takewhile
from typing import Any, Final

import attrs
import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS
from tests.profiles import some
from usercore import Email, Host, NewerSchema, SignInRefused, UserCore, UsercoreError
from usercore.opening import open_storage
from usercore.storage import Storage
from usercore.testing import FakeHasher
from usercore_storage import FindingKind, Report, check
from usercore_storage.check_report import MOST
from usercore_storage.sql.checking import SIZE
from usercore_storage.sql.table import Column
from usercore_storage.sql.tables import ALL

Found = set[tuple[FindingKind, str, str]]

TABLES_OF_USERS: Final = {table.name for table in ALL if table.user is not None or table.by_subject is not None}
OF_TENANTS: Final = {table.name for table in ALL if table.tenant is not None}


def fill(storage: Storage) -> None:
    """Fill an empty store: build a filled and run every public call in it."""
    filled = build(storage)
    with suppress(SignInRefused):
        filled.core.bind(user_agent="Lynx").sign_in.with_password("ann@example.com", "a wrong one")
    for call in CALLS:
        if str(call) not in {"core.close", "privacy.erase"}:  # nothing would be left of Ann
            with suppress(UsercoreError):  # some calls fail because another one ran before
                call.of(filled)(**call.arguments(filled))


class CheckedStore(ABC):
    """A full store of one kind, to be damaged."""

    url: str
    """The URL for the check."""

    writable_url: str
    """The URL for writers."""

    @abstractmethod
    def run(self, script: str) -> None:
        """Run statements without usercore."""

    @abstractmethod
    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""


@attrs.frozen
class Damage:
    """A damage by SQL and its finding; numbers are written as N."""

    script: str
    found: Found


def orphan(problem: str, *tables: str) -> Found:
    return {(FindingKind.ORPHAN, f"usercore_{table.removeprefix('usercore_')}", problem) for table in tables}


def mismatch(table: str, *problems: str) -> Found:
    return {(FindingKind.MISMATCH, f"usercore_{table}", problem) for problem in problems}


def unreadable(table: str, problem: str) -> Found:
    return {(FindingKind.UNREADABLE, f"usercore_{table}", problem)}


def unusable(problem: str) -> Found:
    return {(FindingKind.UNUSABLE, "usercore_credentials", f"its hash cannot be used: {problem}")}


def schema(table: str, problem: str) -> Found:
    return {(FindingKind.SCHEMA, f"usercore_{table}", problem)}


UNCLAIMED: Final = mismatch("users", "its username is not claimed")
USELESS: Final = mismatch("claims", "user N has no such username")
OTHER_WORDS: Final = mismatch("users", "its words in the index of words are others")

SALT_AND_DIGEST: Final = "$c2FsdHNhbHQ$" + "A" * 43

ROWS: Final = {
    "users are gone": Damage("DELETE FROM usercore_users", orphan("user N is not there", *TABLES_OF_USERS)),
    "tenants are gone": Damage("DELETE FROM usercore_tenants", orphan("tenant N is not there", *OF_TENANTS)),
    "history is gone": Damage(
        "DELETE FROM usercore_history", orphan("its entry of history is not there", "deliveries")
    ),
    "a tenant with nothing in it is gone": Damage(
        "DELETE FROM usercore_tenants WHERE key = 'acme'", orphan("tenant N is not there", "history", "deliveries")
    ),
    "a user is another tenant's": Damage(
        "UPDATE usercore_attempts SET tenant_id = (SELECT id FROM usercore_tenants WHERE key = 'acme')",
        mismatch("attempts", "user N belongs to another tenant"),
    ),
    "an attempt without a user has another place": Damage(
        "UPDATE usercore_attempts SET user_id = -1 WHERE user_id < 0",
        unreadable("attempts", "user_id cannot be read"),
    ),
    "an attempt has the user 0": Damage(
        "UPDATE usercore_attempts SET user_id = 0 WHERE user_id < 0",
        unreadable("attempts", "user_id cannot be read"),
    ),
    "a claim is gone": Damage("DELETE FROM usercore_claims WHERE key = 'bob'", UNCLAIMED),
    "a claim is another's": Damage(
        "UPDATE usercore_claims SET holder_id ="
        " (SELECT id FROM usercore_users WHERE email = 'early@example.com') WHERE key = 'bob'",
        mismatch("users", "its username is claimed by user N") | USELESS,
    ),
    "a claim has another key": Damage(
        "UPDATE usercore_claims SET key = 'bobby' WHERE key = 'bob'",
        UNCLAIMED | USELESS | mismatch("claims", "its digest is not that of its key"),
    ),
    "a claim has another space": Damage(
        "UPDATE usercore_claims SET space = 'external' WHERE key = 'bob'",
        UNCLAIMED | USELESS | mismatch("claims", "its digest is not that of its key"),
    ),
    "a claim has no known space": Damage(
        "UPDATE usercore_claims SET space = 'nonsense' WHERE key = 'bob'",
        UNCLAIMED | unreadable("claims", "space cannot be read"),
    ),
    "a claim has other uses": Damage(
        "UPDATE usercore_claims SET uses = 1 WHERE key = 'bob'",
        mismatch("users", "the claim on its username has the uses N, not N"),
    ),
    "a claim has uses that there are not": Damage(
        "UPDATE usercore_claims SET uses = -1, key = 'bobby' WHERE key = 'bob'",
        UNCLAIMED | mismatch("claims", "user N has no such identifier", "its digest is not that of its key"),
    ),
    "a username was set by hand": Damage(
        "UPDATE usercore_users SET username = 'zed' WHERE username = 'bob'", UNCLAIMED | USELESS | OTHER_WORDS
    ),
    "a word is gone": Damage("DELETE FROM usercore_user_words WHERE word LIKE 'bob%'", OTHER_WORDS),
    "a word is another": Damage("UPDATE usercore_user_words SET word = 'zoe' WHERE word LIKE 'bob%'", OTHER_WORDS),
    "an email that is none was set by hand": Damage(
        "UPDATE usercore_users SET email = 'nonsense' WHERE username = 'bob'",
        unreadable("users", "its identifiers make no keys") | OTHER_WORDS,
    ),
    "access ids are too few": Damage(
        "UPDATE usercore_users SET access_ids = '[\"a-7\"]'", unreadable("users", "access_ids cannot be read")
    ),
    "access ids are no texts": Damage(
        "UPDATE usercore_users SET access_ids = '[1, 2, 3, 4]'", unreadable("users", "access_ids cannot be read")
    ),
    "a tenant was renamed by hand": Damage(
        "UPDATE usercore_tenants SET name = 'Other' WHERE key = 'acme'",
        mismatch("tenants", "its name_folded is not that of its name"),
    ),
    "history has no values by name": Damage(
        "UPDATE usercore_history SET new_text = '[]'", unreadable("history", "its values make no Entry")
    ),
    "history has no JSON": Damage(
        "UPDATE usercore_history SET old_text = '{'", unreadable("history", "its values make no Entry")
    ),
    "a hash demands too much memory": Damage(
        f"UPDATE usercore_credentials SET hash = '$argon2id$v=19$m=8388608,t=1,p=1{SALT_AND_DIGEST}'",  # noqa: S608 - a constant
        unusable("it demands N KiB, not N to N"),
    ),
    "an imported hash demands too much": Damage(
        f"UPDATE usercore_credentials SET hash = '$2b$31${'.' * 53}'",  # noqa: S608 - a constant
        unusable("it demands N as the cost, not N to N"),
    ),
    "a hash takes a key of the host's": Damage(
        "UPDATE usercore_credentials SET hash = '$firescrypt$ln=14,r=8,p=1$AAAA$AAAA'", set()
    ),
    "a hash is that of the host's hasher": Damage("UPDATE usercore_credentials SET hash = 'fake$1$2'", set()),
    "a hash was cut off": Damage(
        "UPDATE usercore_credentials SET hash = '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ'", unusable("it is damaged")
    ),
    "a hash is a usable one": Damage(
        f"UPDATE usercore_credentials SET hash = '$argon2id$v=19$m=262144,t=10,p=1{SALT_AND_DIGEST}'",  # noqa: S608 - a constant
        set(),
    ),
    "roles are gone": Damage("DELETE FROM usercore_roles", orphan("role N is not there", "role_assignments")),
    "groups are gone": Damage("DELETE FROM usercore_groups", orphan("group N is not there", "group_members")),
    "a role is another tenant's": Damage(
        "UPDATE usercore_roles SET tenant_id = (SELECT id FROM usercore_tenants WHERE key = 'acme')",
        mismatch("role_assignments", "role N belongs to another tenant"),
    ),
    "a role was renamed by hand": Damage(
        "UPDATE usercore_roles SET name = 'Other' WHERE name = 'Unused'",
        mismatch("roles", "its name_folded is not that of its name"),
    ),
    "permissions are no texts": Damage(
        "UPDATE usercore_roles SET permissions = '[1]' WHERE name = 'Unused'",
        unreadable("roles", "permissions cannot be read"),
    ),
    "user agents are gone": Damage(
        "DELETE FROM usercore_user_agents", orphan("the text of its user_agent is not there", "attempts")
    ),
    "a user agent has another text": Damage(
        "UPDATE usercore_user_agents SET text = 'Links'", mismatch("user_agents", "its digest is not that of its text")
    ),
    "links are gone, as after a clean-up": Damage("DELETE FROM usercore_registration_links", set()),
    "the host has a table": Damage("CREATE TABLE orders (number bigint)", set()),
}

SCHEMAS: Final = {
    "an index is gone": Damage(
        "DROP INDEX usercore_deliveries_due",
        schema("deliveries", "the index or trigger usercore_deliveries_due is missing"),
    ),
    "an index is made otherwise": Damage(
        "DROP INDEX usercore_deliveries_failed;"
        "CREATE INDEX usercore_deliveries_failed ON usercore_deliveries (tenant_id) WHERE state = 'done'",
        schema("deliveries", "the index or trigger usercore_deliveries_failed is made otherwise"),
    ),
    "an index is no longer unique": Damage(
        "DROP INDEX usercore_tenants_by_key; CREATE INDEX usercore_tenants_by_key ON usercore_tenants (key_folded)",
        schema("tenants", "the index or trigger usercore_tenants_by_key is made otherwise"),
    ),
    "there is one index more": Damage(
        "CREATE INDEX by_email ON usercore_users (email)",
        schema("users", "no such index or trigger is known: by_email"),
    ),
    "there is one column more": Damage(
        "ALTER TABLE usercore_users ADD COLUMN later_field text",
        schema("users", "no such column is known: later_field"),
    ),
    "a column is gone": Damage(
        "ALTER TABLE usercore_users DROP COLUMN note", schema("users", "the column note is missing")
    ),
    "a table is gone": Damage(
        "DROP TABLE usercore_failure_counters", schema("failure_counters", "the table is missing")
    ),
    "there is one table more": Damage(
        "CREATE TABLE usercore_words (word text)", schema("words", "no such table is known")
    ),
}


def bad_value(column: Column) -> str | None:
    """Return a value that the engine accepts but the column's field does not, or None if there is no such value."""
    read = column.codec.read
    if "instant(" in read:
        return "9000000000000000000"
    return "'nonsense'" if column.codec.column in {"text", "tuple"} and read != "{0}" else None


BAD: Final = [*some(((one, column) for one in ALL for column in one.columns if bad_value(column) is not None), 4)]


class CheckingCases(ABC):
    """Bind them by a fixture ``engine`` that returns a store filled by ``fill``."""

    @abstractmethod
    @pytest.fixture
    def engine(self) -> CheckedStore:
        """Return a full store."""

    def found(self, engine: CheckedStore) -> Found:
        """Check the store, and that the report shows no personal data."""
        report = check(engine.url)
        for finding in report.findings:
            assert not re.search(r"\b(ann|bob|early|guest)\b|example|x-\d|a-\d", str(finding), re.IGNORECASE)
        return {(one.kind, one.table, re.sub(r"-?\d+", "N", one.problem)) for one in report.findings}

    @pytest.mark.rule("ERR")
    def test_a_store_after_every_call_is_clean(self, engine: CheckedStore) -> None:
        report = check(engine.url)
        rows = [engine.ask(f"SELECT count(*) FROM {table.name}")[0][0] for table in ALL]  # noqa: S608 - our own names
        assert report == Report(findings=(), left_out=0, rows=sum(rows))
        assert report.is_clean
        assert min(rows) > 0, "there must be something of everything"

    @pytest.mark.rule("ERR")
    @pytest.mark.parametrize("damage", [*ROWS.values(), *SCHEMAS.values()], ids=[*ROWS, *SCHEMAS])
    def test_each_damage_is_found(self, engine: CheckedStore, damage: Damage) -> None:
        engine.run(damage.script)
        assert self.found(engine) == damage.found

    @pytest.mark.rule("ERR")
    @pytest.mark.parametrize(("table", "column"), BAD, ids=[f"{table.name}.{column.name}" for table, column in BAD])
    def test_a_value_that_its_field_cannot_have_is_found(
        self, engine: CheckedStore, table: Any, column: Column
    ) -> None:
        key = ", ".join(table.key)
        one = f"SELECT {key} FROM {table.name} ORDER BY {key} LIMIT 1"  # noqa: S608 - our own names
        engine.run(f"UPDATE {table.name} SET {column.name} = {bad_value(column)} WHERE ({key}) IN ({one})")  # noqa: S608 - as above
        problem = (FindingKind.UNREADABLE, table.name, f"{column.name} cannot be read")
        assert problem in self.found(engine)

    def test_a_finding_names_the_row_by_its_key(self, engine: CheckedStore) -> None:
        engine.run("UPDATE usercore_access_tokens SET issued_at = 9000000000000000000")
        ((user_id, digest),) = engine.ask("SELECT user_id, digest FROM usercore_access_tokens LIMIT 1")
        keys = [finding.key for finding in check(engine.url).findings]
        assert f"user_id={user_id} digest={bytes(digest).hex()}" in keys

    def test_rows_are_not_read_where_a_column_is_missing(self, engine: CheckedStore) -> None:
        engine.run("DELETE FROM usercore_tenants; ALTER TABLE usercore_users DROP COLUMN note")
        assert self.found(engine) == SCHEMAS["a column is gone"].found
        assert check(engine.url).rows == 0

    def test_the_first_findings_of_a_kind_are_listed_and_the_rest_counted(self, engine: CheckedStore) -> None:
        engine.run(
            "DELETE FROM usercore_actions; INSERT INTO usercore_actions (user_id, id, tenant_id, action, at, actor)"
            " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1150)"
            " SELECT -i, i, CASE WHEN i > 1000 THEN 77 ELSE 2 END, 'called', 0, 'host' FROM n"
        )
        report = check(engine.url)
        assert {finding.problem for finding in report.findings} == {"tenant 77 is not there"}
        assert (len(report.findings), report.left_out) == (MOST, 150 - MOST)

    def test_a_finding_is_found_once_wherever_a_page_ends(self, engine: CheckedStore) -> None:
        engine.run(
            "DELETE FROM usercore_deliveries; INSERT INTO usercore_deliveries (subject_id, subject, change_no,"  # noqa: S608 - a number
            " position, subscriber, tenant_id, kind, state, made_at, due_at, tries, lease_no, ordering_key)"
            f" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {2 * SIZE + 1})"
            " SELECT i, 'registration', 1, 0, 'subscriber', 2, 'x', 'done', 0, 0, 0, 0, 0 FROM n"
        )
        report = check(engine.url)
        assert {finding.problem for finding in report.findings} == {"its entry of history is not there"}
        assert len(report.findings) + report.left_out == 2 * SIZE + 1

    def test_concurrent_writes_are_not_findings(self, engine: CheckedStore) -> None:
        done = threading.Event()

        def write() -> None:
            with closing(open_storage(engine.writable_url)) as storage:
                core = UserCore.over(storage, Host(hasher=FakeHasher()))
                ref = Email("early@example.com")
                for number in takewhile(lambda _: not done.is_set(), count()):
                    core.users.set_access_ids(ref, [f"n{number}", f"m{number}", None, None])

        writing = threading.Thread(target=write)
        writing.start()
        try:
            reports = [check(engine.url) for _ in range(20)]
        finally:
            done.set()
            writing.join()
        assert [report.findings for report in reports] == [()] * 20
        assert reports[-1].rows > reports[0].rows

    @pytest.mark.rule("ERR")
    def test_a_newer_store_is_refused(self, engine: CheckedStore) -> None:
        engine.run("UPDATE usercore_schema SET version = 99")
        with pytest.raises(NewerSchema):
            check(engine.url)
