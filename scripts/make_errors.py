"""Make ``docs/reference/errors.md``: the code, class, base and fields of each error of usercore."""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from operator import attrgetter

import attrs

import usercore
from scripts.reference import asked_to_check, publish, table
from usercore.forms import http_status
from usercore.kernel.errors import LostRace, StorageError, UsercoreError

INTRODUCTION = """\
# Errors

Made by `make docs` out of the classes; changes belong there.
Catch by class, branch by `code`: a code never changes its meaning. No error has a sentence for end users.
*HTTP* is the status that fits, as `usercore.forms.HTTP_STATUSES` has it. *public* errors may come from calls that
anyone can send; *trusted* ones only from calls of the host, an operator or an API token.

"""
PUBLIC_CALLS = (
    "api_tokens.authorize",
    "registration.complete",
    "registration.request",
    "sign_in.authenticate",
    "sign_in.identify",
    "sign_in.with_access_token",
    "sign_in.with_autologin_token",
    "sign_in.with_login_token",
    "sign_in.with_password",
)
"""The methods that anyone can send. Source: spec R8."""
ANYWHERE = (LostRace, StorageError)
"""What every call may raise, and no docstring repeats."""
NAMED = re.compile(r"^\s+(\w+):", re.MULTILINE)
NOT_LOADED = ("usercore.__main__", "usercore.testing")
"""The command line would run, and the test tools need pytest."""


def find_errors() -> list[type[UsercoreError]]:
    """Return all public errors of the core, by code."""
    for module in find_modules():
        importlib.import_module(module)
    return sorted(filter(is_public, walk(UsercoreError)), key=lambda error: (error.code, error.__name__))


def is_public(error: type[UsercoreError]) -> bool:
    """Return whether hosts may use the class."""
    ours = error.__module__.startswith("usercore.") and not error.__name__.startswith("_")
    # attrs makes a class with slots twice, and the first one stays around for a while.
    return ours and getattr(sys.modules[error.__module__], error.__name__, None) is error


def find_modules() -> Iterator[str]:
    """Iterate over the names of all modules of the core."""
    for module in pkgutil.walk_packages(usercore.__path__, "usercore."):
        if not module.name.startswith(NOT_LOADED):
            yield module.name


def walk(error: type[UsercoreError]) -> Iterator[type[UsercoreError]]:
    """Iterate over a class and all its subclasses."""
    yield error
    for special in error.__subclasses__():
        yield from walk(special)


def fields_of(error: type[UsercoreError]) -> str:
    """Return the fields and their types as text."""
    if not attrs.has(error):
        return ""
    fields = attrs.fields(attrs.resolve_types(error))
    return "<br>".join(f"`{field.name}: {short(inspect.formatannotation(field.type))}`" for field in fields)


def short(annotation: str) -> str:
    """Remove the modules of types."""
    return re.sub(r"(\w+\.)+", "", annotation)


@cache
def errors_of_public_calls() -> frozenset[str]:
    """Return the names of the errors that public calls say they raise."""
    core = usercore.open("memory://")
    docstrings = (inspect.getdoc(attrgetter(call)(core)) or "" for call in PUBLIC_CALLS)
    return frozenset(name for text in docstrings for name in NAMED.findall(text.partition("Raises:")[2]))


def is_of_public_calls(error: type[UsercoreError]) -> bool:
    """Return whether a public call names the error, or the base beside it that stands for its kinds."""
    named = {base.__name__ for base in error.__mro__ if base.__module__ == error.__module__}
    return issubclass(error, ANYWHERE) or not named.isdisjoint(errors_of_public_calls())


def row(error: type[UsercoreError]) -> list[str]:
    """Return the row of one error."""
    meaning = (inspect.getdoc(error) or "").partition("\n")[0]
    names = [f"`{name}`" for name in (error.code, error.__name__, error.__bases__[0].__name__)]
    audience = "public" if is_of_public_calls(error) else "trusted"
    return [*names, fields_of(error), str(http_status(error)), audience, meaning]


def main() -> None:
    """Write the reference or check it."""
    check = asked_to_check(__doc__)
    text = INTRODUCTION + table(
        ["code", "class", "base", "fields", "HTTP", "calls", "meaning"], map(row, find_errors())
    )
    publish("errors.md", text, check=check)


if __name__ == "__main__":
    main()
