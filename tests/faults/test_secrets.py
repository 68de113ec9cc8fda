"""One whole life on SQLite: no secret of it is in a byte that is kept, in a log, or in anything that is shown."""

import base64
import copy
import json
import logging
import pickle
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

from tests.faults.life import PEPPER, lived
from usercore import Mail, Secret


def forms(secret: bytes) -> dict[str, bytes]:
    """Give the forms in which a secret could stand in bytes."""
    text = secret.decode()
    encoded = {coding: text.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")}
    encoded |= {"hex": secret.hex().encode(), "HEX": secret.hex().upper().encode(), "reversed": secret[::-1]}
    # Base64 looks different at each of the three places in a group; the ends are shared with what stands beside.
    for shift in range(3):
        encoded[f"base64 at {shift}"] = base64.b64encode(b"\0" * shift + secret)[4 if shift else 0 : -4]
        encoded[f"base64url at {shift}"] = base64.urlsafe_b64encode(b"\0" * shift + secret)[4 if shift else 0 : -4]
    return encoded


def found_in(where: bytes, secrets: dict[str, str]) -> list[str]:
    return [
        f"{name} in {form}"
        for name, secret in secrets.items()
        for form, needle in forms(secret.encode()).items()
        if needle in where
    ]


def test_the_search_finds_every_form_wherever_it_stands() -> None:
    secret = "ucl_secret that is long enough"
    for name, form in forms(secret.encode()).items():
        assert f"it in {name}" in found_in(b"before" + form + b"after", {"it": secret})
    for start in range(4):
        assert found_in(base64.b64encode(b"x" * start + secret.encode() + b"after"), {"it": secret})


@pytest.mark.rule("K1", "R6", "P6", "X2", "X3")
def test_no_secret_of_a_whole_life_is_in_a_byte_that_is_kept(tmp_path: Path) -> None:
    with lived(tmp_path) as life:
        while_open = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert {"store.db", "store.db-wal"} <= while_open.keys()
        assert len(life.secrets) > 12
        for name, kept in while_open.items():
            assert found_in(kept, life.secrets) == [], name
            assert found_in(kept, {"pepper": PEPPER.key.decode()}) == [], name
        assert b"ann@example.com" in while_open["store.db-wal"], "the search finds what is there"
        secrets = life.secrets
    assert found_in((tmp_path / "store.db").read_bytes(), secrets) == []


@pytest.mark.rule("K1", "S4", "ERR")
def test_no_secret_of_a_whole_life_is_shown_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with lived(tmp_path) as life:
        shown = [*life.shown, *life.shown]
        texts = [f"{one}\n{one!r}\n{one!s:>5}\n" for one in shown]
        logged = [caplog.text, *(record.getMessage() for record in caplog.records)]
        assert "the listener is away" in caplog.text
        assert found_in("".join([*texts, *logged]).encode("utf-8", "replace"), life.secrets) == []


def written(one: object) -> bytes:
    """Write something down in every way that it lets itself be written."""
    ways: list[Callable[[], object]] = [
        lambda: pickle.dumps(one),
        lambda: json.dumps(one),
        lambda: json.dumps(attrs.asdict(one), default=str),  # type: ignore[arg-type]  # whatever has fields
        lambda: vars(one),
    ]
    texts = []
    for way in ways:
        with suppress(TypeError, AttributeError, attrs.exceptions.NotAnAttrsClassError, pickle.PicklingError):
            texts.append(str(way()))
    return "".join(texts).encode("utf-8", "replace")


@pytest.mark.rule("K1")
def test_what_holds_a_secret_is_not_written_down_by_accident(tmp_path: Path) -> None:
    with lived(tmp_path) as life:
        for one in life.shown:
            if not isinstance(one, Mail):  # a letter is there to tell the secret
                assert found_in(written(one), life.secrets) == [], type(one)


@pytest.mark.rule("K1")
@pytest.mark.parametrize(
    "write", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy], ids=["pickle", "json", "copy", "deepcopy"]
)
def test_a_secret_is_not_written_down(write: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        write(Secret("ucl_secret"))


@pytest.mark.rule("X3")
def test_a_delivery_holds_nothing_of_a_person(tmp_path: Path) -> None:
    with lived(tmp_path) as life:
        deliveries = life.core.outbox.pending().rows
        assert deliveries
        assert not re.search("ann|bob|guest", repr(deliveries))
