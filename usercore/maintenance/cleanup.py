"""Clean-up: remove and blank what is past its retention, in batches, each a unit of its own."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from usercore.attempts.model import RegistrationPolicy
from usercore.groups.errors import GroupNotFound
from usercore.groups.ports import GroupsUnit
from usercore.kernel.changes import Subject
from usercore.kernel.context import HOST
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import TenantId
from usercore.kernel.named import N, NamedRepository
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.maintenance.model import Cleaned, RetentionPolicy
from usercore.passwords.model import ResetPolicy
from usercore.privacy.steps import Erasing, ErasingUnit, blank_requests, claimed_by, erase_person, erase_user
from usercore.roles.errors import RoleNotFound
from usercore.roles.ports import RolesUnit
from usercore.second_factors.model import SecondFactorPolicy
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import ThrottlePolicy
from usercore.tokens.policies import AccessTokenPolicy, ChallengePolicy, DeviceTokenPolicy
from usercore.users.model import User, UserState
from usercore.users.rules import never_came

BATCH: Final = 100
"""Rows that one unit removes or blanks, so that it holds the write lock for milliseconds. Source: usercore: in SQLite
each row is on pages of its own, and 1000 take a tenth of a second."""

TENANTS: Final = 1000
"""Deleted tenants that one run erases; the next run continues."""

CLOCK_SKEW: Final = timedelta(days=1)
"""How much longer user agents are stored than the rows that name them: clocks of processes differ. Source: usercore."""


class CleanupUnit(
    ErasingUnit,
    TenantsUnit,
    SecondFactorsUnit,
    RolesUnit,
    GroupsUnit,
    Protocol,
):
    """The parts of a unit that have rows with a retention, or rows that are marked as deleted."""


class RemovesRows(Protocol):
    """Removes rows that refer to an entity, and returns how many."""

    def __call__(self, entity_id: Any, /, *, limit: int) -> int:  # noqa: ANN401 - each kind of entity has a type of ids
        """Remove at most ``limit`` rows."""


ERASED_AT_ONCE: Final = 20
"""Users that one unit erases. Source: usercore: each takes some twenty statements, so that the write lock is held for
milliseconds."""


@frozen(kw_only=True)
class Cleanup:
    """Removes and blanks what is past its retention or deleted, in all tenants."""

    _service: ServiceContext[CleanupUnit]
    _policy: RetentionPolicy
    _throttles: ThrottlePolicy
    _registration: RegistrationPolicy
    _resets: ResetPolicy
    _challenges: ChallengePolicy
    _access_tokens: AccessTokenPolicy
    _device_tokens: DeviceTokenPolicy
    _second_factors: SecondFactorPolicy
    _keys: CounterKeys
    _service_of: Callable[[TenantId], ServiceContext[CleanupUnit]]
    _on_progress: Callable[[int], object] | None

    def run(self) -> Cleaned:
        """Remove and blank everything that is past its retention or deleted, in many short units.

        Raises:
            StorageError: the storage failed; the batches before stay removed, and the next call goes on from there.
        """
        now, policy = self._service.clock(), self._policy
        tokens, attempts = now - policy.tokens, now - policy.attempts
        registration, resets = self._registration, self._resets
        windows = now - max(
            policy.throttles,
            registration.per_email_window,
            registration.per_ip_window,
            resets.per_account_window,
            resets.per_ip_window,
            2 * self._challenges.lifetime,
        )
        counters = now - max(policy.throttles, self._throttles.forgotten_after)  # or unknown logins would wait less
        ahead = now + self._throttles.max_wait
        addresses = now - policy.registration_addresses
        devices = now - self._access_tokens.lifetime - self._device_tokens.unpaired_retention
        remembered = now - self._second_factors.remember_device_for
        deleted = self._service.units.read(lambda unit: unit.tenants.list_deleted(TENANTS))
        tenants = sum(self._erase_tenant(tenant, now) for tenant in deleted)  # first: it deletes roles and groups
        abandoned = self._repeat(lambda unit: _remove_abandoned(unit, addresses, now))
        return Cleaned(
            unconfirmed_users=self._remove_unconfirmed(now),
            access_tokens=self._repeat(lambda unit: unit.access_tokens.remove_expired(tokens, limit=BATCH)),
            device_tokens=self._repeat(lambda unit: unit.device_tokens.remove_unused(devices, limit=BATCH)),
            remembered_devices=self._repeat(
                lambda unit: unit.remembered_devices.remove_expired(remembered, limit=BATCH)
            ),
            limited_use_tokens=self._repeat(lambda unit: unit.limited_use_tokens.remove_expired(tokens, limit=BATCH)),
            api_tokens=self._repeat(lambda unit: unit.api_tokens.remove_expired(tokens, limit=BATCH)),
            sign_in_challenges=self._repeat(lambda unit: unit.sign_in_challenges.remove_expired(tokens, limit=BATCH)),
            registration_links=abandoned + self._repeat(lambda unit: _remove_links(unit, min(tokens, addresses))),
            email_changes=self._repeat(lambda unit: unit.email_changes.remove_closed(tokens, limit=BATCH)),
            held_keys=self._repeat(lambda unit: unit.claims.remove_held(now, limit=BATCH)),
            attempts=self._repeat(lambda unit: unit.attempts.remove_before(attempts, limit=BATCH)),
            registration_attempts=self._repeat(
                lambda unit: unit.registration_attempts.remove_before(attempts, limit=BATCH)
            ),
            unknown_logins=self._repeat(
                lambda unit: unit.attempts.blank_logins(now - policy.unknown_logins, limit=BATCH)
            ),
            requests_of_unknown=self._repeat(
                lambda unit: _remove_requests_of_unknown(unit, now - policy.unknown_logins)
            ),
            registration_addresses=abandoned
            + self._repeat(lambda unit: unit.registration_attempts.blank_logins(addresses, limit=BATCH)),
            user_agents=self._repeat(
                lambda unit: unit.user_agents.remove_unused(min(attempts, tokens) - CLOCK_SKEW, limit=BATCH)
            ),
            actions=self._remove_actions(now),
            deliveries=self._repeat(lambda unit: unit.deliveries.remove_done(now - policy.deliveries, limit=BATCH)),
            failure_counters=self._repeat(
                lambda unit: unit.failure_counters.remove_stale(counters, after=ahead, limit=BATCH)
            ),
            rate_limits=self._repeat(lambda unit: unit.rate_limits.remove_before(windows, limit=BATCH)),
            tenants=tenants,
            roles=self._repeat(lambda unit: _remove_deleted(unit.roles, unit.role_assignments.remove_of_role)),
            groups=self._repeat(lambda unit: _remove_deleted(unit.groups, unit.group_members.remove_of_group)),
        )

    def _remove_unconfirmed(self, now: datetime) -> int:
        after = self._policy.remove_unconfirmed_after
        if after is None:
            return 0
        before, total, last = now - after, 0, False
        while not last:
            users = self._service.units.read(lambda unit: unit.users.list_unconfirmed(before, limit=BATCH))
            last = len(users) < BATCH
            claimants = [user for user in users if self._has_claimed(user)]
            changed = sum(self._erase_claimant(user, before, now) for user in claimants)
            others = [user for user in users if user not in claimants]
            changed += self._service.units.write(partial(self._remove_users, users=others))
            self._report(changed)
            total += changed
        return total

    def _erase_claimant(self, user: User, before: datetime, now: datetime) -> bool:
        """Erase a user who never came and claimed others, with these, whose histories have what moved; tell whether."""

        def check(locked: User) -> None:
            if locked.id == user.id and not (never_came(locked) and locked.modified_at < before):
                raise UserNotFound  # came meanwhile

        def erase(unit: CleanupUnit) -> bool:
            erase_person(unit, user.id, Erasing(at=now, by=str(HOST), keys=self._keys), check)
            return True

        with suppress(UserNotFound):  # erased or gone meanwhile
            return self._service_of(user.tenant_id).units.write(erase)
        return False

    def _has_claimed(self, user: User) -> bool:
        return bool(self._service_of(user.tenant_id).units.read(lambda unit: claimed_by(unit, user.id)))

    def _remove_actions(self, now: datetime) -> int:
        after = self._policy.actions
        return 0 if after is None else self._repeat(lambda unit: unit.actions.remove_before(now - after, limit=BATCH))

    def _remove_users(self, unit: CleanupUnit, users: Sequence[User]) -> int:
        """Remove users with all that is stored of them. Their failures are forgotten, so that the counters go, too."""
        removed = unit.users.remove_unconfirmed(users)
        keys = [
            of(user.tenant_id, user.id) for user in removed for of in (self._keys.account, self._keys.second_factor)
        ]
        for counter in unit.failure_counters.get_many(keys) if keys else ():
            unit.failure_counters.reset(counter.key, up_to=counter.tries)
        return len(removed)

    def _erase_tenant(self, tenant: Tenant, now: datetime) -> int:
        """Erase the users of a deleted tenant, and remove what else was stored of it; return how many."""
        own = self._service_of(tenant.id)
        erasing = Erasing(at=now, by=str(HOST), keys=self._keys)
        total = self._repeat(lambda unit: _erase_users(unit, erasing), own)
        total += self._repeat(_remove_requests, own)
        total += self._repeat(lambda unit: unit.api_tokens.remove_all(limit=BATCH), own)
        total += self._repeat(lambda unit: unit.device_tokens.remove_all(limit=BATCH), own)
        total += self._repeat(lambda unit: _delete_roles(unit, now), own)
        total += self._repeat(lambda unit: _delete_groups(unit, now), own)
        total += self._repeat(lambda unit: unit.actions.remove_all(limit=BATCH), own)  # those that are about no user
        if tenant.deleted_at is not None and tenant.deleted_at < now - CLOCK_SKEW:
            # Not before: units that were open at the deletion may have stored more.
            self._service.units.write(lambda unit: unit.tenants.finish_deletion(tenant.id, at=now))
        return total

    def _repeat(self, batch: Callable[[CleanupUnit], int], service: ServiceContext[CleanupUnit] | None = None) -> int:
        """Run a batch in units of its own until it finds nothing; return how many rows all of them changed."""
        total, units = 0, (service or self._service).units
        while changed := units.write(batch):
            total += changed
            self._report(changed)
        return total

    def _report(self, changed: int) -> None:
        if changed and self._on_progress is not None:
            self._on_progress(changed)


def _remove_abandoned(unit: CleanupUnit, requested_before: datetime, now: datetime) -> int:
    """Remove requests that were never completed and blank their history in the same unit, so that none is missed."""
    removed = unit.registration_links.remove_abandoned(requested_before, now=now, limit=BATCH)
    blank_requests(unit, removed)
    return len(removed)


def _remove_links(unit: CleanupUnit, before: datetime) -> int:
    """Remove requests that are over and blank their history: without its request nothing finds an email in it."""
    removed = unit.registration_links.remove_expired(before, limit=BATCH)
    blank_requests(unit, removed)
    return len(removed)


def _remove_requests_of_unknown(unit: CleanupUnit, before: datetime) -> int:
    """Remove entries that no query returns: they are only stored so that requests for all logins are alike."""
    removed = unit.history.remove_unknown_logins(before, limit=BATCH)
    unit.deliveries.remove_of(Subject.UNKNOWN_LOGIN, removed)
    return len(removed)


def _remove_deleted(rows: NamedRepository[N], remove_of: RemovesRows) -> int:
    """Remove the rows that refer to the entity that was deleted first, and then its own row; return how many."""
    for deleted in rows.list_deleted(1):
        removed = remove_of(deleted.id, limit=BATCH)
        if removed < BATCH:
            rows.remove_deleted(deleted.id)
            removed += 1
        return removed
    return 0


def _remove_requests(unit: CleanupUnit) -> int:
    """Remove the requests to register in the unit's tenant, which is deleted; return how many."""
    removed = unit.registration_links.remove_all(limit=BATCH)
    blank_requests(unit, removed)
    return len(removed)


def _erase_users(unit: CleanupUnit, erasing: Erasing) -> int:
    """Erase some users of the unit's tenant, those with lower ids first; return how many were found."""
    for state in (UserState.ACTIVE, UserState.DEACTIVATED, UserState.UNCLAIMED):
        users = unit.users.list_from(state, after=None, limit=ERASED_AT_ONCE)
        for user in users:
            with suppress(UserNotFound):  # another process erased the user while the lock was awaited
                erase_user(unit, user.id, erasing)
        if users:
            return len(users)
    return 0


def _delete_roles(unit: CleanupUnit, now: datetime) -> int:
    """Mark roles of the unit's tenant, which is deleted, as deleted; return how many were found."""
    found = unit.roles.list_from(None, active=None, limit=BATCH)
    for role in sorted(found, key=lambda one: one.id):
        with suppress(RoleNotFound):  # as above
            unit.roles.replace(evolve(unit.roles.lock(role.id), active=False, deleted_at=now))
    return len(found)


def _delete_groups(unit: CleanupUnit, now: datetime) -> int:
    """Mark groups of the unit's tenant, which is deleted, as deleted; return how many were found."""
    found = unit.groups.list_from(None, limit=BATCH)
    for group in sorted(found, key=lambda one: one.id):
        with suppress(GroupNotFound):  # as above
            unit.groups.replace(evolve(unit.groups.lock(group.id), deleted_at=now))
    return len(found)
