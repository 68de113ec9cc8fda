"""What every storage must do for changes of emails, and that no race lets an intruder keep an account.

The races run the services over the storage, two units of them open at a time.
"""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

import pytest

from usercore.composition.host import Host
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.kernel.errors import Taken, UsercoreError
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.mail.model import Links, MailKind, MailPolicy
from usercore.storage import Storage, Unit
from usercore.storage.recording import UnitContext
from usercore.testing.contracts.base import Contract, add_users, units_of
from usercore.testing.contracts.rows import OF_ACME, UserRows, row_cases
from usercore.testing.fakes import NOON, TICK, FakeClock, FakeHasher, FakeRandomness, MemoryMailer
from usercore.testing.samples import ACME, EMAIL_CHANGE, an_email_change
from usercore.testing.strategies import entities
from usercore.testing.watching import WatchedStorage
from usercore.users.model import NO_ACCESS_IDS, EmailChange, EmailChangeState

T = TypeVar("T")

ROWS = UserRows(
    name="email_changes",
    rules=("E2", "E3"),
    repository=lambda unit: unit.email_changes,
    key="number",
    sample=EMAIL_CHANGE,
    other=an_email_change(state=EmailChangeState.UNDONE, open_until=NOON),
    edges=[
        an_email_change(
            number=3, old_email=None, old_verified_at=None, old_external_id=None, old_access_ids=NO_ACCESS_IDS
        ),
        an_email_change(number=1, requested_at=FIRST, made_at=None, open_until=LAST - TICK),
        an_email_change(number=2**53 - 1, old_email="é'\"%_\\@example.com", new_email="x" * 254),
    ],
    drawn=entities(EmailChange),
    keys=(1, 2, 10, 2**40),
)

OWNER: Final = "ann@example.com"
THIEF: Final = "thief@example.com"
ELSEWHERE: Final = "elsewhere@example.com"
OWN: Final = "correct horse battery staple"
STOLEN: Final = "seven pelicans over Trnava"

POLICY: Final = Policy(
    mail=MailPolicy(
        links=Links(
            sign_in="https://example.com/in",
            registration="https://example.com/join#{secret}",
            reset="https://example.com/reset#{secret}",
            confirmation="https://example.com/confirm#{secret}",
            email_change="https://example.com/email#{secret}",
            undo="https://example.com/undo#{secret}",
        )
    )
)

_MEETING: Final = 0.2
"""Seconds in which two open units meet. A storage with one writer never opens two, and lets them pass."""


class _MeetingStorage(WatchedStorage):
    """Holds the first unit of each of two threads open after a read, until the other one is open, too."""

    def __init__(self, storage: Storage, user_id: UserId) -> None:
        super().__init__(storage)
        self._user_id = user_id
        self._barrier = threading.Barrier(2)
        self._met = threading.local()

    def units(self, origin: UnitContext) -> Units[Unit]:
        return _MeetingUnits(self, self._storage.units(origin))

    def meet(self, unit: Unit) -> None:
        """Read, and wait for the other thread, once a thread."""
        if not getattr(self._met, "done", False):
            self._met.done = True
            unit.users.get(self._user_id)
            with suppress(threading.BrokenBarrierError):
                self._barrier.wait(_MEETING)


class _MeetingUnits(Units[Unit]):
    def __init__(self, storage: _MeetingStorage, units: Units[Unit]) -> None:
        self._storage = storage
        self._units = units

    def write(self, work: Callable[[Unit], T]) -> T:
        def meet_first(unit: Unit) -> T:
            self._storage.meet(unit)
            return work(unit)

        return self._units.write(meet_first)

    def read(self, query: Callable[[Unit], T]) -> T:
        return self._units.read(query)


class _Takeover:
    """An account with a verified email that an intruder took over: the email was changed to the intruder's."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock, self.mailer = FakeClock(), MemoryMailer()
        self.core = self.core_over(storage)
        user = self.core.registration.register(OWNER, password=OWN, send_email=False).user
        self.user_id = user.id
        self.core.emails.set_verified(user.id, verified=True)
        self.clock.tick()
        self.first = self.move(THIEF, former=OWNER)
        self.clock.tick()

    def core_over(self, storage: Storage) -> UserCore:
        """Return a core over the storage, or over a wrapper of it."""
        host = Host(
            clock=self.clock, randomness=FakeRandomness(), hasher=FakeHasher(), mailer=self.mailer, policy=POLICY
        )
        return UserCore.over(storage, host)

    def mailed(self, to: str, kind: MailKind) -> str:
        """Deliver, and return the secret in the newest mail of a kind to an address."""
        self.core.outbox.deliver()
        text = next(mail.text for mail in reversed(self.mailer.sent) if (mail.to, mail.kind) == (to, kind))
        found = re.search(r"#(\w+)", text)
        assert found is not None
        return found[1]

    def request(self, email: str) -> str:
        """Request another email, and return the secret of the link that makes the change."""
        self.core.emails.request_change(self.user_id, email)
        return self.mailed(email, MailKind.EMAIL_CHANGE)

    def move(self, email: str, *, former: str) -> str:
        """Change the email by a link, and return the secret of the link that undoes it."""
        self.core.emails.confirm_change(self.request(email))
        return self.mailed(former, MailKind.EMAIL_CHANGED_UNDO)

    def race(self, *calls: Callable[[UserCore], object]) -> list[object]:
        """Run two calls at once, whose first units meet while both are open; return results and refusals."""
        core = self.core_over(_MeetingStorage(self.storage, self.user_id))

        def run(call: Callable[[UserCore], object]) -> object:
            try:
                return call(core)
            except UsercoreError as refusal:
                return refusal

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))

    def check_restored(self) -> None:
        """Check that only the owner has the account: email, password, tokens, links and addresses."""
        user = self.core.users.get(self.user_id)
        assert (user.email, user.email_verified) == (OWNER, True)
        assert self.core.access_tokens.list(self.user_id).rows == ()
        for login in (OWNER, THIEF, ELSEWHERE):
            with pytest.raises(UsercoreError):
                self.core.sign_in.with_password(login, STOLEN)
        self.core.outbox.deliver()
        for mail in self.mailer.sent:
            if mail.to != OWNER and "#" in mail.text:
                self.try_link(mail.text)
        assert self.core.users.get(self.user_id).email == OWNER
        assert self.core.users.find(self.user_id) == self.core.users.get(self.user_id)
        for email in (THIEF, ELSEWHERE):
            self.core.registration.register(email, send_email=False, validate_email=False)

    def try_link(self, text: str) -> None:
        """Check that no link in a mail to the intruder does anything."""
        found = re.search(r"#(\w+)", text)
        assert found is not None
        secret, emails = Secret(found[1]), self.core.emails
        calls = (emails.undo_change, emails.confirm_change, emails.confirm)
        for call in (*calls, lambda link: self.core.passwords.reset(link, STOLEN)):
            with pytest.raises(UsercoreError):
                call(secret)


@row_cases(ROWS)
class EmailChangeRepositoryContract(Contract):
    """One case for each promise of ``EmailChangeRepository``, and one for each race of an undo."""

    @pytest.mark.rule("K8")
    def test_changes_that_were_open_until_before_are_removed(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        gone = [an_email_change(number=number, open_until=NOON - TICK) for number in (1, 2, 3)]
        theirs = an_email_change(user_id=OF_ACME, tenant_id=ACME, open_until=FIRST)
        stays = an_email_change(number=4, open_until=NOON)
        ROWS.put(people, *gone, stays)
        ROWS.put(acme, theirs)
        counts = [people.write(lambda unit: unit.email_changes.remove_closed(NOON, limit=3)) for _ in range(3)]
        assert counts == [3, 1, 0]
        assert ROWS.list_of(people) == [stays]
        assert ROWS.list_of(acme, OF_ACME) == []

    @pytest.mark.rule("E3")
    @pytest.mark.parametrize("other", ["undo", "confirm", "sign in", "reset", "change"])
    def test_no_race_with_an_undo_lets_an_intruder_keep_the_account(self, storage: Storage, other: str) -> None:
        takeover = _Takeover(storage)
        core = takeover.core
        core.passwords.set(takeover.user_id, STOLEN)
        calls: dict[str, Callable[[], Callable[[UserCore], object]]] = {
            "undo": lambda: _undo(takeover.move(ELSEWHERE, former=THIEF)),
            "confirm": lambda: _confirm(takeover.request(ELSEWHERE)),
            "sign in": lambda: lambda core: core.sign_in.with_password(THIEF, STOLEN),
            "reset": lambda: _reset(takeover),
            "change": lambda: lambda core: core.emails.change(takeover.user_id, THIEF.replace("t", "T"), undo=True),
        }
        racing = calls[other]()
        takeover.clock.tick()
        undone, _ = takeover.race(_undo(takeover.first), racing)
        assert not isinstance(undone, UsercoreError)
        if other == "change":  # the host made it, perhaps after the undo; its own undo link went to the owner
            return
        takeover.check_restored()

    @pytest.mark.rule("E3")
    def test_one_of_two_open_units_undoes_a_change(self, storage: Storage) -> None:
        takeover = _Takeover(storage)
        results = takeover.race(_undo(takeover.first), _undo(takeover.first))
        assert [isinstance(result, UsercoreError) for result in results].count(True) == 1
        takeover.check_restored()

    @pytest.mark.rule("E2", "K7")
    def test_one_of_two_open_units_redeems_a_link(self, storage: Storage) -> None:
        takeover = _Takeover(storage)
        secret = takeover.request(ELSEWHERE)
        results = takeover.race(_confirm(secret), _confirm(secret))
        assert [isinstance(result, UsercoreError) for result in results].count(True) == 1
        assert takeover.core.users.get(takeover.user_id).email == ELSEWHERE

    @pytest.mark.rule("E2")
    def test_of_two_requests_in_open_units_one_supersedes_the_other(self, storage: Storage) -> None:
        takeover = _Takeover(storage)
        user_id = takeover.user_id
        takeover.race(*(_request(user_id, f"{number}@example.com") for number in range(2)))
        changes = units_of(storage).read(lambda unit: unit.email_changes.list_of(user_id))
        assert [change.state for change in changes[1:]] == [EmailChangeState.CANCELLED, EmailChangeState.REQUESTED]

    @pytest.mark.rule("E2", "E4", "U3")
    def test_an_address_goes_to_a_change_or_to_a_new_user(self, storage: Storage) -> None:
        takeover = _Takeover(storage)
        secret = takeover.request(ELSEWHERE)
        changed, registered = takeover.race(
            _confirm(secret), lambda core: core.registration.register(ELSEWHERE, send_email=False)
        )
        assert sorted([type(changed) is Taken, type(registered) is Taken]) == [False, True]

    @pytest.mark.rule("E3", "U3")
    def test_a_former_address_is_taken_while_it_is_restored(self, storage: Storage) -> None:
        takeover = _Takeover(storage)
        takeover.clock.advance(timedelta(minutes=1))  # or the limit of registrations would refuse
        undone, registered = takeover.race(
            _undo(takeover.first), lambda core: core.registration.register(OWNER, send_email=False)
        )
        assert not isinstance(undone, UsercoreError)
        assert type(registered) is Taken


def _undo(secret: str) -> Callable[[UserCore], object]:
    return lambda core: core.emails.undo_change(secret)


def _confirm(secret: str) -> Callable[[UserCore], object]:
    return lambda core: core.emails.confirm_change(secret)


def _request(user_id: UserId, email: str) -> Callable[[UserCore], object]:
    return lambda core: core.emails.request_change(user_id, email)


def _reset(takeover: _Takeover) -> Callable[[UserCore], object]:
    takeover.core.passwords.request_reset(THIEF)
    secret = takeover.mailed(THIEF, MailKind.PASSWORD_RESET)
    return lambda core: core.passwords.reset(secret, STOLEN)
