"""A state machine for device tokens: a dict predicts which access token is paired with which device."""

from collections.abc import Callable
from itertools import count

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from usercore.authenticators.errors import SignInRefused
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret, generate_secret
from usercore.testing.fakes import FakeRandomness
from usercore.testing.machines.base import StateMachine
from usercore.tokens.errors import DeviceTokenUnknown, TokenRevoked, TokenUnknown
from usercore.tokens.kinds import DEVICE

PASSWORD = "correct horse battery staple"
UNKNOWN = generate_secret(DEVICE, None, FakeRandomness("unknown device"))

whom, where = st.integers(0, 1), st.integers(0, 1)


@attrs.define
class _TokenModel:
    """What is known of an access token: its user, and the number of its device."""

    user: UserId
    device: int | None = None
    is_revoked: bool = False


@pytest.mark.rule("K5", "K9", "S10")
class PairingMachine(StateMachine):
    """Two users, two devices and any number of access tokens: a device has one user at a time."""

    outcomes = frozenset(
        {
            "paired at sign-in",
            "paired",
            "unpaired another user",
            "kept another token of the user",
            "unpaired",
            "DeviceTokenUnknown",
            "SignInRefused",
            "TokenRevoked",
            "TokenUnknown",
        }
    )

    secrets: Bundle[Secret] = Bundle("secrets")

    def begin(self) -> None:
        """Register two users, and issue two device tokens."""
        emails = ("ann@example.com", "bob@example.com")
        self.users = [self.core.registration.register_external(email).user.id for email in emails]
        self.active = dict.fromkeys(self.users, True)
        self.devices = [self.core.device_tokens.issue(name) for name in ("phone", "tablet")]
        self.tokens: dict[Secret, _TokenModel] = {}
        self.numbers = count()

    @rule(target=secrets, index=whom)
    def sign_in(self, index: int) -> Secret:
        """Sign in without a device; activate the user if necessary."""
        self._activate(index)
        secret = self.core.sign_in.trusted(self.users[index]).access_token
        self.tokens[secret] = _TokenModel(self.users[index])
        return secret

    @rule(target=secrets, index=whom, number=where)
    def sign_in_on_a_device(self, index: int, number: int) -> Secret:
        """Sign in on a device; activate the user if necessary."""
        self._activate(index)
        user_id = self.users[index]
        secret = self.core.sign_in.trusted(user_id, device_token=self.devices[number]).access_token
        self.tokens[secret] = _TokenModel(user_id)
        self._pair(secret, number)
        self.saw("paired at sign-in")
        return secret

    def _activate(self, index: int) -> None:
        if not self.active[self.users[index]]:
            self.deactivate_or_activate(index)

    def _pair(self, secret: Secret, number: int) -> None:
        """Pair a token in the model."""
        token = self.tokens[secret]
        for other in self._paired_with(number):
            if other.user != token.user:
                other.device = None
                self.saw("unpaired another user")
            elif other is not token:
                self.saw("kept another token of the user")
        token.device = number

    def _paired_with(self, number: int) -> list[_TokenModel]:
        return [token for token in self.tokens.values() if token.device == number and not token.is_revoked]

    @rule(index=whom, number=st.none() | where)
    def sign_in_in_vain(self, index: int, number: int | None) -> None:
        """Sign in on an unknown device, or as a deactivated user; nothing changes."""
        user_id, device = self.users[index], UNKNOWN if number is None else self.devices[number]
        if number is None or not self.active[user_id]:
            self.refuses(SignInRefused, lambda: self.core.sign_in.trusted(user_id, device_token=device))

    @rule(secret=secrets, number=where)
    def pair(self, secret: Secret, number: int) -> None:
        """Pair a token with a device; one that was revoked is refused."""
        call: Callable[[], object] = lambda: self.core.device_tokens.pair(secret, self.devices[number])  # noqa: E731 - called twice
        if self.tokens[secret].is_revoked:
            self.refuses(TokenRevoked, call)
            return
        call()
        self._pair(secret, number)
        self.saw("paired")

    @rule(secret=secrets)
    def pair_with_an_unknown_device(self, secret: Secret) -> None:
        """Pair a token with a device that was never issued."""
        if not self.tokens[secret].is_revoked:
            self.refuses(DeviceTokenUnknown, lambda: self.core.device_tokens.pair(secret, UNKNOWN))

    @rule(secret=secrets)
    def unpair(self, secret: Secret) -> None:
        """Unpair a token, which may be unpaired already."""
        token = self.tokens[secret]
        if token.is_revoked:
            self.refuses(TokenUnknown, lambda: self.core.device_tokens.unpair(secret))
            return
        assert self.core.device_tokens.unpair(secret).device is None
        token.device = None
        self.saw("unpaired")

    @rule(secret=secrets)
    def sign_out(self, secret: Secret) -> None:
        """Revoke a token; it leaves its device."""
        if not self.tokens[secret].is_revoked:
            self.core.access_tokens.revoke(secret)
            self.tokens[secret].is_revoked = True

    @rule(index=whom)
    def sign_out_everywhere(self, index: int) -> None:
        """Revoke all tokens of a user."""
        self.core.access_tokens.revoke_all(self.users[index])
        self._revoke_all(index)

    @rule(index=whom)
    def set_password(self, index: int) -> None:
        """Set a password, which unpairs and revokes all tokens of the user."""
        self.core.passwords.set(self.users[index], f"{PASSWORD} {next(self.numbers)}")  # not the present one
        self._revoke_all(index)

    @rule(index=whom)
    def deactivate_or_activate(self, index: int) -> None:
        """Deactivate a user, which revokes all tokens, or activate them."""
        user_id = self.users[index]
        if self.active[user_id]:
            self.core.users.deactivate(user_id)
            self._revoke_all(index)
        else:
            self.core.users.activate(user_id)
        self.active[user_id] = not self.active[user_id]

    def _revoke_all(self, index: int) -> None:
        for token in self.tokens.values():
            if token.user == self.users[index]:
                token.is_revoked = True

    @invariant()
    def devices_and_users_agree(self) -> None:
        """Compare the users of each device, and the devices of each user, with the model."""
        if not hasattr(self, "tokens"):
            return
        for number, device in enumerate(self.devices):
            expected = {token.user for token in self._paired_with(number)}
            assert [user.id for user in self.core.device_tokens.users(device)] == sorted(expected)
            assert len(expected) <= 1
        for user_id in self.users:
            mine = [token for token in self.tokens.values() if token.user == user_id and not token.is_revoked]
            paired = sum(token.device is not None for token in mine)
            stored = self.core.access_tokens.list(user_id)
            assert (len(stored), sum(token.device is not None for token in stored)) == (len(mine), paired)
            numbers = {token.device for token in mine} - {None}
            assert len(self.core.device_tokens.list(user_id)) == len(numbers)
