"""Races of passwords on every storage: two units that are open at the same time, and have read, before either locks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError, local
from typing import Any, Final, TypeVar

import pytest

from usercore.authenticators.errors import SignInRefused
from usercore.composition.host import Host
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.kernel.errors import Conflict, NotFound, Rejected
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.mail.model import Links, MailPolicy
from usercore.storage import Storage
from usercore.testing.contracts.base import Contract
from usercore.testing.fakes import FakeClock, FakeHasher, FakeRandomness, MemoryMailer
from usercore.testing.faults import FaultyStorage
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.kinds import TokenKind

T = TypeVar("T")

EMAIL: Final = "ann@example.com"
OLD, FIRST, SECOND = "the old of three passwords", "the first of three passwords", "the second of three passwords"
URL: Final = "https://example.com/#{secret}"
POLICY: Final = Policy(
    mail=MailPolicy(
        links=Links(
            sign_in="https://example.com/",
            registration=URL,
            reset=URL,
            confirmation=URL,
            email_change=URL,
            undo=URL,
        )
    )
)

_MEETING: Final = 0.3
"""Seconds in which two open units meet. A storage with one writer never opens two, and lets them pass."""


class MeetingStorage(FaultyStorage):
    """Makes two threads meet before their units lock a user, when both units are open and have read.

    With ``after``, they meet after the first call of the repositories' method of this name instead.
    """

    def __init__(self, storage: Storage, *, after: str | None = None) -> None:
        super().__init__(storage)
        self._after = after
        self._barrier: Barrier | None = None
        self._met = local()

    def call(self, method: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Make a call; the first lock of each thread waits for that of the other one."""
        inner = _inner(method)
        if inner.__name__ != (self._after or "lock") or self._barrier is None or getattr(self._met, "once", False):
            return super().call(method, *args, **kwargs)
        self._met.once = True
        if self._after is not None:
            found = super().call(method, *args, **kwargs)
            self._meet(self._barrier)
            return found
        with suppress(AttributeError):  # the unit's own method, which has no such query
            inner.__self__.exists(args[0])  # a snapshot that is taken at the first read is taken now
        self._meet(self._barrier)
        return super().call(method, *args, **kwargs)

    def _meet(self, barrier: Barrier) -> None:
        with suppress(BrokenBarrierError):
            barrier.wait(_MEETING)

    def race(self, *calls: Callable[[], object]) -> list[object]:
        """Run two calls at once; return what each returned, or the error by which it was refused."""
        self._barrier, self._met = Barrier(len(calls)), local()
        with ThreadPoolExecutor(len(calls)) as pool:
            results = list(pool.map(_result_of, calls))
        self._barrier = None
        return results


def _inner(method: Any) -> Any:  # noqa: ANN401 - any method, perhaps in wrappers of this class's kind
    while isinstance(method, partial):
        method = method.args[0]
    return method


def _result_of(call: Callable[[], object]) -> object:
    try:
        return call()
    except (Conflict, NotFound, Rejected) as error:
        return error


class _Race:
    """Ann, who has the old password and an access token, on a core whose units meet."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.clock, self.mailer = MeetingStorage(storage), FakeClock(), MemoryMailer()
        host = Host(
            clock=self.clock,
            randomness=FakeRandomness(),
            hasher=FakeHasher(),
            mailer=self.mailer,
            policy=POLICY,
        )
        self.core = UserCore.over(self.storage, host)
        registered = self.core.registration.register(EMAIL, password=OLD, send_email=False, sign_in=True)
        assert registered.access_token is not None
        self.ann, self.token = registered.user.id, registered.access_token

    def link(self) -> str:
        """Return the secret of a new link."""
        self.core.passwords.request_reset(EMAIL)
        self.core.outbox.deliver()
        text = next(mail.text for mail in reversed(self.mailer.sent) if TokenKind.RESET in mail.text)
        return text.partition("#")[2].split()[0]

    def valid_passwords(self) -> list[str]:
        """Return the passwords that sign in."""
        return [password for password in (OLD, FIRST, SECOND) if self.core.sign_in.verify_password(EMAIL, password)]

    def opens(self, secret: Secret) -> bool:
        """Return whether an access token is valid."""
        return not isinstance(_result_of(lambda: self.core.sign_in.identify(secret)), TokenInvalid)

    def versions(self) -> tuple[UserId, int]:
        """Return the number of passwords that were stored."""
        return self.ann, len(self.core.history.password_changes(self.ann).rows)


class PasswordRaceContract(Contract):
    """Of two calls at once exactly one wins where only one may, and nothing of the other one is left."""

    @pytest.mark.rule("P5", "K7")
    def test_two_resets_by_one_link_store_one_password(self, storage: Storage) -> None:
        race = _Race(storage)
        link, reset = race.link(), race.core.passwords.reset
        results = race.storage.race(lambda: reset(link, FIRST), lambda: reset(link, SECOND))
        winner = next(index for index, result in enumerate(results) if not isinstance(result, TokenInvalid))
        assert isinstance(results[1 - winner], TokenInvalid)
        assert race.valid_passwords() == [(FIRST, SECOND)[winner]]
        assert race.versions() == (race.ann, 2)

    @pytest.mark.rule("P5", "K9")
    def test_a_sign_in_by_the_old_password_does_not_survive_a_reset(self, storage: Storage) -> None:
        race = _Race(storage)
        link = race.link()
        entered, _ = race.storage.race(
            lambda: race.core.sign_in.with_password(EMAIL, OLD).access_token,
            lambda: race.core.passwords.reset(link, FIRST),
        )
        assert isinstance(entered, SignInRefused) or (isinstance(entered, Secret) and not race.opens(entered))
        assert race.core.access_tokens.list(race.ann).rows == ()
        assert race.valid_passwords() == [FIRST]

    @pytest.mark.rule("P5", "P7")
    def test_a_sign_in_by_the_old_password_does_not_survive_a_suspicion(self, storage: Storage) -> None:
        race = _Race(storage)
        race.storage.race(
            lambda: race.core.sign_in.with_password(EMAIL, OLD),
            lambda: race.core.passwords.mark_suspicious(race.ann),
        )
        assert race.core.access_tokens.list(race.ann).rows == ()
        assert race.valid_passwords() == []

    @pytest.mark.rule("P5", "S7")
    def test_of_two_changes_by_the_same_old_password_one_wins(self, storage: Storage) -> None:
        race = _Race(storage)
        change = race.core.passwords.change
        results = race.storage.race(
            lambda: change(race.token, OLD, FIRST),
            lambda: UserCore.over(race.storage, race.core._runtime.host).passwords.change(race.token, OLD, SECOND),  # noqa: SLF001 - another process
        )
        winner = results.index(True)
        assert isinstance(results[1 - winner], SignInRefused)
        assert race.valid_passwords() == [(FIRST, SECOND)[winner]]
        assert race.versions() == (race.ann, 2)
        assert race.opens(race.token)

    @pytest.mark.rule("P5", "K9")
    def test_a_change_and_a_reset_leave_one_password_and_no_link(self, storage: Storage) -> None:
        race = _Race(storage)
        link = race.link()
        changed, reset = race.storage.race(
            lambda: race.core.passwords.change(race.token, OLD, FIRST),
            lambda: race.core.passwords.reset(link, SECOND),
        )
        assert (changed is True) == isinstance(reset, TokenInvalid)
        assert race.valid_passwords() == [FIRST if changed is True else SECOND]
        assert race.opens(race.token) == (changed is True)
        assert isinstance(_result_of(lambda: race.core.passwords.reset(link, SECOND)), TokenInvalid)

    @pytest.mark.rule("P5", "K9")
    def test_a_token_that_is_revoked_at_the_same_time_is_not_valid_after_a_change(self, storage: Storage) -> None:
        race = _Race(storage)
        changed, _ = race.storage.race(
            lambda: race.core.passwords.change(race.token, OLD, FIRST),
            lambda: race.core.access_tokens.revoke_all(race.ann),
        )
        assert not race.opens(race.token)
        assert race.valid_passwords() == [FIRST if changed is True else OLD]
        entries = race.core.history.of_user(race.ann).rows
        newest = next(entry for entry in entries if entry.kind in {"tokens.revoked", "password.set"})
        assert newest.new["reason"] == "signed_out" or changed is not True

    @pytest.mark.rule("P5", "R6", "K7")
    def test_of_the_links_of_two_requests_the_last_one_that_is_mailed_works(self, storage: Storage) -> None:
        race = _Race(storage)
        request = race.core.passwords.request_reset
        race.storage.race(lambda: request(EMAIL), lambda: request(EMAIL))
        race.core.outbox.deliver()
        links = [mail.text.partition("#")[2].split()[0] for mail in race.mailer.sent]
        assert len(links) == 2
        assert isinstance(_result_of(lambda: race.core.passwords.reset(links[0], FIRST)), TokenInvalid)
        assert race.core.passwords.reset(links[1], SECOND).id == race.ann

    @pytest.mark.rule("P5", "U6", "K9")
    def test_a_reset_does_not_verify_an_email_that_is_changed_at_the_same_time(self, storage: Storage) -> None:
        race = _Race(storage)
        link = race.link()
        race.storage.race(
            lambda: race.core.passwords.reset(link, FIRST),
            lambda: race.core.emails.change(race.ann, "lee@example.com"),
        )
        user = race.core.users.get(race.ann)
        assert (user.email, user.email_verified) == ("lee@example.com", False)

    @pytest.mark.rule("P7", "R6")
    def test_no_generated_password_replaces_one_that_is_set_at_the_same_time(self, storage: Storage) -> None:
        race = _Race(storage)
        race.core.passwords.mark_suspicious(race.ann)
        race.storage.race(
            race.core.outbox.deliver,
            lambda: race.core.passwords.set(race.ann, FIRST),
        )
        race.clock.advance(timedelta(hours=1))
        assert race.valid_passwords() == [FIRST]
