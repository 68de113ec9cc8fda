"""The rate limits of registrations, and the registration attempt that each call stores."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Protocol

from usercore.attempts.model import RegistrationPolicy, RegistrationStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.attempts.rules import registration_attempt_of
from usercore.gates.errors import Vetoed
from usercore.kernel.context import ActorKind
from usercore.kernel.errors import Invalid, RateLimited, Taken, UsercoreError
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.tenants.errors import TenantInactive
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import time_left, time_until_free
from usercore.tokens.errors import DeviceTokenUnknown
from usercore.users.keys import email_key


class RegistrationLimitsUnit(AttemptsUnit, ThrottlingUnit, Protocol):
    """What limits and attempts of registrations read and write."""


@frozen
class RejectedRegistration:
    """The result of a unit that stored an attempt: the error is raised after the commit."""

    error: UsercoreError
    status: RegistrationStatus
    user_id: UserId | None = None


STATUS_OF_FIELD: Final = {
    "email": RegistrationStatus.TAKEN_EMAIL,
    "username": RegistrationStatus.TAKEN_USERNAME,
    "external_id": RegistrationStatus.TAKEN_EXTERNAL_ID,
    "access_ids": RegistrationStatus.TAKEN_EXTERNAL_ID,
}


def rejected_by(error: UsercoreError) -> RejectedRegistration:
    """Return the result that an error means."""
    if isinstance(error, Taken):
        return RejectedRegistration(error, STATUS_OF_FIELD.get(error.field, RegistrationStatus.INVALID))
    if isinstance(error, RateLimited):
        return RejectedRegistration(error, RegistrationStatus.RATE_LIMITED)
    if isinstance(error, DeviceTokenUnknown):
        return RejectedRegistration(error, RegistrationStatus.DEVICE_TOKEN_NOT_FOUND)
    if isinstance(error, (Vetoed, TenantInactive)):
        return RejectedRegistration(error, RegistrationStatus.VETOED)
    is_email = isinstance(error, Invalid) and any(fault.field == "email" for fault in error.errors)
    return RejectedRegistration(error, RegistrationStatus.INVALID_EMAIL if is_email else RegistrationStatus.INVALID)


@frozen
class _Limit:
    """At most ``most`` registrations under a key in a window."""

    key: bytes
    window: timedelta
    most: int


@frozen(kw_only=True)
class RegistrationLimits:
    """Checks and counts the rate limits of registrations, and stores attempts."""

    _service: ServiceContext[RegistrationLimitsUnit]
    _policy: RegistrationPolicy
    _keys: CounterKeys

    def check(self, unit: RegistrationLimitsUnit, email: str | None, *, now: datetime) -> None:
        """Check all limits without counting, so that a registration that would be refused is not hashed first.

        Raises:
            RateLimited: one of them is used up.
        """
        limits = {limit.key: limit for limit in (*self._pause(email), *self._windows(email))}
        for found in unit.rate_limits.get_many(list(limits)) if limits else ():
            limit = limits[found.key]
            left = time_until_free(found, most=limit.most, window=limit.window, now=now)
            if left is not None:
                raise RateLimited(left)

    def count_pause(self, unit: RegistrationLimitsUnit, email: str | None, *, now: datetime) -> None:
        """Count a registration of this email against the pause between two.

        Raises:
            RateLimited: the last one that passed is too recent.
        """
        self._count(unit, self._pause(email), now=now)

    def count_windows(self, unit: RegistrationLimitsUnit, email: str | None, *, now: datetime) -> None:
        """Count a registration against the limits of its email and address.

        Raises:
            RateLimited: one of them is used up.
        """
        self._count(unit, self._windows(email), now=now)

    def _pause(self, email: str | None) -> Iterator[_Limit]:
        policy, tenant_id = self._policy, self._service.context.tenant_id
        if email is not None and policy.per_email_pause:  # a zero window disables its limit
            yield _Limit(self._keys.registration(tenant_id, "pause", email_key(email)), policy.per_email_pause, 1)

    def _windows(self, email: str | None) -> Iterator[_Limit]:
        policy, context = self._policy, self._service.context
        if email is not None and policy.per_email_window:
            key = self._keys.registration(context.tenant_id, "email", email_key(email))
            yield _Limit(key, policy.per_email_window, policy.per_email)
        is_program = context.actor.kind is ActorKind.API_TOKEN  # its address is that of a server, for many users
        if context.ip is not None and policy.per_ip_window and not is_program:
            key = self._keys.registration_address(context.tenant_id, context.ip)
            yield _Limit(key, policy.per_ip_window, policy.per_ip)

    def _count(self, unit: RegistrationLimitsUnit, limits: Iterator[_Limit], *, now: datetime) -> None:
        for limit in limits:
            used = unit.rate_limits.use(limit.key, at=now, window=limit.window, most=limit.most)
            left = time_left(used, most=limit.most, window=limit.window, now=now)
            if left is not None:
                raise RateLimited(left)

    def store_rejected(self, rejected: RejectedRegistration, login: str | None) -> None:
        """Store the attempt of a registration that was refused before its unit, in a unit of its own."""
        self._service.units.write(lambda unit: self.add_attempt(unit, rejected.status, rejected.user_id, login))

    def add_attempt(
        self, unit: RegistrationLimitsUnit, status: RegistrationStatus, user_id: UserId | None, login: str | None
    ) -> None:
        """Store an attempt."""
        context, number, now = self._service.context, self._service.new_id(), self._service.clock()
        unit.registration_attempts.add(
            registration_attempt_of(context, status, number=number, user_id=user_id, login=login, at=now)
        )
