"""The steps that every registration takes: an applicant is cleaned, a password hashed, a user kept."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from usercore.attempts.model import AttemptStatus, RegistrationStatus
from usercore.attempts.rules import attempt_of
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import Conflict, RateLimited, Rejected, Taken, UsercoreError
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.service import store_password
from usercore.registration.input import PasswordCheck, RegistrationInput, acceptable, personal_words
from usercore.registration.limits import (
    RegistrationLimits,
    RegistrationLimitsUnit,
    RegistrationRequest,
    RejectedRegistration,
    refused_by,
)
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.model import AccessTokenPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import issue_access_token
from usercore.users.identifiers import email_holder
from usercore.users.keys import Space, email_key
from usercore.users.model import REGISTERED, WELCOMED, Claim, User
from usercore.users.rules import without_email_as_name
from usercore.users.service import add_user

T = TypeVar("T")


class RegistrationUnit(RegistrationLimitsUnit, TenantsUnit, PasswordsUnit, TokensUnit, Protocol):
    """What registering touches."""


@entity
class Registration:
    """What registering gave: the user, whether they are new, and the secret of their access token, once."""

    user: User
    created: bool = True
    access_token: Secret | None = None


@entity
class Welcome:
    """That the user is to be welcomed by mail, with a drawn password or without."""

    with_password: bool


@frozen(kw_only=True)
class RegistrationSteps:
    """Keeps new users. Shared by the ways to register."""

    scope: ServiceContext[RegistrationUnit]
    admission: RegistrationLimits
    hasher: Hasher
    passwords: PasswordPolicy
    password_checks: Sequence[PasswordCheck]
    tokens: AccessTokenPolicy

    def refusing(self, login: object, prepare: Callable[[], T]) -> T:
        """Run what comes before the unit; whatever it refuses by a rule leaves an attempt.

        Raises:
            UsercoreError: what ``prepare`` raised.
        """
        try:
            return prepare()
        except (Rejected, Conflict) as error:  # not when a storage failed or is busy
            self.admission.keep(refused_by(error), login if isinstance(login, str) else None)
            raise

    def write(self, work: Callable[[RegistrationUnit], T | RejectedRegistration]) -> T:
        """Run a unit whose refusals keep their attempt.

        Raises:
            UsercoreError: what the unit refused.
        """
        outcome = self.scope.units.write(work)
        if isinstance(outcome, RejectedRegistration):
            raise outcome.error
        return outcome

    def write_user(
        self, work: Callable[[RegistrationUnit], T | RejectedRegistration], applicant: RegistrationInput, login: str
    ) -> T:
        """Run a unit that counts a try and stores a user. A try that is refused as taken starts no pause.

        Raises:
            UsercoreError: what the unit refused.
        """
        try:
            outcome = self.scope.units.write(work)
        except Taken as error:  # the rollback removed the pause that the unit had started; the limits are counted anew
            taken = error
            outcome = self.scope.units.write(
                lambda unit: self.limit(unit, applicant, paused=True) or self.refused(unit, taken, login)
            )
        if isinstance(outcome, RejectedRegistration):
            raise outcome.error
        return outcome

    def refused(self, unit: RegistrationUnit, error: UsercoreError, login: str | None) -> RejectedRegistration:
        """Keep the attempt of somebody who was refused inside the unit."""
        refused = refused_by(error)
        self.admission.add_attempt(unit, refused.status, None, login)
        return refused

    def check_password(self, password: object, applicant: RegistrationInput) -> str | None:
        """Give a new password in the form that is hashed, or None if there is none.

        Raises:
            TypeError: it is neither text nor None.
            PasswordRefused: it breaks the policy, or a check of the host's refused it.
        """
        if password is None:
            return None
        text = check_type(password, str, name="password")
        return acceptable(text, self.passwords, self.password_checks, personal_words(applicant))

    def hash(self, password: str | None) -> tuple[str, str | None] | None:
        """Hash a password outside any unit.

        Raises:
            Overloaded: too many are being hashed.
        """
        if password is None:
            return None
        with self.hasher.place():
            return self.hasher.hash(password)

    def ask_host(self, applicant: RegistrationInput, channel: str, *, validate_email: bool) -> None:
        """Ask what the host plugged in, outside any unit.

        Raises:
            Invalid: the email's domain is blocked, or a check refused it.
            Vetoed: a gate refused.
        """
        if not self.admission.asks_host:
            return
        application = RegistrationRequest(
            email=applicant.email,
            username=applicant.username,
            external_id=applicant.external_id,
            channel=channel,
            context=self.scope.context,
        )
        self.admission.ask_host(application, validate_email=validate_email)

    def hash_unless_taken(
        self, applicant: RegistrationInput, password: str | None
    ) -> tuple[RegistrationInput, Taken | None]:
        """Hash the password, if there is one, but spend no hash on what is taken: the unit then refuses that."""
        if password is None:
            return applicant, None
        user = self.new_user(applicant, self.scope.clock())
        try:
            self.scope.units.read(lambda unit: self.admission.check_identifiers(unit, user))
        except Taken as taken:
            return applicant, taken
        return evolve(applicant, hashed=self.hash(password)), None

    def limit(
        self, unit: RegistrationUnit, applicant: RegistrationInput, *, paused: bool = False
    ) -> RejectedRegistration | None:
        """Count a try against the limits; give the outcome where one is used up. ``paused``: the pause was counted."""
        now = self.scope.clock()
        try:
            if not paused:
                self.admission.check_pause(unit, applicant.email, now=now)
            self.admission.check_limits(unit, applicant.email, now=now)
        except RateLimited as error:
            return self.refused(unit, error, applicant.email)
        return None

    def holder_of(self, unit: RegistrationUnit, email: str) -> UserId | None:
        """Give the user who has this email, or None."""
        claim = unit.claims.find(Space.LOGIN, email_key(email))
        return None if claim is None else email_holder([claim], email)

    def find_claims(self, unit: RegistrationUnit, applicant: RegistrationInput) -> Sequence[Claim]:
        """Find who has any of the keys that the applicant is going to have."""
        return unit.claims.find_many(list(applicant.claims()))

    def new_user(self, applicant: RegistrationInput, now: datetime) -> User:
        """Make the user that the applicant becomes."""
        context = self.scope.context
        source = {"source": context.source} if context.source else {}
        return User(
            id=UserId(self.scope.new_id()),
            tenant_id=context.tenant_id,
            email=applicant.email,
            email_verified_at=now if applicant.verified else None,
            confirmed_at=now if applicant.verified else None,
            username=applicant.username,
            external_id=applicant.external_id,
            created_at=now,
            created_by=str(context.actor),
            modified_at=now,
            modified_by=str(context.actor),
            **(source | dict(applicant.fields)),
        )

    def keep(
        self,
        unit: RegistrationUnit,
        applicant: RegistrationInput,
        *,
        sign_in: bool,
        welcome: bool | None,
        login: str | None,
        found: Sequence[Claim] | None = None,
    ) -> Registration:
        """Keep a new user with claims, password, token and attempts.

        ``welcome`` says whether the letter brings a password; None is no letter. ``found`` is from ``find_claims``.

        Raises:
            Taken: another user has one of the keys; nothing was written.
        """
        now = self.scope.clock()
        user = without_email_as_name(self.new_user(applicant, now))
        signs_in = sign_in and self._may_sign_in(unit, applicant)
        if signs_in:
            user = evolve(user, last_sign_in_at=now, last_sign_in_ip=self.scope.context.ip)
        add_user(unit, user, REGISTERED, found=found)
        if applicant.hashed is not None:
            store_password(unit, user.id, applicant.hashed, at=now, reason=PasswordChange.REGISTRATION)
        if welcome is not None:
            generation = 0 if applicant.hashed is None else 1
            welcomed = Welcome(with_password=welcome)
            unit.record(Change(kind=WELCOMED, subject_id=user.id, new=welcomed, generation=generation))
        secret = self._sign_in(unit, user.id, now, login) if signs_in else None
        self.admission.add_attempt(unit, RegistrationStatus.OK, user.id, login)
        return Registration(user=user, access_token=secret)

    def _may_sign_in(self, unit: RegistrationUnit, applicant: RegistrationInput) -> bool:
        """Say no where signing in would be weaker than a password and must not be (spec T5)."""
        tenant_id = self.scope.context.tenant_id
        tenant = unit.tenants.get(tenant_id)
        is_weak = tenant_id == SYSTEM and applicant.hashed is None
        return tenant is not None and tenant.active and not is_weak

    def _sign_in(self, unit: RegistrationUnit, user_id: UserId, now: datetime, login: str | None) -> Secret:
        """Sign a new user in, who was added with the note of it."""
        context = self.scope.context
        secret, _ = issue_access_token(
            unit,
            user_id,
            authenticator="registration",
            at=now,
            randomness=self.scope.randomness,
            context=context,
            policy=self.tokens,
        )
        status, number = AttemptStatus.LOGIN_AFTER_SIGN_UP, self.scope.new_id()
        unit.attempts.add(
            attempt_of(
                context, status, number=number, user_id=user_id, login=login, authenticator="registration", at=now
            )
        )
        return secret
