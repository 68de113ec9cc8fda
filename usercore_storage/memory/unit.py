"""The unit: every repository over one undo log."""

from usercore.workflows.recording import RecordingUnit
from usercore_storage.memory.attempts import (
    MemoryAllowances,
    MemoryAttempts,
    MemoryRegistrationAttempts,
    MemoryThrottles,
)
from usercore_storage.memory.cells import Undo
from usercore_storage.memory.deliveries import MemoryDeliveries
from usercore_storage.memory.history import MemoryHistory
from usercore_storage.memory.identifying import MemorySignedIn
from usercore_storage.memory.passwords import MemoryCredentials
from usercore_storage.memory.tenants import MemoryTenants
from usercore_storage.memory.tokens import MemoryAccessTokens, MemoryLoginTokens, MemoryRegistrationLinks
from usercore_storage.memory.users import MemoryClaims, MemoryUsers


class MemoryUnit(RecordingUnit):
    """The one unit of a memory storage, begun anew for each run, since only one runs at a time."""

    def __init__(self, undo: Undo) -> None:
        self.users = MemoryUsers(undo, self)
        self.claims = MemoryClaims(undo, self)
        self.tenants = MemoryTenants(undo, self)
        self.credentials = MemoryCredentials(undo)
        self.access_tokens = MemoryAccessTokens(undo)
        self.login_tokens = MemoryLoginTokens(undo)
        self.registration_links = MemoryRegistrationLinks(undo, self)
        self.attempts = MemoryAttempts(undo, self)
        self.registration_attempts = MemoryRegistrationAttempts(undo, self)
        self.throttles = MemoryThrottles(undo)
        self.allowances = MemoryAllowances(undo)
        self.history = MemoryHistory(undo, self)
        self.deliveries = MemoryDeliveries(undo)
        self.signed_in = MemorySignedIn(self, self.access_tokens, self.credentials)
