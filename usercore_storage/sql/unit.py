"""The unit of every SQL engine: one for each connection, reused for each transaction."""

from collections.abc import Callable
from typing import TypeVar

from usercore.kernel.errors import RunAgain, StorageError
from usercore.storage.recording import RecordingUnit, UnitContext
from usercore_storage.sql.addresses import SqlAddresses, SqlAddressTypes, SqlAddressVersions, SqlChangeRequests
from usercore_storage.sql.api_tokens import SqlApiTokens
from usercore_storage.sql.attempts import SqlAttempts, SqlRegistrationAttempts
from usercore_storage.sql.compliance import SqlComplianceLookup
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.groups import SqlGroupMembers, SqlGroups
from usercore_storage.sql.history import SqlActions, SqlHistory
from usercore_storage.sql.lookups import SqlAuthenticationLookup
from usercore_storage.sql.meta import SqlMeta
from usercore_storage.sql.outbox import SqlOutbox
from usercore_storage.sql.passkeys import SqlPasskeys
from usercore_storage.sql.passwords import SqlCredentials
from usercore_storage.sql.personal_rows import SqlPersonalRows
from usercore_storage.sql.products import SqlProductGrants
from usercore_storage.sql.registration_counts import SqlRegistrationCounts
from usercore_storage.sql.remembered_devices import SqlRememberedDevices
from usercore_storage.sql.roles import SqlRoleAssignments, SqlRoles
from usercore_storage.sql.second_factors import SqlRecoveryCodes, SqlSecondFactors, SqlSignInChallenges
from usercore_storage.sql.tables import ADDRESSES
from usercore_storage.sql.tenants import SqlTenants
from usercore_storage.sql.throttling import SqlFailureCounters, SqlRateLimits
from usercore_storage.sql.tokens import (
    SqlAccessTokens,
    SqlDeviceTokens,
    SqlLimitedUseTokens,
    SqlRegistrationLinks,
    SqlSourceAccesses,
)
from usercore_storage.sql.user_agents import SqlUserAgents
from usercore_storage.sql.users import SqlClaims, SqlEmailChanges, SqlUsers

T = TypeVar("T")


class SqlUnit(RecordingUnit):
    """All repositories in the transaction of ``run``."""

    def __init__(self, run: Executor) -> None:  # noqa: PLR0915 - one line a repository
        """Build the repositories once; ``begin`` starts each transaction."""
        self._run = run
        self.user_agents = SqlUserAgents(run)
        self.begin_transaction = self.user_agents.begin_transaction
        self.committed = self.user_agents.commit
        self.users = SqlUsers(run, self, self.user_agents)
        self.claims = self._claims = SqlClaims(run, self)
        self.email_changes = SqlEmailChanges(run)
        self.tenants = SqlTenants(run, self)
        self.credentials = SqlCredentials(run, self)
        self.second_factors = SqlSecondFactors(run)
        self.recovery_codes = SqlRecoveryCodes(run)
        self.sign_in_challenges = SqlSignInChallenges(run, self)
        self.access_tokens = SqlAccessTokens(run, self.user_agents)
        self.source_accesses = SqlSourceAccesses(run)
        self.limited_use_tokens = SqlLimitedUseTokens(run)
        self.api_tokens = SqlApiTokens(run, self)
        self.device_tokens = SqlDeviceTokens(run, self)
        self.remembered_devices = SqlRememberedDevices(run)
        self.registration_links = SqlRegistrationLinks(run, self)
        self.attempts = SqlAttempts(run, self, self.user_agents)
        self.registration_attempts = SqlRegistrationAttempts(run, self, self.user_agents)
        self.failure_counters = SqlFailureCounters(run)
        self.rate_limits = SqlRateLimits(run)
        self.passkeys = SqlPasskeys(run, self)
        self.meta = SqlMeta(run, self)
        self.address_types = SqlAddressTypes(run, self)
        self.addresses = SqlAddresses(run, ADDRESSES)
        self.address_versions = SqlAddressVersions(run)
        self.change_requests = SqlChangeRequests(run, self)
        self.groups = SqlGroups(run, self)
        self.group_members = SqlGroupMembers(run)
        self.product_grants = SqlProductGrants(run)
        self.roles = SqlRoles(run, self)
        self.role_assignments = SqlRoleAssignments(run)
        self.history = SqlHistory(run, self)
        self.actions = SqlActions(run, self)
        self.deliveries = SqlOutbox(run)
        self.registration_counts = SqlRegistrationCounts(run, self)
        self.personal_rows = SqlPersonalRows(run)
        self.authentication = SqlAuthenticationLookup(run, self)
        self.compliance = SqlComplianceLookup(run, self)

    def begin(self, origin: UnitContext, *, optimistic: bool = False) -> None:
        """Begin a unit, which may be ``optimistic`` if it runs again once it ``has_assumed`` something."""
        super().begin(origin)
        self.user_agents.begin_unit()
        self._claims.begin_unit(optimistic=optimistic)

    @property
    def has_assumed(self) -> bool:
        """Whether the unit assumed something that may not be so; see ``ClaimRepository.find_before_adding``."""
        return self._claims.has_assumed

    def finish(self) -> None:
        super().finish()
        self.user_agents.finish_unit()

    def in_savepoint(self, run: Callable[[], T]) -> T:
        self._run("SAVEPOINT usercore_part")
        try:
            result = run()
        except (RunAgain, StorageError):
            raise  # the unit ends, and its transaction is rolled back
        except Exception:  # of the host's work: only this part is undone, and the caller may go on
            self._run("ROLLBACK TO SAVEPOINT usercore_part")
            self._run("RELEASE SAVEPOINT usercore_part")
            raise
        self._run("RELEASE SAVEPOINT usercore_part")
        return result
