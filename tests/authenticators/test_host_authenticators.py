"""Authenticators of the host are held to the same rules as the built-in ones: throttled, unprivileged, stored."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import NoReturn

import attrs
import pytest

from tests.services.helpers import (
    ANN,
    PASSWORD,
    Badge,
    Door,
    dump,
    fail,
    over,
    refuse,
    refused,
    register,
    unchanged,
)
from usercore import (
    Context,
    LoginTokenCredentials,
    PasswordCredentials,
    RateLimited,
    Reference,
    SignInRefused,
    User,
    UserCore,
    UsercoreError,
)
from usercore.testing import FakeClock, FakeHasher, FaultyStorage, WatchedStorage

SECOND = timedelta(seconds=1)


@attrs.frozen
class Pin:
    """Credentials with a login."""

    login: str
    pin: int


@attrs.define
class PinPad:
    """A host's authenticator of four digits; ``asked`` counts its calls."""

    user_id: Reference
    right: int = 4711
    priority: int = 100
    asked: int = 0
    name: str = "pin"
    credentials: type = Pin

    def authenticate(self, credentials: Pin, context: Context) -> Reference:  # noqa: ARG002 - as the port says
        self.asked += 1
        if credentials.pin != self.right:
            raise SignInRefused
        return self.user_id


def directory(**fields: object) -> Door:
    """Return a host's authenticator of passwords."""
    return Door(**({"name": "directory", "credentials": PasswordCredentials} | fields))  # type: ignore[arg-type]


def statuses(core: UserCore, user: User | None) -> list[tuple[str | None, str]]:
    rows = core.history.attempts(None if user is None else user.id).rows
    return [(row.authenticator, str(row.status)) for row in reversed(rows)]


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except UsercoreError as error:
        return error.code
    return "signed in"


@pytest.mark.rule("S7")
@pytest.mark.parametrize("login", [ANN, "nobody@example.com", "no such name"])
def test_of_many_wrong_pins_ten_are_verified(core: UserCore, login: str) -> None:
    user = register(core, password=PASSWORD)
    pad = PinPad(user.id)
    core = over(core, authenticators=[pad])
    outcomes = [outcome(lambda pin=pin: core.sign_in.authenticate(Pin(login, pin))) for pin in range(200)]  # type: ignore[misc]
    assert pad.asked == 10
    assert outcomes == ["sign_in.refused"] * 10 + [RateLimited.code] * 190
    assert outcome(lambda: core.sign_in.with_password(login, PASSWORD)) == RateLimited.code


@pytest.mark.rule("S7")
def test_credentials_without_a_login_are_throttled_by_their_address(core: UserCore) -> None:
    user = register(core)
    door = Door(answer=refuse)
    here = over(core, authenticators=[door]).bind(ip="192.0.2.7")
    outcomes = [outcome(lambda: here.sign_in.authenticate(Badge(1))) for _ in range(150)]
    assert len(door.seen) == 100
    assert outcomes[100:] == [RateLimited.code] * 50
    door.answer = lambda: user.id
    assert here.bind(ip="192.0.2.8").sign_in.authenticate(Badge(1)).user.id == user.id


@pytest.mark.rule("S7")
@pytest.mark.parametrize("login", [None, 7, b"ann", ["ann"]])
def test_a_login_that_is_not_text_counts_as_no_login(core: UserCore, login: object) -> None:
    @attrs.frozen
    class Odd:
        login: object

    core = over(core, authenticators=[Door(credentials=Odd, answer=refuse)])
    with refused(core, SignInRefused):
        core.sign_in.authenticate(Odd(login))
    assert core.history.attempts().rows[0].login is None


@pytest.mark.rule("S7")
def test_a_huge_login_and_a_subclass_of_text_are_stored_and_counted_as_plain_text(core: UserCore) -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> NoReturn:
            raise AssertionError

        __format__ = __repr__ = __str__  # type: ignore[assignment]

    user = register(core)
    core = over(core, authenticators=[PinPad(user.id)])
    for login in ("x" * 1_000_000, "\ud800" * 300, "", Text(ANN), Text("nobody"), Text("no\0name")):
        with refused(core, SignInRefused):
            core.sign_in.authenticate(Pin(login, 1))
    assert core.users.status(user.id).failures_in_a_row == 1
    assert all(len(row.login or "") <= 254 for row in core.history.attempts().rows)


@pytest.mark.rule("S7")
def test_an_exception_of_a_login_property_reaches_the_caller_and_nothing_is_verified(core: UserCore) -> None:
    class Broken:
        @property
        def login(self) -> str:
            raise ZeroDivisionError

    door = Door(credentials=Broken)
    core = over(core, authenticators=[door])
    with unchanged(core), pytest.raises(ZeroDivisionError):
        core.sign_in.authenticate(Broken())
    assert door.seen == []


@pytest.mark.rule("S3", "S7")
def test_during_a_wait_no_authenticator_is_asked(core: UserCore, hasher: FakeHasher) -> None:
    user = register(core, password=PASSWORD)
    fail(core, times=10)
    first, last = directory(priority=900), directory(name="last", priority=1, answer=lambda: user.id)
    core = over(core, authenticators=[first, last])
    hashes = hasher.hashes
    with refused(core, RateLimited):
        core.sign_in.with_password(ANN, PASSWORD)
    assert (first.seen, last.seen, hasher.hashes) == ([], [], hashes)


@pytest.mark.rule("S3", "S7")
def test_a_success_of_an_authenticator_that_is_asked_later_is_no_failure_of_the_password(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    core = over(core, authenticators=[directory(answer=lambda: user.id)])
    for _ in range(120):
        assert core.sign_in.with_password(ANN, "the directory's").authenticator == "directory"
    assert core.users.status(user.id).failures_in_a_row == 0
    assert core.history.explain(user.id) == ()
    assert core.sign_in.with_password(ANN, PASSWORD).authenticator == "password"


@pytest.mark.rule("S3", "S7")
@pytest.mark.parametrize("priorities", [(), (900,), (100,), (900, 800, 100, 50)])
def test_one_failure_is_counted_once_whatever_number_of_authenticators_was_asked(
    core: UserCore, priorities: tuple[int, ...]
) -> None:
    user = register(core, password=PASSWORD)
    doors = [directory(name=f"d{priority}", priority=priority, answer=refuse) for priority in priorities]
    core = over(core, authenticators=doors).bind(ip="192.0.2.7")
    for number in range(1, 10):
        fail(core)
        assert core.users.status(user.id).failures_in_a_row == number
    assert len(dump(core)["failure_counters"]) == 2, "the account's and the address's"
    fail(core)
    with refused(core, RateLimited):
        core.sign_in.with_password(ANN, PASSWORD)


@pytest.mark.rule("T5")
@pytest.mark.parametrize("priority", [900, 100])
def test_a_host_never_signs_in_a_privileged_user_and_the_right_password_still_does(
    core: UserCore, priority: int
) -> None:
    system = core.tenant("system")
    admin = register(system, "root", password=PASSWORD)
    host = directory(priority=priority, answer=lambda: admin.id)
    system = over(system, authenticators=[host, Door(answer=lambda: admin.id)])
    weak: list[Callable[[], object]] = [
        lambda: system.sign_in.authenticate(Badge(1)),
        lambda: system.sign_in.with_password("root@example.com", "the directory's own"),
        lambda: system.sign_in.with_password("root@example.com", PASSWORD, source="directory"),
    ]
    for enter in weak:
        with refused(system, SignInRefused):
            enter()
    assert system.access_tokens.list(admin.id).rows == ()
    assert system.sign_in.with_password("root@example.com", PASSWORD).authenticator == "password"


@pytest.mark.rule("S1", "S6", "S7")
@pytest.mark.parametrize("error", [ZeroDivisionError(), ConnectionError("the directory is down"), StopIteration()])
def test_an_exception_is_logged_with_its_traceback_and_counts_as_a_failure(
    core: UserCore, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def be_down() -> NoReturn:
        raise error

    user = register(core)
    core = over(core, authenticators=[Door(credentials=Pin, answer=be_down)])
    with caplog.at_level(logging.ERROR, logger="usercore"), refused(core, SignInRefused):
        core.sign_in.authenticate(Pin(ANN, 1))
    assert "door" in caplog.text
    assert "be_down" in caplog.text, "the traceback"
    assert statuses(core, None) == [("door", "authenticator_failed")]
    assert core.users.status(user.id).failures_in_a_row == 1


@pytest.mark.rule("S1", "S3", "S7")
@pytest.mark.parametrize("failures", [0, 3, 12])
def test_a_rate_limit_of_the_host_passes_through_and_counts_nothing(
    core: UserCore, clock: FakeClock, failures: int
) -> None:
    limit = RateLimited(timedelta(seconds=77))

    def limited() -> NoReturn:
        raise limit

    user = register(core, password=PASSWORD)
    for _ in range(failures):
        clock.advance(timedelta(minutes=15))
        fail(core)
    clock.advance(timedelta(minutes=15))
    last = directory(name="last", answer=lambda: user.id)
    core = over(core, authenticators=[directory(priority=900, answer=limited), last])
    before = core.users.status(user.id)
    for _ in range(20):
        with refused(core, RateLimited) as raised:
            core.sign_in.with_password(ANN, PASSWORD)
        assert raised.value is limit
    assert core.users.status(user.id) == before
    assert last.seen == []
    assert statuses(core, None)[0] == ("directory", "rate_limit_exceeded")


@pytest.mark.rule("S7")
def test_a_rate_limit_of_the_host_does_not_hide_guesses_at_the_password(core: UserCore, hasher: FakeHasher) -> None:
    def limited() -> NoReturn:
        raise RateLimited(SECOND)

    user = register(core, password=PASSWORD)
    core = over(core, authenticators=[directory(answer=limited)])
    hasher.hashes = 0
    for _ in range(50):
        with refused(core, RateLimited):
            core.sign_in.with_password(ANN, "wrong")
    assert hasher.hashes == 10
    assert core.users.status(user.id).failures_in_a_row == 10


@pytest.mark.rule("S1", "S6", "S7")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_interrupt_stores_an_attempt_and_reaches_the_caller(core: UserCore, error: BaseException) -> None:
    def stop() -> NoReturn:
        raise error

    user = register(core)
    core = over(core, authenticators=[Door(credentials=Pin, answer=stop), Door(name="next", priority=1)])
    with pytest.raises(type(error)) as raised:
        core.sign_in.authenticate(Pin(ANN, 1))
    assert raised.value is error
    assert statuses(core, None) == [("door", "authenticator_failed")]
    assert core.users.status(user.id).failures_in_a_row == 1


@pytest.mark.rule("S1")
def test_a_ctrl_c_reaches_the_caller_even_if_the_attempt_cannot_be_stored(
    core: UserCore, storage: WatchedStorage
) -> None:
    def stop() -> NoReturn:
        raise KeyboardInterrupt

    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, attrs.evolve(core._runtime.host, authenticators=[Door(answer=stop)]))
    with faulty.failing(2, ConnectionError()), pytest.raises(KeyboardInterrupt):
        late.sign_in.authenticate(Badge(1))


@pytest.mark.rule("S7")
def test_an_outage_counts_no_failure_of_the_right_password(core: UserCore, storage: WatchedStorage) -> None:
    user = register(core, password=PASSWORD)
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    fail(core)
    calls = faulty.calls_of(lambda: late.sign_in.with_password(ANN, PASSWORD))
    fail(core)
    before = core.users.status(user.id)
    for number in range(1, calls + 1):
        with pytest.raises(ConnectionError), faulty.failing(number, ConnectionError()):
            late.sign_in.with_password(ANN, PASSWORD)
        assert core.users.status(user.id) == before
    assert core.sign_in.with_password(ANN, PASSWORD).user.id == user.id


@pytest.mark.rule("S7")
def test_an_interrupted_hash_counts_no_failure(core: UserCore, storage: WatchedStorage) -> None:
    class Interrupted(FakeHasher):
        def _compute(self, *_: str) -> NoReturn:
            raise KeyboardInterrupt

    user = register(core, password=PASSWORD)
    fail(core)
    before = core.users.status(user.id)
    for _ in range(12):
        with pytest.raises(KeyboardInterrupt):
            over(core, hasher=Interrupted(storage)).sign_in.with_password(ANN, PASSWORD)
    assert core.users.status(user.id) == before


@pytest.mark.rule("P4")
@pytest.mark.parametrize(("password", "priority"), [("wrong", 100), (PASSWORD, 100), ("wrong", 900)])
def test_the_hash_slot_is_released_once_the_password_was_verified(
    core: UserCore, storage: WatchedStorage, password: str, priority: int
) -> None:
    class Slots(FakeHasher):
        held = 0

        @contextmanager
        def hold_slot(self) -> Iterator[None]:
            self.held += 1
            try:
                yield
            finally:
                self.held -= 1

    register(core, password=PASSWORD)
    hasher = Slots(storage)
    held: list[int] = []
    host = directory(priority=priority, answer=lambda: held.append(hasher.held))
    with suppress(SignInRefused):
        over(core, hasher=hasher, authenticators=[host]).sign_in.with_password(ANN, password)
    assert held == ([1] if priority > 500 else [0] if password == "wrong" else [])
    assert hasher.held == 0


@pytest.mark.rule("S2")
def test_a_subclass_of_credentials_is_accepted_by_the_authenticators_of_both_classes(core: UserCore) -> None:
    class Kiosk(PasswordCredentials):
        """A password that was typed at a kiosk."""

    user = register(core, password=PASSWORD)
    kiosk = Door(name="kiosk", priority=1, credentials=Kiosk, answer=lambda: user.id)
    core = over(core, authenticators=[kiosk])
    assert core.sign_in.authenticate(Kiosk(login=ANN, password=PASSWORD)).authenticator == "password"
    assert core.sign_in.authenticate(Kiosk(login=ANN, password="x")).authenticator == "kiosk"
    fail(core)
    assert len(kiosk.seen) == 1


@pytest.mark.rule("S2", "K3", "S7")
def test_an_authenticator_of_any_credentials_is_throttled_for_each_of_them(core: UserCore) -> None:
    every = Door(name="every", priority=1000, credentials=object)
    core = over(core, authenticators=[every]).bind(ip="192.0.2.7")
    outcomes = [outcome(lambda: core.sign_in.authenticate(LoginTokenCredentials(secret="garbage"))) for _ in range(120)]
    assert outcomes == ["sign_in.refused"] * 100 + [RateLimited.code] * 20
    assert len(every.seen) == 100


@pytest.mark.rule("S1")
def test_credentials_need_not_be_hashable_or_comparable(core: UserCore) -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> NoReturn:
            raise AssertionError

    user = register(core)
    core = over(core, authenticators=[Door(credentials=Odd, answer=lambda: user.id)])
    assert core.sign_in.authenticate(Odd()).user.id == user.id


@pytest.mark.rule("S2", "S6")
@pytest.mark.parametrize(
    ("source", "name", "status"),
    [
        ("directory", "directory", "ok"),
        ("api+directory", "directory", "api_ok"),
        ("api+unknown", "first", "api_ok"),
        ("api", "first", "api_ok"),
        ("unknown", "first", "ok"),
        ("api+", "first", "api_ok"),
        ("api+api+directory", "first", "api_ok"),
        ("apidirectory", "first", "ok"),
    ],
)
def test_a_source_of_the_api_selects_an_authenticator_as_its_name_does(
    core: UserCore, source: str, name: str, status: str
) -> None:
    user = register(core, password=PASSWORD)
    doors = [directory(name="first", priority=900, answer=lambda: user.id), directory(answer=lambda: user.id)]
    identity = over(core, authenticators=doors).sign_in.with_password(ANN, "any", source=source)
    assert (identity.authenticator, identity.source) == (name, source)
    assert statuses(core, user) == [(name, status)]


@pytest.mark.rule("S1")
def test_an_interrupt_in_an_extra_reaches_the_caller(core: UserCore) -> None:
    @attrs.define(kw_only=True)
    class Annex(Door):
        extra: Callable[[User], NoReturn]

    def stop(_: User) -> NoReturn:
        raise KeyboardInterrupt

    user = register(core)
    late = over(core, authenticators=[Annex(extra=stop)])
    token = core.sign_in.trusted(user.id).access_token
    with pytest.raises(KeyboardInterrupt):
        late.sign_in.identify(token)
