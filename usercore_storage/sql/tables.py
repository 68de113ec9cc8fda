"""The tables, in the order in which they are made."""

from typing import Any, Final

from usercore.attempts.model import Attempt, FailureCounter, RateLimitWindow, RegistrationAttempt
from usercore.history.model import Entry
from usercore.outbox.model import Delivery
from usercore.passwords.model import Credential
from usercore.tenants.model import Tenant
from usercore.tokens.model import AccessToken, LoginToken, RegistrationLink
from usercore.users.model import Claim, User
from usercore_storage.sql.table import Table

TENANTS: Final = Table(
    "usercore_tenants",
    Tenant,
    key=["id"],
    shard="id",
    extra={"key_folded": str, "name_folded": str},
    indexes={"by_key": "UNIQUE (key_folded)", "by_name": "UNIQUE (name_folded)"},
)
USERS: Final = Table("usercore_users", User, key=["id"], shard="id")
CLAIMS: Final = Table("usercore_claims", Claim, key=["tenant_id", "digest"], shard="digest", extra={"digest": bytes})
CREDENTIALS: Final = Table("usercore_credentials", Credential, key=["user_id"], shard="user_id")
ACCESS_TOKENS: Final = Table("usercore_access_tokens", AccessToken, key=["user_id", "digest"], shard="user_id")
LOGIN_TOKENS: Final = Table("usercore_login_tokens", LoginToken, key=["user_id", "digest"], shard="user_id")
REGISTRATION_LINKS: Final = Table("usercore_registration_links", RegistrationLink, key=["id"], shard="id")
ATTEMPTS: Final = Table("usercore_attempts", Attempt, key=["user_id", "id"], shard="user_id")
REGISTRATION_ATTEMPTS: Final = Table(
    "usercore_registration_attempts", RegistrationAttempt, key=["user_id", "id"], shard="user_id"
)
THROTTLES: Final = Table("usercore_throttles", FailureCounter, key=["key"], shard="key")
ALLOWANCES: Final = Table("usercore_allowances", RateLimitWindow, key=["key"], shard="key")
HISTORY: Final = Table(
    "usercore_history", Entry, key=["subject_id", "subject", "change_no", "position"], shard="subject_id"
)
DELIVERIES: Final = Table(
    "usercore_deliveries",
    Delivery,
    key=["subject_id", "subject", "change_no", "position", "subscriber"],
    shard="subject_id",
    indexes={"due": "(due_at) WHERE state = 'pending'", "failed": "(tenant_id) WHERE state = 'failed'"},
)

ALL: Final[tuple[Table[Any], ...]] = (
    TENANTS,
    USERS,
    CLAIMS,
    CREDENTIALS,
    ACCESS_TOKENS,
    LOGIN_TOKENS,
    REGISTRATION_LINKS,
    ATTEMPTS,
    REGISTRATION_ATTEMPTS,
    THROTTLES,
    ALLOWANCES,
    HISTORY,
    DELIVERIES,
)
