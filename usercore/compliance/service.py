"""Checking the live policy, the host and the data of a store against clauses of standards."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from usercore.compliance.facts import AccountCounts, Facts, HostFacts
from usercore.compliance.model import ComplianceReport, StoreAccess
from usercore.composition.policy import Policy
from usercore.kernel.callables import check_callable
from usercore.kernel.context import SYSTEM
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse, unique_key
from usercore.kernel.values import frozen
from usercore.passwords.ports import Hasher
from usercore.storage.compliance import AccountSecurity, ComplianceUnit
from usercore.tenants.errors import SystemOnly
from usercore.tenants.ports import TenantsUnit

if TYPE_CHECKING:
    from usercore.compliance.rules import AccountExaminer

BATCH: Final = 1000
"""Users of a page, which one unit reads."""


class ExaminedUnit(ComplianceUnit, TenantsUnit, Protocol):
    """The parts of a unit that are examined."""


@frozen(kw_only=True)
class Compliance:
    """Checks the policy, the host and the data of all tenants. Trusted: for operators, on the core of ``system``."""

    _service: ServiceContext[ExaminedUnit]
    _service_of: Callable[[TenantId], ServiceContext[ExaminedUnit]]
    _policy: Policy
    _host: HostFacts
    _hasher: Hasher

    def check(
        self,
        *,
        store: StoreAccess | None = None,
        skip: Collection[str] = (),
        max_users: int | None = None,
        knows_host: bool = True,
        on_progress: Callable[[int], object] | None = None,
    ) -> ComplianceReport:
        """Check everything against clauses of NIST SP 800-63B-4 and OWASP ASVS. Changes nothing.

        The active users of active tenants are read in pages of a thousand, found by indexes, each page in a unit of its
        own. So the time is in proportion to their number, and ``max_users`` bounds it: then the users with the lowest
        ids are examined, admins first.

        Args:
            store: what ``usercore_storage.access(url)`` finds; without it the checks of it are not applicable.
            skip: ids of checks that are left out, because their risk is accepted.
            max_users: how many users are examined at most; None: all of them.
            knows_host: False if this core was not opened by the host, but with its policy only: checks of its mailer
                and its password checks are then not applicable.
            on_progress: called after each page with the number of users that were examined so far.

        Raises:
            SystemOnly: this core is not bound to ``system``.
            TypeError: an argument has the wrong type, or ``on_progress`` would never run (``async def``).
            Invalid: an id in ``skip`` is ``unknown``; ``max_users`` is ``out_of_range``, below 1.
        """
        from usercore.compliance.rules import AccountExaminer, check_ids, results_of  # noqa: PLC0415 - few processes check

        self._service.check_alone("compliance.check")
        if self._service.context.tenant_id != SYSTEM:
            raise SystemOnly
        check_ids(skip)
        if store is not None:
            check_type(store, StoreAccess, name="store")
        if max_users is not None and check_type(max_users, int, name="max_users") < 1:
            refuse("max_users", "out_of_range")
        if on_progress is not None:
            check_callable(on_progress, None, name="on_progress")
        check_type(knows_host, bool, name="knows_host")
        now = self._service.clock()
        examiner = AccountExaminer(policy=self._policy, hasher=self._hasher, now=now)
        counts, is_complete = self._examine(examiner, max_users, on_progress or _ignore)
        facts = Facts(
            policy=self._policy,
            accounts=counts,
            oldest=self._service.units.read(lambda unit: unit.compliance.oldest_rows()),
            now=now,
            host=self._host if knows_host else None,
            store=store,
        )
        return ComplianceReport(results=results_of(facts, skip=skip), users=counts.users, is_complete=is_complete)

    def _examine(
        self, examiner: "AccountExaminer", max_users: int | None, on_progress: Callable[[int], object]
    ) -> tuple[AccountCounts, bool]:
        """Count what users have; return the counts, and whether they are those of all users."""
        counts = Counter[str]()
        for tenant_id, page in self._pages():
            for account in page:
                if counts["users"] == max_users:
                    return AccountCounts(**counts), False
                counts.update(examiner.counts_of(account, is_admin=tenant_id == SYSTEM))
            on_progress(counts["users"])
        return AccountCounts(**counts), True

    def _pages(self) -> Iterator[tuple[TenantId, list[AccountSecurity]]]:
        """Iterate over the pages of users of each tenant."""
        for tenant_id in self._tenant_ids():
            units, after = self._service_of(tenant_id).units, UserId(0)
            while page := units.read(lambda unit: unit.compliance.list_accounts(after, limit=BATCH)):  # noqa: B023 - read before the next page
                yield tenant_id, page
                after = page[-1].user_id

    def _tenant_ids(self) -> Iterator[TenantId]:
        """Iterate over the active tenants, ``system`` first."""
        yield SYSTEM
        after: str | None = None
        while True:
            page = self._service.units.read(lambda unit: unit.tenants.list_from(after, active=True, limit=BATCH))  # noqa: B023 - runs at once
            yield from (tenant.id for tenant in page if tenant.id != SYSTEM)
            if len(page) < BATCH:
                return
            after = unique_key(page[-1].name)


def _ignore(_: int) -> None:
    """Show no progress."""
