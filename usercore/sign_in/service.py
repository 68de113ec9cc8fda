"""Signing in: what is shown, whose it is, whether they may, and the attempt that is kept."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from usercore.attempts.model import Attempt, AttemptStatus
from usercore.attempts.rules import api_status, attempt_of
from usercore.authenticators.base import (
    Authenticated,
    BuiltInAuthenticator,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
    sign_in_obstacle,
)
from usercore.authenticators.errors import SignInRefused
from usercore.authenticators.external import Authenticator, TrustedAuthenticator
from usercore.authenticators.login_token import AccessTokenCredentials, LoginTokenCredentials
from usercore.authenticators.password import PasswordCredentials
from usercore.kernel.changes import Change
from usercore.kernel.context import SOURCE_LIMIT, Context
from usercore.kernel.errors import RateLimited
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference
from usercore.kernel.secret import Secret, read_secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_optional
from usercore.kernel.values import frozen
from usercore.sign_in.model import NO_EXTRAS, Identity, SignedIn, extras_of, login_of, signed_in_of, with_secret
from usercore.tokens.activity import ActivityTracker
from usercore.tokens.errors import TokenUnknown
from usercore.tokens.model import ACCESS, ASSERTED_BY_HOST, AccessToken, AccessTokenPolicy
from usercore.tokens.rules import check_open
from usercore.tokens.service import issue_access_token
from usercore.users.model import LastSignIn


@frozen(kw_only=True)
class SignIn:
    """The ways to sign in. All but ``trusted`` are public: a stranger may be behind the call, and learns nothing.

    Safe to share between threads.
    """

    scope: ServiceContext[SignInUnit]
    ways: Sequence[BuiltInAuthenticator]
    authenticators: Sequence[Authenticator]
    tokens: AccessTokenPolicy
    activity: ActivityTracker

    def authenticate(self, credentials: object, *, source: str | None = None) -> Identity:
        """Sign in by whatever ways take this class of credentials, the highest priority first.

        ``source`` names one of those ways to ask that one only; any other source is a label that is kept.

        Raises:
            TypeError: no way takes this class, or what it holds has the wrong type.
            SignInRefused: nobody was signed in; the attempts that are kept say why.
            RateLimited: it is too early for another try.
            Overloaded: too many passwords are being hashed.
            Invalid: the source is malformed.
        """
        self.scope.check_alone("sign_in.authenticate")
        label = clean_optional(source, field="source", most=SOURCE_LIMIT) or self.scope.context.source
        ways = self._ways_for(credentials, label)
        context = self._labelled(label)
        login = login_of(credentials)
        first: RejectedAttempt | None = None
        for way in ways:
            try:
                identity = self._try(way, credentials, context, login)
            except RejectedAttempt as refusal:
                self._keep(refusal, way.name, login, context)
                if isinstance(refusal.error, RateLimited):
                    raise refusal.error from None
                first = first or refusal
            else:
                if identity is not None:
                    return identity
        if first is None:
            self._keep(RejectedAttempt(AttemptStatus.NOT_FOUND), None, login, context)
        raise SignInRefused

    def with_password(self, login: str, password: str, *, source: str | None = None) -> SignedIn:
        """Sign in by email or username, in any spelling, and password.

        Raises:
            TypeError: an argument has the wrong type.
            SignInRefused: nobody has this name and password, or they may not sign in.
            RateLimited: after ten failures in a row, until the wait is over.
            Overloaded: too many passwords are being hashed.
            Invalid: the source is malformed.
        """
        self.scope.check_alone("sign_in.with_password")
        check_type(login, str, name="login")
        check_type(password, str, name="password")
        return with_secret(self.authenticate(PasswordCredentials(login=login, password=password), source=source))

    def with_login_token(self, secret: Secret | str, *, source: str | None = None) -> SignedIn:
        """Sign in by a login token and spend it.

        Raises:
            TypeError: the secret is neither text nor a Secret.
            SignInRefused: it is unknown, spent or expired, or its user may not sign in by it.
            Invalid: the source is malformed.
        """
        self.scope.check_alone("sign_in.with_login_token")
        return with_secret(self.authenticate(LoginTokenCredentials(secret=secret), source=source))

    def with_access_token(self, secret: Secret | str, *, source: str | None = None) -> Identity:
        """Sign in by an access token that another system got; no new one is issued.

        Raises:
            TypeError: the secret is neither text nor a Secret.
            SignInRefused: it opens nothing, or its user may not sign in by it.
            Invalid: the source is malformed.
        """
        self.scope.check_alone("sign_in.with_access_token")
        return self.authenticate(AccessTokenCredentials(secret=secret), source=source)

    def trusted(self, ref: Reference, *, source: str | None = None, allow_privileged: bool = False) -> SignedIn:
        """Sign in whom the host already knows. Trusted: the host vouches for the user.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: nobody in this tenant is named so.
            SignInRefused: the user may not sign in, or is privileged and ``allow_privileged`` is off.
            Invalid: the source is malformed.
        """
        self.scope.check_alone("sign_in.trusted")
        check_type(allow_privileged, bool, name="allow_privileged")
        label = clean_optional(source, field="source", most=SOURCE_LIMIT) or self.scope.context.source
        way = TrustedAuthenticator(allow_privileged=allow_privileged)
        context = self._labelled(label)
        try:
            return with_secret(self._enter(way, way.verify(ref, context), context, None))
        except RejectedAttempt as refusal:
            self._keep(refusal, way.name, None, context)
            raise refusal.error from None

    def identify(self, secret: Secret | str) -> Identity:
        """Say whose access token this is: one read. Its last use is noted and written once a minute.

        Raises:
            TypeError: the secret is neither text nor a Secret.
            TokenInvalid: it opens nothing; its subclasses say why.
        """
        read = read_secret(secret, ACCESS)
        if read is None:
            raise TokenUnknown  # no look-up for what cannot be a secret
        owner, digest = UserId(read[0]), read[1]
        found = self.scope.units.read(lambda unit: unit.authentication.find(owner, digest))
        if found is None:
            raise TokenUnknown
        now = self.scope.clock()
        token = check_open(found.token, now=now, policy=self.tokens)
        if sign_in_obstacle(found.user, found.tenant_active) is not None:
            raise TokenUnknown
        self.activity.note(owner, digest, now, None if self.scope.joined else self.scope.units)
        return Identity(
            user=found.user,
            authenticator=token.authenticator,
            source=token.source,
            authenticated_at=token.issued_at,
            must_change_password=found.must_change_password,
            token_digest=token.digest,
            token_expires_at=token.expires_at,
            extras=extras_of(self.authenticators, found.user) if self.authenticators else NO_EXTRAS,
        )

    def verify_password(self, login: str, password: str) -> bool:
        """Say whether a password is right, as a sign-in as far as throttling and records go, without a token.

        Raises:
            RateLimited: it is too early for another try.
            Overloaded: too many passwords are being hashed.
        """
        self.scope.check_alone("sign_in.verify_password")
        credentials = PasswordCredentials(login=login, password=password)
        (way,) = (way for way in self.ways if way.takes is PasswordCredentials and way.name == "password")
        context = self.scope.context
        try:
            found = way.verify(credentials, context)

            def enter(unit: SignInUnit) -> None:
                entered = way.complete(unit, found, SignInEvent(self.scope.clock()))
                unit.attempts.add(self._attempt(entered.status, context, entered.user.id, login, way.name))

            self.scope.units.write(enter)
        except RejectedAttempt as refusal:
            self._keep(refusal, way.name, login, context)
            if isinstance(refusal.error, RateLimited):
                raise refusal.error from None
            return False
        return True

    def _labelled(self, source: str | None) -> Context:
        context = self.scope.context
        return context if source == context.source else attrs.evolve(context, source=source)

    def _ways_for(self, credentials: object, source: str | None) -> list[BuiltInAuthenticator]:
        taking = [way for way in self.ways if isinstance(credentials, way.takes)]
        if not taking:
            msg = f"no way to sign in takes {type(credentials).__name__}"
            raise TypeError(msg)
        return [way for way in taking if way.name == source] or taking

    def _try(
        self, way: BuiltInAuthenticator, credentials: object, context: Context, login: str | None
    ) -> Identity | None:
        found = way.verify(credentials, context)
        return None if found is None else self._enter(way, found, context, login)

    def _enter(self, way: BuiltInAuthenticator, found: object, context: Context, login: str | None) -> Identity:
        def enter(unit: SignInUnit) -> tuple[Authenticated, Secret | None, AccessToken, datetime]:
            now = self.scope.clock()
            entered = way.complete(unit, found, SignInEvent(now, LastSignIn(now, context.ip)))
            user_id = entered.user.id
            status = api_status(entered.status, context.source)
            unit.attempts.add(self._attempt(status, context, user_id, login, way.name))
            if entered.token is not None:
                return entered, None, entered.token, now
            return entered, *self._issue(unit, entered, way.name, context, now), now

        entered, secret, token, now = self.scope.units.write(enter)
        identity = Identity(
            user=entered.user,
            authenticator=way.name,
            source=context.source,
            authenticated_at=now,
            must_change_password=entered.must_change_password,
            token_digest=token.digest,
            token_expires_at=token.expires_at,
            extras=extras_of(self.authenticators, entered.user),
        )
        return identity if secret is None else signed_in_of(identity, secret)

    def _issue(
        self, unit: SignInUnit, entered: Authenticated, way: str, context: Context, now: datetime
    ) -> tuple[Secret, AccessToken]:
        secret, token = issue_access_token(
            unit,
            entered.user.id,
            authenticator=way,
            at=now,
            randomness=self.scope.randomness,
            context=context,
            policy=self.tokens,
        )
        if entered.asserted_by_host:
            unit.record(Change(kind=ASSERTED_BY_HOST, subject_id=entered.user.id, new=token))
        return secret, token

    def _keep(self, refusal: RejectedAttempt, way: str | None, login: str | None, context: Context) -> None:
        """Keep the attempt in a unit of its own: the one that was refused is gone."""

        def keep(unit: SignInUnit) -> None:
            unit.attempts.add(self._attempt(refusal.status, context, refusal.user_id, login, way))

        self.scope.units.write(keep)

    def _attempt(
        self, status: AttemptStatus, context: Context, user_id: UserId | None, login: str | None, way: str | None
    ) -> Attempt:
        number, now = self.scope.new_id(), self.scope.clock()
        return attempt_of(context, status, number=number, user_id=user_id, login=login, way=way, at=now)
