"""A whole scenario on SQLite: none of its secrets is in a stored byte, in a log, or in any output."""

import base64
import copy
import json
import logging
import pickle
import pprint
import re
import reprlib
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import attrs
import pytest

import usercore
from tests.faults.filled_stores import LINKS
from tests.faults.scenario import PEPPER, completed_scenario
from usercore import Mail, Secret
from usercore.kernel.secret import SecretBytes
from usercore.passwords.hasher import Argon2Hasher
from usercore.testing import NOON


def forms(secret: bytes) -> dict[str, bytes]:
    """Return the forms in which a secret could occur in bytes."""
    text = secret.decode()
    encoded = {coding: text.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")}
    encoded |= {"hex": secret.hex().encode(), "HEX": secret.hex().upper().encode(), "reversed": secret[::-1]}
    # Base64 differs at each of the three offsets in a group; its ends also depend on adjacent bytes.
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


def test_the_search_finds_every_form_at_every_offset() -> None:
    secret = "ucl_secret that is long enough"
    for name, form in forms(secret.encode()).items():
        assert f"it in {name}" in found_in(b"before" + form + b"after", {"it": secret})
    for start in range(4):
        assert found_in(base64.b64encode(b"x" * start + secret.encode() + b"after"), {"it": secret})


@pytest.mark.rule("K1", "R6", "P6", "X2", "X3")
def test_no_secret_of_a_scenario_is_in_a_stored_byte(tmp_path: Path) -> None:
    with completed_scenario(tmp_path) as scenario:
        while_open = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert {"store.db", "store.db-wal"} <= while_open.keys()
        assert len(scenario.secrets) > 12
        for name, kept in while_open.items():
            assert found_in(kept, scenario.secrets) == [], name
            assert found_in(kept, {"pepper": PEPPER.key.reveal().decode()}) == [], name
        assert b"ann@example.com" in while_open["store.db-wal"], "the search finds what is there"
        secrets = scenario.secrets
    assert found_in((tmp_path / "store.db").read_bytes(), secrets) == []


@pytest.mark.rule("K1", "S4", "ERR")
def test_no_secret_of_a_scenario_is_shown_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with completed_scenario(tmp_path) as scenario:
        shown = [*scenario.shown, *scenario.shown]
        texts = [f"{one}\n{one!r}\n{one!s:>5}\n" for one in shown]
        logged = [caplog.text, *(record.getMessage() for record in caplog.records)]
        assert "the listener is away" in caplog.text
        assert found_in("".join([*texts, *logged]).encode("utf-8", "replace"), scenario.secrets) == []


def written(one: object) -> bytes:
    """Return the object in every form in which it can be written."""
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
def test_holders_of_secrets_cannot_be_serialized_by_accident(tmp_path: Path) -> None:
    with completed_scenario(tmp_path) as scenario:
        for one in scenario.shown:
            if not isinstance(one, Mail):  # an email must contain the secret
                assert found_in(written(one), scenario.secrets) == [], type(one)


@pytest.mark.rule("K1")
@pytest.mark.parametrize(
    "write", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy], ids=["pickle", "json", "copy", "deepcopy"]
)
def test_a_secret_cannot_be_serialized(write: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        write(Secret("ucl_secret"))


@pytest.mark.rule("X3")
def test_a_delivery_has_no_personal_data(tmp_path: Path) -> None:
    with completed_scenario(tmp_path) as scenario:
        deliveries = scenario.core.outbox.pending().rows
        assert deliveries
        assert not re.search("ann|bob|guest", repr(deliveries))


PLANTED = "planted-Secret-0123456789"
HOLDERS: dict[type, dict[str, Any]] = {
    usercore.PasswordCredentials: {"login": "ann", "password": PLANTED},
    usercore.LoginTokenCredentials: {"secret": PLANTED},
    usercore.AutologinTokenCredentials: {"secret": PLANTED},
    usercore.AccessTokenCredentials: {"secret": PLANTED},
    usercore.PasskeyCredentials: {"secret": PLANTED, "response": {}},
    usercore.PasskeyCeremony: {"secret": Secret(PLANTED), "options": {}, "expires_at": NOON},
    usercore.Pepper: {"id": "p1", "key": PLANTED.encode()},
    usercore.SmtpMailer: {"host": "mail", "sender": "a@example.com", "user": "shop", "password": PLANTED},
}
"""The classes that take a secret in clear, and their arguments."""


def holders() -> list[object]:
    """Return one object of each class that holds a secret, and of those that hold such an object."""
    made: list[object] = [cls(**values) for cls, values in HOLDERS.items()]
    pepper = usercore.Pepper(id="p1", key=PLANTED.encode())
    policy = usercore.Policy(
        passwords=usercore.PasswordPolicy(peppers=(pepper,)), mail=usercore.MailPolicy(links=LINKS)
    )
    hasher = Argon2Hasher(policy.passwords)
    core = usercore.open("memory://", policy=policy)
    user = core.registration.register("ann@example.com").user
    identity: Any = core.sign_in.trusted(user.id)
    identity = attrs.evolve(identity, access_token=Secret(PLANTED))
    registration = usercore.Registration(user=user, created=True, access_token=Secret(PLANTED))
    host = usercore.Host(policy=policy, mailer=usercore.SmtpMailer(**HOLDERS[usercore.SmtpMailer]))
    return [
        Secret(PLANTED),
        SecretBytes(PLANTED.encode()),
        *made,
        policy,
        policy.passwords,
        host,
        hasher,
        identity,
        registration,
    ]


class LoggedBy(logging.Handler):
    """Records what is logged, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


def logged(one: object) -> str:
    """Return the log output for a value."""
    handler = LoggedBy()
    logger = logging.getLogger("usercore.tests.shown")
    logger.addHandler(handler)
    logger.warning("%s %r", one, one, extra={"one": one})
    logger.removeHandler(handler)
    return "".join(handler.texts)


def shown_by_state(one: object) -> object:
    return cast("Any", one).__getstate__()


SHOWN: list[Callable[[Any], object]] = [
    repr,
    str,
    lambda one: f"{one} {one!r} {one!s:>5}",
    lambda one: "%s %r" % (one, one),  # noqa: UP031 - one of the forms
    lambda one: [one, {"one": one}],
    ValueError,
    logged,
    attrs.asdict,
    attrs.astuple,
    lambda one: attrs.asdict(one, recurse=False),
    lambda one: json.dumps(attrs.asdict(one), default=str),
    json.dumps,
    lambda one: json.dumps(one, default=repr),
    lambda one: json.dumps(one, default=vars),
    vars,
    shown_by_state,
    lambda one: one.__reduce_ex__(2),
    lambda one: one.__reduce__(),
    copy.copy,
    copy.deepcopy,
    *(partial(pickle.dumps, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    pprint.pformat,
    reprlib.repr,
    lambda one: "".join(traceback.TracebackException.from_exception(ValueError(one), capture_locals=True).format()),
    list,
    bytes,
    hash,
]
"""The ways to show or write a value without asking for its secret."""


@pytest.mark.rule("K1")
@pytest.mark.parametrize("one", holders(), ids=lambda one: type(one).__name__)
def test_no_way_of_showing_a_value_shows_its_secret(one: object) -> None:
    for show in SHOWN:
        with suppress(
            TypeError, AttributeError, ValueError, attrs.exceptions.NotAnAttrsClassError, pickle.PicklingError
        ):
            shown = show(one)
            written = shown if isinstance(shown, bytes) else f"{shown!r} {shown}".encode("utf-8", "replace")
            assert found_in(written, {"it": PLANTED}) == []


@pytest.mark.rule("K1")
@pytest.mark.parametrize("one", [one for one in holders() if attrs.has(type(one))], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_holders_of_secrets_are_neither_pickled_nor_deep_copied(write: Callable[[object], object], one: object) -> None:
    with pytest.raises(TypeError, match=r"a secret is not pickled or copied|cannot pickle"):
        write(one)


PUBLIC_TEXTS = {
    ("AddressType", "key"),
    ("Context", "tenant_key"),
    ("HashCount", "pepper_id"),
    ("MetaRule", "key"),
    ("MetaValue", "key"),
    ("Passkey", "public_key"),
    ("Tenant", "key"),
}
"""Fields whose names sound like a secret but are public."""


@pytest.mark.rule("K1")
@pytest.mark.parametrize("cls", [one for one in vars(usercore).values() if isinstance(one, type) and attrs.has(one)])
def test_every_public_field_that_sounds_like_a_secret_hides_it(cls: type) -> None:
    attrs.resolve_types(cls)
    for field in attrs.fields(cls):
        if re.search("secret|password|pepper|token|(^|_)key", field.name):
            kinds = {field.type, *get_args(field.type)} - {type(None)}
            shown = {str, bytes, object, Any} & kinds
            assert not shown or (cls.__name__, field.name) in PUBLIC_TEXTS, field


@pytest.mark.rule("K1")
@pytest.mark.parametrize("service", ["users", "passwords", "history", "registration", "sign_in"])
def test_no_service_shows_the_key_of_its_store(service: str) -> None:
    core = usercore.open("memory://")
    key = core._runtime.storage.secret
    shown = attrs.asdict(getattr(core, service))
    assert shown
    assert repr(key) not in repr(shown)
