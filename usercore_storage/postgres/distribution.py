"""The statements that spread tables over the nodes of Citus, and which tables are spread."""

from collections.abc import Sequence
from typing import Final

from usercore_storage.postgres.sharding import GROUPS, REFERENCES, SHARDS
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.schema import VERSIONS
from usercore_storage.sql.tables import ALL, USERS

SPREADABLE: Final = (VERSIONS, *(table.name for table in ALL))
"""The tables that are spread, in this order: the first table of a co-location group comes before its others."""

_OURS: Final = "c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('usercore_schema'))"
_SPREAD: Final = (
    "SELECT c.relname::text, EXISTS (SELECT 1 FROM pg_dist_partition AS p WHERE p.logicalrelid = c.oid)"
    f" FROM pg_class AS c WHERE c.relkind = 'r' AND c.relname LIKE 'usercore\\_%' AND {_OURS}"
)


def left_to_spread(run: Executor) -> list[str]:
    """Return the tables that are not spread yet, in the order in which they should be."""
    spread: dict[str, bool] = dict(run(_SPREAD))
    return [name for name in SPREADABLE if spread.get(name) is False]


def is_spread(run: Executor) -> bool:
    """Return whether the store is spread: at least its users are."""
    spread: dict[str, bool] = dict(run(_SPREAD))
    return spread.get(USERS.name, False)


def distribution_of(name: str, *, shards: int | None = None) -> str:
    """Return the statement that spreads a table; without ``shards`` the server chooses how many parts a group has."""
    if name == VERSIONS or name in REFERENCES:
        return f"SELECT create_reference_table('{name}')"
    group = GROUPS[name]
    if group != name:
        return f"SELECT create_distributed_table('{name}', '{SHARDS[name]}', colocate_with => '{group}')"
    count = "" if shards is None else f", shard_count => {shards}"
    return f"SELECT create_distributed_table('{name}', '{SHARDS[name]}', colocate_with => 'none'{count})"


def removal_of(name: str) -> str:
    """Return the statement that removes the rows which were there before the table was spread, and are hidden now."""
    return f"SELECT truncate_local_data_after_distributing_table('{name}')"


def distributions(run: Executor) -> Sequence[str]:
    """Return the statements for tables that a migration has added to a store that is spread."""
    return [distribution_of(name) for name in left_to_spread(run)] if is_spread(run) else []
