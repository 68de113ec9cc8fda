"""Entities: immutable, keyword-only, with slots, and cheap to make.

A newcomer would use ``attrs.frozen`` and find that rows cost five times as much: attrs fills a frozen object by one
``object.__setattr__`` a field. So there is a *draft* of each entity, a subclass whose fields may be set: what is filled
is a draft, and is given the entity's class when it is full. Storages do so with rows, and the constructor does so, too.
"""

from typing import Any, Final, TypeVar, cast, dataclass_transform

import attrs

C = TypeVar("C", bound=type)
E = TypeVar("E")

_BARE: Final = ("__init__", "__setattr__", "__delattr__")  # all three, or Python falls back to slow stores


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def entity(cls: C) -> C:
    """Make an immutable attrs class of ``cls``, whose defaults are plain values; storages fill its ``__draft__``.

    Raises:
        TypeError: a field has a validator, a converter or a factory, which nobody would call.
    """
    made: Any = attrs.frozen(kw_only=True)(cls)
    thawed = {"__slots__": ()} | {name: getattr(object, name) for name in _BARE}
    made.__draft__ = type(f"{cls.__name__}Draft", (made,), thawed)
    made.__names__ = tuple(field.name for field in attrs.fields(made))
    _compile(made, attrs.fields(made))
    return cast("C", made)


def _compile(made: Any, fields: "tuple[attrs.Attribute[Any], ...]") -> None:  # noqa: ANN401 - any entity
    """Give an entity its constructor, ``__thaw__`` and ``__differing__``.

    Written out field by field they take a third of the time of attrs' constructor, or of loops over names.
    """
    scope = {"Entity": made, "Draft": made.__draft__, "become": object.__setattr__}
    exec(_source(fields), scope)  # noqa: S102 - only names of fields
    init = scope["__init__"]
    init.__kwdefaults__ = {field.name: field.default for field in fields if field.default is not attrs.NOTHING}
    init.__annotations__ = made.__init__.__annotations__
    init.__qualname__ = f"{made.__qualname__}.__init__"
    made.__init__, made.__thaw__, made.__differing__ = init, scope["thaw"], scope["differing"]


def _source(fields: "tuple[attrs.Attribute[Any], ...]") -> str:
    names = [field.name for field in fields]
    for field in fields:
        if field.validator or field.converter or isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
            msg = f"the field {field.name!r} of an entity has a validator, a converter or a factory"
            raise TypeError(msg)
    return "\n".join(
        [
            f"def __init__(self, *, {', '.join(names)}):",
            "    become(self, '__class__', Draft)",
            *(f"    self.{name} = {name}" for name in names),
            "    self.__class__ = Entity",
            "def thaw(entity):",
            "    draft = Draft()",
            *(f"    draft.{name} = entity.{name}" for name in names),
            "    return draft",
            "def differing(a, b):",
            "    names = []",
            *(f"    if a.{name} is not b.{name} and a.{name} != b.{name}: names.append('{name}')" for name in names),
            "    return names",
        ]
    )


def differing(old: E, new: E) -> list[str]:
    """Name the fields in which two entities of one class differ, in the order of the class."""
    cls: Any = type(old)
    names: list[str] = cls.__differing__(old, new)
    return names


def evolve(entity: E, **changes: Any) -> E:  # noqa: ANN401 - the fields' types are the entity's
    """Give a copy with other values in the named fields.

    Raises:
        TypeError: a name is not a field.
    """
    cls: Any = type(entity)
    copy: Any = cls.__thaw__(entity)
    for name, value in changes.items():
        if name not in cls.__names__:
            msg = f"{cls.__name__} has no field {min(changes.keys() - set(cls.__names__))!r}"
            raise TypeError(msg)
        setattr(copy, name, value)
    copy.__class__ = cls
    evolved: E = copy
    return evolved
