"""Cleaning up: what is kept for a while only goes, in batches that can be stopped and taken up again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from usercore.attempts.model import RegistrationPolicy
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.bounds import span
from usercore.kernel.entity import entity
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.outbox.ports import OutboxUnit
from usercore.throttling.model import ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.ports import TokensUnit

BATCH: Final = 1000
"""Rows that one unit removes, so that it holds the writers' turn for milliseconds."""


class CleanupUnit(TokensUnit, AttemptsUnit, ThrottlingUnit, OutboxUnit, Protocol):
    """What is cleaned up."""


@frozen(kw_only=True)
class RetentionPolicy:
    """How long things are kept. History is kept for ever. Source: spec K8."""

    tokens: timedelta = span(timedelta(days=30), least=timedelta(0))
    attempts: timedelta = span(timedelta(days=365), least=timedelta(0))
    deliveries: timedelta = span(timedelta(days=7), least=timedelta(0))
    throttles: timedelta = span(timedelta(days=1), least=timedelta(0))


@entity
class Cleaned:
    """How many rows of each sort went."""

    access_tokens: int
    login_tokens: int
    registration_links: int
    attempts: int
    registration_attempts: int
    deliveries: int
    failure_counters: int
    rate_limits: int


@frozen(kw_only=True)
class Cleanup:
    """Removes what is over, of all tenants."""

    _service: ServiceContext[CleanupUnit]
    _policy: RetentionPolicy
    _throttles: ThrottlePolicy
    _registration: RegistrationPolicy

    def run(self) -> Cleaned:
        """Remove everything whose time is over; many short units.

        Raises:
            StorageError: the storage failed; what went before is gone.
        """
        now = self._service.clock()
        tokens, attempts = now - self._policy.tokens, now - self._policy.attempts
        limits = self._registration
        windows = now - max(self._policy.throttles, limits.per_email_window, limits.per_ip_window)
        counters, ahead = now - self._policy.throttles, now + self._throttles.longest_wait
        return Cleaned(
            access_tokens=self._remove(lambda unit: unit.access_tokens.remove_expired(tokens, limit=BATCH)),
            login_tokens=self._remove(lambda unit: unit.login_tokens.remove_expired(tokens, limit=BATCH)),
            registration_links=self._remove(lambda unit: unit.registration_links.remove_expired(tokens, limit=BATCH)),
            attempts=self._remove(lambda unit: unit.attempts.remove_before(attempts, limit=BATCH)),
            registration_attempts=self._remove(
                lambda unit: unit.registration_attempts.remove_before(attempts, limit=BATCH)
            ),
            deliveries=self._remove(
                lambda unit: unit.deliveries.remove_done(now - self._policy.deliveries, limit=BATCH)
            ),
            failure_counters=self._remove(
                lambda unit: unit.failure_counters.remove_stale(counters, after=ahead, limit=BATCH)
            ),
            rate_limits=self._remove(lambda unit: unit.rate_limits.remove_before(windows, limit=BATCH)),
        )

    def _remove(self, some: Callable[[CleanupUnit], int]) -> int:
        total = 0
        while removed := self._service.units.write(some):
            total += removed
        return total
