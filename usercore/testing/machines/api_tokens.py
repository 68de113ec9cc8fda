"""A state machine for API tokens: a dict predicts which calls they authorize."""

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from usercore.kernel.errors import UsercoreError
from usercore.kernel.secret import Secret
from usercore.testing.fakes import TICK
from usercore.testing.machines.base import StateMachine
from usercore.tokens.errors import (
    AddressNotAllowed,
    ResourceNotGranted,
    TokenExpired,
    TokenInactive,
    TokenNotFound,
    TokenRevoked,
)

HOUR = timedelta(hours=1)
RESOURCES = ("orders.read", "orders.write", "*")
ADDRESSES = ("192.0.2.1", "2001:db8::1")
NETWORKS = {"192.0.2.0/24": "192.0.2.1", "2001:db8::/32": "2001:db8::1"}

resources = st.sets(st.sampled_from(RESOURCES), min_size=1).map(sorted)
networks = st.sampled_from([[name] for name in NETWORKS] + [[], [*NETWORKS]])


@attrs.define
class Expected:
    """What a token permits."""

    public_id: str
    expires_at: datetime | None
    networks: list[str]
    granted: set[str] = attrs.field(factory=set)
    active: bool = True
    revoked: bool = False


@pytest.mark.rule("K6")
class ApiTokenMachine(StateMachine):
    """Tokens authorize what they were granted, from their addresses, until they expire, are deactivated or revoked."""

    outcomes = frozenset(
        {"authorized", "AddressNotAllowed", "ResourceNotGranted", "TokenExpired", "TokenInactive", "TokenRevoked"}
        | {"TokenNotFound", "removed"}
    )

    secrets: Bundle[Secret] = Bundle("secrets")

    def begin(self) -> None:
        """Start without tokens, after a call of each outcome."""
        self.expected: dict[Secret, Expected] = {}
        self.try_each_outcome()

    def try_each_outcome(self) -> None:
        """Make a call of each outcome, because sequences of few steps do not come to all of them."""
        secret = self.issue(HOUR, [])
        self.grant(secret, ["orders.read"])
        self.revoke_grants(secret, ["orders.read"])
        self.set_addresses(secret, ["2001:db8::/32"])
        self.deactivate_or_activate(secret)
        self.deactivate_or_activate(secret)
        self.authorize_at_the_boundary(secret, timedelta(0))
        self.revoke(secret)
        self.revoke(secret)
        self.compare_the_list()

    @rule(target=secrets, lasts=st.none() | st.timedeltas(TICK, HOUR), limits=networks)
    def issue(self, lasts: timedelta | None, limits: list[str]) -> Secret:
        """Issue a token."""
        expires_at = None if lasts is None else self.clock.now + lasts
        issued = self.core.api_tokens.issue("Export", addresses=limits, expires_at=expires_at)
        self.expected[issued.secret] = Expected(issued.token.public_id, expires_at, limits)
        return issued.secret

    @rule(secret=secrets, names=resources)
    def grant(self, secret: Secret, names: list[str]) -> None:
        """Grant resources."""
        token = self.expected[secret]
        if self._changes(token, lambda: self.core.api_tokens.grant(token.public_id, names)):
            token.granted.update(names)
        self.authorize(secret, names[-1], ADDRESSES[0])

    @rule(secret=secrets, names=resources)
    def revoke_grants(self, secret: Secret, names: list[str]) -> None:
        """Take resources back."""
        token = self.expected[secret]
        if self._changes(token, lambda: self.core.api_tokens.revoke_grants(token.public_id, names)):
            token.granted.difference_update(names)
        self.authorize(secret, names[-1], ADDRESSES[0])

    @rule(secret=secrets, limits=networks)
    def set_addresses(self, secret: Secret, limits: list[str]) -> None:
        """Replace the networks."""
        token = self.expected[secret]
        if self._changes(token, lambda: self.core.api_tokens.set_addresses(token.public_id, limits)):
            token.networks = limits
        self.authorize(secret, RESOURCES[0], ADDRESSES[0])

    @rule(secret=secrets)
    def deactivate_or_activate(self, secret: Secret) -> None:
        """Deactivate an active token, or activate it again."""
        token = self.expected[secret]
        move = self.core.api_tokens.deactivate if token.active else self.core.api_tokens.activate
        if self._changes(token, lambda: move(token.public_id)):
            token.active = not token.active
        self.authorize(secret, RESOURCES[0], ADDRESSES[0])

    @rule(secret=secrets)
    def revoke(self, secret: Secret) -> None:
        """Revoke a token, once."""
        token = self.expected[secret]
        if self._changes(token, lambda: self.core.api_tokens.revoke_by_id(token.public_id)):
            token.revoked = True
        self.authorize(secret, RESOURCES[0], ADDRESSES[0])

    def _changes(self, token: Expected, change: Callable[[], object]) -> bool:
        if token.revoked:
            self.refuses(TokenNotFound, change)
        else:
            change()
        return not token.revoked

    @rule(secret=secrets, off=st.sampled_from([-TICK, timedelta(0)]))
    def authorize_at_the_boundary(self, secret: Secret, off: timedelta) -> None:
        """Make a call exactly when a token expires, and a microsecond before."""
        expires_at = self.expected[secret].expires_at
        if expires_at is not None:
            self.clock.now = max(self.clock.now, expires_at + off)
        self.authorize(secret, RESOURCES[0], ADDRESSES[0])

    @rule(secret=secrets, resource=st.sampled_from(RESOURCES[:2]), address=st.sampled_from(ADDRESSES))
    def authorize(self, secret: Secret, resource: str, address: str) -> None:
        """Make a call; the dict predicts the outcome."""
        token = self.expected[secret]
        error = self._error_of(token, resource, address)
        if error is not None:
            self.refuses(error, lambda: self.core.api_tokens.authorize(secret, resource, ip=address))
            return
        found = self.core.api_tokens.authorize(secret, resource, ip=address)
        assert (found.public_id, found.resources) == (token.public_id, tuple(sorted(token.granted)))
        self.saw("authorized")

    def _error_of(self, token: Expected, resource: str, address: str) -> type[UsercoreError] | None:
        if token.revoked:
            return TokenRevoked
        if token.expires_at is not None and self.clock.now >= token.expires_at:
            return TokenExpired
        if not token.active:
            return TokenInactive
        if token.networks and address not in {NETWORKS[network] for network in token.networks}:
            return AddressNotAllowed
        return None if token.granted & {resource, "*"} else ResourceNotGranted

    @rule()
    def compare_the_list(self) -> None:
        """Check that the list has the tokens that were not revoked, in the order of their issue."""
        listed = [(token.public_id, token.active) for token in self.core.api_tokens.list()]
        assert listed == [(token.public_id, token.active) for token in self.expected.values() if not token.revoked]
        if len(listed) < len(self.expected):
            self.saw("removed")
