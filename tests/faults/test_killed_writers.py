"""A process that is killed while it writes: what it acknowledged is stored, and nothing in part."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

import usercore
from tests.faults.processes import Child, hear, started
from tests.faults.rounds import rounds
from usercore import UserCore

LEFT_HALF: Final = {
    "a user without the claim of their email": """
        SELECT count(*) FROM usercore_users WHERE NOT EXISTS
        (SELECT 1 FROM usercore_claims WHERE holder_id = usercore_users.id AND key = usercore_users.email)""",
    "a user without the claim of their external id": """
        SELECT count(*) FROM usercore_users WHERE NOT EXISTS
        (SELECT 1 FROM usercore_claims WHERE holder_id = usercore_users.id AND key = usercore_users.external_id)""",
    "a claim without its user": """
        SELECT count(*) FROM usercore_claims WHERE holder_id NOT IN (SELECT id FROM usercore_users)""",
    "a user without the entry of their registration": """
        SELECT count(*) FROM usercore_users WHERE id NOT IN
        (SELECT subject_id FROM usercore_history WHERE kind = 'user.registered')""",
    "an entry without its user": """
        SELECT count(*) FROM usercore_history WHERE subject = 'user' AND subject_id NOT IN
        (SELECT id FROM usercore_users)""",
    "a user without an access token": """
        SELECT count(*) FROM usercore_users WHERE id NOT IN (SELECT user_id FROM usercore_access_tokens)""",
    "a user without the attempt of their registration": """
        SELECT count(*) FROM usercore_users WHERE id NOT IN (SELECT user_id FROM usercore_registration_attempts)""",
    "an access token too many or too few": """
        SELECT (SELECT count(*) FROM usercore_access_tokens) -
        (SELECT count(*) FROM usercore_history WHERE kind = 'access_token.issued')""",
    "a login token too many or too few": """
        SELECT (SELECT count(*) FROM usercore_limited_use_tokens) -
        (SELECT count(*) FROM usercore_history WHERE kind = 'login_token.issued')""",
}


def acknowledged_before_death(child: Child, lines: int) -> list[list[str]]:
    """Kill a child after it printed so many lines, and return all that it printed."""
    said = [hear(child) for _ in range(lines)]
    child.kill()
    assert child.stdout is not None
    said += child.stdout.read().split("\n")[:-1]  # the last may be cut off
    return [line.split() for line in said]


def check_kept(core: UserCore, acknowledged: list[list[str]]) -> None:
    for what, number, *more in acknowledged:
        kinds = [entry.kind for entry in core.history.of_user(int(number)).rows]
        assert kinds[-1] == "user.registered"
        if what == "user":
            assert core.users.get(usercore.Email(more[0])).id == int(number)
        else:
            assert "login_token.issued" in kinds


def check_whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for what, question in LEFT_HALF.items():
            assert connection.execute(question).fetchone() == (0,), what


@pytest.mark.slow
@pytest.mark.rule("U3", "X2", "K3")
def test_a_killed_writers_acknowledged_units_are_stored_and_none_in_part(tmp_path: Path) -> None:
    path, randomness = tmp_path / "store.db", random.Random(20)  # noqa: S311 - the same moments in each run
    for number in range(rounds(few=4)):
        with started("write", f"sqlite:///{path}", f"round{number}") as child:
            acknowledged = acknowledged_before_death(child, lines=randomness.randrange(1, 60))
        with usercore.open(f"sqlite:///{path}") as core:
            check_kept(core, acknowledged)
        check_whole(path)
