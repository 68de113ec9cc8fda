"""How often signing in writes the user's row, and which columns an update of a user sets."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.services.helpers import PASSWORD
from usercore import Host, UserCore
from usercore.kernel.ids import UserId
from usercore.testing import FakeHasher
from usercore_storage import sqlite as sqlite_storage


@pytest.mark.rule("S5")
@pytest.mark.parametrize("way", ["password", "login token"])
def test_a_sign_in_updates_the_user_by_the_lock_statement(path: Path, way: str) -> None:
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


@pytest.mark.parametrize(
    ("call", "sets"),
    [
        (lambda core, user_id: core.users.update(user_id, first_name="Ann"), set[str]()),
        (lambda core, user_id: core.users.deactivate(user_id), {"state", "registered_at"}),
    ],
    ids=["another name", "another state"],
)
def test_an_update_sets_the_columns_of_lists_only_if_one_changes(
    path: Path, call: Callable[[UserCore, UserId], object], sets: set[str]
) -> None:
    said: list[str] = []
    with closing(sqlite_storage.open_storage(f"sqlite:///{path}")) as store:
        core = UserCore.over(store, Host(hasher=FakeHasher()))
        ann = core.registration.register("ann@example.com", password=PASSWORD).user
        store.writer()._connection.raw.set_trace_callback(said.append)
        call(core, ann.id)
    changes = [text.partition(" WHERE ")[0] for text in said if text.startswith("UPDATE usercore_users")]
    assert {name for name in ("tenant_id", "state", "registered_at") if f"{name} = " in changes[-1]} == sets
