"""Every part of a capability is registered where it must be; a failure names the missing part, and the place."""

import ast
import re
import sqlite3
import tomllib
import typing
from collections.abc import Iterator
from contextlib import closing
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from scripts.make_errors import find_errors
from scripts.make_lists import LISTS, missing_in
from scripts.make_policies import policies_in
from scripts.make_rules import find_faults, find_proofs
from tests.architecture.source import ROOT, files, text_of, tree_of
from tests.architecture.statements import NoRun
from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, hints_of, vars_of
from usercore import UserCore
from usercore.compliance.rules import CHECKS
from usercore.compliance.unjudged import UNJUDGED
from usercore.composition.policy import Policy
from usercore.kernel.capability import Capability
from usercore.kernel.changes import ChangeKind
from usercore.storage import CATALOGUE, Unit
from usercore_storage import memory, sqlite
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.unit import MemoryUnit
from usercore_storage.sql.tables import ALL
from usercore_storage.sql.unit import SqlUnit

CORE: Final = ROOT / "usercore"

CALLS_OF_A_PAGE: Final = 3
"""The least number of methods of a service that its page calls, if it has so many: other pages call one or two."""

each_capability = pytest.mark.parametrize("capability", CATALOGUE, ids=lambda capability: capability.name)


def capability_folders() -> list[str]:
    """Return the names of the folders with a descriptor; the kernel has their class."""
    return sorted({file.parent.name for file in CORE.glob("*/capability.py")} - {"kernel"})


def types_in(hint: object) -> Iterator[type]:
    """Yield the classes of usercore in a type hint, and those of their public fields."""
    waiting, seen = [hint], set[object]()
    while waiting:
        one = waiting.pop()
        waiting += typing.get_args(one)
        if isinstance(one, type) and one.__module__.startswith("usercore.") and one not in seen:
            seen.add(one)
            yield one
            fields = typing.get_type_hints(one) if attrs.has(one) else {}
            waiting += [kind for name, kind in fields.items() if not name.startswith("_")]


@cache
def types_of_hosts() -> frozenset[type]:
    """Return the classes of the arguments and results of public methods, of the policy, and of errors."""
    hints = [hint for call in CALLS for hint in hints_of(vars_of(call.service)[call.method]).values()]
    return frozenset(one for hint in (Policy, *hints) for one in types_in(hint)) | frozenset(find_errors())


def test_every_capability_has_a_descriptor_in_the_catalogue() -> None:
    known = {capability.name for capability in CATALOGUE}
    missing = [name for name in capability_folders() if name not in known]
    assert not missing, f"usercore/storage/__init__.py: CATALOGUE lacks usercore/{missing[0]}/capability.py"


@each_capability
def test_a_descriptor_names_its_folder(capability: Capability) -> None:
    assert capability.name in capability_folders(), f"usercore/*/capability.py: no folder is named {capability.name}"


@each_capability
def test_the_unit_has_the_slice_of_every_capability(capability: Capability) -> None:
    ports = CORE / capability.name / "ports.py"
    slices = re.findall(r"^class (\w+Unit)\(", ports.read_text("utf-8"), re.MULTILINE) if ports.exists() else []
    assert slices == ([] if capability.unit is None else [capability.unit.__name__]), (
        f"usercore/{capability.name}/capability.py: unit is not what ports.py declares"
    )
    if capability.unit is not None:
        assert capability.unit in Unit.__mro__, f"usercore/storage/__init__.py: Unit lacks {capability.unit.__name__}"


@each_capability
def test_the_policy_has_the_numbers_of_every_capability(capability: Capability) -> None:
    declared = policies_in_folder(capability.name)
    assert {one.__name__ for one in capability.policies} == declared, (
        f"usercore/{capability.name}/capability.py: policies are not those that the folder declares"
    )
    composed = set(typing.get_type_hints(Policy).values())
    missing = [one.__name__ for one in capability.policies if one not in composed]
    assert not missing, f"usercore/composition/policy.py: Policy lacks {missing}"


def policies_in_folder(folder: str) -> set[str]:
    """Return the names of the policy classes in a capability's folder."""
    nodes = (node for path in (CORE / folder).glob("*.py") for node in tree_of(path.relative_to(ROOT)).body)
    return {node.name for node in nodes if isinstance(node, ast.ClassDef) and node.name.endswith("Policy")}


def fields_of_the_policy() -> set[str]:
    """Return the path of each field of the policy that is not itself a policy."""
    parts = [("", Policy()), *((f"{path}.", part) for path, part in policies_in(Policy()))]
    return {
        f"{path}{field.name}"
        for path, part in parts
        for field in attrs.fields(type(part))
        if not attrs.has(type(getattr(part, field.name)))
    }


def test_every_field_of_the_policy_is_judged_or_said_to_have_no_clause() -> None:
    judged = {field for check in CHECKS for field in check.fields}
    unjudged = [field for fields in UNJUDGED.values() for field in fields]
    assert len(unjudged) == len(set(unjudged))
    assert judged.isdisjoint(unjudged)
    missing = sorted(fields_of_the_policy() - judged.union(unjudged))
    assert not missing, f"usercore/compliance/unjudged.py: list or judge in a check {missing}"
    assert judged | set(unjudged) == fields_of_the_policy(), "usercore/compliance names fields that the policy lacks"


@each_capability
def test_every_kind_of_change_is_in_its_descriptor(capability: Capability) -> None:
    modules = [
        import_module(f"usercore.{capability.name}.{file.stem}") for file in (CORE / capability.name).glob("*.py")
    ]
    declared = {value.name for module in modules for value in vars(module).values() if isinstance(value, ChangeKind)}
    missing = declared - {kind.name for kind in capability.kinds}
    assert not missing, f"usercore/{capability.name}/capability.py: kinds lacks {sorted(missing)}"


def repositories(capability: Capability) -> list[str]:
    """Return the names of the repositories in a capability's slice of the unit."""
    slices = {} if capability.unit is None else vars(capability.unit)
    return [name for name, value in slices.items() if isinstance(value, property)]


@each_capability
def test_every_storage_and_a_contract_have_every_repository(capability: Capability) -> None:
    contracts = "".join(text_of(file) for file in files("usercore/testing/contracts"))
    for name in repositories(capability):
        assert hasattr(SqlUnit(NoRun()), name), f"usercore_storage/sql/unit.py: SqlUnit lacks {name}"
        assert hasattr(MemoryUnit(UndoLog()), name), f"usercore_storage/memory/unit.py: MemoryUnit lacks {name}"
        assert re.search(rf"\bunit\.{name}\b", contracts), f"usercore/testing/contracts: no case is about unit.{name}"


@each_capability
def test_every_service_is_an_attribute_of_the_core_that_a_page_shows(capability: Capability) -> None:
    offered = {name: service_of(value) for name, value in vars(UserCore).items() if isinstance(value, cached_property)}
    pages = [page.read_text("utf-8") for page in (ROOT / "docs/how-to").glob("*.md")]
    for service in services_in(capability.name):
        names = [name for name, offer in offered.items() if issubclass(offer, service) or service in parts_of(offer)]
        assert names, f"usercore/core.py: UserCore has no attribute for {service.__module__}.{service.__name__}"
        shown = max(len(set(re.findall(rf"\b{name}\.(\w+)\(", page))) for name in names for page in pages)
        methods = [name for name in vars(service) if not name.startswith("_")]
        assert shown >= min(CALLS_OF_A_PAGE, len(methods)), f"docs/how-to: no page uses core.{names[0]} in several ways"


def test_services_of_capabilities_are_found() -> None:
    assert {"Meta", "Tenants"} <= {one.__name__ for capability in CATALOGUE for one in services_in(capability.name)}


def service_of(attribute: "cached_property[Any]") -> type:
    """Return the class of a service of the core."""
    service: type = hints_of(attribute.func)["return"]
    return service


def parts_of(service: type) -> set[object]:
    """Return the types of the parts of a service."""
    return set(typing.get_type_hints(service).values())


def services_in(folder: str) -> list[type]:
    """Return the classes of a capability that work on units, which is what use-cases do."""
    modules = [import_module(f"usercore.{folder}.{file.stem}") for file in (CORE / folder).glob("*.py")]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, type))
    return [one for one in found if one.__module__.startswith(f"usercore.{folder}.") and "_service" in fields_of(one)]


def fields_of(cls: type) -> set[str]:
    """Return the names of the fields of an attrs class, or none."""
    return {field.name for field in attrs.fields(cls)} if attrs.has(cls) else set()


def test_everything_that_is_composed_comes_from_a_descriptor() -> None:
    of_capabilities = {unit for one in CATALOGUE if (unit := one.unit) is not None}
    unknown = [base for base in Unit.__bases__ if base.__module__.count(".ports") and base not in of_capabilities]
    assert not unknown, f"no descriptor has {unknown}"
    names = {field.name for field in attrs.fields(Policy)}
    assert len(names) == len(set(typing.get_type_hints(Policy).values())), "one policy is composed twice"


@each_capability
def test_everything_that_hosts_get_or_pass_is_public(capability: Capability) -> None:
    own = {one.__name__ for one in types_of_hosts() if one.__module__.startswith(f"usercore.{capability.name}.")}
    missing = sorted(own - set(capability.public))
    assert not missing, f"usercore/{capability.name}/capability.py: public lacks {missing}"


@pytest.mark.parametrize("file", LISTS)
def test_lists_that_follow_from_the_code_are_complete(file: str) -> None:
    assert not missing_in(file), f"{file}: run `make docs`"


def test_every_service_has_samples() -> None:
    folders = {call.samples: call.service for call in CALLS}
    missing = [f"{file}: add it for core.{service}" for file, service in folders.items() if not (ROOT / file).exists()]
    assert not missing, missing[0]


def test_the_filled_store_of_the_tests_has_a_row_in_every_table(tmp_path: Path) -> None:
    with closing(sqlite.open_storage(f"sqlite:///{tmp_path}/store.db")) as storage:
        build(storage)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        empty = [
            table.name
            for table in ALL
            if not connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchall()  # noqa: S608 - our own names
        ]
    assert not empty, f"tests/*/samples.py: no fill puts a row into {empty}"


def test_every_parameter_has_a_sample() -> None:
    filled = build(memory.open_storage("memory://"))
    assert all(call.arguments(filled).keys() == call.kinds().keys() for call in CALLS)


def test_every_rule_that_can_be_proved_is_proved() -> None:
    rules = tomllib.loads((ROOT / "docs/reference/rules.toml").read_text("utf-8"))
    assert list(find_faults(rules, find_proofs(ROOT))) == []
