"""The unit: all repositories over one undo log."""

from collections.abc import Callable
from typing import TypeVar

from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.addresses import (
    MemoryAddresses,
    MemoryAddressTypes,
    MemoryAddressVersions,
    MemoryChangeRequests,
)
from usercore_storage.memory.api_tokens import MemoryApiTokens
from usercore_storage.memory.attempts import MemoryAttempts, MemoryRegistrationAttempts, MemoryUserAgents
from usercore_storage.memory.compliance import MemoryComplianceLookup
from usercore_storage.memory.groups import MemoryGroupMembers, MemoryGroups
from usercore_storage.memory.history import MemoryActions, MemoryHistory
from usercore_storage.memory.lookups import MemoryAuthenticationLookup
from usercore_storage.memory.meta import MemoryMeta
from usercore_storage.memory.outbox import MemoryOutbox
from usercore_storage.memory.passkeys import MemoryPasskeys
from usercore_storage.memory.passwords import MemoryCredentials
from usercore_storage.memory.personal_rows import MemoryPersonalRows
from usercore_storage.memory.products import MemoryProductGrants
from usercore_storage.memory.registration_counts import MemoryRegistrationCounts
from usercore_storage.memory.remembered_devices import MemoryRememberedDevices
from usercore_storage.memory.roles import MemoryRoleAssignments, MemoryRoles
from usercore_storage.memory.second_factors import (
    MemoryRecoveryCodes,
    MemorySecondFactors,
    MemorySignInChallenges,
)
from usercore_storage.memory.tenants import MemoryTenants
from usercore_storage.memory.throttling import MemoryFailureCounters, MemoryRateLimits
from usercore_storage.memory.tokens import (
    MemoryAccessTokens,
    MemoryDeviceTokens,
    MemoryLimitedUseTokens,
    MemoryRegistrationLinks,
    MemorySourceAccesses,
)
from usercore_storage.memory.undo_dict import UndoLog
from usercore_storage.memory.users import MemoryClaims, MemoryEmailChanges, MemoryUsers

T = TypeVar("T")


class MemoryUnit(RecordingUnit):
    """The one unit of a memory storage; it is begun again for each run, since only one runs at a time."""

    def __init__(self, undo: UndoLog) -> None:  # noqa: PLR0915 - one line a repository
        self._undo = undo
        self.users = MemoryUsers(undo, self)
        self.claims = MemoryClaims(undo, self)
        self.email_changes = MemoryEmailChanges(undo)
        self.tenants = MemoryTenants(undo, self)
        self.credentials = MemoryCredentials(undo, self)
        self.second_factors = MemorySecondFactors(undo)
        self.recovery_codes = MemoryRecoveryCodes(undo)
        self.sign_in_challenges = MemorySignInChallenges(undo, self)
        self.source_accesses = MemorySourceAccesses(undo)
        self.access_tokens = MemoryAccessTokens(undo, self.source_accesses)
        self.limited_use_tokens = MemoryLimitedUseTokens(undo)
        self.api_tokens = MemoryApiTokens(undo, self)
        self.device_tokens = MemoryDeviceTokens(undo, self)
        self.remembered_devices = MemoryRememberedDevices(undo)
        self.registration_links = MemoryRegistrationLinks(undo, self)
        self.attempts = MemoryAttempts(undo, self)
        self.registration_attempts = MemoryRegistrationAttempts(undo, self)
        self.user_agents = MemoryUserAgents()
        self.failure_counters = MemoryFailureCounters(undo)
        self.rate_limits = MemoryRateLimits(undo)
        self.passkeys = MemoryPasskeys(undo, self)
        self.meta = MemoryMeta(undo, self)
        self.address_types = MemoryAddressTypes(undo, self)
        self.addresses = MemoryAddresses(undo)
        self.address_versions = MemoryAddressVersions(undo)
        self.change_requests = MemoryChangeRequests(undo, self, self.addresses)
        self.groups = MemoryGroups(undo, self)
        self.group_members = MemoryGroupMembers(undo)
        self.product_grants = MemoryProductGrants(undo)
        self.roles = MemoryRoles(undo, self)
        self.role_assignments = MemoryRoleAssignments(undo)
        self.history = MemoryHistory(undo, self)
        self.actions = MemoryActions(undo, self)
        self.deliveries = MemoryOutbox(undo)
        self.registration_counts = MemoryRegistrationCounts(undo, self, self.users)
        self.personal_rows = MemoryPersonalRows(self)
        self.authentication = MemoryAuthenticationLookup(
            self,
            users=self.users,
            passkeys=self.passkeys,
            tokens=self.access_tokens,
            api_tokens=self.api_tokens,
            credentials=self.credentials,
            second_factors=self.second_factors,
            roles=self.roles,
            assignments=self.role_assignments,
        )
        self.compliance = MemoryComplianceLookup(
            users=self.users,
            credentials=self.credentials,
            second_factors=self.second_factors,
            passkeys=self.passkeys,
            tokens=self.access_tokens,
            limited_use_tokens=self.limited_use_tokens,
            attempts=self.attempts,
            registration_attempts=self.registration_attempts,
            deliveries=self.deliveries,
            authentication=self.authentication,
        )

    def in_savepoint(self, run: Callable[[], T]) -> T:
        mark = len(self._undo)
        try:
            return run()
        except BaseException:
            self._undo.roll_back(mark)
            raise
