"""Views: whatever is logged and from where users come, lists and dicts tell what operators see."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.values import frozen
from usercore.testing.machines.base import StateMachine

MINUTE: Final = timedelta(minutes=1)
WHOM: Final = st.integers(0, 1)
SOURCES: Final = st.sampled_from((None, "app", "desk"))
NAMES: Final = st.sampled_from(("called", "invoice.sent"))


@frozen
class HeldToken:
    """An access token of a user, and the source that it was issued to."""

    user_id: UserId
    secret: Secret
    source: str | None


@pytest.mark.rule("X4", "X8")
class ViewsMachine(StateMachine):
    """The action log, and the sources that two users came from, while the clock also goes back."""

    outcomes = frozenset(
        {"came", "came without a source", "used", "written", "came later before", "revoked", "logged", "several pages"}
    )

    def begin(self) -> None:
        """Register two users."""
        register = self.core.registration.register_external
        self.users = [register(f"{name}@example.com").user.id for name in ("ann", "bob")]
        self.tokens: list[HeldToken] = []
        self.accesses: dict[tuple[UserId, str], datetime] = {}
        self.uses: dict[HeldToken, datetime] = {}
        self.write_at: datetime | None = None
        self.log: list[tuple[UserId | None, str, int]] = []

    @rule(whom=WHOM, source=SOURCES, seconds=st.sampled_from((0, -30)))
    def sign_in(self, whom: int, source: str | None, seconds: int) -> None:
        """Sign a user in from a source, perhaps by a clock that is behind."""
        self.clock.advance(timedelta(seconds=seconds))
        signed_in = self.core.sign_in.trusted(self.users[whom], source=source)
        self.tokens.append(HeldToken(self.users[whom], signed_in.access_token, source))
        self.came(self.users[whom], source, self.clock.now)
        self.saw("came without a source" if source is None else "came")

    def came(self, user_id: UserId, source: str | None, at: datetime) -> None:
        """Note an access, unless a later one is known."""
        if source is not None:
            if self.accesses.get((user_id, source), at) > at:
                self.saw("came later before")
            self.accesses[user_id, source] = max(self.accesses.get((user_id, source), at), at)

    @rule(number=st.integers(0, 5), seconds=st.sampled_from((1, 70)))
    def use(self, number: int, seconds: int) -> None:
        """Use a token; a minute after the first use, all of them are written."""
        if not self.tokens:
            return
        self.clock.advance(timedelta(seconds=seconds))
        token, now = self.tokens[number % len(self.tokens)], self.clock.now
        self.core.sign_in.identify(token.secret)
        self.uses[token] = now
        self.saw("used")
        if self.write_at is None or self.write_at - now > MINUTE:
            self.write_at = now + MINUTE
        elif now >= self.write_at:
            self.write_at = now + MINUTE
            for used, at in self.uses.items():
                self.came(used.user_id, used.source, at)
            self.uses.clear()
            self.saw("written")

    @rule(number=st.integers(0, 5))
    def revoke(self, number: int) -> None:
        """Revoke a token; its uses that were not written are forgotten."""
        if self.tokens:
            token = self.tokens.pop(number % len(self.tokens))
            self.core.access_tokens.revoke(token.secret)
            self.uses.pop(token, None)
            self.saw("revoked")

    @rule(seconds=st.sampled_from((-30, 1, 40, 90)))
    def wait(self, seconds: int) -> None:
        """Move the clock, also back."""
        self.clock.advance(timedelta(seconds=seconds))

    @rule(whom=st.none() | WHOM, name=NAMES)
    def log_action(self, whom: int | None, name: str) -> None:
        """Log an action about a user or about none."""
        user_id, number = None if whom is None else self.users[whom], len(self.log)
        logged = self.core.history.log_action(name, user_id, params={"number": number})
        assert (logged.user_id, logged.action, logged.at) == (user_id, name, self.clock.now)
        self.log.append((user_id, name, number))
        self.saw("logged")

    @rule(whom=WHOM, size=st.integers(1, 3))
    def list_sources(self, whom: int, size: int) -> None:
        """List the sources of a user, the latest first, in pages."""
        user_id, found, cursor = self.users[whom], [], None
        while True:
            page = self.core.history.source_accesses(user_id, cursor=cursor, limit=size)
            found += [(one.source, one.last_accessed_at) for one in page]
            cursor = page.cursor
            if cursor is None:
                break
        known = {source: at for (owner, source), at in self.accesses.items() if owner == user_id}
        assert found == sorted(known.items(), key=lambda pair: (-pair[1].timestamp(), pair[0]))
        first = self.core.history.detail(user_id, limit=size).source_accesses
        assert [(one.source, one.last_accessed_at) for one in first] == found[:size]

    @rule(whom=st.none() | WHOM, name=st.none() | NAMES, size=st.integers(1, 3))
    def list_actions(self, whom: int | None, name: str | None, size: int) -> None:
        """List the actions of a user or of all, in pages, and count them."""
        user_id, found, cursor = None if whom is None else self.users[whom], [], None
        while True:
            page = self.core.history.actions(user_id, name, cursor=cursor, limit=size)
            found += [one.params["number"] for one in page]
            cursor = page.cursor
            if cursor is None:
                break
            self.saw("several pages")
        own = [one for one in self.log if user_id in (None, one[0])]
        assert found == [number for _, action, number in reversed(own) if name in (None, action)]
        counts = {one.action: one.count for one in self.core.history.action_counts(user_id)}
        assert counts == Counter(action for _, action, _ in own)
