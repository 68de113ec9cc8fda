"""Signing in: credentials are verified, the attempt is completed and stored, and a token is issued.

A sign-in by a password is here, in ``sign_in/throttle.py`` and in ``authenticators/password.py``.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple, Never, TypeVar, cast

import attrs

from usercore.attempts.misses import MissTracker
from usercore.attempts.model import Attempt, AttemptStatus
from usercore.attempts.rules import api_status, attempt_of, authenticator_of
from usercore.authenticators.access_token import AccessTokenCredentials
from usercore.authenticators.base import (
    Authenticated,
    BuiltInAuthenticator,
    LockedUser,
    LoginLookup,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
    Verified,
)
from usercore.authenticators.errors import SignInRefused
from usercore.authenticators.external import Authenticator
from usercore.authenticators.password import NAME as PASSWORD
from usercore.authenticators.password import PasswordCredentials
from usercore.authenticators.redeemed_tokens import AutologinTokenCredentials, LoginTokenCredentials
from usercore.authenticators.rules import identifies
from usercore.authenticators.tokens import to_secret
from usercore.authenticators.trusted import TrustedAuthenticator
from usercore.kernel.changes import Change
from usercore.kernel.context import SOURCE_LIMIT, Context
from usercore.kernel.entity import evolve
from usercore.kernel.errors import LostRace, Rejected, UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.log import log
from usercore.kernel.references import Reference
from usercore.kernel.secret import Digest, Secret, digest_of, read_secret, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_optional, refuse
from usercore.kernel.values import frozen
from usercore.passwords.ports import Hasher
from usercore.roles.rules import NO_PERMISSIONS, names_of, permissions_of
from usercore.sign_in.locked_user import lock_user
from usercore.sign_in.model import NO_EXTRAS, Identity, SignedIn, extras_of, login_of, with_secret
from usercore.sign_in.second_factor import NAME as SECOND_FACTOR
from usercore.sign_in.second_factor import FirstFactor, SecondStep, check_form
from usercore.sign_in.throttle import NO_USER, LoginKey, SignInThrottle, key_of_login
from usercore.tokens.activity import ActivityTracker
from usercore.tokens.changes import ASSERTED_BY_HOST
from usercore.tokens.errors import DeviceTokenUnknown, TokenUnknown
from usercore.tokens.kinds import ACCESS
from usercore.tokens.model import AccessToken
from usercore.tokens.pairing import LockedDevice, get_device, lock_device, pair
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.rules import check_open
from usercore.tokens.service import issue_access_token, note_access
from usercore.users.model import LastSignIn, User

P = TypeVar("P")
T = TypeVar("T")

NO_LOOKUP: Final = LoginLookup()

_NOT_OF_ACCOUNT: Final = frozenset({AttemptStatus.RATE_LIMIT_EXCEEDED, AttemptStatus.DEVICE_TOKEN_NOT_FOUND})
"""Rejections that say nothing about the credentials."""


@frozen(kw_only=True)
class _Attempting:
    """The state of an attempt: its look-ups, and the rejections so far with the name of the authenticator."""

    context: Context
    login: str | None
    device: Secret | None
    lookup: LoginLookup = NO_LOOKUP
    ordinal: int | None = None
    rejections: list[tuple[str | None, RejectedAttempt]] = attrs.field(factory=list)


class _Checked(NamedTuple):
    """Who was authenticated and how, and the device that the unit has locked."""

    locked: LockedUser
    done: Authenticated
    device: LockedDevice | None


class _SecondFactorMissing(Exception):
    """Ends the unit of a sign-in that lacks a second factor, so that nothing of it is stored."""


@frozen(kw_only=True)
class _Completed:
    """A sign-in that was stored."""

    locked: LockedUser
    done: Authenticated
    authenticator: str
    context: Context
    now: datetime
    secret: Secret | None
    token: AccessToken


@frozen(kw_only=True)
class SignIn:
    """Signs users in and identifies them. Safe to share between threads.

    Public, except ``trusted`` and ``verify_password``: errors reveal nothing to a caller that is not signed in. Each
    way to sign in takes the secret of a ``device_token``: an unknown one is refused, and the access token is paired
    with it.
    """

    _service: ServiceContext[SignInUnit]
    _authenticators: Sequence[BuiltInAuthenticator]
    _host_authenticators: Sequence[Authenticator[Never]]
    _hasher: Hasher
    _throttle: SignInThrottle
    _second_step: SecondStep
    _tokens: AccessTokenPolicy
    _activity: ActivityTracker
    _misses: MissTracker

    def authenticate(
        self, credentials: object, *, source: str | None = None, device_token: Secret | str | None = None
    ) -> Identity:
        """Sign in by the authenticators that take this class of credentials, the highest priority first.

        ``source`` chooses one of them by its name; any other source is a label that is stored.

        Raises:
            TypeError: no authenticator takes this class, or an argument has the wrong type.
            SignInRefused: no user was signed in; the stored attempts contain the reason, for operators.
            SecondFactorRequired: a code is missing; pass it to ``with_second_factor``.
            SecondFactorSetupRequired: the user has to enroll a second factor first.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
            Invalid: the source is malformed.
        """
        return self._authenticate("authenticate", credentials, source, device_token)

    def with_password(
        self, login: str, password: str, *, source: str | None = None, device_token: Secret | str | None = None
    ) -> SignedIn:
        """Sign in by email or username, in any spelling, and password.

        Raises:
            TypeError: an argument has the wrong type.
            SignInRefused: login, password or device token is wrong, or the user may not sign in.
            SecondFactorRequired: a code is missing; pass it to ``with_second_factor``.
            SecondFactorSetupRequired: the user has to enroll a second factor first.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
            Invalid: the source is malformed.
        """
        credentials = PasswordCredentials(login=login, password=password)
        return with_secret(self._authenticate("with_password", credentials, source, device_token))

    def with_login_token(
        self, secret: Secret | str, *, source: str | None = None, device_token: Secret | str | None = None
    ) -> SignedIn:
        """Sign in by a login token, and redeem it.

        Raises:
            TypeError: a secret is neither text nor a Secret.
            SignInRefused: the token is unknown, redeemed or expired, its user may not sign in by it, or the device
                token is unknown.
            SecondFactorRequired: a code is missing; pass it to ``with_second_factor``.
            SecondFactorSetupRequired: the user has to enroll a second factor first.
            Invalid: the source is malformed.
        """
        credentials = LoginTokenCredentials(secret=secret)
        return with_secret(self._authenticate("with_login_token", credentials, source, device_token))

    def with_autologin_token(
        self, secret: Secret | str, *, source: str | None = None, device_token: Secret | str | None = None
    ) -> SignedIn:
        """Sign in by an autologin token, and count a use of it.

        Raises:
            TypeError: a secret is neither text nor a Secret.
            SignInRefused: the token is unknown, not yet valid, expired, revoked or used up, its user may not sign in by
                it, or the device token is unknown.
            SecondFactorRequired: a code is missing; pass it to ``with_second_factor``.
            SecondFactorSetupRequired: the user has to enroll a second factor first.
            Invalid: the source is malformed.
        """
        credentials = AutologinTokenCredentials(secret=secret)
        return with_secret(self._authenticate("with_autologin_token", credentials, source, device_token))

    def with_access_token(
        self, secret: Secret | str, *, source: str | None = None, device_token: Secret | str | None = None
    ) -> Identity:
        """Sign in by an access token that another system received; no new one is issued.

        Raises:
            TypeError: a secret is neither text nor a Secret.
            SignInRefused: the token is not valid, its user may not sign in by it, or the device token is unknown.
            Invalid: the source is malformed.
        """
        credentials = AccessTokenCredentials(secret=secret)
        return self._authenticate("with_access_token", credentials, source, device_token)

    def with_second_factor(
        self,
        challenge: Secret | str,
        code: Secret | str,
        *,
        device_token: Secret | str | None = None,
        remember_device: bool = False,
    ) -> SignedIn:
        """Complete a sign-in by a code of an authenticator app or a recovery code; blanks in it do not matter.

        A wrong code can be followed by others, until there is a wait. If the first step had a
        device token, this one needs the same.

        With ``remember_device`` the user is asked for no second factor on this device, as long as
        ``SecondFactorPolicy.remember_device_for`` says and neither the password is reset nor a factor changes.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: a device is to be remembered, and there is no device token.
            SignInRefused: challenge or code is wrong, was used or is too old, the user may no longer sign in, or the
                device token is another one.
            RateLimited: it is too early for another code.
        """
        self._service.check_alone("sign_in.with_second_factor")
        given, typed = Secret(text_of(challenge)), text_of(code)
        device, remembers = _device_of(device_token), check_type(remember_device, bool, name="remember_device")
        if remembers and device is None:
            refuse("device_token", "missing")
        attempting = self._begin(self._service.context, None, None, device, SECOND_FACTOR)
        try:
            check_form(given)
            outcome = self._service.units.write(
                lambda unit: self._complete_by_code(unit, attempting, given, typed, remembers=remembers)
            )
        except RejectedAttempt as rejected:
            attempting.rejections.append((SECOND_FACTOR, rejected))
            raise self._failed(attempting, counts=True) from None
        if isinstance(outcome, RejectedAttempt):
            raise outcome.error
        return with_secret(self._identity_of(outcome))

    def _complete_by_code(
        self, unit: SignInUnit, attempting: _Attempting, challenge: Secret, code: str, *, remembers: bool
    ) -> _Completed | RejectedAttempt:
        """Complete a sign-in by a code and store it in one unit; or count the failure of a wrong code, and return it.

        Raises:
            RejectedAttempt: the challenge cannot be completed, whatever the code is.
        """
        now = self._service.clock()
        found = self._second_step.find(unit, challenge)
        if found.device_digest not in (None, _digest_of(attempting.device)):
            raise RejectedAttempt(AttemptStatus.DEVICE_TOKEN_NOT_FOUND, user_id=found.user_id)
        device = _lock_device(unit, attempting.device, found.user_id, now)
        locked = self._second_step.lock(unit, found, now=now)
        try:
            self._second_step.check_code(unit, locked, code, now=now)
        except RejectedAttempt as rejected:
            self._add_rejections(unit, attempting, [(SECOND_FACTOR, rejected)])
            if rejected.status is AttemptStatus.SECOND_FACTOR_WRONG:
                self._second_step.record_failure(unit, locked.user, now=now)
                self._throttle.record_failure(unit, attempting.lookup, None, wrong_password=False)
            return rejected
        unit.sign_in_challenges.redeem(found.id, at=now)
        if found.counter_key is not None:
            unit.failure_counters.reset(found.counter_key, up_to=found.counter_tries)
        locked = locked._replace(user=unit.users.lock(locked.user.id, LastSignIn(now, attempting.context.ip)))
        credential = locked.rights.credential
        must_change = credential is not None and credential.must_change
        done = Authenticated(status=AttemptStatus(found.status), must_change_password=must_change)
        attempting = attrs.evolve(attempting, context=attrs.evolve(attempting.context, source=found.source))
        self._add_success(unit, attempting, done, locked.user, found.authenticator)
        if remembers and device is not None:
            self._second_step.remember(unit, locked.user, device, at=now)
        checked = _Checked(locked, done, device)
        return self._issue(unit, attempting.context, checked, authenticator=found.authenticator, now=now)

    def trusted(
        self,
        ref: Reference,
        *,
        source: str | None = None,
        device_token: Secret | str | None = None,
        allow_privileged: bool = False,
    ) -> SignedIn:
        """Sign in a user that the host has authenticated. Trusted.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: no user of this tenant has this reference.
            SignInRefused: the user may not sign in, or is privileged and ``allow_privileged`` is off, or the device
                token is unknown.
            Invalid: the source is malformed, or an identifier of this form cannot exist.
        """
        self._service.check_alone("sign_in.trusted")
        check_type(allow_privileged, bool, name="allow_privileged")
        trusted = TrustedAuthenticator(allows_privileged=allow_privileged)
        context, device = self._context_with(source), _device_of(device_token)
        outcome = self._attempt([trusted], ref, context, self._sign_in, device=device)
        return with_secret(_identity_in(outcome))

    def identify(self, secret: Secret | str) -> Identity:
        """Return the user and the session of an access token: one read. Its last use is stored once a minute.

        Raises:
            TypeError: the secret is neither text nor a Secret.
            TokenInvalid: the token is not valid; its subclasses name the reason.
        """
        read = read_secret(secret, ACCESS)
        if read is None:
            raise TokenUnknown  # no secret has this form, so no look-up is needed
        owner, digest = UserId(read[0]), read[1]
        found = self._service.units.read(lambda unit: unit.authentication.find(owner, digest))
        if found is None:
            raise TokenUnknown
        now = self._service.clock()
        token = check_open(found.token, now=now, policy=self._tokens)
        if not identifies(token.authenticator, found.user, tenant_active=found.tenant_active, roles=found.roles):
            raise TokenUnknown
        self._activity.note(owner, digest, now, None if self._service.joined else self._service.units)
        return Identity(
            user=found.user,
            roles=names_of(found.roles) if found.roles else (),
            permissions=permissions_of(found.roles) if found.roles else NO_PERMISSIONS,
            authenticator=token.authenticator,
            source=token.source,
            authenticated_at=token.issued_at,
            must_change_password=found.must_change_password,
            token_digest=token.digest,
            token_expires_at=token.expires_at,
            extras=extras_of(self._host_authenticators, found.user) if self._host_authenticators else NO_EXTRAS,
        )

    def verify_password(self, login: str, password: str) -> bool:
        """Return whether a password is right. Throttled and stored as a sign-in, but no token is issued. Trusted.

        Raises:
            TypeError: an argument has the wrong type.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
        """
        self._service.check_alone("sign_in.verify_password")
        try:
            self._with_verified_password(login, password, lambda: None, lambda _unit, _user, _prepared: None)
        except SignInRefused:
            return False
        return True

    def _authenticate(
        self, call: str, credentials: object, source: str | None, device_token: Secret | str | None
    ) -> Identity:
        self._service.check_alone(f"sign_in.{call}")
        context, device = self._context_with(source), _device_of(device_token)
        authenticators = self._authenticators_for(credentials, context.source)
        return _identity_in(self._attempt(authenticators, credentials, context, self._sign_in, device=device))

    def _context_with(self, source: str | None) -> Context:
        context = self._service.context
        label = clean_optional(source, field="source", most=SOURCE_LIMIT) or context.source
        return context if label == context.source else attrs.evolve(context, source=label)

    def _authenticators_for(self, credentials: object, source: str | None) -> list[BuiltInAuthenticator]:
        taking = [one for one in self._authenticators if isinstance(credentials, one.credentials)]
        if not taking:
            msg = f"no authenticator takes {type(credentials).__name__}"
            raise TypeError(msg)
        return [one for one in taking if one.name == authenticator_of(source)] or taking

    def _attempt(
        self,
        authenticators: Sequence[BuiltInAuthenticator],
        credentials: object,
        context: Context,
        finish: Callable[[_Attempting, BuiltInAuthenticator, Verified], T],
        *,
        device: Secret | None,
    ) -> T:
        """Verify the credentials by each authenticator in turn, and finish with the first that succeeds.

        An unknown device token is refused before credentials that can be guessed are verified. For others, which need
        no hash, it is looked up where it is locked: a token that does not exist stays a miss, which stores nothing.

        The hash slot is acquired before any look-up, so that an attempt that is refused for overload costs nothing. It
        is held until the password was verified, also while authenticators with a higher priority run.

        Raises:
            SignInRefused: no authenticator succeeded, or the user may not sign in.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
        """
        login = login_of(credentials)
        is_throttled = any(one.is_guessable for one in authenticators)
        key = key_of_login(login) if is_throttled and login is not None else None
        with self._throttle.hold(key), ExitStack() as slot:
            if any(one.hashes for one in authenticators):
                slot.enter_context(self._hasher.hold_slot())
            attempting = (
                self._begin(context, login, key, device, authenticators[0].name)
                if is_throttled
                else _Attempting(context=context, login=login, device=device)
            )
            for authenticator in authenticators:
                try:
                    verified = self._verify(authenticator, credentials, attempting, slot)
                    if verified is not None:
                        return finish(attempting, authenticator, verified)
                except RejectedAttempt as rejected:
                    attempting.rejections.append((authenticator.name, rejected))
                    if not isinstance(rejected.error, SignInRefused):
                        break
                except BaseException:
                    self._cancel_try(attempting)
                    raise
            raise self._failed(attempting, counts=is_throttled) from None

    def _verify(
        self, authenticator: BuiltInAuthenticator, credentials: object, attempting: _Attempting, slot: ExitStack
    ) -> Verified | None:
        try:
            # The credentials are of the class that it takes.
            return authenticator.verify(cast("Never", credentials), attempting.lookup, attempting.context)
        finally:
            if authenticator.hashes:
                slot.close()

    def _cancel_try(self, attempting: _Attempting) -> None:
        """Cancel the reserved try of an attempt that raised before anything rejected it; log a failure to do so."""
        if attempting.ordinal is None or attempting.rejections:
            return
        try:
            self._service.units.write(
                lambda unit: self._throttle.cancel_try(unit, attempting.lookup, attempting.ordinal)
            )
        except Exception:  # noqa: BLE001 - the error of the attempt is raised instead
            log().warning("a reserved try could not be cancelled", exc_info=True)

    def _failed(self, attempting: _Attempting, *, counts: bool) -> BaseException:
        """Store a failed attempt and return its error, also if that is a KeyboardInterrupt and storing fails."""
        error = _error_of(attempting)
        try:
            self._store_failure(attempting, counts=counts)
        except Exception:  # whatever the storage raised: it goes on, unless a KeyboardInterrupt must
            if isinstance(error, Exception):
                raise  # the storage failed: that is what the caller has to know
            log().warning("an attempt could not be stored", exc_info=True)
        return error

    def _begin(
        self, context: Context, login: str | None, key: LoginKey | None, device: Secret | None, name: str
    ) -> _Attempting:
        """Read the account and the counters, check the device token, and reserve the try.

        Raises:
            RateLimited: it is too early for another attempt.
            SignInRefused: the device token is unknown.
        """
        lookup = self._throttle.look_up(key, context)
        attempting = _Attempting(context=context, login=login, device=device, lookup=lookup)
        try:
            self._throttle.check_wait(lookup)
            self._check_device(attempting)
            ordinal = self._throttle.reserve(lookup)
        except RejectedAttempt as rejected:
            attempting.rejections.append((name, rejected))
            raise self._failed(attempting, counts=True) from None
        return attempting if ordinal is None else attrs.evolve(attempting, ordinal=ordinal)

    def _check_device(self, attempting: _Attempting) -> None:
        device, account = attempting.device, attempting.lookup.account
        if device is None:
            return
        try:
            self._service.units.read(lambda unit: get_device(unit, device))
        except DeviceTokenUnknown:
            user_id = None if account is None else account.user.id
            raise RejectedAttempt(AttemptStatus.DEVICE_TOKEN_NOT_FOUND, user_id=user_id) from None

    def _store_failure(self, attempting: _Attempting, *, counts: bool) -> None:
        """Store the rejections of the attempt, and count one failure for any number of authenticators.

        An attempt that was only too early is not counted. If an authenticator rejected it before that, it is counted:
        otherwise a host's rate limit would hide guesses of passwords. An unknown device token counts for the address
        only: it says nothing about the account.
        """
        rejections = attempting.rejections or [(None, RejectedAttempt(AttemptStatus.NOT_FOUND))]
        statuses = {rejected.status for _, rejected in rejections}
        if all(rejected.is_miss for _, rejected in rejections):
            self._misses.record(attempting.context, self._service.clock(), self._service.units)
            rejections = []
        if not rejections and not (counts and attempting.lookup.keys):
            return

        def store(unit: SignInUnit) -> None:
            if self._lock_users(unit, attempting, rejections):
                self._add_rejections(unit, attempting, rejections)
                if counts:
                    self._count_failure(unit, attempting, statuses)
            else:
                self._add_anonymously(unit, attempting, rejections)
                if counts:
                    self._throttle.record_failure_of_address(unit, attempting.lookup)

        self._service.units.write(store)

    def _count_failure(self, unit: SignInUnit, attempting: _Attempting, statuses: set[AttemptStatus]) -> None:
        is_wrong = AttemptStatus.WRONG_PASS in statuses
        if not statuses <= _NOT_OF_ACCOUNT:
            self._throttle.record_failure(unit, attempting.lookup, attempting.ordinal, wrong_password=is_wrong)
            return
        self._throttle.cancel_try(unit, attempting.lookup, attempting.ordinal)
        if AttemptStatus.DEVICE_TOKEN_NOT_FOUND in statuses:
            self._throttle.record_failure_of_address(unit, attempting.lookup)

    def _lock_users(
        self, unit: SignInUnit, attempting: _Attempting, rejections: Sequence[tuple[str | None, RejectedAttempt]]
    ) -> bool:
        """Lock the users whom a failed attempt names, so that its rows precede an erasure; return False after one.

        An unknown user is locked, too: the same statements run for all logins.
        """
        account = attempting.lookup.account
        named = {rejected.user_id for _, rejected in rejections} | {None if account is None else account.user.id}
        users = sorted(user_id for user_id in named if user_id is not None)
        try:
            for user_id in users or [NO_USER]:
                unit.lock(user_id)
        except UserNotFound:
            return not users
        return True

    def _add_anonymously(
        self, unit: SignInUnit, attempting: _Attempting, rejections: Sequence[tuple[str | None, RejectedAttempt]]
    ) -> None:
        """Store the attempt of a user who was erased meanwhile without all that tells who it was. Source: spec X6."""
        for name, rejected in rejections:
            record = self._record_of(attempting, rejected.status, None, name)
            unit.attempts.add(evolve(record, login=None, ip=None, user_agent=None))

    def _sign_in(
        self, attempting: _Attempting, authenticator: BuiltInAuthenticator, verified: Verified
    ) -> Identity | Rejected:
        """Complete the attempt, store it and issue a token in one unit; or return that a second factor is missing.

        A first factor that is not enough must not be stored as the last sign-in, which its unit writes with the lock.
        So that unit stores nothing, and another one issues the challenge.
        """

        def sign_in(unit: SignInUnit) -> _Completed:
            now = self._service.clock()
            event = SignInEvent(now, LastSignIn(now, attempting.context.ip))
            checked = self._check(unit, attempting, authenticator, verified, event)
            if self._second_step.is_missing(unit, checked.locked, authenticator, checked.device, now=now):
                raise _SecondFactorMissing
            self._store_success(unit, attempting, checked.done, checked.locked.user, authenticator.name)
            return self._issue(unit, attempting.context, checked, authenticator=authenticator.name, now=now)

        try:
            return self._identity_of(self._service.units.write(sign_in))
        except _SecondFactorMissing:
            return self._service.units.write(lambda unit: self._challenge(unit, attempting, authenticator, verified))

    def _issue(
        self, unit: SignInUnit, context: Context, checked: _Checked, *, authenticator: str, now: datetime
    ) -> _Completed:
        """Issue an access token, unless the authenticator keeps the one that was shown, and pair it with the device."""
        locked, done, device = checked
        secret, token = None, done.token
        if token is None:
            secret, token = issue_access_token(
                unit,
                locked.user.id,
                authenticator=authenticator,
                at=now,
                randomness=self._service.randomness,
                context=context,
                policy=self._tokens,
            )
        else:
            note_access(unit, locked.user.id, context, at=now)
        if done.asserted_by_host and locked.is_privileged:
            unit.record(Change(kind=ASSERTED_BY_HOST, subject_id=locked.user.id, new=token))
        if device is not None:
            token = pair(unit, token, device)
        return _Completed(
            locked=locked, done=done, authenticator=authenticator, context=context, now=now, secret=secret, token=token
        )

    def _identity_of(self, completed: _Completed) -> Identity:
        user, roles, secret = completed.locked.user, completed.locked.rights.roles, completed.secret
        make: Callable[..., Identity] = Identity if secret is None else partial(SignedIn, access_token=secret)
        return make(
            user=user,
            roles=names_of(roles),
            permissions=permissions_of(roles),
            authenticator=completed.authenticator,
            source=completed.context.source,
            authenticated_at=completed.now,
            must_change_password=completed.done.must_change_password,
            token_digest=completed.token.digest,
            token_expires_at=completed.token.expires_at,
            extras=extras_of(self._host_authenticators, user),
        )

    def _challenge(
        self, unit: SignInUnit, attempting: _Attempting, authenticator: BuiltInAuthenticator, verified: Verified
    ) -> Rejected:
        """Store a sign-in whose second factor is missing, and return the error with its challenge.

        Raises:
            LostRace: the second factor was removed since it was found to be missing.
        """
        now = self._service.clock()
        locked, done, device = self._check(unit, attempting, authenticator, verified, SignInEvent(now))
        if not self._second_step.is_missing(unit, locked, authenticator, device, now=now):
            raise LostRace
        self._store_first_factor(unit, attempting, locked.user, authenticator.name)
        first = FirstFactor(
            locked=locked,
            authenticator=authenticator,
            done=done,
            source=attempting.context.source,
            device_digest=_digest_of(attempting.device),
            counter=self._throttle.forgotten_by_success(attempting.lookup, attempting.ordinal),
        )
        return self._second_step.issue(unit, first, at=now)

    def _with_verified_password(
        self,
        login: str,
        password: str,
        prepare: Callable[[], P],
        store: Callable[[SignInUnit, User, P], T],
    ) -> T:
        """Verify a password as a sign-in does, ``prepare`` outside any unit, and ``store`` in the completing unit.

        No token is issued, and the user's last sign-in stays unchanged. What ``prepare`` or ``store`` raises is neither
        a success nor a failure.

        Raises:
            TypeError: an argument has the wrong type.
            SignInRefused: login or password is wrong, or the user may not sign in.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
        """

        def finish(attempting: _Attempting, authenticator: BuiltInAuthenticator, verified: Verified) -> T:
            prepared = prepare()

            def complete(unit: SignInUnit) -> T:
                event = SignInEvent(self._service.clock())
                locked, done, device = self._check(unit, attempting, authenticator, verified, event)
                if self._second_step.is_missing(unit, locked, authenticator, device, now=event.now):
                    self._store_first_factor(unit, attempting, locked.user, authenticator.name)
                else:
                    self._store_success(unit, attempting, done, locked.user, authenticator.name)
                return store(unit, locked.user, prepared)

            return self._service.units.write(complete)

        credentials = PasswordCredentials(login=login, password=password)
        authenticators = [one for one in self._authenticators if one.name == PASSWORD]
        return self._attempt(authenticators, credentials, self._service.context, finish, device=None)

    def _check(
        self,
        unit: SignInUnit,
        attempting: _Attempting,
        authenticator: BuiltInAuthenticator,
        verified: Verified,
        event: SignInEvent,
    ) -> _Checked:
        """Lock device and user, check that the user may sign in, and complete what the authenticator verified.

        Every authenticator passes here, so the rules S3, S10 and T5 hold for all of them.

        Raises:
            RejectedAttempt: there is no such user or device, the user may not sign in, or what was verified no longer
                holds.
        """
        user_id = verified.find_user(unit, event.now)
        device = _lock_device(unit, attempting.device, user_id, event.now)
        locked = lock_user(
            unit,
            user_id,
            event.note,
            allows_privileged=authenticator.allows_privileged,
            unknown_status=authenticator.unknown_status,
        )
        return _Checked(locked, verified.complete(unit, locked, event), device)

    def _store_success(
        self, unit: SignInUnit, attempting: _Attempting, done: Authenticated, user: User, authenticator: str
    ) -> None:
        """Store a sign-in that is complete, and reset the failures of the account."""
        self._throttle.reset(unit, attempting.lookup, attempting.ordinal)
        self._add_rejections(unit, attempting, attempting.rejections)
        self._add_success(unit, attempting, done, user, authenticator)

    def _store_first_factor(self, unit: SignInUnit, attempting: _Attempting, user: User, authenticator: str) -> None:
        """Store a sign-in whose second factor is missing. It resets no failures, and its own try was none."""
        self._throttle.cancel_try(unit, attempting.lookup, attempting.ordinal)
        self._add_rejections(unit, attempting, attempting.rejections)
        status = AttemptStatus.SECOND_FACTOR_REQUIRED
        unit.attempts.add(self._record_of(attempting, status, user.id, authenticator))

    def _add_success(
        self, unit: SignInUnit, attempting: _Attempting, done: Authenticated, user: User, authenticator: str
    ) -> None:
        status = api_status(done.status, attempting.context.source)
        unit.attempts.add(self._record_of(attempting, status, user.id, authenticator))

    def _add_rejections(
        self, unit: SignInUnit, attempting: _Attempting, rejections: Sequence[tuple[str | None, RejectedAttempt]]
    ) -> None:
        for name, rejected in rejections:
            unit.attempts.add(self._record_of(attempting, rejected.status, rejected.user_id, name))

    def _record_of(
        self, attempting: _Attempting, status: AttemptStatus, user_id: UserId | None, name: str | None
    ) -> Attempt:
        number, now = self._service.new_id(), self._service.clock()
        return attempt_of(
            attempting.context,
            status,
            number=number,
            user_id=user_id,
            login=attempting.login,
            authenticator=name,
            at=now,
        )


def _device_of(device_token: Secret | str | None) -> Secret | None:
    """Return the secret of a device token that was given as text or as a ``Secret``.

    Raises:
        TypeError: it is neither.
    """
    return None if device_token is None else to_secret(device_token)


def _digest_of(device: Secret | None) -> Digest | None:
    return None if device is None else digest_of(device)


def _lock_device(unit: SignInUnit, device: Secret | None, user_id: UserId, at: datetime) -> LockedDevice | None:
    try:
        return None if device is None else lock_device(unit, device, user_id, at=at)
    except DeviceTokenUnknown:
        raise RejectedAttempt(AttemptStatus.DEVICE_TOKEN_NOT_FOUND) from None


def _identity_in(outcome: Identity | Rejected) -> Identity:
    """Return the identity.

    Raises:
        Rejected: the outcome is this error: a second factor is missing.
    """
    if isinstance(outcome, Rejected):
        raise outcome
    return outcome


def _error_of(attempting: _Attempting) -> BaseException:
    """Return the error to raise: the first specific one, else the one error of all refusals."""
    errors = [rejected.error for _, rejected in attempting.rejections]
    return next((error for error in errors if not isinstance(error, SignInRefused)), SignInRefused())
