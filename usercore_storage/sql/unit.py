"""The unit of every SQL engine: one for each connection, used again for each transaction."""

from usercore.kernel.ids import UserId
from usercore.workflows.recording import RecordingUnit
from usercore_storage.sql.attempts import SqlAllowances, SqlAttempts, SqlRegistrationAttempts, SqlThrottles
from usercore_storage.sql.deliveries import SqlDeliveries
from usercore_storage.sql.history import SqlHistory
from usercore_storage.sql.identifying import SqlSignedIn
from usercore_storage.sql.passwords import SqlCredentials
from usercore_storage.sql.run import Run
from usercore_storage.sql.tenants import SqlTenants
from usercore_storage.sql.tokens import SqlAccessTokens, SqlLoginTokens, SqlRegistrationLinks
from usercore_storage.sql.users import SqlClaims, SqlUsers


class SqlUnit(RecordingUnit):
    """All repositories in the transaction that ``run`` runs in."""

    def __init__(self, run: Run) -> None:
        """Build the repositories once; ``begin`` starts each transaction."""
        self.users = users = SqlUsers(run, self)
        self._lock = users.lock
        self.claims = SqlClaims(run, self)
        self.tenants = SqlTenants(run, self)
        self.credentials = SqlCredentials(run)
        self.access_tokens = SqlAccessTokens(run)
        self.login_tokens = SqlLoginTokens(run)
        self.registration_links = SqlRegistrationLinks(run, self)
        self.attempts = SqlAttempts(run, self)
        self.registration_attempts = SqlRegistrationAttempts(run, self)
        self.throttles = SqlThrottles(run)
        self.allowances = SqlAllowances(run)
        self.history = SqlHistory(run, self)
        self.deliveries = SqlDeliveries(run)
        self.signed_in = SqlSignedIn(run, self)

    def guard(self, user_id: UserId) -> None:
        """Lock the user, and do not read them as ``users.guard`` does."""
        self._lock(user_id)
