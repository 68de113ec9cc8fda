"""A state machine for passkeys: dicts predict which of them are registered, and which responses sign in."""

from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.errors import SignInRefused
from usercore.composition.policy import Policy
from usercore.kernel.errors import WrongState
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.passkeys.model import Passkey, PasskeyPolicy, RelyingParty
from usercore.testing.fakes import TICK
from usercore.testing.machines.base import StateMachine
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenRedeemed, TokenRevoked, TokenUnknown
from usercore.tokens.policies import ChallengePolicy

LIFETIME: Final = ChallengePolicy().lifetime
PARTY: Final = RelyingParty(id="example.com", name="Example", origins=("https://example.com",))
PASSWORD: Final = "a password of the machine"


@attrs.define(eq=False)
class Registration:
    """A registration that has begun; ``over`` is the error of finishing it once more."""

    secret: Secret
    user: int
    expires_at: datetime
    response: dict[str, Any]
    over: type[TokenInvalid] | None = None


@attrs.define(eq=False)
class SigningIn:
    """A sign-in that has begun."""

    secret: Secret
    options: Any
    expires_at: datetime
    is_used: bool = False


@attrs.define(eq=False)
class Stored:
    """A passkey as it must be stored."""

    id: int
    user: int
    sign_count: int = 0
    is_removed: bool = False


@attrs.define(eq=False)
class Signed:
    """A response to a sign-in."""

    begun: SigningIn
    stored: Stored
    sign_count: int
    response: dict[str, Any]


@pytest.mark.rule("F6", "S6", "K9")
class PasskeyMachine(StateMachine):
    """Challenges work once and in time, counters go forward, and only passkeys that are stored sign in."""

    outcomes = frozenset(
        {
            *("registered", "TokenExpired", "TokenRedeemed", "TokenRevoked", "removed"),
            *("PASSKEY_OK", "PASSKEY_COUNTER", "TOKEN_DATE_EXPIRED", "TOKEN_COUNT_EXPIRED", "INACTIVE_USER"),
        }
    )
    policy = Policy(passkeys=PasskeyPolicy(relying_party=PARTY, max_per_user=100))

    registrations: Bundle[Registration] = Bundle("registrations")
    sign_ins: Bundle[SigningIn] = Bundle("sign_ins")
    responses: Bundle[Signed] = Bundle("responses")

    def begin(self) -> None:
        """Register two users, the first with two passkeys."""
        emails = ("ann@example.com", "bob@example.com")
        self.users: list[UserId] = [self.core.registration.register_external(email).user.id for email in emails]
        self.active = [True, True]
        self.device = SoftwareAuthenticator()
        self.pending: list[Registration] = []
        self.stored: dict[bytes, Stored] = {}
        for _ in range(2):
            self.finish_registration(self._begin_registration(0))

    @rule(target=registrations, user=st.integers(0, 1))
    def begin_registration(self, user: int) -> Registration:
        """Begin a registration, and let a device answer it; a deactivated user is activated first."""
        return self._begin_registration(user)

    def _begin_registration(self, user: int) -> Registration:
        if not self.active[user]:
            self.deactivate_or_activate(user)
        begun = self.core.passkeys.begin_registration(self.users[user])
        # Each answer is of another device, so none is excluded.
        response = self.device.create({**begun.options, "excludeCredentials": []})
        made = Registration(begun.secret, user, begun.expires_at, response)
        self.pending.append(made)
        return made

    @rule(user=st.integers(0, 1))
    def register_at_once(self, user: int) -> None:
        """Begin a registration and finish it, twice."""
        made = self._begin_registration(user)
        self.finish_registration(made)
        self.finish_registration(made)

    @rule(made=registrations)
    def finish_registration(self, made: Registration) -> None:
        """Finish a registration, which the other user cannot."""
        user, other = self.users[made.user], self.users[1 - made.user]
        error = made.over or (TokenExpired if self.clock.now >= made.expires_at else None)
        self.refuses(TokenUnknown, lambda: self._finish(other, made))
        if error is not None:
            self.refuses(error, lambda: self._finish(user, made))
            self.saw(error.__name__)
            return
        passkey = self._finish(user, made)
        made.over = TokenRedeemed
        self.stored[passkey.credential_id] = Stored(passkey.id, made.user)
        self.saw("registered")

    def _finish(self, user_id: UserId, made: Registration) -> Passkey:
        return self.core.passkeys.finish_registration(user_id, made.secret, made.response)

    @rule(user=st.integers(0, 1), off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def finish_registration_at_the_boundary(self, user: int, off: timedelta) -> None:
        """Finish a registration exactly when it expires, and a microsecond before and after."""
        made = self._begin_registration(user)
        self.clock.now = made.expires_at + off
        self.finish_registration(made)

    @rule(target=sign_ins)
    def begin_sign_in(self) -> SigningIn:
        """Begin a sign-in."""
        return self._begin_sign_in()

    def _begin_sign_in(self) -> SigningIn:
        begun = self.core.passkeys.begin_sign_in()
        return SigningIn(begun.secret, begun.options, begun.expires_at)

    @rule(target=responses, begun=sign_ins, index=st.integers(0, 3), counts=st.booleans())
    def sign(self, begun: SigningIn, index: int, counts: bool) -> Signed:  # noqa: FBT001 - drawn
        """Answer a sign-in by a passkey that is or was stored; its copy may not count."""
        return self._sign(begun, index, counts=counts)

    def _sign(self, begun: SigningIn, index: int, *, counts: bool) -> Signed:
        key = [key for key in self.device.keys if key.credential_id in self.stored][index % len(self.stored)]
        self.device.counts = counts
        response = self.device.get(begun.options, key)
        return Signed(begun, self.stored[key.credential_id], key.sign_count, response)

    @rule(index=st.integers(0, 1), counts=st.booleans())
    def sign_in_at_once(self, index: int, counts: bool) -> None:  # noqa: FBT001 - drawn
        """Begin a sign-in, answer it and finish it, twice."""
        signed = self._sign(self._begin_sign_in(), index, counts=counts)
        self.finish_sign_in(signed)
        self.finish_sign_in(signed)

    @rule(index=st.integers(0, 1), off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def sign_in_at_the_boundary(self, index: int, off: timedelta) -> None:
        """Finish a sign-in exactly when it expires, and a microsecond before and after."""
        signed = self._sign(self._begin_sign_in(), index, counts=True)
        self.clock.now = signed.begun.expires_at + off
        self.finish_sign_in(signed)

    @rule(signed=responses)
    def finish_sign_in(self, signed: Signed) -> None:
        """Finish a sign-in; the dicts predict the outcome."""
        user, expected = self.users[signed.stored.user], self._outcome_of(signed)
        if expected is not AttemptStatus.PASSKEY_OK:
            self.refuses(SignInRefused, lambda: self.core.passkeys.finish_sign_in(signed.begun.secret, signed.response))
        else:
            identity = self.core.passkeys.finish_sign_in(signed.begun.secret, signed.response)
            assert identity.user.id == user
            signed.begun.is_used, signed.stored.sign_count = True, signed.sign_count
        if expected is None:
            self.saw("removed")
            return
        assert self.core.history.attempts(user).rows[0].status is expected
        self.saw(expected.name)
        self.clock.tick()

    def _outcome_of(self, signed: Signed) -> AttemptStatus | None:
        """Return the status of finishing this sign-in; None leaves no row."""
        stored = signed.stored
        if stored.is_removed:
            return None
        if self.clock.now >= signed.begun.expires_at:
            return AttemptStatus.TOKEN_DATE_EXPIRED
        if not self.active[stored.user]:
            return AttemptStatus.INACTIVE_USER
        if signed.begun.is_used:
            return AttemptStatus.TOKEN_COUNT_EXPIRED
        is_forward = signed.sign_count > stored.sign_count or not (signed.sign_count or stored.sign_count)
        return AttemptStatus.PASSKEY_OK if is_forward else AttemptStatus.PASSKEY_COUNTER

    @rule(index=st.integers(0, 9))
    def remove(self, index: int) -> None:
        """Remove a passkey, but leave one."""
        present = [stored for stored in self.stored.values() if not stored.is_removed]
        if len(present) > 1:
            stored = present[index % len(present)]
            self.core.passkeys.remove(self.users[stored.user], stored.id)
            stored.is_removed = True

    @rule(span=st.timedeltas(TICK, LIFETIME))
    def wait(self, span: timedelta) -> None:
        """Advance the clock."""
        self.clock.advance(span)

    @rule(user=st.integers(0, 1))
    def set_password(self, user: int) -> None:
        """Set a password, which ends the registrations that have begun, unless it is the present one."""
        if self.core.passwords.set(self.users[user], f"{PASSWORD} {self.clock.now}"):
            self._end_registrations(user)

    @rule(user=st.integers(0, 1))
    def deactivate_or_activate(self, user: int) -> None:
        """Deactivate a user, which ends the registrations, or activate them, which restores none."""
        if self.active[user]:
            self.core.users.deactivate(self.users[user])
            self._end_registrations(user)
            self.refuses(WrongState, lambda: self.core.passkeys.begin_registration(self.users[user]))
        else:
            self.core.users.activate(self.users[user])
        self.active[user] = not self.active[user]

    def _end_registrations(self, user: int) -> None:
        for made in self.pending:
            if made.user == user and made.over is None:
                made.over = TokenRevoked

    @rule(user=st.integers(0, 1))
    def list_passkeys(self, user: int) -> None:
        """Check what is listed for a user."""
        expected = {(one.id, one.sign_count) for one in self.stored.values() if one.user == user and not one.is_removed}
        assert {(one.id, one.sign_count) for one in self.core.passkeys.list(self.users[user])} == expected
