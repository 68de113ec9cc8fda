"""Entities: immutable, keyword-only classes with slots that are read from rows quickly.

attrs initializes a frozen object by one ``object.__setattr__`` for each field. Each entity therefore has a *draft*, a
subclass whose fields can be assigned: a storage fills a draft from a row and then sets its class to the entity's.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar, cast, dataclass_transform

import attrs

from usercore.kernel.values import frozen

C = TypeVar("C", bound=type)
E = TypeVar("E")

_BARE: Final = ("__init__", "__setattr__", "__delattr__")  # all three, or Python falls back to slow stores


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def entity(cls: C) -> C:
    """Make an immutable attrs class of ``cls``; storages fill its ``__draft__``, which runs no validator."""
    made: Any = frozen(kw_only=True)(cls)
    thawed = {"__slots__": ()} | {name: getattr(object, name) for name in _BARE}
    made.__draft__ = type(f"{cls.__name__}Draft", (made,), thawed)
    made.__names__ = tuple(field.name for field in attrs.fields(made))
    made.__fields__ = frozenset(made.__names__)
    return cast("C", made)


def differing(old: E, new: E) -> list[str]:
    """Return the names of the fields in which two entities of one class differ, in the order of the class."""
    cls: Any = type(old)
    return [name for name in cls.__names__ if getattr(old, name) != getattr(new, name)]


def evolve(entity: E, **changes: Any) -> E:  # noqa: ANN401 - the fields' types are the entity's
    """Return a copy with other values in the named fields.

    Raises:
        TypeError: a name is not a field.
    """
    cls: Any = type(entity)
    copy = _draft_maker(cls)(entity)
    if not changes.keys() <= cls.__fields__:
        msg = f"{cls.__name__} has no field {min(changes.keys() - cls.__fields__)!r}"
        raise TypeError(msg)
    for name, value in changes.items():
        setattr(copy, name, value)
    copy.__class__ = cls
    evolved: E = copy
    return evolved


@cache
def _draft_maker(cls: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any entity
    """Compile a function that copies an entity into a draft.

    With a loop over the names, an update of a user in memory takes a third more instructions, and W4 4 % more.
    """
    lines = [
        "def draft(e):",
        "    d = Draft()",
        *(f"    d.{name} = e.{name}" for name in cls.__names__),
        "    return d",
    ]
    scope = {"Draft": cls.__draft__}
    exec("\n".join(lines), scope)  # noqa: S102 - only names of fields
    return cast("Callable[[Any], Any]", scope["draft"])
