"""A state machine for autologin tokens: a dict predicts when and how often they can be redeemed."""

from datetime import datetime, timedelta

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from usercore.authenticators.errors import SignInRefused
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.testing.fakes import TICK
from usercore.testing.machines.base import StateMachine
from usercore.tokens.errors import TokenUnknown

HOUR = timedelta(hours=1)


@attrs.define
class Expected:
    """What a token still permits."""

    holder: UserId
    valid_from: datetime | None
    valid_to: datetime
    uses_left: int
    revoked: bool = False


@pytest.mark.rule("K4", "K9")
class AutologinTokenMachine(StateMachine):
    """Tokens are redeemed ``max_uses`` times, in a half-open span, by active users only."""

    outcomes = frozenset({"redeemed", "too early", "too late", "used up", "revoked", "deactivated", "listed"})

    secrets: Bundle[Secret] = Bundle("secrets")

    def begin(self) -> None:
        """Register two users."""
        emails = ("ann@example.com", "bob@example.com")
        self.users = [self.core.registration.register_external(email).user.id for email in emails]
        self.active = dict.fromkeys(self.users, True)
        self.expected: dict[Secret, Expected] = {}
        self.try_each_outcome()

    def try_each_outcome(self) -> None:
        """Redeem tokens with each outcome, because sequences of few steps do not come to all of them."""
        secret = self.issue(0, HOUR, HOUR, 2)
        self.redeem(secret)
        self.redeem_at_the_boundary(secret, at_end=False, off=timedelta(0))
        self.deactivate_or_activate(0)
        self.redeem(secret)
        self.deactivate_or_activate(0)
        for _ in range(2):
            self.redeem(secret)
        expired, revoked = self.issue(0, None, TICK, 1), self.issue(0, None, HOUR, 1)
        self.revoke(revoked)
        self.redeem(revoked)
        self.redeem_at_the_boundary(expired, at_end=True, off=timedelta(0))
        self.compare_the_list(0)

    @rule(
        target=secrets,
        index=st.integers(0, 1),
        begins=st.none() | st.timedeltas(-HOUR, HOUR),
        lasts=st.timedeltas(TICK, HOUR),
        uses=st.integers(1, 3),
    )
    def issue(self, index: int, begins: timedelta | None, lasts: timedelta, uses: int) -> Secret:
        """Issue a token."""
        now, holder = self.clock.now, self.users[index]
        valid_from = None if begins is None else now + begins
        valid_to = max(now, valid_from or now) + lasts
        secret = self.core.autologin_tokens.issue(holder, valid_from=valid_from, valid_to=valid_to, max_uses=uses)
        self.expected[secret] = Expected(holder, valid_from, valid_to, uses)
        return secret

    @rule(secret=secrets, at_end=st.booleans(), off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def redeem_at_the_boundary(self, secret: Secret, *, at_end: bool, off: timedelta) -> None:
        """Redeem a token exactly when its span begins or ends, and a microsecond before and after."""
        token = self.expected[secret]
        edge = token.valid_to if at_end else token.valid_from
        if edge is not None:
            self.clock.now = max(self.clock.now, edge + off)
        self.redeem(secret)

    @rule(secret=secrets)
    def redeem(self, secret: Secret) -> None:
        """Redeem a token; the dict predicts the outcome."""
        token = self.expected[secret]
        why = self._why_not(token)
        if why is not None:
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_autologin_token(secret))
            self.saw(why)
            return
        assert self.core.sign_in.with_autologin_token(secret).user.id == token.holder
        token.uses_left -= 1
        self.saw("redeemed")

    def _why_not(self, token: Expected) -> str | None:
        if token.revoked:
            return "revoked"
        if token.uses_left == 0:
            return "used up"
        if token.valid_from is not None and self.clock.now < token.valid_from:
            return "too early"
        if self.clock.now >= token.valid_to:
            return "too late"
        return None if self.active[token.holder] else "deactivated"

    @rule(secret=secrets)
    def revoke(self, secret: Secret) -> None:
        """Revoke a token, which works once and while it has uses left."""
        token = self.expected[secret]
        if token.revoked or token.uses_left == 0:
            self.refuses(TokenUnknown, lambda: self.core.autologin_tokens.revoke(secret))
        else:
            assert self.core.autologin_tokens.revoke(secret).revoked_at == self.clock.now
            token.revoked = True

    @rule(index=st.integers(0, 1))
    def compare_the_list(self, index: int) -> None:
        """Check that the list has the tokens that were not revoked."""
        holder = self.users[index]
        expected = [
            (token.valid_to, token.uses_left)
            for token in self.expected.values()
            if token.holder == holder and not token.revoked
        ]
        listed = self.core.autologin_tokens.list(holder)
        assert sorted((token.expires_at, token.max_uses - token.uses) for token in listed) == sorted(expected)
        if listed:
            self.saw("listed")

    @rule(index=st.integers(0, 1))
    def deactivate_or_activate(self, index: int) -> None:
        """Deactivate a user, whose tokens are refused meanwhile, or activate them, which makes the tokens valid."""
        user_id = self.users[index]
        if self.active[user_id]:
            self.core.users.deactivate(user_id)
        else:
            self.core.users.activate(user_id)
        self.active[user_id] = not self.active[user_id]
