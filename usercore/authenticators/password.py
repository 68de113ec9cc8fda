"""Signing in by a password: look, hash outside any unit, let in; with throttles that hold under any number of threads.

The place for a hash is taken before anything is looked up, unknown names cost what known ones do, and an account with
a failure on record counts the next try before it hashes, so parallel guesses cannot outrun the counter.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import attrs

from usercore.attempts.model import AttemptStatus, FailureCounter, ThrottlePolicy
from usercore.attempts.rules import block_of, failures_of, is_void, key_of, locked_until
from usercore.authenticators.base import (
    Authenticated,
    BuiltInAuthenticator,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
    lock_for_sign_in,
    sign_in_obstacle,
)
from usercore.authenticators.login_token import secret_of
from usercore.kernel.context import Context, printable_prefix
from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import Invalid, Overloaded, RateLimited
from usercore.kernel.forks import reset_in_child
from usercore.kernel.ids import UserId
from usercore.kernel.references import EMAIL_LIMIT, ClaimName, Use, claim_of_username
from usercore.kernel.secret import Secret, SecretBytes, secret_bytes_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential, PasswordPolicy
from usercore.passwords.ports import Hasher
from usercore.passwords.rules import is_expired, prepare
from usercore.passwords.service import rehash
from usercore.storage.lookups import LoginAccount
from usercore.users.model import User

NOBODY = UserId(0)
"""Whom an unknown name is looked up as, so that the same statements run."""


@frozen(kw_only=True)
class PasswordCredentials:
    """An email or username, and a password, as they were typed; ``password.reveal()`` returns its text."""

    login: str
    password: Secret = attrs.field(converter=secret_of)


@entity
class LoginLookup:
    """What the looks at the storage told."""

    entrant: LoginAccount | None
    keys: tuple[bytes, ...]
    throttles: tuple[FailureCounter | None, ...]


@entity
class VerifiedPassword:
    """Somebody who showed the right password. ``ordinal`` is the try that was counted for it."""

    user_id: UserId
    credential: Credential
    account: bytes = attrs.field(repr=False)
    ordinal: int | None
    rehashed: tuple[str, str | None] | None = None


@attrs.define
class _Line:
    turn: threading.Lock = attrs.field(factory=threading.Lock)
    waiting: int = 0


class AccountLocks:
    """A line in front of each account: one attempt of an account is hashed at a time."""

    def __init__(self, longest_wait: float) -> None:
        """Wait at most this many seconds."""
        self._longest_wait = longest_wait
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Send everybody home; see ``forks``."""
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    @contextmanager
    def stand(self, account: str) -> Iterator[None]:
        """Wait for this account's turn and hold it.

        Raises:
            Overloaded: the wait took too long.
        """
        with self._lock:
            line = self._lines.setdefault(account, _Line())
            line.waiting += 1
        try:
            if not line.turn.acquire(timeout=self._longest_wait):
                raise Overloaded
            try:
                yield
            finally:
                line.turn.release()
        finally:
            self._leave(account, line)

    def _leave(self, account: str, line: _Line) -> None:
        with self._lock:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[account]


@frozen(kw_only=True)
class PasswordAuthenticator(BuiltInAuthenticator):
    """Signs in by email or username and password."""

    scope: ServiceContext[SignInUnit]
    hasher: Hasher
    passwords: PasswordPolicy
    throttles: ThrottlePolicy
    lines: AccountLocks
    secret: SecretBytes = attrs.field(converter=secret_bytes_of, repr=False)
    """Keys the counters, so that they name nobody."""

    name: str = "password"
    priority: int = 500
    takes: type = PasswordCredentials

    def verify(self, credentials: PasswordCredentials, context: Context) -> VerifiedPassword:
        """Prove the password.

        Raises:
            RejectedAttempt: login or password is wrong, the user may not sign in, or it is too early for another try.
            Overloaded: too many passwords are being hashed.
        """
        login = check_type(credentials.login, str, name="login")
        name = _name_of(login)
        password = prepare(credentials.password.reveal(), most_bytes=self.passwords.most_bytes)
        with self.lines.stand(f"{context.tenant_id} {account_of(name, login)}"), self.hasher.place():
            looked = self._look(name, login, context)
            self._check_wait(looked, looked.throttles)
            ordinal = self._reserve(looked)
            is_right = self.hasher.verify(looked.entrant.credential if looked.entrant else None, password)
            proved = self._judge(looked, ordinal, is_right=is_right)
            if self.hasher.is_current(proved.credential) or password is None:
                return proved
            return evolve(proved, rehashed=self.hasher.hash(password))

    def complete(self, unit: SignInUnit, found: VerifiedPassword, arrival: SignInEvent) -> Authenticated:
        """Let in who proved the password, if it is still the same one.

        Raises:
            RejectedAttempt: the password or the user's state changed meanwhile.
        """
        user = lock_for_sign_in(unit, found.user_id, arrival)
        credential = unit.credentials.get(user.id)
        proved = (found.credential.set_at, found.credential.version)
        is_same = credential is not None and (credential.set_at, credential.version) == proved
        if credential is None or not is_same or is_expired(credential, now=arrival.now):
            raise RejectedAttempt(AttemptStatus.WRONG_PASS, user_id=user.id)
        if found.ordinal is not None:
            unit.throttles.forgive(found.account, up_to=found.ordinal)
        if found.rehashed is not None:
            rehash(unit, credential, found.rehashed)
        return Authenticated(user=user, status=AttemptStatus.OK, must_change_password=credential.must_change)

    def _look(self, name: ClaimName | None, login: str, context: Context) -> LoginLookup:
        """Look by one statement each time: whose name it is, what decides about them, and the counters.

        What changes in between does no more harm than what changes while the password is hashed, which no transaction
        keeps out: a name stands for whom it was of when it was looked at; ``complete`` guards the user as they are then
        and compares the credential; the counters come last, and ``_reserve`` and ``_count`` count on whatever is there.
        """
        read = self.scope.units.read
        claim = None if name is None else read(lambda unit: unit.claims.find(name.space, name.key))
        user_id = UserId(claim.holder_id) if claim is not None and claim.uses & Use.LOGIN else NOBODY
        entrant = read(lambda unit: unit.authentication.get(user_id))
        keys = self._keys(None if entrant is None else entrant.user, account_of(name, login), context)
        found = {throttle.key: throttle for throttle in read(lambda unit: unit.throttles.get_many(keys))}
        return LoginLookup(entrant=entrant, keys=keys, throttles=tuple(map(found.get, keys)))

    def _keys(self, user: User | None, login: str, context: Context) -> tuple[bytes, ...]:
        keys = [account_key(self.secret, context, user.id if user else login)]
        if context.ip is not None:
            block = block_of(context.ip, ipv6_prefix=self.throttles.ipv6_prefix)
            keys.append(key_of(self.secret, "address", context.tenant_id, block))
        return tuple(keys)

    def _check_wait(self, looked: LoginLookup, throttles: Iterable[FailureCounter | None]) -> None:
        now = self.scope.clock()
        ends = [locked_until(throttle, now=now, policy=self.throttles) for throttle in throttles]
        last = max((end for end in ends if end is not None), default=None)
        if last is not None:
            user_id = looked.entrant.user.id if looked.entrant else None
            raise RejectedAttempt(AttemptStatus.RATE_LIMIT_EXCEEDED, user_id=user_id, error=RateLimited(last - now))

    def _reserve(self, looked: LoginLookup) -> int | None:
        """Count the account's try before it is known, where there is a failure on record; give its ordinal."""
        now, account = self.scope.clock(), looked.keys[0]
        if not failures_of(looked.throttles[0], now=now, policy=self.throttles):
            return None

        def reserve(unit: SignInUnit) -> int:
            self._check_wait(looked, unit.throttles.get_many([account]))  # other names and processes have other lines
            return self._count_try(unit, account)

        return self.scope.units.write(reserve)

    def _judge(self, looked: LoginLookup, ordinal: int | None, *, is_right: bool) -> VerifiedPassword:
        user, _, credential = looked.entrant or (None, None, None)
        status = self._status_against(looked, is_right=is_right)
        if user is not None and credential is not None and status is None:
            return VerifiedPassword(user_id=user.id, credential=credential, account=looked.keys[0], ordinal=ordinal)
        self._count(looked.keys if ordinal is None else looked.keys[1:])
        raise RejectedAttempt(status or AttemptStatus.WRONG_PASS, user_id=user.id if user else None)

    def _status_against(self, looked: LoginLookup, *, is_right: bool) -> AttemptStatus | None:
        if looked.entrant is None:
            return AttemptStatus.NOT_FOUND
        user, tenant_active, credential = looked.entrant
        void = is_void(looked.throttles[0], policy=self.throttles)
        expired = credential is None or is_expired(credential, now=self.scope.clock())
        return AttemptStatus.WRONG_PASS if not is_right or void or expired else sign_in_obstacle(user, tenant_active)

    def _count(self, keys: tuple[bytes, ...]) -> None:
        """Count a failure before the next in line looks, or parallel guesses would outrun the counter."""

        def count(unit: SignInUnit) -> None:
            for key in keys:
                self._count_try(unit, key)

        if keys:
            self.scope.units.write(count)

    def _count_try(self, unit: SignInUnit, key: bytes) -> int:
        now, policy = self.scope.clock(), self.throttles
        stale = now - policy.forgotten_after
        counted = unit.throttles.record_failure(key, at=now, stale_before=stale, kept_from=policy.failures_before_void)
        return counted.tried


def account_key(secret: SecretBytes, context: Context, account: int | str) -> bytes:
    """Give the counter of an account: of a user by id, of an unknown name by its key."""
    return key_of(secret, "account", context.tenant_id, "user" if isinstance(account, int) else "name", account)


def account_of(name: ClaimName | None, login: str) -> str:
    """Give the text by which a name is throttled; one that nobody can have by its start."""
    return printable_prefix(login, EMAIL_LIMIT) if name is None else name.key


def _name_of(login: str) -> ClaimName | None:
    """Give the key that was typed, or None where nobody can have it."""
    try:
        return claim_of_username(login)
    except Invalid:
        return None
