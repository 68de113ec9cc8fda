"""Signing in writes the user's row once."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.services.helpers import PASSWORD
from usercore import Host, UserCore
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
