"""Values: frozen attrs classes that share the methods that compare, hash and show them.

attrs generates and compiles these three methods for each class. For a hundred classes, ``import usercore`` takes 30 %
more instructions (measured before ADR 0061).
"""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from attrs import frozen as frozen  # noqa: PLC0414 - so that type checkers know an attrs class when they see one
else:

    def frozen(cls: type | None = None, **options: bool) -> type | Callable[[type], type]:
        """Make a class as ``attrs.frozen`` does; it behaves as if the shared methods were its own."""
        if cls is None:
            return partial(frozen, **options)
        for name, method in _SHARED.items():
            if name not in vars(cls):
                setattr(cls, name, method)  # attrs does not replace existing methods
        made = attrs.frozen(**options)(cls)
        fields = attrs.fields(made)
        made.__shown__ = tuple(field.name for field in fields if field.repr)
        made.__values__ = attrgetter(*(field.name for field in fields if field.eq))
        return made


def _repr(self: Any) -> str:  # noqa: ANN401 - any value
    shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__shown__])
    return f"{type(self).__qualname__.rpartition('>.')[2]}({shown})"


def _eq(self: Any, other: Any) -> Any:  # noqa: ANN401 - any value, any object; a bool or NotImplemented
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__values__(self) == self.__values__(other)


def _hash(self: Any) -> int:  # noqa: ANN401 - any value
    return hash(self.__values__(self))


_SHARED = {"__repr__": _repr, "__eq__": _eq, "__hash__": _hash}
