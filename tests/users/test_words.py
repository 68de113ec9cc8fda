"""The words that users are found by, and queries for them."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usercore import Invalid, UserState
from usercore.kernel.entity import evolve
from usercore.kernel.unicode14 import is_assigned
from usercore.testing.contracts.user_lists import bare
from usercore.testing.strategies import users
from usercore.users.model import User
from usercore.users.words import (
    AFTER_ALL,
    MAX_WORDS,
    SHORTEST,
    STORED_CHARACTERS,
    fold,
    id_in,
    is_found_by,
    may_differ,
    stored_words,
    words_of,
    words_of_query,
)


def words(text: str) -> list[str]:
    return words_of_query(text, most=8)


@pytest.mark.rule("U11")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"email": "Ann.Lee@Example.com"}, ["ann.lee@example.com"]),
        ({"email": "ann@bücher.example"}, ["ann@bücher.example", "ann@xn--bcher-kva.example"]),
        ({"username": "Ann_7"}, ["ann_7"]),
        ({"first_name": "Anna Maria", "last_name": "von der Leyen"}, ["anna", "leyen", "maria", "von", "der"]),
        ({"first_name": "Anna-Maria"}, ["anna-maria", "maria"]),
        ({"last_name": "O'Neil (Bobby)"}, ["o'neil", "neil", "(bobby)", "bobby)"]),
        ({"last_name": "Li Xu"}, []),
        ({"chosen_public_name": "ＡＮＮ", "institution_name": "STRASSE Straße"}, ["ann", "strasse"]),
        ({"first_name": "हिन्दी"}, ["हिन्दी"]),
        ({"first_name": "ann\u0378bob"}, ["ann", "bob"]),
        ({"first_name": "Ann", "state": UserState.ERASED}, []),
        ({"first_name": "Ann", "state": UserState.UNCLAIMED}, ["ann"]),
    ],
)
def test_a_user_has_the_words_of_email_username_and_names(fields: dict[str, Any], expected: list[str]) -> None:
    assert sorted(words_of(bare(1, **fields))) == sorted(expected)


@pytest.mark.rule("U11")
@given(users())
@example(bare(1, first_name="a." * 127, last_name=" ".join(f"w{number:03}" for number in range(63))))
@example(bare(1, first_name="x" * 255, last_name="x" * 200 + " " + "x" * 254 + "y"))
def test_stored_words_are_few_short_and_find_the_same_as_all_words(user: User) -> None:
    stored, all_words = stored_words(user), words_of(user)
    assert len(stored) <= len(all_words) <= MAX_WORDS
    assert stored == sorted(set(stored))
    assert all(SHORTEST <= len(word) <= STORED_CHARACTERS < ord(AFTER_ALL) for word in stored)
    assert not any(AFTER_ALL in word for word in stored)
    beginnings = {word[:length] for word in all_words for length in range(SHORTEST, STORED_CHARACTERS + 1)}
    assert all(any(word.startswith(beginning) for word in stored) for beginning in beginnings)
    assert not any(one != other and other.startswith(one) for one in stored for other in stored)


@pytest.mark.rule("U11")
@given(users(), st.data())
def test_a_user_is_found_by_any_beginnings_of_words_and_by_no_others(user: User, data: st.DataObject) -> None:
    own = words_of(user)
    if own:
        some = data.draw(st.lists(st.sampled_from(own), min_size=1, max_size=3))
        assert is_found_by(user, [word[: data.draw(st.integers(SHORTEST, len(word)))] for word in some])
        assert not is_found_by(user, [*some, "\uffff no word has this"])
    assert is_found_by(user, [str(user.id)])
    assert not is_found_by(user, [f"{user.id}0"]) or any(word.startswith(f"{user.id}0") for word in own)


@pytest.mark.rule("U11")
@given(users(), users())
def test_words_differ_only_if_their_sources_do(one: User, other: User) -> None:
    assert may_differ(one, other) or stored_words(one) == stored_words(other)
    assert not may_differ(one, evolve(one, note="another", version=7, external_id="7"))


@pytest.mark.rule("U11")
@given(st.text(max_size=40))
def test_folding_ignores_case_and_width_and_drops_what_unicode_14_lacks(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert all(map(is_assigned, folded))
    assert fold(text.upper()) == fold(text.upper().lower()) or not text.isascii()


@pytest.mark.rule("U11")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Ann", ["ann"]),
        ("  ANN\tlee ann ", ["ann", "lee"]),
        ("ＡＮＮ", ["ann"]),
        ("7", ["7"]),
        ("１２ ann", ["12", "ann"]),
        ("ann@example.com", ["ann@example.com"]),
        ("x" * 512, ["x" * 512]),
    ],
)
def test_a_query_is_split_into_folded_words(query: str, expected: list[str]) -> None:
    assert words(query) == expected


@pytest.mark.rule("U11")
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("\u0378", "empty"),
        ("an", "too_short"),
        ("ann le", "too_short"),
        ("0", "too_short"),
        ("01", "too_short"),
        ("-1", "too_short"),
        (" ".join(f"word{number}" for number in range(9)), "count"),
        ("x" * 513, "too_long"),
        ("ann\0", "control_character"),
        ("ann\ud800", "not_unicode"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(query: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        words(query)
    assert [(error.field, error.reason) for error in refused.value.errors] == [("query", reason)]


@pytest.mark.rule("U11")
@pytest.mark.parametrize("text", ["", "0", "07", "+7", "7.0", "ann", str(1 << 53), "9" * 500])
def test_a_text_that_no_id_has_is_no_id(text: str) -> None:
    assert id_in(text) is None


@pytest.mark.rule("U11")
@pytest.mark.parametrize("number", [1, 7, (1 << 53) - 1])
def test_the_decimal_text_of_an_id_is_the_id(number: int) -> None:
    assert id_in(str(number)) == number
