"""The undo of a takeover, raced against what the thief does: whichever unit comes first, the thief is out.

``RIVALS`` has what the thief may do while the owner clicks the link. A rival that shows a secret of the thief's is
refused once the undo is stored. A trusted call names the user only, so that one that comes after the undo is the
owner's, as far as the library can tell: it must be dead only if it was stored before the undo.
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final, TypeVar

import attrs

from tests.services.factors import App
from tests.services.helpers import ANN, ANOTHER, PASSWORD, register, sign_in
from tests.services.passkey_helpers import enter
from usercore import Actor, Email, ExternalId, MailKind, SecondFactorRequired, Secret, User, UserCore, UsercoreError
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.storage.recording import UnitContext
from usercore.testing import FakeClock, FaultyStorage, MemoryMailer
from usercore.testing.passkeys import SoftwareAuthenticator

T = TypeVar("T")

THIEF: Final = "thief@example.com"
AGAIN: Final = "again@example.com"
THIRD: Final = "nine herons under Nitra"


@attrs.frozen(kw_only=True)
class Takeover:
    """A user whose email a thief has changed by a link, and signed in since; ``undo`` is the owner's link."""

    core: UserCore
    clock: FakeClock
    mailer: MemoryMailer
    user: User
    undo: str
    session: Secret

    def mailed(self, to: str, kind: MailKind) -> str:
        """Deliver, and return the secret of the newest link of a kind that was mailed to an address."""
        return mailed(self.core, self.mailer, to, kind)


def mailed(core: UserCore, mailer: MemoryMailer, to: str, kind: MailKind) -> str:
    """Deliver, and return the secret of the newest link of a kind that was mailed to an address."""
    core.outbox.deliver()
    text = next(mail.text for mail in reversed(mailer.sent) if (mail.to, mail.kind) == (to, kind))
    found = re.search(r"#(\w+)", text)
    assert found is not None
    return found[1]


def taken_over(core: UserCore) -> Takeover:
    """Register a user, and let a thief take the account over: an hour later, so that instants differ."""
    clock, mailer = core._runtime.host.clock, core._runtime.host.mailer
    assert isinstance(clock, FakeClock)
    assert isinstance(mailer, MemoryMailer)
    user = core.emails.set_verified(register(core, password=PASSWORD).id, verified=True)
    clock.advance(timedelta(hours=1))
    core.emails.request_change(user.id, THIEF)
    core.emails.confirm_change(mailed(core, mailer, THIEF, MailKind.EMAIL_CHANGE))
    undo = mailed(core, mailer, ANN, MailKind.EMAIL_CHANGED_UNDO)
    clock.tick()
    session = sign_in(core, user)
    return Takeover(core=core, clock=clock, mailer=mailer, user=user, undo=undo, session=session)


Act = Callable[[], object]
"""What the thief does at the same time; it returns what ``Lives`` gets."""

Lives = Callable[[object], bool]
"""Returns whether what the thief made still lets the thief in."""


@attrs.frozen
class Rival:
    """What a thief does: ``prepare`` does what comes before the race."""

    prepare: Callable[[Takeover], tuple[Act, Lives]]
    trusted: bool = False
    """Whether it names the user only, so that it may live if it is stored after the undo."""


def opens(use: Callable[[], object]) -> bool:
    """Return whether a secret or password lets the thief in, or at least to the second factor."""
    try:
        use()
    except SecondFactorRequired:
        return True
    except UsercoreError:
        return False
    return True


def by_password(takeover: Takeover, password: str) -> bool:
    """Return whether a password lets anyone in, by any of the addresses."""
    logins = (ANN, THIEF, AGAIN)
    return any(opens(lambda: takeover.core.sign_in.with_password(login, password)) for login in logins)  # noqa: B023 - called at once


def identifies(takeover: Takeover, signed_in: object) -> bool:
    """Return whether the access token of a sign-in is valid."""
    secret = signed_in if isinstance(signed_in, Secret) else getattr(signed_in, "access_token", None)
    return secret is not None and opens(lambda: takeover.core.sign_in.identify(secret))


def _change_password(one: Takeover) -> tuple[Act, Lives]:
    one.core.passwords.set(one.user.id, ANOTHER)
    session = sign_in(one.core, one.user)
    return lambda: one.core.passwords.change(
        session, ANOTHER, THIRD
    ), lambda _: by_password(one, THIRD) or by_password(one, ANOTHER) or identifies(one, session)


def _reset_password(one: Takeover) -> tuple[Act, Lives]:
    one.core.passwords.request_reset(THIEF)
    link = one.mailed(THIEF, MailKind.PASSWORD_RESET)
    return lambda: one.core.passwords.reset(link, ANOTHER), lambda _: by_password(one, ANOTHER)


def _set_password(one: Takeover) -> tuple[Act, Lives]:
    return lambda: one.core.passwords.set(one.user.id, ANOTHER), lambda _: by_password(one, ANOTHER)


def _request_change(one: Takeover) -> tuple[Act, Lives]:
    def lives(_: object) -> bool:
        one.core.outbox.deliver()
        links = [mail.text for mail in one.mailer.sent if (mail.to, mail.kind) == (AGAIN, MailKind.EMAIL_CHANGE)]
        return bool(links) and opens(lambda: one.core.emails.confirm_change(links[-1].split("#")[1].split()[0]))

    return lambda: one.core.emails.request_change(one.user.id, AGAIN), lives


def _confirm_change(one: Takeover) -> tuple[Act, Lives]:
    one.core.emails.request_change(one.user.id, AGAIN)
    link = one.mailed(AGAIN, MailKind.EMAIL_CHANGE)
    return lambda: one.core.emails.confirm_change(link), lambda _: one.core.users.find(Email(AGAIN)) is not None


def _change_email(one: Takeover) -> tuple[Act, Lives]:
    return (
        lambda: one.core.emails.change(one.user.id, AGAIN, verified=True, undo=True),
        lambda _: one.core.users.find(Email(AGAIN)) is not None,
    )


def _sign_in_by_password(one: Takeover) -> tuple[Act, Lives]:
    one.core.passwords.set(one.user.id, ANOTHER)
    return lambda: one.core.sign_in.with_password(THIEF, ANOTHER), lambda made: identifies(one, made)


def _sign_in_by_login_token(one: Takeover) -> tuple[Act, Lives]:
    token = one.core.login_tokens.issue(one.user.id)
    return lambda: one.core.sign_in.with_login_token(
        token
    ), lambda made: identifies(one, made) or opens(lambda: one.core.sign_in.with_login_token(token))


def _sign_in_by_autologin_token(one: Takeover) -> tuple[Act, Lives]:
    until = one.clock.now + timedelta(days=1)
    token = one.core.autologin_tokens.issue(one.user.id, valid_to=until, max_uses=9)
    return lambda: one.core.sign_in.with_autologin_token(
        token
    ), lambda made: identifies(one, made) or opens(lambda: one.core.sign_in.with_autologin_token(token))


def _sign_in_by_the_host(one: Takeover) -> tuple[Act, Lives]:
    return lambda: one.core.sign_in.trusted(one.user.id), lambda made: identifies(one, made)


def _sign_in_by_passkey(one: Takeover) -> tuple[Act, Lives]:
    device = SoftwareAuthenticator()
    begun = one.core.passkeys.begin_registration(one.user.id)
    one.core.passkeys.finish_registration(one.user.id, begun.secret, device.create(begun.options))
    return lambda: enter(one.core, device), lambda made: identifies(one, made)


def _sign_in_with_second_factor(one: Takeover) -> tuple[Act, Lives]:
    app = App(one.core.second_factors.begin(one.user.id, name="thief's"), one.clock)
    one.core.second_factors.confirm(one.user.id, app.code())
    token = one.core.login_tokens.issue(one.user.id)
    try:
        one.core.sign_in.with_login_token(token)
    except SecondFactorRequired as required:
        challenge = required.challenge
    return lambda: one.core.sign_in.with_second_factor(challenge, app.code(1)), lambda made: identifies(one, made)


def _issue_login_token(one: Takeover) -> tuple[Act, Lives]:
    def lives(made: object) -> bool:
        return isinstance(made, Secret) and opens(lambda: one.core.sign_in.with_login_token(made))

    return lambda: one.core.login_tokens.issue(one.user.id), lives


def _issue_autologin_token(one: Takeover) -> tuple[Act, Lives]:
    def lives(made: object) -> bool:
        return isinstance(made, Secret) and opens(lambda: one.core.sign_in.with_autologin_token(made))

    until = one.clock.now + timedelta(days=1)
    return lambda: one.core.autologin_tokens.issue(one.user.id, valid_to=until), lives


def _issue_api_token(one: Takeover) -> tuple[Act, Lives]:
    core = one.core.bind(actor=Actor.user(one.user.id))
    return lambda: core.api_tokens.issue("thief's"), lambda _: bool(core.api_tokens.list().rows)


def _pair_device(one: Takeover) -> tuple[Act, Lives]:
    device = one.core.device_tokens.issue("phone")
    return (
        lambda: one.core.device_tokens.pair(one.session, device),
        lambda _: bool(one.core.device_tokens.users(device)),
    )


def _link_external_id(one: Takeover) -> tuple[Act, Lives]:
    return (
        lambda: one.core.users.link_external_id(one.user.id, "thief"),
        lambda _: one.core.users.find(ExternalId("thief")) is not None,
    )


def _enroll_factor(one: Takeover) -> tuple[Act, Lives]:
    app = App(one.core.second_factors.begin(one.user.id, name="thief's"), one.clock)
    return (
        lambda: one.core.second_factors.confirm(one.user.id, app.code()),
        lambda _: bool(one.core.second_factors.list(one.user.id)),
    )


def _register_passkey(one: Takeover) -> tuple[Act, Lives]:
    device = SoftwareAuthenticator()
    begun = one.core.passkeys.begin_registration(one.user.id)
    return (
        lambda: one.core.passkeys.finish_registration(one.user.id, begun.secret, device.create(begun.options)),
        lambda _: bool(one.core.passkeys.list(one.user.id)),
    )


RIVALS: Final[dict[str, Rival]] = {
    "change the password": Rival(_change_password),
    "reset the password": Rival(_reset_password),
    "set a password": Rival(_set_password, trusted=True),
    "request another email": Rival(_request_change, trusted=True),
    "confirm another email": Rival(_confirm_change),
    "change the email at once": Rival(_change_email, trusted=True),
    "sign in by password": Rival(_sign_in_by_password),
    "sign in by a login token": Rival(_sign_in_by_login_token),
    "sign in by an autologin token": Rival(_sign_in_by_autologin_token),
    "sign in by a passkey": Rival(_sign_in_by_passkey),
    "sign in with a second factor": Rival(_sign_in_with_second_factor),
    "be signed in by the host": Rival(_sign_in_by_the_host, trusted=True),
    "issue a login token": Rival(_issue_login_token, trusted=True),
    "issue an autologin token": Rival(_issue_autologin_token, trusted=True),
    "issue an API token": Rival(_issue_api_token, trusted=True),
    "pair a device": Rival(_pair_device),
    "link an external id": Rival(_link_external_id, trusted=True),
    "confirm a second factor": Rival(_enroll_factor),
    "register a passkey": Rival(_register_passkey),
}


class Interrupting(FaultyStorage):
    """Calls ``meanwhile`` once, after a number of units: while the call that uses them is between two of them."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.meanwhile: Callable[[], object] | None = None
        self.left = 0

    def units(self, origin: UnitContext) -> Units[Unit]:
        return _InterruptedUnits(self, super().units(origin))

    def run(self, after: int, action: Callable[[], T], meanwhile: Callable[[], object]) -> T:
        """Run ``action``, and ``meanwhile`` after this many of its units."""
        self.left, self.meanwhile = after, meanwhile
        return action()

    def pass_unit(self) -> None:
        """Count a unit that begins."""
        if self.left == 0 and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        self.left -= 1


@attrs.frozen
class _InterruptedUnits(Units[Unit]):
    _storage: Interrupting
    _units: Units[Unit]

    def write(self, work: Callable[[Unit], T]) -> T:
        self._storage.pass_unit()
        return self._units.write(work)

    def read(self, query: Callable[[Unit], T]) -> T:
        self._storage.pass_unit()
        return self._units.read(query)


LOCKS: Final = ("Users.lock", "Unit.lock")
"""The methods that lock a user."""


class MeetingAtLocks(FaultyStorage):
    """Makes the units of two threads meet where each is about to lock a user, and makes one of them go first.

    A thread may meet at other methods instead. A storage with one writer opens no second unit: then the first goes on
    alone.
    """

    PATIENCE: Final = 1.0

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._second: dict[int, bool] = {}
        self._places: dict[int, tuple[str, ...]] = {}

    @contextmanager
    def meeting(self) -> Iterator[Callable[..., object]]:
        """Return what runs an action in a thread that meets the other one."""
        self._barrier, self._locked = threading.Barrier(2), threading.Event()

        def meet(action: Callable[[], object], *, second: bool, at: tuple[str, ...] = LOCKS) -> object:
            self._second[threading.get_ident()] = second
            self._places[threading.get_ident()] = at
            return attempt(action)

        yield meet
        self._second.clear()

    def call(self, method: Callable[..., T], *args: object, **kwargs: object) -> T:
        is_second = None
        if method.__qualname__.endswith(self._places.get(threading.get_ident(), LOCKS)):
            is_second = self._second.pop(threading.get_ident(), None)
        if is_second is None:
            return method(*args, **kwargs)
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(self.PATIENCE)
        if is_second:
            self._locked.wait(self.PATIENCE)
            return method(*args, **kwargs)
        result = method(*args, **kwargs)
        self._locked.set()
        return result


def attempt(action: Callable[[], object]) -> object:
    """Return what an action returns, or None if it is refused."""
    with suppress(UsercoreError):
        return action()
    return None


def check_restored(one: Takeover) -> None:
    """Check that the owner has the account again, and that the first session of the thief has ended."""
    assert one.core.users.get(Email(ANN)).id == one.user.id
    assert not identifies(one, one.session)
    assert by_password(one, PASSWORD) or not one.core.users.status(one.user.id).password_set


def rival_inside_the_undo(core: UserCore, storage: Interrupting, rival: Rival) -> None:
    """Run the rival while the undo is between its read and its write: then all of it is undone."""
    one = taken_over(core)
    act, lives = rival.prepare(one)
    made: list[object] = []

    def meanwhile() -> None:
        made.append(attempt(act))
        one.clock.tick()  # the undo is stored later than what the thief made

    storage.run(1, lambda: core.emails.undo_change(one.undo), meanwhile)
    assert len(made) == 1, "the undo has a read and a write"
    assert not lives(made[0])
    check_restored(one)


def undo_inside_the_rival(core: UserCore, storage: Interrupting, rival: Rival, *, after: int) -> bool:
    """Run the undo after some units of the rival; return whether the rival had as many."""
    one = taken_over(core)
    act, lives = rival.prepare(one)
    undone: list[User] = []
    made = storage.run(after, lambda: attempt(act), lambda: undone.append(core.emails.undo_change(one.undo)))
    if not undone:
        storage.meanwhile = None
        return False
    assert not lives(made)
    check_restored(one)
    return True


def both_at_the_lock(core: UserCore, storage: MeetingAtLocks, rival: Rival, *, undo_first: bool) -> None:
    """Hold both open where they are about to lock the user, and let one go first."""
    one = taken_over(core)
    act, lives = rival.prepare(one)
    with ThreadPoolExecutor(2) as pool, storage.meeting() as meet:
        undone = pool.submit(meet, lambda: core.emails.undo_change(one.undo), second=not undo_first)
        made = pool.submit(meet, act, second=undo_first)
        assert undone.result(60) is not None
    assert not identifies(one, one.session)
    if not (rival.trusted and undo_first):
        assert not lives(made.result(60))
        check_restored(one)
