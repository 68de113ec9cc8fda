"""Loads the libraries of the extras, when they are used."""

from importlib import import_module
from types import ModuleType


def load(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Return a module of an extra.

    Raises:
        ValueError: the extra is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        msg = f"{purpose} needs {error.name}: pip install '.[{extra}]' from a checkout of usercore"
        raise ValueError(msg) from None
