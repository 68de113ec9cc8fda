"""Entities with a name that is unique in their tenant: what they ask of a storage, and how they are changed.

Deleting one marks it: from then on it is not there. ``cleanup`` removes what refers to it, and then the row.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Taken
from usercore.kernel.units import ChangingUnit


class Named(Protocol):
    """The fields that the entities have in common."""

    @property
    def id(self) -> Any:  # noqa: ANN401 - each kind has a type of its own
        """The id."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def version(self) -> int:
        """The number of the state that it has."""


N = TypeVar("N", bound=Named)


class NamedRepository(Protocol[N]):
    """Stores named entities. A unit sees those of its own tenant that are not deleted; for it, others do not exist."""

    @abstractmethod
    def add(self, entity: N, /) -> None:
        """Store a new entity of the unit's tenant; the unit holds its lock from now on.

        Raises:
            RunAgain: an entity has this id, or one of the tenant this name, ignoring case. Callers check first.
        """

    @abstractmethod
    def get(self, entity_id: Any, /) -> N | None:  # noqa: ANN401 - as ``Named.id``
        """Return the entity, or None."""

    @abstractmethod
    def get_many(self, ids: Sequence[Any], /) -> list[N]:
        """Return the entities that exist among these ids, each once, in any order."""

    @abstractmethod
    def find_by_name(self, name: str, /) -> N | None:
        """Return the entity with this name, ignoring case and width, or None."""

    @abstractmethod
    def lock(self, entity_id: Any, /) -> N:  # noqa: ANN401 - as above
        """Lock the entity until the unit ends, increment its change number, and return it as it is now.

        It is locked after tenants and before users, lower id first.

        Raises:
            NotFound: there is no such entity; the class is that of its kind.
        """

    @abstractmethod
    def replace(self, entity: N, /) -> None:
        """Store another state of a locked entity: all fields but ``id``, ``tenant_id`` and ``change_no``.

        Raises:
            RunAgain: another entity of the tenant has this name, ignoring case. Callers check first.
        """

    @abstractmethod
    def list_deleted(self, limit: int, /) -> list[N]:
        """Return at most ``limit`` entities of any tenant that are marked as deleted, the earliest first."""

    @abstractmethod
    def remove_deleted(self, entity_id: Any, /) -> None:  # noqa: ANN401 - as above
        """Remove the row of an entity of any tenant, if it is marked as deleted."""


def add_named(unit: ChangingUnit, rows: NamedRepository[N], new: N, *, kind: ChangeKind, taken: Taken) -> None:
    """Store a new entity, and record the change.

    Raises:
        Taken: the given error, if another entity of the tenant has the name.
    """
    _check_free(rows, new, taken)
    rows.add(new)
    unit.record(Change(kind=kind, subject_id=new.id, new=new))


def replace_named(
    unit: ChangingUnit,
    rows: NamedRepository[N],
    old: N,
    new: N,
    *,
    kind: ChangeKind,
    taken: Taken,
    at: datetime,
    by: str,
) -> N:
    """Store the next state of a locked entity and its version, and record the change if anything differs.

    Raises:
        Taken: the given error, if another entity of the tenant has the name.
    """
    if new == old:
        return old
    if new.name != old.name:
        _check_free(rows, new, taken)
    stored = evolve(new, modified_at=at, modified_by=by, version=old.version + 1)
    rows.replace(stored)
    unit.record(Change(kind=kind, subject_id=old.id, old=old, new=stored))
    return stored


def delete_named(
    unit: ChangingUnit, rows: NamedRepository[N], old: N, *, kind: ChangeKind, at: datetime, by: str, **fields: object
) -> None:
    """Mark a locked entity as deleted, with other values in the named fields, and record the change."""
    rows.replace(evolve(old, modified_at=at, modified_by=by, version=old.version + 1, deleted_at=at, **fields))
    unit.record(Change(kind=kind, subject_id=old.id, old=old))


def _check_free(rows: NamedRepository[N], entity: N, taken: Taken) -> None:
    holder = rows.find_by_name(entity.name)
    if holder is not None and holder.id != entity.id:
        raise taken
