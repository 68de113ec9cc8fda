"""Find the attrs classes of usercore, public or not."""

import importlib
import pkgutil
from functools import cache

import attrs

import usercore


@cache
def attrs_classes() -> tuple[type, ...]:
    """Return every attrs class that a module of usercore defines, without those for tests."""
    found: dict[type, None] = {}
    for module in pkgutil.walk_packages(usercore.__path__, "usercore."):
        if not module.name.startswith(("usercore.testing", "usercore.__main__")):
            members = vars(importlib.import_module(module.name)).values()
            found |= {cls: None for cls in members if isinstance(cls, type) and attrs.has(cls)}
    return tuple(cls for cls in found if cls.__module__.startswith("usercore."))
