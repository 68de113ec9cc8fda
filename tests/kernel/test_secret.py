"""A secret is recognised by its form, contains the id of its holder, and is never shown."""

import copy
import json
import logging
import pickle
import re
from binascii import crc32
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from string import ascii_letters, digits, printable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.ids import LIMIT
from usercore.kernel.secret import (
    Secret,
    digest_of,
    generate_secret,
    generate_text,
    holder_of,
    read_base62,
    read_secret,
    read_secret_without_holder,
    text_of,
    write_base62,
)
from usercore.testing import FakeRandomness
from usercore.testing.strategies import hostile_text, ids

KIND = "uca"
SECRET = generate_secret(KIND, 42, FakeRandomness())
TEXT = SECRET.reveal()
GENERATED = TEXT[13:33]


@attrs.frozen
class Holder:
    secret: Secret


@pytest.mark.rule("K1")
@given(ids(), st.text())
def test_a_secret_has_its_form_and_contains_its_holder(holder: int, seed: str) -> None:
    secret = generate_secret(KIND, holder, FakeRandomness(seed))
    assert re.fullmatch("uca_[0-9A-Za-z]{9}[0-9A-Za-z]{43}[0-9A-Za-z]{6}", secret.reveal())
    assert holder_of(secret, KIND) == holder_of(secret.reveal(), KIND) == holder


@pytest.mark.rule("K1")
@given(st.text())
def test_a_secret_without_a_holder_is_read_as_such_only(seed: str) -> None:
    secret = generate_secret("ucs", None, FakeRandomness(seed))
    assert re.fullmatch("ucs_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", secret.reveal())
    assert read_secret_without_holder(secret, "ucs") == digest_of(secret)
    assert read_secret_without_holder(secret.reveal(), "ucs") == digest_of(secret)
    assert read_secret(secret, "ucs") is None
    assert read_secret_without_holder(secret, KIND) is None
    assert read_secret_without_holder(generate_secret("ucs", 42, FakeRandomness(seed)), "ucs") is None


@pytest.mark.rule("K1")
def test_every_change_of_a_single_character_of_a_secret_without_a_holder_is_detected() -> None:
    text = generate_secret("ucs", None, FakeRandomness()).reveal()
    for place, present in enumerate(text):
        for other in printable + "é😀\ud800":
            changed = text[:place] + other + text[place + 1 :]
            assert (read_secret_without_holder(changed, "ucs") is None) == (other != present)


@pytest.mark.rule("K1")
@given(hostile_text())
def test_arbitrary_text_is_no_secret_without_a_holder(text: str) -> None:
    for prefix in ("", "ucs_"):
        assert read_secret_without_holder(prefix + text, "ucs") is None


@pytest.mark.rule("K1")
@given(ids(), st.integers(9, 12))
def test_a_number_in_base_62_is_read_as_it_was_written(number: int, width: int) -> None:
    assert read_base62(write_base62(number, width)) == number


@pytest.mark.rule("K1")
@pytest.mark.parametrize("text", ["", " ", "1_0", "-1", "é", "0-", "\ud800", "٣"])
def test_other_text_is_no_number_in_base_62(text: str) -> None:
    assert read_base62(text) is None


@pytest.mark.rule("K1")
def test_two_secrets_of_a_holder_differ() -> None:
    randomness = FakeRandomness()
    assert len({generate_secret(KIND, 42, randomness) for _ in range(100)}) == 100


@pytest.mark.rule("K1")
@given(ids())
def test_every_change_of_a_single_character_is_detected(holder: int) -> None:
    text = generate_secret(KIND, holder, FakeRandomness()).reveal()
    for place, present in enumerate(text):
        for other in printable + "é😀\ud800":
            changed = text[:place] + other + text[place + 1 :]
            assert holder_of(changed, KIND) == (holder if other == present else None)


MALFORMED = {
    "nothing": "",
    "only the kind": "uca_",
    "too short": TEXT[:-1],
    "too long": TEXT + "0",
    "a blank in front": " " + TEXT[:-1],
    "a line end behind": TEXT + "\n",
    "small letters": TEXT.lower(),
    "another mark": TEXT.replace("_", "-"),
    "no kind": TEXT[4:],
    "twice": TEXT * 2,
    "ten megabytes": "x" * 10_000_000,
    "another kind": generate_secret("ucl", 42, FakeRandomness()).reveal(),
    "no holder": generate_secret(KIND, 0, FakeRandomness()).reveal(),
    "a holder that cannot be": generate_secret(KIND, LIMIT, FakeRandomness()).reveal(),
}


@pytest.mark.rule("K1")
@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_text_of_another_form_has_no_holder(text: str) -> None:
    assert holder_of(text, KIND) is None


@pytest.mark.rule("K1")
@pytest.mark.parametrize("body", [TEXT[:-6].replace("_", "-"), TEXT[:-7] + "-", TEXT[:4] + " " + TEXT[5:-6]], ids=ascii)
def test_a_malformed_text_with_a_valid_checksum_is_refused(body: str) -> None:
    assert holder_of(body + write_base62(crc32(body.encode()), 6), KIND) is None


@pytest.mark.rule("K1")
@given(hostile_text())
def test_arbitrary_text_has_no_holder_and_does_not_raise(text: str) -> None:
    assert holder_of(text, KIND) is None
    assert holder_of(Secret(text), KIND) is None


@pytest.mark.rule("K1")
@pytest.mark.parametrize("value", [None, 42, b"uca_", [TEXT], True])
def test_a_value_that_is_not_a_string_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        text_of(value)
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        Secret(value)


class Number(Secret):
    """A secret whose text a host reads from elsewhere, and which is none."""

    def reveal(self) -> str:
        return 42  # type: ignore[return-value]


@pytest.mark.rule("K1")
@pytest.mark.parametrize("read", [text_of, digest_of, lambda secret: read_secret(secret, KIND)])
def test_a_secret_that_reveals_no_text_is_refused(read: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError, match="not int"):
        read(Number(""))


SHOWN: list[Callable[[Secret], object]] = [
    repr,
    str,
    lambda secret: f"{secret}",
    lambda secret: f"{secret!r:>80}",
    lambda secret: format(secret, ">80"),
    lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - a way of showing
    lambda secret: [secret, {"secret": secret}],
    Holder,
    ValueError,
    lambda secret: json.dumps({"secret": secret}, default=str),
    lambda secret: attrs.asdict(Holder(secret)),
]


@pytest.mark.rule("K1")
@pytest.mark.parametrize("show", SHOWN, ids=range(len(SHOWN)))
def test_a_secret_is_not_shown(show: Callable[[Secret], object]) -> None:
    assert GENERATED not in repr(show(SECRET))


@pytest.mark.rule("K1")
@pytest.mark.parametrize("keep", [copy.copy, copy.deepcopy, json.dumps, vars, bytes, iter])
def test_a_secret_is_not_serialised_by_accident(keep: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        keep(SECRET)


@pytest.mark.rule("K1")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_within_other_objects_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps([Holder(SECRET)], protocol)


@pytest.mark.rule("K1")
def test_a_secret_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("host").warning("signed in by %s, %r", SECRET, {"secret": SECRET})
    assert "Secret('...')" in caplog.text
    assert GENERATED not in caplog.text


@pytest.mark.rule("K1")
@given(st.text(), st.text())
def test_secrets_are_equal_exactly_if_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert len({Secret(one), Secret(one), Secret(other)}) == len({one, other})
    assert Secret(one) != one


@pytest.mark.rule("K1")
@given(st.text())
def test_the_digest_is_sha256_of_the_text_wrapped_or_not(text: str) -> None:
    assert digest_of(Secret(text)) == digest_of(text) == sha256(text.encode()).digest()


@pytest.mark.rule("K1")
def test_a_lone_surrogate_has_a_digest_and_equals_itself() -> None:
    assert len(digest_of("\ud800")) == 32
    assert Secret("\ud800") == Secret("\ud800")


@pytest.mark.rule("K1")
def test_each_base62_character_is_equally_likely() -> None:
    # 256 is no multiple of 62: those bytes that would favour some characters come first.
    drawn = generate_text(4 * 62, lambda _: bytes(range(248, 256)) + bytes(range(248)))
    assert Counter(drawn) == dict.fromkeys(digits + ascii_letters, 4)


@pytest.mark.rule("K1")
@given(st.integers(0, 300), st.text())
def test_a_generated_text_has_the_requested_length(count: int, seed: str) -> None:
    drawn = generate_text(count, FakeRandomness(seed))
    assert len(drawn) == count
    assert set(drawn) <= set(digits + ascii_letters)


@pytest.mark.rule("K1")
@given(ids(), ids())
def test_base62_preserves_the_order(one: int, other: int) -> None:
    assert (write_base62(one, 9) < write_base62(other, 9)) == (one < other)
