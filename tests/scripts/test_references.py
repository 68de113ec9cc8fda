"""The makers of references find what they list."""

import ast
import inspect

import attrs
import pytest

from scripts.make_changes import row as row_of_change
from scripts.make_errors import is_of_public_calls
from scripts.make_methods import in_markdown, sections, signature_of
from scripts.make_policies import bounds_of, policies_in, rows_of, shown
from scripts.make_reasons import MEANINGS, find_reasons, refusals_in
from usercore import Policy, SignInRefused, StorageError, SystemOnly, TenantTaken, TokenExpired, UserCore, forms
from usercore.kernel.bounds import Between
from usercore.storage import KINDS


def test_every_part_of_the_policy_has_a_section() -> None:
    paths = [path for path, _ in policies_in(Policy()) if "." not in path]
    assert paths == [field.name for field in attrs.fields(Policy)]


def test_every_number_of_a_policy_is_listed_with_its_bounds_and_default() -> None:
    rows = {(path, row[0]): row for path, policy in policies_in(Policy()) for row in rows_of(policy)}
    assert rows["passwords", "`min_characters`"][1:3] == ["15", "8 to 64 characters"]
    assert rows["login_tokens", "`lifetime`"][1:3] == ["5 minutes", "1 second to 36,500 days"]
    assert rows["passwords.profile", "`passes`"][1] == "2"
    assert "NIST" in rows["passwords", "`min_characters`"][3]
    for _, policy in policies_in(Policy()):
        for field in attrs.fields(type(policy)):
            assert not isinstance(field.validator, Between) or " to " in bounds_of(field)


@pytest.mark.parametrize(("value", "text"), [(None, "none"), (1_000_000, "1,000,000"), (True, "True"), ((), "none")])
def test_values_are_written_for_readers(value: object, text: str) -> None:
    assert shown(value) == text


def test_reasons_are_found_wherever_they_are_raised() -> None:
    code = """
refuse("email", "first")
errors.add(field, "second")
raise Invalid((FieldError(name, "third" if long else "fourth"),))
seen.add("no reason")
refuse(field, variable)
"""
    expected = [("first", "`email`"), ("fourth", "*the field*"), ("second", "*the field*"), ("third", "*the field*")]
    assert sorted(refusals_in(ast.parse(code))) == expected


def test_every_reason_has_a_meaning_and_every_meaning_a_reason() -> None:
    assert find_reasons().keys() == MEANINGS.keys()


def test_a_kind_of_change_is_listed_with_who_may_see_its_fields() -> None:
    name, subject, seen, fields, personal, hidden = row_of_change(KINDS["user.updated"])
    assert (name, subject, seen, hidden) == ("`user.updated`", "user", "public", "`note`")
    assert "`first_name`" in fields
    assert "`first_name`" in personal
    assert "`source`" not in personal


def test_errors_of_public_calls_are_told_apart() -> None:
    assert all(map(is_of_public_calls, (SignInRefused, TokenExpired, StorageError)))
    assert not any(map(is_of_public_calls, (SystemOnly, TenantTaken)))
    assert forms.http_status(SystemOnly) == 403


def test_every_public_method_of_a_core_has_a_section() -> None:
    page = "\n".join(sections())
    for name, member in vars(UserCore).items():
        if not name.startswith("_") and not isinstance(member, property):
            assert f"`core.{name}`" in page
    assert "`core.users.link_external_id`" in page
    assert "`usercore_storage.check`" in page


def example(self: object, ref: int, note: str | None = None, *rest: int, day: int = 1, **fields: str) -> "list[int]":
    """Do nothing, with ``code``.

    Args:
        ref: in two
            lines.

    Raises:
        ValueError: never.
    """
    raise ValueError(self, ref, note, rest, day, fields)


def test_a_signature_has_one_parameter_a_line_if_it_is_long() -> None:
    parameters = ("ref: int", "note: str | None = None", "*rest: int", "day: int = 1", "**fields: str")
    assert signature_of("x", example) == f"x({', '.join(parameters)}) -> list[int]"
    path = "x" * 50
    assert signature_of(path, example).splitlines() == [
        f"{path}(",
        *(f"    {one}," for one in parameters),
        ") -> list[int]",
    ]


def test_sections_of_a_docstring_are_lists() -> None:
    lines = in_markdown(inspect.getdoc(example) or "").splitlines()
    assert lines == [
        "Do nothing, with `code`.",
        "",
        "*Args:*",
        "",
        "- `ref`: in two lines.",
        "",
        "*Raises:*",
        "",
        "- `ValueError`: never.",
    ]
