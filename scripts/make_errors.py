"""Make ``docs/reference/errors.md``: the code, class, base and fields of each error of usercore."""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator

import attrs

import usercore
from scripts.reference import asked_to_check, publish, table
from usercore.kernel.errors import UsercoreError

INTRODUCTION = """\
# Errors

Made by `make docs` out of the classes; changes belong there.
Catch by class, branch by `code`: a code never changes its meaning. No error has a sentence for end users.

"""
NOT_LOADED = ("usercore.__main__", "usercore.testing")
"""The command line would run, and the tools for tests need pytest."""


def find_errors() -> list[type[UsercoreError]]:
    """Give all public errors of the core, by code."""
    for module in find_modules():
        importlib.import_module(module)
    return sorted(filter(is_public, walk(UsercoreError)), key=lambda error: (error.code, error.__name__))


def is_public(error: type[UsercoreError]) -> bool:
    """Say whether hosts may know the class."""
    ours = error.__module__.startswith("usercore.") and not error.__name__.startswith("_")
    # attrs makes a class with slots twice, and the first one stays around for a while.
    return ours and getattr(sys.modules[error.__module__], error.__name__, None) is error


def find_modules() -> Iterator[str]:
    """Name all modules of the core."""
    for module in pkgutil.walk_packages(usercore.__path__, "usercore."):
        if not module.name.startswith(NOT_LOADED):
            yield module.name


def walk(error: type[UsercoreError]) -> Iterator[type[UsercoreError]]:
    """Give a class and all that are made of it."""
    yield error
    for special in error.__subclasses__():
        yield from walk(special)


def fields_of(error: type[UsercoreError]) -> str:
    """Name the fields and their types."""
    if not attrs.has(error):
        return ""
    fields = attrs.fields(attrs.resolve_types(error))
    return "<br>".join(f"`{field.name}: {short(inspect.formatannotation(field.type))}`" for field in fields)


def short(annotation: str) -> str:
    """Leave out where the types come from."""
    return re.sub(r"(\w+\.)+", "", annotation)


def row(error: type[UsercoreError]) -> list[str]:
    """Describe one error."""
    meaning = (inspect.getdoc(error) or "").partition("\n")[0]
    return [f"`{error.code}`", f"`{error.__name__}`", f"`{error.__bases__[0].__name__}`", fields_of(error), meaning]


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    text = INTRODUCTION + table(["code", "class", "base", "fields", "meaning"], map(row, find_errors()))
    publish("errors.md", text, check=check)


if __name__ == "__main__":
    main()
