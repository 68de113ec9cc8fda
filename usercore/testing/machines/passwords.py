"""A state machine for passwords: set, changed, reset by links, voided as suspicious, and generated for a mail."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, invariant, multiple, precondition, rule

from usercore.authenticators.errors import SignInRefused
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.kernel.secret import Secret
from usercore.mail.model import Links, MailKind, MailPolicy
from usercore.passwords.model import ResetPolicy
from usercore.testing.fakes import TICK, MemoryMailer
from usercore.testing.machines.base import StateMachine
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenRedeemed, TokenRevoked
from usercore.tokens.policies import LinkPolicy

EMAIL: Final = "ann@example.com"
PASSWORDS: Final = ("the first of two passwords", "the second of two passwords")
LIFETIME: Final = LinkPolicy().reset_lifetime
URL: Final = "https://example.com/#{secret}"
MOST_FAILURES: Final = 8
"""After these the account is unlocked: the waits are the subject of another machine."""


@attrs.define
class _Link:
    """What is known of a mailed link."""

    version: int
    expires_at: datetime
    is_redeemed: bool = False
    is_revoked: bool = False

    def refusal(self, version: int, now: datetime) -> type[TokenInvalid] | None:
        """Return the error that redeeming it raises, or None."""
        if self.is_revoked:
            return TokenRevoked
        if self.is_redeemed:
            return TokenRedeemed
        if now >= self.expires_at:
            return TokenExpired
        return TokenRevoked if self.version != version else None


@attrs.frozen
class _Pending:
    """A mail that is due: a link, or a generated password if the voided account had one."""

    kind: MailKind
    version: int


@pytest.mark.rule("P5", "P6", "P7", "R6", "K7", "K9")
class PasswordMachine(StateMachine):
    """One user with any number of access tokens and links; ``version`` counts the passwords that were stored."""

    outcomes = frozenset(
        {
            "signed in",
            "changed",
            "unchanged",
            "set",
            "reset",
            "mailed a link",
            "mailed no link",
            "mailed a password",
            "mailed no password",
            "SignInRefused",
            "TokenRedeemed",
            "TokenRevoked",
            "TokenExpired",
        }
    )
    policy: ClassVar[Policy] = Policy(
        resets=ResetPolicy(per_account_window=timedelta(0), per_ip_window=timedelta(0)),
        mail=MailPolicy(
            links=Links(
                sign_in="https://example.com/",
                registration=URL,
                reset=URL,
                confirmation=URL,
                email_change=URL,
                undo=URL,
            )
        ),
    )

    tokens: Bundle[Secret] = Bundle("tokens")
    links: Bundle[str] = Bundle("links")

    def begin(self) -> None:
        """Register a user with the first password, on a core that sends mail."""
        self.mailer = MemoryMailer(self.watch)
        self.core = UserCore.over(self.watch, attrs.evolve(self.core._runtime.host, mailer=self.mailer))  # noqa: SLF001 - the same fakes
        given = self.core.registration.register(EMAIL, password=PASSWORDS[0], send_email=False)
        self.user_id, self.version, self.failures = given.user.id, 1, 0
        self.password: str | None = PASSWORDS[0]
        self.expires_at: datetime | None = None
        self.open: set[Secret] = set()
        self.known: dict[str, _Link] = {}
        self.pending: list[_Pending] = []
        self.is_verified = False

    def _present(self) -> str | None:
        is_over = self.expires_at is not None and self.clock.now >= self.expires_at
        return None if is_over else self.password

    def _store(self, password: str | None, *, keep: Secret | None = None) -> None:
        self.password, self.expires_at, self.version = password, None, self.version + 1
        self.open &= {keep}
        self._revoke_links()

    def _revoke_links(self) -> None:
        for link in self.known.values():
            link.is_revoked = link.is_revoked or not link.is_redeemed

    def _fail(self) -> None:
        self.failures += 1
        if self.failures >= MOST_FAILURES:
            self.core.passwords.unlock(self.user_id)
            self.failures = 0

    @rule(target=tokens, which=st.integers(0, 1))
    def sign_in(self, which: int) -> MultipleResults[Secret] | Secret:
        """Sign in with one of the two passwords."""
        if PASSWORDS[which] != self._present():
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_password(EMAIL, PASSWORDS[which]))
            self._fail()
            return multiple()
        return self._enter()

    @rule(target=tokens)
    def sign_in_successfully(self) -> MultipleResults[Secret] | Secret:
        """Sign in with the present password, if there is one."""
        return multiple() if self._present() is None else self._enter()

    def _enter(self) -> Secret:
        identity = self.core.sign_in.with_password(EMAIL, self.password or "")
        assert identity.must_change_password == (self.expires_at is not None)
        self.failures = 0
        self.open.add(identity.access_token)
        self.saw("signed in")
        return identity.access_token

    @rule(which=st.integers(0, 1))
    def set(self, which: int) -> None:
        """Set a password as an operator: the present one changes nothing."""
        is_new = PASSWORDS[which] != self._present()
        assert self.core.passwords.set(self.user_id, PASSWORDS[which]) == is_new
        if is_new:
            self._store(PASSWORDS[which])
            self.failures = 0
        self.saw("set" if is_new else "unchanged")

    @rule(token=tokens, old=st.integers(0, 1), new=st.integers(0, 1))
    def change(self, token: Secret, old: int, new: int) -> None:
        """Change the password by an access token and the old password."""
        self._change(token, PASSWORDS[old], PASSWORDS[new])

    @rule(token=tokens, new=st.integers(0, 1))
    def change_the_present_one(self, token: Secret, new: int) -> None:
        """Change the password by the right old one, which may be a generated one."""
        self._change(token, self.password or "none", PASSWORDS[new])

    def _change(self, token: Secret, old: str, new: str) -> None:
        if token not in self.open:
            self.refuses(TokenRevoked, lambda: self.core.passwords.change(token, old, new))
            return
        if old != self._present():
            self.refuses(SignInRefused, lambda: self.core.passwords.change(token, old, new))
            self._fail()
            return
        assert self.core.passwords.change(token, old, new) == (old != new)
        self.failures = 0
        if old != new:
            self._store(new, keep=token)
        self.saw("unchanged" if old == new else "changed")

    @rule()
    def request(self) -> None:
        """Request a link, which is mailed by the next delivery."""
        self.core.passwords.request_reset(EMAIL)
        self.pending.append(_Pending(MailKind.PASSWORD_RESET, self.version))

    @rule()
    def mark_suspicious(self) -> None:
        """Void the password; another one is mailed by the next delivery if there was one."""
        had_password = self.password is not None
        self.core.passwords.mark_suspicious(self.user_id)
        self._store(None)
        if had_password:
            self.pending.append(_Pending(MailKind.SUSPICIOUS_PASSWORD, self.version))

    @rule(target=links)
    def deliver(self) -> MultipleResults[str]:
        """Send the mails that are due, in their order; those that are no longer current are dropped."""
        self.mailer.sent.clear()
        self.core.outbox.deliver()
        mails = iter([mail for mail in self.mailer.sent if mail.kind in {one.kind for one in self.pending}])
        new = []
        for one in self.pending:
            is_current = one.version == self.version
            if one.kind is MailKind.PASSWORD_RESET:
                self.saw("mailed a link" if is_current else "mailed no link")
                if is_current:
                    self._revoke_links()
                    new.append(next(mails).text.partition("#")[2].split()[0])
                    self.known[new[-1]] = _Link(self.version, self.clock.now + LIFETIME)
            else:
                self.saw("mailed a password" if is_current else "mailed no password")
                if is_current:
                    self.password = next(mails).text.partition("password: ")[2].split()[0]
                    self.expires_at = self.clock.now + self.core.policy.passwords.generated_lifetime
                    self.version += 1
        assert next(mails, None) is None
        self.pending.clear()
        return multiple(*new)

    @precondition(lambda self: self.known)
    @rule(link=links, which=st.integers(0, 1))
    def reset(self, link: str, which: int) -> None:
        """Reset the password by a link; the dict predicts whether that works."""
        known = self.known[link]
        refusal = known.refusal(self.version, self.clock.now)
        if refusal is not None:
            self.refuses(refusal, lambda: self.core.passwords.reset(link, PASSWORDS[which]))
            return
        assert self.core.passwords.reset(link, PASSWORDS[which]).email_verified
        known.is_redeemed = self.is_verified = True
        self._store(PASSWORDS[which])
        self.failures = 0
        self.saw("reset")

    @precondition(lambda self: self.known)
    @rule(link=links, off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def reset_at_the_boundary(self, link: str, off: timedelta) -> None:
        """Reset exactly when a link expires, and a microsecond before and after."""
        self.clock.now = max(self.clock.now, self.known[link].expires_at + off)
        self.reset(link, 0)

    @rule(target=links)
    def request_and_deliver(self) -> MultipleResults[str] | str:
        """Request a link and have it mailed at once."""
        self.request()
        return self.deliver()

    @rule()
    def let_a_link_expire(self) -> None:
        """Have a link mailed, and use it when it has expired."""
        before = set(self.known)
        self.request_and_deliver()
        self.clock.advance(LIFETIME)
        for link in self.known.keys() - before:
            self.reset(link, 0)

    @rule()
    def reset_twice(self) -> None:
        """Use a new link twice."""
        before = set(self.known)
        self.request_and_deliver()
        for link in self.known.keys() - before:
            self.reset(link, 0)
            self.reset(link, 1)

    @rule(which=st.integers(0, 1))
    def set_before_the_mail(self, which: int) -> None:
        """Ask for both kinds of mails, and set a password before they are sent."""
        self.request()
        self.mark_suspicious()
        self.set(which)
        self.deliver()

    @rule(span=st.sampled_from([TICK, timedelta(hours=1), timedelta(days=14)]))
    def wait(self, span: timedelta) -> None:
        """Advance the clock; tokens that are used meanwhile stay valid."""
        self.clock.advance(span)
        if self.clock.now - self.core.users.get(self.user_id).created_at > timedelta(days=80):
            self.core.access_tokens.revoke_all(self.user_id)  # before they are idle for too long
            self.open.clear()

    @invariant()
    def status_is_as_predicted(self) -> None:
        """Check the user's status, tokens and email."""
        if not hasattr(self, "user_id"):
            return
        status = self.core.users.status(self.user_id)
        assert status.password_set == (self.password is not None)
        assert status.must_change_password == (self.expires_at is not None)
        assert status.failures_in_a_row <= self.failures  # they are forgotten after a day
        assert self.core.users.get(self.user_id).email_verified == self.is_verified
        assert len(self.core.access_tokens.list(self.user_id)) == len(self.open)
