"""Signing in: passwords and a host's PINs, right and wrong, waits of account and address, and revoked tokens."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, invariant, multiple, rule

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.errors import SignInRefused
from usercore.core import UserCore
from usercore.kernel.context import Context
from usercore.kernel.errors import RateLimited
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.sign_in.model import SignedIn
from usercore.testing.fakes import TICK
from usercore.testing.machines.base import StateMachine
from usercore.throttling.model import ThrottlePolicy
from usercore.tokens.errors import TokenExpired, TokenRevoked, TokenUnknown
from usercore.tokens.policies import AccessTokenPolicy

EMAIL: Final = "ann@example.com"
PASSWORDS: Final = ("the first of two passwords", "the second of two passwords")

THROTTLE: Final = ThrottlePolicy(address_failures_before_wait=12)
"""An address waits early, so that few failures lead to it."""

TOKENS: Final = AccessTokenPolicy()


ADDRESS: Final = "192.0.2.7"


@attrs.frozen
class Pin:
    """What the authenticator of the host takes."""

    login: str
    is_right: bool


@attrs.define
class PinAuthenticator:
    """An authenticator of the host for one user; ``asked`` counts how often it was."""

    user_id: UserId | None = None
    asked: int = 0
    name: str = "pin"
    priority: int = 100
    credentials: type[Pin] = Pin

    def authenticate(self, credentials: Pin, context: Context) -> UserId | None:
        """Return the user if the PIN is right.

        Raises:
            SignInRefused: it is wrong.
        """
        self.asked += 1
        if not credentials.is_right:
            raise SignInRefused
        return self.user_id


@attrs.define
class _AddressModel:
    """What is known of the failures from one address."""

    failures: int = 0
    since: datetime = datetime.min.replace(tzinfo=UTC)
    last: datetime = datetime.min.replace(tzinfo=UTC)

    def waits(self, now: datetime) -> bool:
        beyond = self.failures - THROTTLE.address_failures_before_wait
        if beyond < 0 or now - self.last >= THROTTLE.forgotten_after:
            return False
        doubled: int = 2**beyond
        return now < self.last + min(THROTTLE.first_wait * doubled, THROTTLE.max_wait)

    def fail(self, now: datetime) -> None:
        is_below = self.failures < THROTTLE.address_failures_before_wait
        is_over = is_below and now - self.since >= THROTTLE.address_window
        if is_over or now - self.last >= THROTTLE.forgotten_after:
            self.failures, self.since = 0, now
        self.failures, self.last = self.failures + 1, now


@pytest.mark.rule("S7", "K2", "K9", "T3")
class SignInMachine(StateMachine):
    """One user, two passwords, a PIN, an address, any number of tokens."""

    outcomes = frozenset(
        {
            "signed in",
            "signed in by the host",
            "the address waits",
            "SignInRefused",
            "RateLimited",
            "TokenRevoked",
            "TokenExpired",
            "TokenUnknown",
            "identified",
        }
    )

    secrets: Bundle[Secret] = Bundle("secrets")

    def begin(self) -> None:
        """Register one user with the first password."""
        given = self.core.registration.register(EMAIL, password=PASSWORDS[0])
        self.user_id = given.user.id
        self.password = PASSWORDS[0]
        self.active = self.tenant_active = True
        self.failures, self.failed_at = 0, self.clock.now
        self.used_at: dict[Secret, datetime] = {}
        self.issued_at: dict[Secret, datetime] = {}
        self.ended: set[Secret] = set()
        self.pins = PinAuthenticator(self.user_id)
        host = self.core._runtime.host  # noqa: SLF001 - the same fakes
        policy = attrs.evolve(host.policy, throttles=THROTTLE)
        host = attrs.evolve(host, authenticators=[self.pins], policy=policy)
        self.with_pins = UserCore.over(self.watch, host)
        self.address, self.numbers = _AddressModel(), count()

    def _waits(self) -> bool:
        beyond = self._counting() - THROTTLE.failures_before_wait
        if beyond < 0:
            return False
        doubled: int = 2**beyond
        wait = min(THROTTLE.first_wait * doubled, THROTTLE.max_wait)
        return self.clock.now < self.failed_at + wait

    def _counting(self) -> int:
        return 0 if self.clock.now - self.failed_at >= THROTTLE.forgotten_after else self.failures

    @rule(target=secrets, which=st.integers(0, 1), login=st.sampled_from([EMAIL, EMAIL.upper()]))
    def sign_in(self, which: int, login: str) -> MultipleResults[Secret] | Secret:
        """Sign in with one of the two passwords."""
        if self._waits():
            self.refuses(RateLimited, lambda: self.core.sign_in.with_password(login, PASSWORDS[which]))
            return multiple()
        if PASSWORDS[which] != self.password or not self.active or not self.tenant_active:
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_password(login, PASSWORDS[which]))
            self.failures, self.failed_at = self._counting() + 1, self.clock.now
            return multiple()
        identity = self.core.sign_in.with_password(login, PASSWORDS[which])
        assert identity.access_token is not None
        self._forgive()
        self.used_at[identity.access_token] = self.issued_at[identity.access_token] = self.clock.now
        self.saw("signed in")
        return identity.access_token

    @rule(target=secrets, is_right=st.booleans())
    def show_pin(self, is_right: bool) -> MultipleResults[Secret] | Secret:  # noqa: FBT001 - drawn
        """Sign in by the host's authenticator: it is not asked during a wait, and counts as the password does."""
        pin, asked = Pin(EMAIL, is_right), self.pins.asked
        if self._waits():
            self.refuses(RateLimited, lambda: self.with_pins.sign_in.authenticate(pin))
            assert self.pins.asked == asked
            return multiple()
        if not is_right or not self.active or not self.tenant_active:
            self.refuses(SignInRefused, lambda: self.with_pins.sign_in.authenticate(pin))
            self.failures, self.failed_at = self._counting() + 1, self.clock.now
            return multiple()
        identity = self.with_pins.sign_in.authenticate(pin)
        assert isinstance(identity, SignedIn)
        self._forgive()
        self.used_at[identity.access_token] = self.issued_at[identity.access_token] = self.clock.now
        self.saw("signed in by the host")
        return identity.access_token

    @rule(times=st.sampled_from([1, 6, 12]))
    def fail_at_the_address(self, times: int) -> None:
        """Show as many other logins from one address: each counts for the address, until it waits."""
        here = self.with_pins.bind(ip=ADDRESS).sign_in
        for _ in range(times):
            if self.address.waits(self.clock.now):
                self.refuses(RateLimited, lambda: here.with_password("late@example.com", "wrong"))
                self.saw("the address waits")
                return
            login = f"u{next(self.numbers)}"  # another each time: none of them waits
            self.refuses(SignInRefused, lambda login=login: here.with_password(login, "wrong"))  # type: ignore[misc]
            self.address.fail(self.clock.now)

    @rule(target=secrets)
    def sign_in_successfully(self) -> MultipleResults[Secret] | Secret:
        """Sign in with the right password, after a deactivated user was activated."""
        if not self.active:
            self.deactivate_or_activate()
        if not self.tenant_active:
            self.deactivate_or_activate_the_tenant()
        return self.sign_in(PASSWORDS.index(self.password), EMAIL)

    @rule(target=secrets)
    def sign_in_and_identify(self) -> MultipleResults[Secret] | Secret:
        """Sign in and identify at once."""
        secret = self.sign_in_successfully()
        if isinstance(secret, Secret):
            self.identify(secret)
        return secret

    def _forgive(self) -> None:
        if self._counting():
            self.failed_at = self.clock.now
        self.failures = 0

    @rule(times=st.integers(1, 12))
    def fail_often(self, times: int) -> None:
        """Sign in with the wrong password several times."""
        wrong = 1 - PASSWORDS.index(self.password)
        for _ in range(times):
            self.sign_in(wrong, EMAIL)

    @rule(span=st.sampled_from([TICK, timedelta(seconds=9), timedelta(seconds=10), timedelta(minutes=15)]))
    def wait(self, span: timedelta) -> None:
        """Advance the clock."""
        self.clock.advance(span)

    @rule()
    def wait_a_day(self) -> None:
        """Advance the clock so far that failures are forgotten."""
        self._write_uses()
        self.clock.advance(THROTTLE.forgotten_after)

    @rule(secret=secrets, off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def identify_at_the_boundary(self, secret: Secret, off: timedelta) -> None:
        """Identify exactly when a token becomes idle for too long, and a microsecond before and after."""
        self._write_uses()
        self.clock.now = max(self.clock.now, self.used_at[secret] + TOKENS.idle_lifetime + off)
        self.identify(secret)

    def _write_uses(self) -> None:
        self.core._runtime.activity.write(self.core._service.units)  # noqa: SLF001 - nothing else writes them in time

    @rule(which=st.integers(0, 1))
    def set_password(self, which: int) -> None:
        """Set a password: another one revokes all tokens and resets the failures, the same one changes nothing."""
        is_another = PASSWORDS[which] != self.password
        assert self.core.passwords.set(self.user_id, PASSWORDS[which]) == is_another
        if is_another:
            self.password, self.failures = PASSWORDS[which], 0
            self.ended |= self.issued_at.keys()

    @rule(secret=secrets)
    def sign_out(self, secret: Secret) -> None:
        """Revoke one token; revoking it again is refused."""
        if secret in self.ended:
            self.refuses(TokenUnknown, lambda: self.core.access_tokens.revoke(secret))
        else:
            self.core.access_tokens.revoke(secret)
            self.ended.add(secret)

    @rule(secret=secrets)
    def sign_out_elsewhere(self, secret: Secret) -> None:
        """Revoke all tokens but one."""
        ended = self.core.access_tokens.revoke_all(self.user_id, keep=secret)
        assert ended.access == len(self.issued_at.keys() - self.ended - {secret})
        self.ended |= self.issued_at.keys() - {secret}

    @rule()
    def deactivate_or_activate(self) -> None:
        """Deactivate the user, which revokes the tokens, or activate them."""
        if self.active:
            self.core.users.deactivate(self.user_id)
            self.ended |= self.issued_at.keys()
        else:
            self.core.users.activate(self.user_id)
        self.active = not self.active

    @rule()
    def deactivate_or_activate_the_tenant(self) -> None:
        """Deactivate the tenant, which revokes nothing, or activate it."""
        tenants = self.core.tenant("system").tenants
        tenants.deactivate("main") if self.tenant_active else tenants.activate("main")
        self.tenant_active = not self.tenant_active

    @rule(secret=secrets)
    def identify(self, secret: Secret) -> None:
        """Identify the user of a token."""
        now = self.clock.now
        is_old = now >= self.issued_at[secret] + TOKENS.lifetime or now >= self.used_at[secret] + TOKENS.idle_lifetime
        if secret in self.ended:
            self.refuses(TokenRevoked, lambda: self.core.sign_in.identify(secret))
        elif is_old:
            self.refuses(TokenExpired, lambda: self.core.sign_in.identify(secret))
        elif not self.active or not self.tenant_active:
            self.refuses(TokenUnknown, lambda: self.core.sign_in.identify(secret))
        else:
            assert self.core.sign_in.identify(secret).user.id == self.user_id
            self.used_at[secret] = now
            self._write_uses()  # a pending use counts only when it is written
            self.saw("identified")

    @invariant()
    def the_status_agrees(self) -> None:
        """Compare the failures in a row and the last attempt with the model."""
        if hasattr(self, "user_id"):
            assert self.core.users.status(self.user_id).failures_in_a_row == self._counting()
            attempts = self.core.history.attempts(self.user_id, limit=1).rows
            assert all(attempt.status is not AttemptStatus.NOT_FOUND for attempt in attempts)
