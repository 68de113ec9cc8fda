"""The facts that checks judge."""

from datetime import datetime

from usercore.compliance.model import StoreAccess
from usercore.composition.policy import Policy
from usercore.kernel.values import frozen
from usercore.storage.compliance import OldestRows


@frozen(kw_only=True)
class HostFacts:
    """What the host passes beside its policy."""

    has_mailer: bool
    has_own_hasher: bool
    password_checks: int


@frozen(kw_only=True)
class AccountCounts:
    """Counts of the active users of active tenants who were examined, and of what they have."""

    users: int = 0
    unverified_emails: int = 0
    admins: int = 0
    unprotected_admins: int = 0
    """Without a confirmed second factor and without a passkey."""
    privileged: int = 0
    """Users with a privileged role, who are not admins."""
    unprotected_privileged: int = 0
    passwords: int = 0
    outdated_hashes: int = 0
    """Computed by another profile, pepper or system than new ones."""
    unusable_hashes: int = 0
    temporary_passwords: int = 0
    """That have to be changed, and are still accepted."""
    overdue_passwords: int = 0
    """Temporary ones that are older than a generated password may become."""
    sessions: int = 0
    """Access tokens that are accepted."""
    outlasting_sessions: int = 0
    """That end later than the policy allows a new one."""
    tokens: int = 0
    """Login tokens, autologin tokens, links and challenges that are accepted."""
    outlasting_tokens: int = 0
    factors: int = 0
    factors_without_key: int = 0
    """Encrypted by a key that the policy does not have."""


@frozen(kw_only=True)
class Facts:
    """Everything that checks judge. Without ``host`` or ``store`` nothing is known of them."""

    policy: Policy
    accounts: AccountCounts
    oldest: OldestRows
    now: datetime
    host: HostFacts | None = None
    store: StoreAccess | None = None
