"""The reference of rules finds every mark, and rules without a test are reported."""

from pathlib import Path

import pytest

from scripts.make_rules import Rule, describe, find_faults, find_proofs

TESTS = """
import pytest

pytestmark = pytest.mark.rule("A1")

@pytest.mark.rule("B1", "B2")
def test_it(): ...

@pytest.mark.rule("C1")
class TestMore:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("D1"))])
    async def test_one(self, x): ...
"""


@pytest.mark.parametrize("place", ["tests/users/test_rules.py", "usercore/testing/contracts/users.py"])
def test_a_mark_is_found_in_every_place(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(TESTS, encoding="utf-8")
    assert find_proofs(tmp_path) == {
        "A1": [place],
        "B1": [f"{place}::test_it"],
        "B2": [f"{place}::test_it"],
        "C1": [f"{place}::TestMore"],
        "D1": [f"{place}::TestMore::test_one"],
    }


def test_a_rule_without_a_test_is_reported_unless_it_is_for_later() -> None:
    rules: dict[str, Rule] = {"A1": {"title": "now"}, "A2": {"title": "then", "later": True}}
    assert list(find_faults(rules, {})) == ["no test proves rule A1 (now)"]
    assert list(find_faults(rules, {"A1": ["tests/test_a.py::test_now"]})) == []


def test_a_rule_that_waits_for_a_package_needs_a_test_as_soon_as_the_package_is_there() -> None:
    rules: dict[str, Rule] = {
        "A1": {"title": "now", "later": "users"},
        "A2": {"title": "then", "later": "no_such_package"},
    }
    assert list(find_faults(rules, {})) == ["no test proves rule A1 (now)"]


def test_a_mark_of_an_unknown_rule_is_reported() -> None:
    assert list(find_faults({}, {"Z9": ["tests/test_z.py::test_it"]})) == [
        "rules.toml has no rule Z9, which is marked at tests/test_z.py::test_it"
    ]


def test_the_reference_links_to_the_tests() -> None:
    rules: dict[str, Rule] = {"A1": {"title": "one | two"}, "A2": {"title": "then", "later": True}}
    text = describe(rules, {"A1": ["tests/users/test_a.py::test_now"]})
    assert r"| A1 | one \| two | [test_a.py::test_now](../../tests/users/test_a.py) |" in text
    assert "| A2 | then | *later* |" in text
