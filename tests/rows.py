"""Rows of two stores with the same history, without the differences of random values and ids."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.people import id_of

GENERATED = {
    ("usercore_access_tokens", "digest"),
    ("usercore_credentials", "hash"),
    ("usercore_limited_use_tokens", "digest"),
}
PUBLIC_ID = re.compile(r"uc[al]-\w{9}-\w{11}")


def masked(tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, list[str]]:
    """Return all rows as text, with new ids replaced by their order and random values by their length.

    What belongs to no user has the negative of its own id as that of a user.
    """
    values = {value for rows in tables.values() for row in rows for value in row.values()}
    new = sorted(filter(_is_new_id, values))
    ids = {sign * number: f"new {sign * place}" for place, number in enumerate(new, start=1) for sign in (1, -1)}
    return {table: sorted(_masked(table, row, ids) for row in rows) for table, rows in tables.items()}


def _is_new_id(value: object) -> bool:
    return isinstance(value, int) and id_of(10**9) < value < 10**15  # instants are later


def _masked(table: str, row: Mapping[str, Any], ids: Mapping[int, str]) -> str:
    shown = {name: len(value) if (table, name) in GENERATED else ids.get(value, value) for name, value in row.items()}
    return PUBLIC_ID.sub("a public id", repr(shown))
