"""Each rule of those listed here has a mutant that fits the code and is run by marked tests."""

import ast
import re
import tomllib
from collections.abc import Iterable
from typing import Final

import pytest

from scripts.make_rules import Rule, find_proofs, waits
from scripts.mutants import Mutant, read_mutants
from scripts.reference import FOLDER, ROOT

RULES: Final[dict[str, Rule]] = tomllib.loads((FOLDER / "rules.toml").read_text("utf-8"))
WITH_MUTANT: Final = re.compile(r"[PSKEFA]\d+|T[4-8]|U(?:[289]|1[012])|R[2-6]|G1|X[14-8]|Y4|ERR")
"""The rules about passwords, signing in, tokens, emails, second factors, addresses, registering, roles, lists, claims,
groups, products, views, privacy, confirmation, statistics, mailed secrets, and what errors mean and show."""

PROOFS: Final = find_proofs(ROOT)
MUTANTS: Final = list(read_mutants())


def test_every_rule_of_these_has_a_mutant() -> None:
    built = {rule for rule, entry in RULES.items() if WITH_MUTANT.fullmatch(rule) and not waits(entry)}
    assert {mutant.rule for mutant in MUTANTS} == built


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_fits_the_code_and_names_tests_of_its_rule(mutant: Mutant) -> None:
    before = (ROOT / mutant.file).read_text("utf-8")
    assert before.count(mutant.find) == 1, f"{mutant.file} has {before.count(mutant.find)} times {mutant.find!r}"
    after = before.replace(mutant.find, mutant.replace)
    assert after != before
    ast.parse(after)
    assert unproven(mutant.rule, mutant.tests) == []


def unproven(rule: str, tests: Iterable[str]) -> list[str]:
    """Return the tests whose file has no mark of the rule, not even in the contracts or machines that it runs."""
    proofs = {proof.split("::")[0] for proof in PROOFS[rule]}
    shipped = {proof for proof in proofs if proof.startswith("usercore/testing/")}
    runners = {"tests/storages/test_contracts.py", "tests/storages/test_machines.py"}
    return [test for test in tests if test not in proofs and not (shipped and test in runners)]
