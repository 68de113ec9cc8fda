"""An UPDATE of the columns that change leaves the row that one of all columns would, and texts are few."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.helpers import PASSWORD
from usercore import Host, UserCore
from usercore.kernel.entity import differing, evolve
from usercore.testing import FakeHasher, strategies
from usercore.users.model import User
from usercore_storage import sqlite as sqlite_storage
from usercore_storage.sql.tables import USERS
from usercore_storage.sql.updates import MOST_TEXTS, Updates

FIXED = ("id", "tenant_id", "change_no")
NAMES = [column.name for column in USERS.columns]
FREE = [name for name in NAMES if name not in FIXED]

updates = Updates(USERS, "tenant_id", "change_no")


@pytest.mark.rule("U1")
@given(strategies.users(), strategies.users(), st.sets(st.sampled_from(NAMES)))
def test_only_what_differs_is_set_and_all_of_it(old: User, other: User, names: set[str]) -> None:
    new = evolve(old, **{name: getattr(other, name) for name in names if name != "id"})
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE usercore_users ({USERS.select})")
        database.execute(USERS.insert, USERS.row(old))
        update = updates.of(differing(old, new))
        if update is not None:
            statement, row_of = update
            assert database.execute(statement, row_of(new)).rowcount == 1
        (row,) = database.execute(f"SELECT {USERS.select} FROM usercore_users").fetchall()  # noqa: S608 - names of columns
    assert row == USERS.row(evolve(new, tenant_id=old.tenant_id, change_no=old.change_no))


@pytest.mark.rule("S5")
@pytest.mark.parametrize("way", ["password", "login token"])
def test_who_signs_in_has_it_noted_by_the_guard(path: Path, way: str) -> None:
    said: list[str] = []
    with closing(sqlite_storage.open_storage(f"sqlite:///{path}")) as store:
        core = UserCore.over(store, Host(hasher=FakeHasher()))
        ann = core.registration.register("ann@example.com", password=PASSWORD).user
        token = core.login_tokens.issue(ann.id)
        store.writer()._connection.raw.set_trace_callback(said.append)
        if way == "password":
            core.sign_in.with_password("ann@example.com", PASSWORD)
        else:
            core.sign_in.with_login_token(token)
    assert sum(text.startswith("UPDATE usercore_users") for text in said) == 1


def test_nothing_is_set_where_nothing_may_change() -> None:
    assert updates.of([]) is None
    assert updates.of(FIXED) is None


def test_beyond_so_many_mixtures_all_columns_are_set() -> None:
    fresh = Updates(USERS, "tenant_id", "change_no")
    mixtures = [(one, another) for one in FREE for another in FREE if one < another]
    texts = {update[0] for update in map(fresh.of, mixtures) if update is not None}
    assert len(mixtures) > len(texts) == MOST_TEXTS + 1
    assert fresh.whole[0] in texts
    assert fresh.of(mixtures[0]) == fresh.of(mixtures[0]) != fresh.whole
