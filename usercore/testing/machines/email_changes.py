"""A state machine for changes of emails: a dict predicts which links work, and which addresses are held for whom."""

import re
from datetime import datetime, timedelta
from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from usercore.composition.host import Host
from usercore.composition.policy import Policy
from usercore.kernel.errors import Taken
from usercore.kernel.ids import UserId
from usercore.kernel.references import Email
from usercore.mail.model import Links, MailKind, MailPolicy
from usercore.testing.fakes import MemoryMailer
from usercore.testing.machines.base import StateMachine
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.policies import LinkPolicy
from usercore.users.model import EmailChangeState

EMAILS: Final = tuple(f"{name}@example.com" for name in ("ann", "bob", "eve", "kim", "liv", "zed"))
LIFETIMES: Final = LinkPolicy()
OPEN: Final = (EmailChangeState.REQUESTED, EmailChangeState.MADE)

whom = st.integers(0, 1)
ages = st.sampled_from((0, 0, 1, 2))
addresses = st.sampled_from(EMAILS)


@attrs.define(kw_only=True)
class ModelChange:
    """The model of a change."""

    user_id: UserId
    old: str
    new: str
    state: EmailChangeState
    until: datetime
    change_link: str = ""
    undo_link: str = ""


@pytest.mark.rule("E1", "E2", "E3", "E4", "U6")
class EmailChangeMachine(StateMachine):
    """Requests, changes by the host, confirmed and undone changes, in any order and at any time."""

    outcomes = frozenset({"requested", "confirmed", "changed", "undone", "unchanged", "stale", "Taken"})
    policy = Policy(
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

    def complete(self, host: Host) -> Host:
        """Return the host with a mailer."""
        self.mailer = MemoryMailer()
        return attrs.evolve(host, mailer=self.mailer)

    def begin(self) -> None:
        """Register two users, one with a verified email."""
        register = self.core.registration.register_external
        self.users = [register(email).user.id for email in EMAILS[:2]]
        self.core.emails.set_verified(self.users[0], verified=True)
        self.emails = dict(zip(self.users, EMAILS, strict=False))
        self.verified = dict(zip(self.users, (True, False), strict=True))
        self.changes: list[ModelChange] = []

    def _open(self, user_id: UserId, *states: EmailChangeState) -> list[ModelChange]:
        return [
            change
            for change in self.changes
            if change.user_id == user_id and change.state in (states or OPEN) and self.clock.now < change.until
        ]

    def _is_taken(self, user_id: UserId, email: str) -> bool:
        other = next(one for one in self.users if one != user_id)
        held = {change.old for change in self._open(other, EmailChangeState.MADE)}
        return email == self.emails[other] or email in held

    def _mailed(self, to: str, kind: MailKind) -> str:
        self.core.outbox.deliver()
        mail = self.mailer.sent[-1]
        assert (mail.to, mail.kind) == (to, kind)
        found = re.search(r"#(\w+)", mail.text)
        assert found is not None
        return found[1]

    def _cancel(self, changes: list[ModelChange]) -> None:
        for change in changes:
            change.state = EmailChangeState.CANCELLED

    def _made(self, change: ModelChange) -> None:
        """Note a change that was made, and the link that undoes it."""
        user_id = change.user_id
        change.state, change.until = EmailChangeState.MADE, self.clock.now
        if self.verified[user_id]:
            change.until += LIFETIMES.undo_lifetime
            change.undo_link = self._mailed(change.old, MailKind.EMAIL_CHANGED_UNDO)
        self.emails[user_id] = change.new

    @rule(index=whom, email=addresses)
    def request(self, index: int, email: str) -> None:
        """Request another email."""
        user_id = self.users[index]
        self.clock.tick()
        if email == self.emails[user_id]:
            assert self.core.emails.request_change(user_id, email).email == email
            self.saw("unchanged")
            return
        if self._is_taken(user_id, email):
            self.refuses(Taken, lambda: self.core.emails.request_change(user_id, email))
            return
        self.core.emails.request_change(user_id, email)
        self._cancel(self._open(user_id, EmailChangeState.REQUESTED))
        until = self.clock.now + LIFETIMES.email_change_lifetime
        change = ModelChange(user_id=user_id, old="", new=email, state=EmailChangeState.REQUESTED, until=until)
        change.change_link = self._mailed(email, MailKind.EMAIL_CHANGE)
        self.changes.append(change)
        self.saw("requested")

    @rule(age=ages)
    def confirm(self, age: int) -> None:
        """Redeem the link of one of the newest requests."""
        requests = [change for change in self.changes if change.change_link][-3:]
        if not requests:
            return
        change = requests[-1 - age % len(requests)]
        self.clock.tick()
        if not self._works(change, EmailChangeState.REQUESTED, change.change_link):
            return
        if self._is_taken(change.user_id, change.new):
            self.refuses(Taken, lambda: self.core.emails.confirm_change(change.change_link))
            return
        self.core.emails.confirm_change(change.change_link)
        change.old = self.emails[change.user_id]
        self._made(change)
        self.verified[change.user_id] = True
        self.saw("confirmed")

    def _works(self, change: ModelChange, state: EmailChangeState, secret: str) -> bool:
        """Return whether a link works; if not, check that it is refused."""
        if change.state is state and self.clock.now < change.until:
            return True
        redeem = {
            EmailChangeState.REQUESTED: self.core.emails.confirm_change,
            EmailChangeState.MADE: self.core.emails.undo_change,
        }
        with pytest.raises(TokenInvalid):
            redeem[state](secret)
        self.saw("expired" if change.state is state else "stale")
        return False

    @rule(index=whom, email=addresses)
    def request_and_confirm(self, index: int, email: str) -> None:
        """Change an email by a link at once."""
        self.request(index, email)
        self.confirm(0)

    @rule(age=ages)
    def undo(self, age: int) -> None:
        """Redeem the link that undoes one of the newest changes."""
        changes = [change for change in self.changes if change.undo_link][-3:]
        if not changes:
            return
        change = changes[-1 - age % len(changes)]
        self.clock.tick()
        if not self._works(change, EmailChangeState.MADE, change.undo_link):
            return
        self.core.emails.undo_change(change.undo_link)
        self.core.outbox.deliver()
        later = self.changes[self._place(change) + 1 :]
        self._cancel([one for one in self._open(change.user_id) if any(one is other for other in later)])
        change.state = EmailChangeState.UNDONE
        self.emails[change.user_id], self.verified[change.user_id] = change.old, True
        self.saw("undone")

    def _place(self, change: ModelChange) -> int:
        return next(place for place, one in enumerate(self.changes) if one is change)

    @rule(index=whom, email=addresses, verified=st.booleans(), undo=st.booleans())
    def change_at_once(self, index: int, email: str, verified: bool, undo: bool) -> None:  # noqa: FBT001 - drawn
        """Change an email as the host."""
        user_id = self.users[index]
        self.clock.tick()
        if email == self.emails[user_id]:
            self.core.emails.change(user_id, email, verified=verified, undo=undo)
            self.saw("unchanged")
            return
        if self._is_taken(user_id, email):
            self.refuses(Taken, lambda: self.core.emails.change(user_id, email, verified=verified, undo=undo))
            return
        self.core.emails.change(user_id, email, verified=verified, undo=undo)
        self._cancel(self._open(user_id, *([EmailChangeState.REQUESTED] if undo else OPEN)))
        if undo and self.verified[user_id]:
            change = ModelChange(
                user_id=user_id,
                old=self.emails[user_id],
                new=email,
                state=EmailChangeState.MADE,
                until=self.clock.now,
            )
            self._made(change)
            self.changes.append(change)
        self.emails[user_id], self.verified[user_id] = email, verified
        self.core.outbox.deliver()
        self.saw("changed")

    @rule(days=st.sampled_from((0, 0, 0, 1, 3, 8)))
    def wait(self, days: int) -> None:
        """Advance the clock, and clean up."""
        self.clock.advance(timedelta(days=days))
        self.core.cleanup()

    @invariant()
    def users_have_the_emails_of_the_model(self) -> None:
        """Check emails, whether they are verified, and who is found by which."""
        if not hasattr(self, "changes"):
            return
        for user_id in self.users:
            user = self.core.users.get(user_id)
            assert (user.email, user.email_verified) == (self.emails[user_id], self.verified[user_id])
        holders = {email: user_id for user_id, email in self.emails.items()}
        for email in EMAILS:
            found = self.core.users.find(Email(email))
            assert (None if found is None else found.id) == holders.get(email)
