"""Admission: the one gate that all ways in pass, and the registration attempt that each leaves.

What the host plugs in is asked outside any unit; the limits are counted inside, and so is the attempt.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from usercore.attempts.model import RegistrationPolicy, RegistrationStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.attempts.rules import registration_attempt_of
from usercore.authenticators.errors import Vetoed
from usercore.kernel.callables import check_reason, check_result
from usercore.kernel.context import Context
from usercore.kernel.domains import is_within
from usercore.kernel.entity import entity
from usercore.kernel.errors import Invalid, RateLimited, Taken, UsercoreError
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import time_left
from usercore.users.emails import domain_of
from usercore.users.identifiers import claims_of
from usercore.users.keys import email_key
from usercore.users.model import EmailPolicy, User
from usercore.users.ports import UsersUnit
from usercore.users.service import check_free


class RegistrationLimitsUnit(UsersUnit, AttemptsUnit, ThrottlingUnit, Protocol):
    """What admission touches."""


@entity
class RegistrationRequest:
    """What a host's gate is shown of somebody who wants to register."""

    email: str | None
    username: str | None
    external_id: str | None
    channel: str
    context: Context


class RegistrationGate(Protocol):
    """A gate of the host. It may only refuse; it runs outside any unit."""

    @abstractmethod
    def __call__(self, application: RegistrationRequest, /) -> None:
        """Let somebody pass.

        Raises:
            Vetoed: they may not register.
        """


class EmailCheck(Protocol):
    """A check of the host's for emails, such as whether the domain takes mail. It runs outside any unit."""

    @abstractmethod
    def __call__(self, email: str, /) -> str | None:
        """Give the reason why this email is refused, or None."""


@frozen
class RejectedRegistration:
    """An outcome of a unit that keeps its attempt: the error is raised after the commit."""

    error: UsercoreError
    status: RegistrationStatus
    user_id: UserId | None = None


STATUS_OF_FIELD: Final = {
    "email": RegistrationStatus.TAKEN_EMAIL,
    "username": RegistrationStatus.TAKEN_USERNAME,
    "external_id": RegistrationStatus.TAKEN_EXTERNAL_ID,
    "access_ids": RegistrationStatus.TAKEN_EXTERNAL_ID,
}


def refused_by(error: UsercoreError) -> RejectedRegistration:
    """Give the outcome that an error means."""
    if isinstance(error, Taken):
        return RejectedRegistration(error, STATUS_OF_FIELD.get(error.field, RegistrationStatus.INVALID))
    if isinstance(error, RateLimited):
        return RejectedRegistration(error, RegistrationStatus.RATE_LIMITED)
    if isinstance(error, Vetoed):
        return RejectedRegistration(error, RegistrationStatus.VETOED)
    is_email = isinstance(error, Invalid) and any(fault.field == "email" for fault in error.errors)
    return RejectedRegistration(error, RegistrationStatus.INVALID_EMAIL if is_email else RegistrationStatus.INVALID)


@frozen(kw_only=True)
class RegistrationLimits:
    """Lets people register, or not."""

    scope: ServiceContext[RegistrationLimitsUnit]
    policy: RegistrationPolicy
    emails: EmailPolicy
    gates: Sequence[RegistrationGate]
    email_checks: Sequence[EmailCheck]
    keys: CounterKeys

    @property
    def asks_host(self) -> bool:
        """Whether there is anything to ask: gates, email checks or blocked domains."""
        return bool(self.gates or self.email_checks or self.policy.blocked_domains)

    def ask_host(self, application: RegistrationRequest, *, validate_email: bool) -> None:
        """Ask the blocked domains, the host's email checks and gates. Outside any unit.

        Raises:
            Invalid: the email's domain is blocked, or a check refused it.
            Vetoed: a gate refused.
        """
        if application.email is not None and validate_email:
            self._check_email(application.email)
        for gate in self.gates:
            check_result(gate(application), name="what a registration gate returned")

    def _check_email(self, email: str) -> None:
        if is_within(domain_of(email), self.policy.blocked_domains):
            refuse("email", "blocked_domain")
        for check in self.email_checks:
            reason = check_reason(check(email), name="what an email check returned")
            if reason is not None:
                refuse("email", reason)

    def check_pause(self, unit: RegistrationLimitsUnit, email: str | None, *, now: datetime) -> None:
        """Count a try of this email against the pause between two.

        Raises:
            RateLimited: the last try that was let through is too recent.
        """
        if email is not None:
            key = self.keys.registration(self.scope.context.tenant_id, "pause", email_key(email))
            self._use(unit, key, now=now, window=self.policy.per_email_pause, most=1)

    def check_limits(self, unit: RegistrationLimitsUnit, email: str | None, *, now: datetime) -> None:
        """Count a try against the limits of its email and address.

        Raises:
            RateLimited: one of them is used up.
        """
        policy, context = self.policy, self.scope.context
        if email is not None:
            key = self.keys.registration(context.tenant_id, "email", email_key(email))
            self._use(unit, key, now=now, window=policy.per_email_window, most=policy.per_email)
        if context.ip is not None:
            key = self.keys.registration_address(context.tenant_id, context.ip)
            self._use(unit, key, now=now, window=policy.per_ip_window, most=policy.per_ip)

    def _use(self, unit: RegistrationLimitsUnit, key: bytes, *, now: datetime, window: timedelta, most: int) -> None:
        if not window:
            return  # a zero window disables the limit
        used = unit.rate_limits.use(key, at=now, window=window, most=most)
        left = time_left(used, most=most, window=window, now=now)
        if left is not None:
            raise RateLimited(left)

    def check_identifiers(self, unit: RegistrationLimitsUnit, user: User) -> None:
        """Refuse identifiers that somebody has, before anything is written.

        Raises:
            Taken: the first of them, email before username before ids.
        """
        needs = claims_of(user)
        check_free(unit.claims.find_many(list(needs)), user, needs)

    def keep(self, refused: RejectedRegistration, login: str | None) -> None:
        """Keep the attempt of somebody who was refused before the unit, in one of its own."""
        self.scope.units.write(lambda unit: self.add_attempt(unit, refused.status, refused.user_id, login))

    def add_attempt(
        self, unit: RegistrationLimitsUnit, status: RegistrationStatus, user_id: UserId | None, login: str | None
    ) -> None:
        """Keep an attempt."""
        context, number, now = self.scope.context, self.scope.new_id(), self.scope.clock()
        unit.registration_attempts.add(
            registration_attempt_of(context, status, number=number, user_id=user_id, login=login, at=now)
        )
