"""Rows inserted in bulk are stored unchanged, though columns that are empty in all of them are omitted."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.testing import strategies
from usercore.users.model import User
from usercore_storage.sql.table import FEW
from usercore_storage.sql.tables import USERS

people = st.builds(
    lambda users, times: users * times, st.lists(strategies.users(), max_size=3), st.sampled_from((1, FEW))
)
"""Fewer and more than those from which on columns are omitted."""


@pytest.mark.rule("R7")
@given(people)
def test_rows_inserted_together_equal_rows_inserted_alone(users: list[User]) -> None:
    rows = [USERS.row(user) for user in users]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE usercore_users ({USERS.select})")
        database.executemany(*USERS.insert_many(rows))
        assert database.execute(f"SELECT {USERS.select} FROM usercore_users").fetchall() == rows  # noqa: S608 - names of columns


@pytest.mark.rule("R7")
@given(people)
def test_a_column_is_named_if_one_of_the_rows_fills_it(users: list[User]) -> None:
    statement, rows = USERS.insert_many([USERS.row(user) for user in users])
    named = statement.partition("(")[2].partition(")")[0].split(", ")
    assert all(len(row) == len(named) and None not in row[:1] for row in rows)
    assert ("note" in named) == (len(users) < FEW or any(user.note is not None for user in users))
