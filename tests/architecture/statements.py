"""All statements of the SQL storages, and the shard that each of them uses."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from sqlglot import exp, parse

import usercore_storage.sql
from usercore_storage.postgres.connections import numbered
from usercore_storage.sql import tables
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.unit import SqlUnit

TABLES: Final[dict[str, Table[Any]]] = {table.name: table for table in tables.ALL}

CLEANING: Final = frozenset(
    {
        "api_tokens.REMOVE[expires_at]",
        "api_tokens.REMOVE[revoked_at]",
        "attempts._blank",
        "attempts._remove",
        "throttling.REMOVE_FUTURE_COUNTERS",
        "throttling.REMOVE_LIMITS",
        "users.REMOVE_CHANGES",
        "users.REMOVE_HELD",
        "throttling.REMOVE_OLD_COUNTERS",
        "outbox.REMOVE",
        "remembered_devices.REMOVE_EXPIRED",
        "history.REMOVE",
        "history.REMOVE_ACTIONS",
        "second_factors.REMOVE_CHALLENGES",
        "registration_attempts._blank",
        "registration_attempts._remove",
        "tokens.REMOVE_ABANDONED",
        "tokens.REMOVE_ACCESS[expires_at]",
        "tokens.REMOVE_ACCESS[revoked_at]",
        "tokens.REMOVE_DEVICES",
        "tokens.REMOVE_LIMITED[expires_at]",
        "tokens.REMOVE_LIMITED[redeemed_at]",
        "tokens.REMOVE_LIMITED[revoked_at]",
        "tokens.REMOVE_LINKS[completed_at]",
        "tokens.REMOVE_LINKS[expires_at]",
        *(
            f"users.REMOVE_ROWS[{table.name}]"
            for table in TABLES.values()
            if table.user not in (None, table.shard) and table.name != "usercore_claims"  # removed by their keys
        ),
    }
)
"""They run once a day, on every shard, each by an index."""

_VERBS: Final = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ")
_COMPARISONS: Final = (exp.EQ, exp.In)


class NoRun(Executor):
    """Runs nothing; repositories are created with it to collect their statements."""

    def __call__(self, statement: str, _: object = (), /) -> list[Row]:
        raise AssertionError(statement)

    def many(self, statement: str, _: object, /) -> None:
        raise AssertionError(statement)


def statements() -> dict[str, str]:
    """Return all statements by name: constants without ``_``, which marks parts, and those that repositories build."""
    modules = [import_module(f"usercore_storage.sql.{found.name}") for found in _modules()]
    unit = SqlUnit(NoRun())
    held = {f"{name}.{key}": value for name, repository in vars(unit).items() for key, value in _held(repository)}
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_")
    }
    inserts = {f"{name}.insert": table.insert for name, table in TABLES.items()}
    return inserts | {name: text for owner, value in (found | held).items() for name, text in _texts(owner, value)}


def _modules() -> Iterator[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules(usercore_storage.sql.__path__)


def _held(repository: object) -> Iterator[tuple[str, object]]:
    return iter(getattr(repository, "__dict__", {}).items())


def _texts(owner: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value.startswith(_VERBS):
        yield owner, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(f"{owner}[{key}]", part)


def parsed(statement: str, dialect: str) -> exp.Expression:
    """Parse one statement in the dialect of an engine."""
    text = numbered(statement).decode() if dialect == "postgres" else statement
    (only,) = parse(text, dialect=dialect)
    assert isinstance(only, exp.Expression)
    return only


def set_columns(statement: exp.Expression) -> set[tuple[str, str]]:
    """Return the columns that an UPDATE sets, also that of an INSERT with a conflict, with their tables' names."""
    changing = (exp.Update, exp.OnConflict)
    sets = [one for part in statement.find_all(*changing) for one in part.expressions if isinstance(one, exp.EQ)]
    table = statement.find(exp.Table)
    return {(table.name, one.this.name) for one in sets} if table else set()


def astray(statement: exp.Expression, references: frozenset[str]) -> set[str]:
    """Return the tables, except references, whose shard a statement does not name."""
    if isinstance(statement, exp.Insert):
        name, named = statement.this.this.name, {column.name for column in statement.this.expressions}
        read = astray(statement.expression, references) if statement.expression.find(exp.From) else set()
        return read | ({name} - references if TABLES[name].shard not in named else set())
    used = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
    looks = [_names(query) for query in statement.find_all(exp.Subquery, exp.Exists) if not _stays(query, references)]
    if len(used) < len(list(statement.find_all(exp.Table))) or any(names - references for names in looks):
        return set(used.values()) - references  # a separate query, on any shard
    return {used[alias] for alias in used.keys() - _bound(statement, used)} - references


def _stays(query: exp.Expression, references: frozenset[str]) -> bool:
    """Return whether an EXISTS names its shard by a value, and nothing of the statement around it."""
    aliases = {table.alias_or_name for table in query.find_all(exp.Table)}
    is_alone = all(column.table in {"", *aliases} for column in query.find_all(exp.Column))
    return isinstance(query, exp.Exists) and is_alone and not astray(query.this, references)


def _names(expression: exp.Expression) -> set[str]:
    return {table.name for table in expression.find_all(exp.Table)}


def _bound(statement: exp.Expression, used: dict[str, str]) -> set[str]:
    """Return the aliases whose shard column is compared with a value, directly or through another alias."""
    pairs = [_shards_in(comparison, used) for comparison in _conditions(statement)]
    bound = {alias for aliases, is_with_value in pairs for alias in aliases if is_with_value}
    for _ in used:
        bound |= {alias for aliases, _ in pairs if aliases & bound for alias in aliases}
    return bound


def _conditions(statement: exp.Expression) -> Iterator[exp.Expression]:
    """Iterate over the comparisons that must all be true."""
    wholes = [where.this for where in statement.find_all(exp.Where)]
    wholes += [join.args["on"] for join in statement.find_all(exp.Join)]
    for whole in wholes:
        parts = whole.flatten() if isinstance(whole, exp.And) else [whole]
        yield from (part for part in parts if isinstance(part, _COMPARISONS))


def _shards_in(comparison: exp.Expression, used: dict[str, str]) -> tuple[set[str], bool]:
    sides = [comparison.this, *([comparison.expression] if isinstance(comparison, exp.EQ) else comparison.expressions)]
    columns = [side for side in sides if isinstance(side, exp.Column)]
    only = next(iter(used))
    owners = [(column.table or only, column.name) for column in columns]
    shards = {alias for alias, name in owners if TABLES[used[alias]].shard == name}
    return shards if len(shards) == len(columns) else set(), len(columns) == 1
