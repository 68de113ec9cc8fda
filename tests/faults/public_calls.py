"""Every public method, found by looking at the services, with arguments that work.

A new method is covered at once: its parameters have the samples of their names, else those of their types. Where these
do not work, the tests fail until a ``samples.py`` has a value of its own.
"""

import ast
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Final
from uuid import UUID

import attrs

from tests.fields import OWN_FIELDS
from tests.samples import FilledStore, collect, joined, same
from tests.services.helpers import ANOTHER
from usercore import UNSET, Actor, UserCore
from usercore import core as core_module
from usercore.kernel.secret import digest_of
from usercore.tokens.kinds import ACCESS
from usercore.tokens.model import public_id_of

SAMPLES: Final = {name: same(value) for name, value in OWN_FIELDS.items()} | joined(
    [
        {
            "access_token": lambda filled: filled.access_token,
            "actor": same(Actor.operator("Olga")),
            "cursor": same(None),
            "email": same("bob@example.com"),
            "expires_at": lambda filled: filled.clock.now + timedelta(days=30),
            "external_id": same("x-7"),
            "ip": same("192.0.2.7"),
            "key": same("acme"),
            "limit": same(10),
            "login": same("ann@example.com"),
            "name": same("New name"),
            "password": same(ANOTHER),
            "public_id": lambda filled: public_id_of(ACCESS, filled.ann.id, digest_of(filled.access_token)),
            "reason": same("lost"),
            "ref": lambda filled: filled.ann.id,
            "secret": lambda filled: filled.access_token,
            "source": same("shop"),
            "user_agent": same("Mozilla/5.0"),
            "username": same("bob"),
            "uuid": same(UUID("8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11")),
            "valid_from": lambda filled: filled.clock.now,
            "valid_to": lambda filled: filled.clock.now + timedelta(days=1),
            "version": same(None),
            "work": lambda filled: lambda core: core.users.update(filled.ann.id, first_name="Ann"),
        },
        *(samples.arguments for samples in collect()),
    ]
)
"""Values by the name of a parameter; each folder's samples have those of its services alone."""

OF_SYSTEM: Final = {"compliance", "tenants"}
"""Services that work on the core of ``system`` only."""

ONE_OF_SEVERAL: Final = {
    "registration.register": ["email"],
    "registration.save": ["username", "first_name", "last_name", "roles"],
}
"""Parameters with a default without which a call is refused: one of several identifiers, or all of a detail."""

OF_TYPES: Final[Mapping[type, object]] = {bool: True, int: 2, str: "a text"}
"""What stands for parameters whose names have no sample."""


@attrs.frozen
class Call:
    """A public method of a service, or of the core itself."""

    service: str
    method: str

    def __str__(self) -> str:
        return f"{self.service}.{self.method}"

    @property
    def samples(self) -> str:
        """The file with the samples of the service, or this one for the core."""
        folder = service_type(self.service).__module__.split(".")[1]
        return "tests/faults/public_calls.py" if self.service == "core" else f"tests/{folder}/samples.py"

    def of(self, filled: FilledStore) -> Callable[..., Any]:
        """Return the method, bound to the core of this store."""
        return self.on(filled.system if self.service in OF_SYSTEM else filled.core)

    def on(self, core: UserCore) -> Callable[..., Any]:
        """Return the method of a core."""
        bound = getattr(core if self.service == "core" else getattr(core, self.service), self.method)
        return typing.cast("Callable[..., Any]", bound)

    def kinds(self) -> Mapping[str, tuple[Any, ...]]:
        """Return the types that each parameter takes."""
        function = vars_of(self.service)[self.method]
        hints = hints_of(function)
        kinds = {name: hints[name] for name in list(inspect.signature(function).parameters)[1:]}
        for unpacked in [hint for hint in kinds.values() if typing.get_origin(hint) is typing.Unpack]:
            kinds |= typing.get_type_hints(*typing.get_args(unpacked))
        return {name: _parts(hint) for name, hint in kinds.items() if typing.get_origin(hint) is not typing.Unpack}

    def arguments(self, filled: FilledStore) -> dict[str, object]:
        """Return a sample for each parameter."""
        return {name: self.sample(name, filled) for name in self.kinds()}

    def needed(self, filled: FilledStore) -> dict[str, object]:
        """Return a sample for each parameter that has no default."""
        function = vars_of(self.service)[self.method]
        parameters = list(inspect.signature(function).parameters.values())[1:]
        needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
        return {name: self.sample(name, filled) for name in (*needed, *ONE_OF_SEVERAL.get(str(self), ()))}

    def sample(self, parameter: str, filled: FilledStore) -> object:
        """Return a value that works.

        Raises:
            AssertionError: no sample has this name or type.
        """
        for name in (f"{self}.{parameter}", parameter):
            if name in SAMPLES:
                return SAMPLES[name](filled)
        for kind in self.kinds()[parameter]:
            if kind in OF_TYPES:
                return OF_TYPES[kind]
        raise AssertionError(f"{self.samples}: SAMPLES has no value for {self}.{parameter}")


def _parts(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(part for one in typing.get_args(hint) for part in _parts(one))
    return (typing.get_origin(hint) or hint,)


def takes(kinds: Sequence[Any], value: object) -> bool:
    """Return whether a parameter of these types accepts the value; texts are no lists, bools no ints."""
    return any(_is_a(value, kind) for kind in kinds)


def _is_a(value: object, kind: Any) -> bool:
    if kind is object or (isinstance(value, bool) and kind is not bool):
        return False
    if isinstance(value, str | bytes) and kind is not type(value):
        return False
    return value is UNSET or isinstance(value, kind)


@cache
def vars_of(service: str) -> Mapping[str, Any]:
    """Return the public methods of a service."""
    methods = inspect.getmembers(service_type(service), inspect.isfunction)
    return {name: one for name, one in methods if not name.startswith("_")}


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a public method; those of the core name services that are loaded when they are used."""
    return typing.get_type_hints(function, localns=_loaded_later())


@cache
def _loaded_later() -> dict[str, Any]:
    """Return what ``usercore.core`` imports for type checkers only."""
    tree = ast.parse(inspect.getsource(core_module))
    blocks = [node.body for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block if isinstance(node, ast.ImportFrom)]
    return {alias.name: getattr(import_module(str(one.module)), alias.name) for one in imports for alias in one.names}


@cache
def service_type(service: str) -> type:
    """Return the class of a service."""
    found: type = UserCore if service == "core" else hints_of(vars(UserCore)[service].func)["return"]
    return found


def _every_call() -> Iterator[Call]:
    yield from (Call("core", method) for method in vars_of("core") if method != "joined")  # which storages.joining has
    for service, kind in vars(UserCore).items():
        if isinstance(kind, cached_property) and not service.startswith("_"):
            yield from (Call(service, method) for method in vars_of(service))


CALLS: Final = tuple(_every_call())
