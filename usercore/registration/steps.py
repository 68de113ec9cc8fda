"""The steps that every registration consists of: check, look up and hash, then store the user in one unit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from usercore.attempts.model import AttemptStatus, RegistrationStatus
from usercore.attempts.rules import attempt_of
from usercore.authorization.steps import RoleGivingUnit
from usercore.email_change.steps import EmailChangeUnit
from usercore.gates.service import NewPasswords, RegistrationGates
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import Invalid, RateLimited, Rejected, RunAgain, Taken, UsercoreError, UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.model import PasswordChange
from usercore.passwords.rules import ScreenedPassword
from usercore.passwords.service import store_password
from usercore.registration.input import RegistrationInput, personal_words
from usercore.registration.limits import (
    RegistrationLimits,
    RegistrationLimitsUnit,
    RejectedRegistration,
    rejected_by,
)
from usercore.tenants.errors import TenantInactive
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.errors import DeviceTokenUnknown
from usercore.tokens.pairing import LockedDevice, get_device, lock_device, pair
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.service import issue_access_token
from usercore.users.identifiers import claims_of, email_holder
from usercore.users.keys import is_same_address
from usercore.users.model import REGISTERED, UNCLAIMED_CREATED, WELCOMED, Claim, User, UserState
from usercore.users.rules import without_email_as_name
from usercore.users.service import add_user, check_free, replace_user

T = TypeVar("T")


class RegistrationUnit(RegistrationLimitsUnit, TenantsUnit, EmailChangeUnit, RoleGivingUnit, Protocol):
    """What a registration reads and writes."""


@entity
class Registration:
    """The result of a registration: the user, whether it is new, and the secret of its access token, shown once."""

    user: User
    created: bool = True
    access_token: Secret | None = None


@entity
class Welcome:
    """That the user is to be welcomed by email, with a generated password or without."""

    with_password: bool


@frozen(kw_only=True)
class RegistrationSteps:
    """Checks input and stores new users. Shared by the ways to register."""

    _service: ServiceContext[RegistrationUnit]
    _limits: RegistrationLimits
    _gates: RegistrationGates
    _passwords: NewPasswords
    _tokens: AccessTokenPolicy

    def prepare(self, login: object, work: Callable[[], T]) -> T:
        """Run what comes before the unit. If a rule refuses, an attempt is stored and the error raised.

        Raises:
            UsercoreError: what ``work`` raised.
        """
        try:
            return work()
        except (Rejected, Taken) as error:  # not if the storage failed, was busy or lost a race
            self._limits.store_rejected(rejected_by(error), login if isinstance(login, str) else None)
            raise

    def write(self, work: Callable[[RegistrationUnit], T | RejectedRegistration]) -> T:
        """Run a unit that may return a rejection, which stores its attempt.

        Raises:
            UsercoreError: what the unit refused.
        """
        return _result_of(self._service.units.write(work))

    def write_user(
        self,
        work: Callable[[RegistrationUnit], T | RejectedRegistration],
        registrant: RegistrationInput,
        login: str | None,
    ) -> T:
        """Run a unit that counts against the limits and stores a user.

        A registration that is refused as taken, as invalid or for its device token starts no pause.

        Raises:
            TenantInactive: the tenant is inactive.
            UsercoreError: what the unit refused.
        """
        try:
            outcome = self._service.units.write(
                lambda unit: work(unit) if self.is_tenant_active(unit) else self.reject(unit, TenantInactive(), login)
            )
        except (Taken, DeviceTokenUnknown, Invalid) as error:
            # The rollback removed the pause that the unit had started; the limits are counted anew.
            refused = error
            outcome = self._service.units.write(
                lambda unit: self.count_windows(unit, registrant) or self.reject(unit, refused, login)
            )
        return _result_of(outcome)

    def is_tenant_active(self, unit: RegistrationUnit) -> bool:
        """Return whether users may be registered in the tenant."""
        return unit.tenants.is_active(self._service.context.tenant_id)

    def reject(self, unit: RegistrationUnit, error: UsercoreError, login: str | None) -> RejectedRegistration:
        """Store the attempt of a registration that is refused inside the unit, and return the rejection."""
        rejected = rejected_by(error)
        self._limits.add_attempt(unit, rejected.status, None, login)
        return rejected

    def screen(self, password: object, registrant: RegistrationInput) -> ScreenedPassword | None:
        """Check a new password by everything but the estimator; None if there is none.

        Raises:
            TypeError: it is neither text nor None.
            PasswordRefused: it breaks the policy, or a check of the host refused it.
        """
        if password is None:
            return None
        return self._passwords.screen(check_type(password, str, name="password"), personal_words(registrant))

    def check_device(self, device: Secret | None) -> None:
        """Check that a device token exists, if there is one.

        Raises:
            DeviceTokenUnknown: it does not.
        """
        if device is not None:
            self._service.units.read(lambda unit: get_device(unit, device))

    def ask_gates(self, registrant: RegistrationInput, channel: str, *, validate_email: bool = True) -> None:
        """Ask what the host plugged in, outside any unit.

        Raises:
            Invalid: the email's domain is blocked, or a check refused it.
            Vetoed: a gate refused.
        """
        self._gates.check(
            self._service.context,
            channel,
            email=registrant.email,
            username=registrant.username,
            external_id=registrant.external_id,
            validate_email=validate_email,
        )

    def hash(
        self, registrant: RegistrationInput, screened: ScreenedPassword | None, *, check_limits: bool
    ) -> RegistrationInput:
        """Hash the password, if there is one, after a look at what would make the hash useless.

        Raises:
            TenantInactive: the tenant is inactive.
            RateLimited: one of the limits is used up; looked at if ``check_limits`` is on.
            Taken: another user has one of the identifiers.
            PasswordRefused: the password is common.
            Overloaded: too many passwords are being hashed.
        """
        if screened is None:
            return registrant
        user = self.new_user(registrant, self._service.clock())
        needs = claims_of(user)

        def look(unit: RegistrationUnit) -> None:
            if not self.is_tenant_active(unit):
                raise TenantInactive
            now = self._service.clock()
            if check_limits:
                self._limits.check(unit, registrant.email, now=now)
            found = unit.claims.find_many(list(needs))
            unclaimed = self.unclaimed_holder(unit, registrant, found)
            check_free(found, user if unclaimed is None else evolve(user, id=unclaimed), needs, at=now)

        self._service.units.read(look)
        return evolve(registrant, hashed=self._passwords.hash(screened))

    def count(self, unit: RegistrationUnit, registrant: RegistrationInput) -> RejectedRegistration | None:
        """Count against all limits, and return a rejection if one is used up."""
        return self.count_pause(unit, registrant) or self.count_windows(unit, registrant)

    def count_pause(self, unit: RegistrationUnit, registrant: RegistrationInput) -> RejectedRegistration | None:
        """Count against the pause of the email, and return a rejection if it is not over."""
        return self._count(unit, registrant, self._limits.count_pause)

    def count_windows(self, unit: RegistrationUnit, registrant: RegistrationInput) -> RejectedRegistration | None:
        """Count against the limits of email and address, and return a rejection if one is used up."""
        return self._count(unit, registrant, self._limits.count_windows)

    def _count(
        self, unit: RegistrationUnit, registrant: RegistrationInput, count: Callable[..., None]
    ) -> RejectedRegistration | None:
        try:
            count(unit, registrant.email, now=self._service.clock())
        except RateLimited as error:
            return self.reject(unit, error, registrant.email)
        return None

    def add_attempt(
        self, unit: RegistrationUnit, status: RegistrationStatus, user_id: UserId | None, login: str | None
    ) -> None:
        """Store an attempt."""
        self._limits.add_attempt(unit, status, user_id, login)

    def unclaimed_holder(
        self, unit: RegistrationUnit, registrant: RegistrationInput, found: Sequence[Claim]
    ) -> UserId | None:
        """Return the unclaimed user who is registered in place, because the email is theirs by one of the claims."""
        holder = None if registrant.email is None else email_holder(found, registrant.email)
        if holder is None or registrant.unclaimed or not registrant.in_place:
            return None
        user = unit.users.get(holder)
        return None if user is None or user.state is not UserState.UNCLAIMED else holder

    def find_claims(self, unit: RegistrationUnit, registrant: RegistrationInput) -> Sequence[Claim]:
        """Return the claims that exist on the keys that the new user will have."""
        return unit.claims.find_before_adding(list(registrant.claims()))

    def new_user(self, registrant: RegistrationInput, now: datetime) -> User:
        """Return the user that is going to be stored."""
        context = self._service.context
        source = {"source": context.source} if context.source else {}
        return User(
            id=UserId(self._service.new_id()),
            tenant_id=context.tenant_id,
            state=UserState.UNCLAIMED if registrant.unclaimed else UserState.ACTIVE,
            email=registrant.email,
            email_verified_at=now if registrant.verified else None,
            confirmed_at=now if registrant.verified else None,
            username=registrant.username,
            external_id=registrant.external_id,
            supplied_uuid=registrant.supplied_uuid,
            registered_at=None if registrant.unclaimed else now,
            created_at=now,
            created_by=str(context.actor),
            modified_at=now,
            modified_by=str(context.actor),
            **(source | dict(registrant.fields)),
        )

    def store(
        self,
        unit: RegistrationUnit,
        registrant: RegistrationInput,
        *,
        sign_in: bool,
        welcome: bool | None,
        login: str | None,
        found: Sequence[Claim] | None = None,
        device: Secret | None = None,
    ) -> Registration:
        """Store a new user with claims, password, token and attempts, in an active tenant.

        ``welcome`` says whether the email contains a password; None sends none. ``found`` is from ``find_claims``. The
        token, if one is issued, is paired with the device.

        Raises:
            DeviceTokenUnknown: there is no such device; nothing was written.
            Taken: another user has one of the keys; nothing was written but that the device was used.
        """
        now = self._service.clock()
        claims = self.find_claims(unit, registrant) if found is None else found
        unclaimed = self.unclaimed_holder(unit, registrant, claims)
        signs_in = sign_in and not registrant.unclaimed and self._may_sign_in(registrant)
        locked = None if device is None or not signs_in else lock_device(unit, device, unclaimed, at=now)
        note = {"last_sign_in_at": now, "last_sign_in_ip": self._service.context.ip} if signs_in else {}
        if unclaimed is None:
            user = evolve(without_email_as_name(self.new_user(registrant, now)), **note)
            add_user(unit, user, UNCLAIMED_CREATED if registrant.unclaimed else REGISTERED, found=claims)
        else:
            user = self._register_in_place(unit, unclaimed, registrant, note, at=now)
        if registrant.hashed is not None:
            store_password(
                unit,
                user.id,
                registrant.hashed,
                at=now,
                reason=PasswordChange.REGISTRATION,
                is_new=unclaimed is None,
            )
        if welcome is not None:
            generation = 0 if registrant.hashed is None else 1
            welcomed = Welcome(with_password=welcome)
            unit.record(
                Change(
                    kind=WELCOMED,
                    subject_id=user.id,
                    new=welcomed,
                    generation=generation,
                    recipient=user.email,
                )
            )
        secret = self._sign_in(unit, user.id, now, login, locked) if signs_in else None
        self._limits.add_attempt(unit, RegistrationStatus.OK, user.id, login)
        return Registration(user=user, access_token=secret)

    def _register_in_place(
        self,
        unit: RegistrationUnit,
        unclaimed: UserId,
        registrant: RegistrationInput,
        note: Mapping[str, object],
        *,
        at: datetime,
    ) -> User:
        """Register an unclaimed user: what the registration has replaces what the user had, and the rest stays.

        Raises:
            Taken: another user has the username or the external id.
        """
        try:
            old = unit.users.lock(unclaimed)
        except UserNotFound:
            raise RunAgain from None  # erased meanwhile
        if old.state is not UserState.UNCLAIMED or not is_same_address(old.email, registrant.email or ""):
            raise RunAgain
        new = self.new_user(registrant, at)
        given = ("source",) if self._service.context.source else ()
        kept = {
            "username": registrant.username or old.username,
            "external_id": registrant.external_id or old.external_id,
            "supplied_uuid": registrant.supplied_uuid or old.supplied_uuid,
            "email_verified_at": new.email_verified_at or old.email_verified_at,
            "confirmed_at": old.confirmed_at or new.confirmed_at,
            **{name: getattr(new, name) for name in (*given, *registrant.fields)},
        }
        registered = evolve(old, state=UserState.ACTIVE, registered_at=at, email=registrant.email, **kept, **note)
        return replace_user(unit, old, registered, REGISTERED, at=at, by=str(self._service.context.actor))

    def _may_sign_in(self, registrant: RegistrationInput) -> bool:
        """Return False for an operator without a password: signing in would be weaker than a password (spec T5)."""
        return self._service.context.tenant_id != SYSTEM or registrant.hashed is not None

    def _sign_in(
        self, unit: RegistrationUnit, user_id: UserId, now: datetime, login: str | None, device: LockedDevice | None
    ) -> Secret:
        """Issue a token to a new user, who was stored with the instant of this sign-in, and pair it."""
        context = self._service.context
        secret, token = issue_access_token(
            unit,
            user_id,
            authenticator="registration",
            at=now,
            randomness=self._service.randomness,
            context=context,
            policy=self._tokens,
        )
        if device is not None:
            pair(unit, token, device)
        status, number = AttemptStatus.LOGIN_AFTER_SIGN_UP, self._service.new_id()
        unit.attempts.add(
            attempt_of(
                context, status, number=number, user_id=user_id, login=login, authenticator="registration", at=now
            )
        )
        return secret


def _result_of(outcome: T | RejectedRegistration) -> T:
    """Return the outcome of a unit.

    Raises:
        UsercoreError: it is a rejection.
    """
    if isinstance(outcome, RejectedRegistration):
        raise outcome.error
    return outcome
