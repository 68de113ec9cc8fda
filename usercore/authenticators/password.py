"""Signing in by a password: one hash whatever is wrong, and a password that is still the same when it is completed."""

from datetime import datetime
from typing import Final

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import (
    Authenticated,
    LockedUser,
    LoginLookup,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
)
from usercore.authenticators.rules import sign_in_obstacle
from usercore.authenticators.tokens import to_secret
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.text import check_type
from usercore.kernel.time import Clock
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential, PasswordPolicy
from usercore.passwords.ports import Hasher
from usercore.passwords.rules import is_expired, prepare
from usercore.passwords.service import rehash

NAME: Final = "password"


@frozen(kw_only=True)
class PasswordCredentials:
    """An email or username, and a password, as they were typed; ``password.reveal()`` returns its text."""

    login: str
    password: Secret = attrs.field(converter=to_secret)

    def __attrs_post_init__(self) -> None:
        """Check the login.

        Raises:
            TypeError: it is not text.
        """
        check_type(self.login, str, name="login")


@entity
class VerifiedPassword:
    """The user and the credential whose password was right, and a hash by the current profile if it had another."""

    user_id: UserId
    credential: Credential
    rehashed: tuple[str, str | None] | None = attrs.field(default=None, repr=False)

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:  # noqa: ARG002 - found before
        """Return the user whose password was verified."""
        return self.user_id

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:
        """Check that the password is still the one that was verified, and store its new hash if there is one.

        Raises:
            RejectedAttempt: the password was changed meanwhile.
        """
        credential = locked.rights.credential
        verified = (self.credential.set_at, self.credential.version)
        is_same = credential is not None and (credential.set_at, credential.version) == verified
        if credential is None or not is_same or is_expired(credential, now=event.now):
            raise RejectedAttempt(AttemptStatus.WRONG_PASS, user_id=locked.user.id)
        if self.rehashed is not None:
            rehash(unit, credential, self.rehashed)
        return Authenticated(status=AttemptStatus.OK, must_change_password=credential.must_change)


@frozen(kw_only=True)
class PasswordAuthenticator:
    """Signs in by email or username and password."""

    clock: Clock
    hasher: Hasher
    passwords: PasswordPolicy

    name: str = NAME
    priority: int = 500
    credentials: type[PasswordCredentials] = PasswordCredentials
    is_guessable: bool = True
    hashes: bool = True
    allows_privileged: bool = True
    is_multi_factor: bool = False
    unknown_status: AttemptStatus = AttemptStatus.NOT_FOUND

    def verify(self, credentials: PasswordCredentials, lookup: LoginLookup, context: Context) -> VerifiedPassword:  # noqa: ARG002 - the lookup decides
        """Compute one hash, also if there is no credential, and check the password and the account.

        Raises:
            RejectedAttempt: no user has this login and password, or the user may not sign in.
        """
        password = prepare(credentials.password.reveal(), max_bytes=self.passwords.max_bytes)
        account = lookup.account
        credential = account.credential if account else None
        credential = None if credential is None or credential.is_void else credential
        is_right = self.hasher.verify(credential, password)
        if account is None:
            raise RejectedAttempt(AttemptStatus.NOT_FOUND)
        is_void = lookup.has_void_password
        if (
            not is_right
            or password is None
            or credential is None
            or is_void
            or is_expired(credential, now=self.clock())
        ):
            raise RejectedAttempt(AttemptStatus.WRONG_PASS, user_id=account.user.id)
        obstacle = sign_in_obstacle(account.user, tenant_active=account.tenant_active, roles=account.roles)
        if obstacle is not None:
            raise RejectedAttempt(obstacle, user_id=account.user.id)
        rehashed = None if self.hasher.is_current(credential) else self.hasher.hash(password)
        return VerifiedPassword(user_id=account.user.id, credential=credential, rehashed=rehashed)
