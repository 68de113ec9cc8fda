"""A state machine for login tokens: a dict predicts which of them can be redeemed."""

from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, rule

from usercore.authenticators.errors import SignInRefused
from usercore.kernel.ids import UserId
from usercore.kernel.references import Email
from usercore.kernel.secret import Secret, generate_secret
from usercore.testing.fakes import TICK, FakeRandomness
from usercore.testing.machines.base import StateMachine
from usercore.tokens.kinds import LOGIN
from usercore.tokens.policies import LoginTokenPolicy

LIFETIME = LoginTokenPolicy().lifetime


@pytest.mark.rule("K3", "K9")
class LoginTokenMachine(StateMachine):
    """Tokens can be redeemed once, before they expire, by active users only."""

    outcomes = frozenset({"redeemed", "expired", "deactivated", "unknown"})

    secrets: Bundle[Secret] = Bundle("secrets")

    def begin(self) -> None:
        """Register two users."""
        emails = ("ann@example.com", "bob@example.com")
        self.users = [self.core.registration.register_external(email).user.id for email in emails]
        self.active = dict.fromkeys(self.users, True)
        self.expires_at: dict[Secret, datetime] = {}
        self.holder: dict[Secret, UserId] = {}
        self.redeemed: set[Secret] = set()

    @rule(target=secrets, index=st.integers(0, 1), count=st.integers(1, 3))
    def issue(self, index: int, count: int) -> Secret:
        """Issue some tokens; return the last of them."""
        for secret in self.core.login_tokens.issue_many(self.users[index], count):
            self.expires_at[secret] = self.clock.now + LIFETIME
            self.holder[secret] = self.users[index]
        return secret

    @rule(span=st.timedeltas(TICK, LIFETIME))
    def wait(self, span: timedelta) -> None:
        """Advance the clock."""
        self.clock.advance(span)

    @rule(secret=secrets, off=st.sampled_from([-TICK, timedelta(0), TICK]))
    def redeem_at_the_boundary(self, secret: Secret, off: timedelta) -> None:
        """Redeem a token exactly when it expires, and a microsecond before and after."""
        self.clock.now = max(self.clock.now, self.expires_at[secret] + off)
        self.redeem(secret)

    @rule(secret=secrets)
    def redeem(self, secret: Secret) -> None:
        """Redeem a token; the dict predicts the outcome."""
        holder, why = self.holder[secret], self._why_not(secret)
        if why is not None:
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_login_token(secret))
            self.saw(why)
            return
        identity = self.core.sign_in.with_login_token(secret)
        assert identity.user.id == holder
        assert identity.access_token is not None
        assert self.core.sign_in.identify(identity.access_token).user.id == holder
        self.redeemed.add(secret)
        self.saw("redeemed")

    def _why_not(self, secret: Secret) -> str | None:
        if secret in self.redeemed:
            return "redeemed"
        if self.clock.now >= self.expires_at[secret]:
            return "expired"
        return None if self.active[self.holder[secret]] else "deactivated"

    @rule(secret=consumes(secrets))
    def lose(self, secret: Secret) -> None:
        """Redeem a token for the last time, and forget the secret."""
        self.redeem(secret)

    @rule(index=st.integers(0, 1))
    def deactivate_or_activate(self, index: int) -> None:
        """Deactivate a user, which revokes all tokens, or activate them, which restores none."""
        user_id = self.users[index]
        if self.active[user_id]:
            self.core.users.deactivate(user_id)
            self.redeemed |= {secret for secret, holder in self.holder.items() if holder == user_id}
        else:
            self.core.users.activate(user_id)
        self.active[user_id] = not self.active[user_id]

    @rule(index=st.integers(0, 1), seed=st.integers(0, 9))
    def issue_while_deactivated(self, index: int, seed: int) -> None:
        """Issue a token for a deactivated user, and check that it is refused."""
        user_id = self.users[index]
        if not self.active[user_id]:
            (secret,) = self.core.login_tokens.issue_many(Email(["ann@example.com", "bob@example.com"][index]), 1)
            self.refuses(SignInRefused, lambda: self.core.sign_in.with_login_token(secret))
            self.saw("deactivated")
        else:
            self._redeem_unknown(generate_secret(LOGIN, user_id, FakeRandomness(f"never issued {seed}")))

    @rule(text=st.text(max_size=80))
    def redeem_text_that_is_no_secret(self, text: str) -> None:
        """Check that text that is no secret is refused."""
        self._redeem_unknown(Secret(text))

    def _redeem_unknown(self, secret: Secret) -> None:
        self.refuses(SignInRefused, lambda: self.core.sign_in.with_login_token(secret))
        self.saw("unknown")
