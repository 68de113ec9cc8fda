"""The cheap bounds agree with the estimator where they decide, and decide on passwords that it estimates slowly."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zxcvbn.adjacency_graphs import ADJACENCY_GRAPHS
from zxcvbn.matching import L33T_TABLE, RANKED_DICTIONARIES

from usercore.passwords.strength import MOST_JUDGED, PROVEN, guesses_of, is_guessable

WORDS = sorted(word for ranked in RANKED_DICTIONARIES.values() for word in ranked)
LONG_WORDS = [word for word in WORDS if len(word) > 6]
KEYBOARDS = [
    {first: [key or "" for key in keys] for first, keys in graph.items()} for graph in ADJACENCY_GRAPHS.values()
]


def in_signs(word: str, choices: list[int]) -> str:
    """Replace characters by similar signs; a choice of 0 leaves the character."""
    signs = [[sign, *L33T_TABLE.get(sign, ())] for sign in word]
    return "".join(options[choice % len(options)] for options, choice in zip(signs, choices, strict=False))


@st.composite
def walks(draw: st.DrawFn) -> str:
    """Draw a walk over adjacent keys of one keyboard, in one direction as long as there is a key."""
    keyboard = draw(st.sampled_from(KEYBOARDS))
    walk = draw(st.sampled_from(sorted(keyboard)))
    direction = draw(st.integers(0, 7))
    for _ in range(draw(st.integers(2, 30))):
        keys = keyboard[walk[-1]]
        if direction >= len(keys) or not keys[direction]:
            direction = draw(st.sampled_from([number for number, key in enumerate(keys) if key]))
        walk += draw(st.sampled_from(keys[direction][:1] * 3 + keys[direction][-1]))
    return walk


def sequence(start: int, step: int, length: int) -> str:
    """Make a sequence of code points."""
    return "".join(chr(max(33, start + step * number)) for number in range(length))


DATES = st.builds(
    lambda day, month, year, sign: f"{day}{sign}{month}{sign}{year}",
    st.integers(1, 31),
    st.integers(1, 12),
    st.integers(1000, 2050),
    st.sampled_from(["", ".", "-", "/", " "]),
)
SEQUENCES = st.builds(sequence, st.integers(33, 1200), st.integers(-6, 6), st.integers(2, 40))
SPELLINGS = st.builds(in_signs, st.sampled_from(LONG_WORDS), st.lists(st.integers(0, 4), min_size=30, max_size=30))
RANDOM = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9)
SIMPLE = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(LONG_WORDS),
    st.sampled_from(LONG_WORDS).map(lambda word: word[::-1]),
    st.sampled_from(LONG_WORDS).map(str.title),
    SPELLINGS,
    walks(),
    SEQUENCES,
    DATES,
    RANDOM,
)
PIECES = st.one_of(SIMPLE, st.builds(lambda piece, count: piece * count, SIMPLE, st.integers(2, 5)))
PASSWORDS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=2).map("".join),
    st.lists(PIECES, min_size=3, max_size=4).map("".join),
    st.text(max_size=80),
)


@pytest.mark.rule("P1", "P2")
@example("cvbnm,./cvbnm,./cvbnm,./", PROVEN)
@example("q7!q7!q7!q7!q7!q7!", PROVEN)
@example("31.12.199907.06.2001", PROVEN)
@example("acegikmoqsuwy{}!", PROVEN)
@example("p@$$w0rd1drow$$@p1", PROVEN)
@given(PASSWORDS, st.sampled_from([0, 1, 50, 10**4, 10**6, PROVEN - 1, PROVEN, PROVEN + 1, 10**12]))
def test_a_decision_without_the_estimator_agrees_with_it(password: str, least: int) -> None:
    decision = is_guessable(password, least)
    assert decision in (None, guesses_of(password) < least)


@pytest.mark.rule("P2")
@given(st.sampled_from(LONG_WORDS))
def test_decisions_on_variations_of_a_common_password_agree_with_the_estimator(word: str) -> None:
    for spelling in (word, word.upper(), word.title(), word[::-1], word * 2, word + "1", f"{word}1990"):
        assert is_guessable(spelling, PROVEN) in (None, guesses_of(spelling) < PROVEN)


@pytest.mark.rule("P1")
@pytest.mark.parametrize(
    "password",
    [
        "4@8({[<36914!|70$5+%2" * 4,
        "$$$$1!|7+@4(<{[%2098$4@31!|7+",
        "violet tram 7 sleeps",
        "correct horse battery staple",
    ],
)
def test_a_password_of_three_patterns_or_more_is_accepted_without_the_estimator(password: str) -> None:
    assert is_guessable(password, PROVEN) is False


@pytest.mark.rule("P1", "P2")
@given(walks(), walks())
@example("cvbnm,./", "rtyuiop[]")
@example("][poiuytr", "DFGHJKL:")
@example("7418529630", "0369258147")
def test_decisions_on_keyboard_walks_agree_with_the_estimator(first: str, second: str) -> None:
    for password in (first, first + second, first + "x1"):
        assert is_guessable(password, PROVEN) in (None, guesses_of(password) < PROVEN)


@pytest.mark.rule("P1")
@pytest.mark.parametrize(
    "password", ["", "a", "a" * 1024, "abcdefghijklmnopqrstuvwxyz", "password", "vk7tq0x", "97531"]
)
def test_an_obviously_weak_password_is_refused_without_the_estimator(password: str) -> None:
    assert is_guessable(password, PROVEN) is True


@pytest.mark.rule("P1")
@pytest.mark.parametrize(
    ("first", "second"),
    list(product(["qwertyuiop", "drowssap1", "p@ssword1", "12.12.1990", "abcdefgh"], ["", "dragon12"])),
)
def test_a_password_of_two_patterns_needs_the_estimator(first: str, second: str) -> None:
    assert is_guessable(f"{first}{second}" if second else first * 2, PROVEN) is None


@pytest.mark.rule("P1")
def test_at_most_72_characters_are_estimated() -> None:
    weak = "qwertyuiop" * 8
    assert len(weak) > MOST_JUDGED
    assert guesses_of(weak + "violet tram 7 sleeps") == guesses_of(weak[:MOST_JUDGED])
    assert is_guessable("a" * MOST_JUDGED + "violet tram 7 sleeps", PROVEN) is True


@pytest.mark.rule("P1")
def test_strong_passwords_need_the_estimator_if_the_threshold_is_above_the_bounds() -> None:
    assert is_guessable("violet tram 7 sleeps", PROVEN + 1) is None
