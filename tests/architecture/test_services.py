"""The public attributes of a service are its use-cases, and none of their dependencies."""

from functools import cached_property
from typing import Final

import pytest

import usercore
from tests.faults.public_calls import vars_of
from usercore import UserCore

CORE: Final = {
    "atomic",
    "bind",
    "cleanup",
    "close",
    "context",
    "joined",
    "over",
    "policy",
    "sends_email",
    "relay",
    "tenant",
}
"""What a core has besides its services."""

SERVICES: Final = [name for name, one in vars(UserCore).items() if isinstance(one, cached_property) and name[0] != "_"]


def public(one: object) -> set[str]:
    return {name for name in dir(one) if not name.startswith("_")}


@pytest.fixture(scope="module")
def core() -> UserCore:
    return usercore.open("memory://").tenant("system")


def test_a_core_has_its_services_and_methods_to_bind_and_close_it(core: UserCore) -> None:
    assert public(core) == CORE | set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_its_use_cases(name: str, core: UserCore) -> None:
    assert public(getattr(core, name)) == vars_of(name).keys() != set()
