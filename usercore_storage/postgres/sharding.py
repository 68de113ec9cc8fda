"""Where the rows of each table live on a cluster; it follows from the tables' declarations."""

import re
from collections.abc import Mapping
from typing import Any, Final

from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL, USERS

_NAMED_BY_ROWS: Final = frozenset(
    column.once.table for table in ALL for column in table.columns if column.once is not None
)
"""Tables with texts that rows of all shards name."""


def is_reference(table: Table[Any]) -> bool:
    """Return whether each node has a copy of a table: it is small, and its unique names do not contain the shard."""
    return table.name in _NAMED_BY_ROWS or any(
        definition.startswith("UNIQUE") and table.shard not in re.findall(r"\w+", definition)
        for definition in table.indexes.values()
    )


def _group_of(table: Table[Any]) -> str:
    """Return the table whose rows live on the same shards as those with an equal value in this table's column.

    Rows of a user, and the history and the deliveries of a subject, are beside the user with this id.
    """
    is_of_users = table.shard == table.user or (
        table.by_subject is not None and table.shard == table.by_subject.subject_id
    )
    if is_of_users:
        return USERS.name
    if table.shard == table.tenant:
        return next(one.name for one in ALL if one.shard == one.tenant)
    return table.name


REFERENCES: Final = tuple(table.name for table in ALL if is_reference(table))
"""Tables of which each node has a copy."""

SHARDS: Final[Mapping[str, str]] = {table.name: table.shard for table in ALL}
"""The column that decides where a row lives."""

GROUPS: Final[Mapping[str, str]] = {table.name: _group_of(table) for table in ALL if not is_reference(table)}
"""The other tables, each with the first table of its co-location group."""
