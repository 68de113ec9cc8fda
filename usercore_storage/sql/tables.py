"""The tables, in the order in which they are made."""

from typing import Any, Final

from usercore.addresses.model import AddressType, AddressVersion, StoredAddress, StoredChangeRequest
from usercore.attempts.model import Attempt, RegistrationAttempt, UserAgent
from usercore.groups.model import Group, GroupMember
from usercore.history.model import Action, Entry
from usercore.kernel.text import unique_key
from usercore.meta.model import StoredMeta
from usercore.outbox.model import Delivery
from usercore.passkeys.model import Passkey
from usercore.passwords.model import Credential
from usercore.products.model import ProductGrant
from usercore.roles.model import Role, RoleAssignment
from usercore.second_factors.model import RecoveryCode, SignInChallenge, StoredFactor
from usercore.storage.registration_counts import CountedPeriod
from usercore.tenants.model import Tenant
from usercore.throttling.model import FailureCounter, RateLimitWindow
from usercore.tokens.model import (
    AccessToken,
    ApiToken,
    DeviceToken,
    LimitedUseToken,
    RegistrationLink,
    RememberedDevice,
    SourceAccess,
)
from usercore.users.keys import KeySpace, email_key
from usercore.users.model import Claim, EmailChange, User, UserWord
from usercore_storage.sql.declarations import BySubject, Derived, StoredOnce
from usercore_storage.sql.digests import digest_of_key, digest_of_login, digest_of_texts, digest_of_user_agent
from usercore_storage.sql.table import Table

# Conditions of indexes have the parentheses that PostgreSQL writes, so that ``check`` can compare them.
_BY_ACTOR: Final = {"by_actor": "(actor) WHERE ((actor <> 'host') AND (ip IS NOT NULL))"}
_BY_USER_AGENT: Final = {"by_user_agent": "(user_agent) WHERE (user_agent IS NOT NULL)"}
_REVOKED: Final = "(revoked_at) WHERE (revoked_at IS NOT NULL)"
_ENDED: Final = {"expired": "(expires_at)", "revoked": _REVOKED}
_OF_ATTEMPTS: Final = {
    "by_time": "(at)",
    "without_user": "(tenant_id, id) WHERE (user_id < 0)",
    "unknown": "(at) WHERE ((user_id < 0) AND (login IS NOT NULL))",
    "by_login": "(tenant_id, login_digest) WHERE (login IS NOT NULL)",
} | _BY_USER_AGENT
_LOGIN_DIGEST: Final = {"login_digest": Derived(bytes, lambda attempt: digest_of_login(attempt.login), "login")}
_FOLDED_NAME: Final = {"name_folded": Derived(str, lambda entity: unique_key(entity.name), "name")}
_NAMED: Final = {
    "by_name": "UNIQUE (tenant_id, name_folded) WHERE (deleted_at IS NULL)",
    "deleted": "(deleted_at) WHERE (deleted_at IS NOT NULL)",
}
_USER_AGENT: Final = {"user_agent": StoredOnce("usercore_user_agents", digest_of_user_agent)}

REMOVABLE_COUNTER: Final = (
    "(((kind <> 'account') AND (kind <> 'second_factor')) OR ((tries = reset_up_to) AND (wrong_passwords = 0)))"
)
"""An account's failures stay until they are reset. Source: spec S7."""

NEVER_CAME: Final = (
    "((state = 'active') AND (confirmed_at IS NULL) AND (email_verified_at IS NULL) AND (last_sign_in_at IS NULL)"
    " AND (tenant_id <> 1))"
)
"""Users who may be removed, but none of the tenant ``system``. Source: spec U12."""

TENANTS: Final = Table(
    "usercore_tenants",
    Tenant,
    key=["id"],
    shard="id",
    tenant=None,
    extra={
        "key_folded": Derived(str, lambda tenant: unique_key(tenant.key), "key"),
        "name_folded": Derived(str, lambda tenant: unique_key(tenant.name), "name"),
    },
    indexes={
        "by_key": "UNIQUE (key_folded) WHERE (deleted_at IS NULL)",
        "by_name": "UNIQUE (name_folded) WHERE (deleted_at IS NULL)",
        "by_uuid": "UNIQUE (supplied_uuid) WHERE (deleted_at IS NULL)",
        "deleted": "(deleted_at) WHERE ((deleted_at IS NOT NULL) AND (erased_at IS NULL))",
    },
)
USERS: Final = Table(
    "usercore_users",
    User,
    key=["id"],
    shard="id",
    tenant="tenant_id",
    indexes={
        "by_state": "(tenant_id, state, id)",
        "never_came": f"(modified_at) WHERE {NEVER_CAME}",
        "registered": "(tenant_id, registered_at)",
        "inactive": "(tenant_id, registered_at) WHERE ((state <> 'active') AND (registered_at IS NOT NULL))",
    },
)
REGISTRATION_COUNTS: Final = Table(
    "usercore_registration_counts",
    CountedPeriod,
    key=["tenant_id", "ends_at", "starts_at"],
    shard="tenant_id",
    tenant="tenant_id",
)
# The entity has the columns of the key first: else integrity_check of SQLite 3.40 finds NULL in a WITHOUT ROWID table.
USER_WORDS: Final = Table(
    "usercore_user_words",
    UserWord,
    key=["user_id", "word"],
    shard="user_id",
    tenant="tenant_id",
    indexes={"by_word": "(tenant_id, word, user_id)"},
)
CLAIMS: Final = Table(
    "usercore_claims",
    Claim,
    key=["tenant_id", "digest"],
    shard="digest",
    tenant="tenant_id",
    extra={"digest": Derived(bytes, lambda claim: digest_of_key(claim.space, claim.key), "key")},
    indexes={"held": "(held_until) WHERE (uses = 0)"},
)
EMAIL_CHANGES: Final = Table(
    "usercore_email_changes",
    EmailChange,
    key=["user_id", "number"],
    shard="user_id",
    tenant="tenant_id",
    indexes={"closed": "(open_until)"},
)
CREDENTIALS: Final = Table("usercore_credentials", Credential, key=["user_id"], shard="user_id", tenant=None)
SECOND_FACTORS: Final = Table(
    "usercore_second_factors", StoredFactor, key=["user_id", "id"], shard="user_id", tenant=None
)
RECOVERY_CODES: Final = Table(
    "usercore_recovery_codes", RecoveryCode, key=["user_id", "digest"], shard="user_id", tenant=None
)
SIGN_IN_CHALLENGES: Final = Table(
    "usercore_sign_in_challenges",
    SignInChallenge,
    key=["id"],
    shard="id",
    tenant="tenant_id",
    indexes={"by_end": "(expires_at)", "by_user": "(user_id)"},
)
USER_AGENTS: Final = Table(
    "usercore_user_agents",
    UserAgent,
    key=["digest"],
    shard="digest",
    tenant=None,
    extra={"digest": Derived(bytes, lambda agent: digest_of_user_agent(agent.text), "text")},
    indexes={"by_use": "(used_until)"},
)
ACCESS_TOKENS: Final = Table(
    "usercore_access_tokens",
    AccessToken,
    key=["user_id", "digest"],
    shard="user_id",
    tenant=None,
    once=_USER_AGENT,
    indexes={"by_device": "(device_digest) WHERE ((device_digest IS NOT NULL) AND (revoked_at IS NULL))"}
    | _BY_USER_AGENT
    | _ENDED,
)
# It stands after the access tokens, so that an erasure removes those first: see ``tokens.TOUCH_SOURCE_OF``.
SOURCE_ACCESSES: Final = Table(
    "usercore_source_accesses",
    SourceAccess,
    key=["user_id", "source"],
    shard="user_id",
    tenant=None,
)
LIMITED_USE_TOKENS: Final = Table(
    "usercore_limited_use_tokens",
    LimitedUseToken,
    key=["user_id", "digest"],
    shard="user_id",
    tenant=None,
    indexes=_ENDED | {"used_up": "(redeemed_at) WHERE (max_uses <= uses)"},
)
API_TOKENS: Final = Table(
    "usercore_api_tokens",
    ApiToken,
    key=["digest"],
    shard="digest",
    tenant="tenant_id",
    indexes={
        "by_id": "(tenant_id, id)",
        "by_creator": "(created_by, issued_at)",
        "expired": "(expires_at) WHERE (expires_at IS NOT NULL)",
        "revoked": _REVOKED,
    },
)
DEVICE_TOKENS: Final = Table(
    "usercore_device_tokens",
    DeviceToken,
    key=["digest"],
    shard="digest",
    tenant="tenant_id",
    indexes={"by_use": "(last_used_at)", "by_tenant": "(tenant_id)"},
)
REMEMBERED_DEVICES: Final = Table(
    "usercore_remembered_devices",
    RememberedDevice,
    key=["user_id", "device_digest"],
    shard="user_id",
    tenant=None,
    indexes={"by_device": "(device_digest)", "by_time": "(remembered_at)"},
)
REGISTRATION_LINKS: Final = Table(
    "usercore_registration_links",
    RegistrationLink,
    key=["id"],
    shard="id",
    tenant="tenant_id",
    extra={"email_digest": Derived(bytes, lambda link: digest_of_key(KeySpace.LOGIN, email_key(link.email)), "email")},
    indexes={
        "open": "(requested_at) WHERE (completed_at IS NULL)",
        "completed": "(completed_at) WHERE (completed_at IS NOT NULL)",
        "expired": "(expires_at)",
        "by_email": "(tenant_id, email_digest)",
    },
)
ATTEMPTS: Final = Table(
    "usercore_attempts",
    Attempt,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
    extra=_LOGIN_DIGEST,
    once=_USER_AGENT,
    indexes=_OF_ATTEMPTS,
)
REGISTRATION_ATTEMPTS: Final = Table(
    "usercore_registration_attempts",
    RegistrationAttempt,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
    extra=_LOGIN_DIGEST,
    once=_USER_AGENT,
    indexes=_OF_ATTEMPTS,
)
FAILURE_COUNTERS: Final = Table(
    "usercore_failure_counters",
    FailureCounter,
    key=["key"],
    shard="key",
    tenant=None,
    indexes={"stale": f"(last_at) WHERE {REMOVABLE_COUNTER}"},
)
RATE_LIMITS: Final = Table(
    "usercore_rate_limits",
    RateLimitWindow,
    key=["key"],
    shard="key",
    tenant=None,
    indexes={"by_start": "(started_at)"},
)
PASSKEYS: Final = Table(
    "usercore_passkeys",
    Passkey,
    key=["tenant_id", "credential_id"],
    shard="credential_id",
    tenant="tenant_id",
    indexes={"by_user": "(user_id, id)"},
)
META: Final = Table(
    "usercore_meta",
    StoredMeta,
    key=["user_id", "key"],
    shard="user_id",
    tenant="tenant_id",
    extra={"digest": Derived(bytes, lambda meta: digest_of_texts(meta.key, meta.value), "key and value")},
    indexes={"by_key": "(tenant_id, key, user_id)", "by_value": "(tenant_id, digest, user_id)"},
)
ADDRESS_TYPES: Final = Table(
    "usercore_address_types", AddressType, key=["tenant_id", "key"], shard="tenant_id", tenant="tenant_id"
)
ADDRESSES: Final = Table(
    "usercore_addresses",
    StoredAddress,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
)
ADDRESS_VERSIONS: Final = Table(
    "usercore_address_versions",
    AddressVersion,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
)
CHANGE_REQUESTS: Final = Table(
    "usercore_change_requests",
    StoredChangeRequest,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
    indexes={"open": "(tenant_id, id) WHERE (decided_at IS NULL)"},
)
ROLES: Final = Table(
    "usercore_roles",
    Role,
    key=["id"],
    shard="id",
    tenant="tenant_id",
    extra=_FOLDED_NAME,
    indexes=_NAMED,
)
ROLE_ASSIGNMENTS: Final = Table(
    "usercore_role_assignments",
    RoleAssignment,
    key=["user_id", "role_id"],
    shard="user_id",
    tenant="tenant_id",
    refers={"role_id": "usercore_roles"},
    indexes={"by_role": "(role_id)"},
)
GROUPS: Final = Table(
    "usercore_groups",
    Group,
    key=["id"],
    shard="id",
    tenant="tenant_id",
    extra=_FOLDED_NAME,
    indexes=_NAMED | {"by_sorting": "(tenant_id, sorting, name_folded) WHERE (deleted_at IS NULL)"},
)
GROUP_MEMBERS: Final = Table(
    "usercore_group_members",
    GroupMember,
    key=["user_id", "group_id"],
    shard="user_id",
    tenant="tenant_id",
    refers={"group_id": "usercore_groups"},
    indexes={"by_joining": "(group_id, joined_at, user_id)"},
)
PRODUCT_GRANTS: Final = Table(
    "usercore_product_grants",
    ProductGrant,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
    indexes={"by_product": "(user_id, product_id)"},
)
HISTORY: Final = Table(
    "usercore_history",
    Entry,
    key=["subject_id", "subject", "change_no", "position"],
    shard="subject_id",
    tenant="tenant_id",
    by_subject=BySubject(),
    indexes={
        "unknown": "(at) WHERE (subject = 'unknown_login')",
    }
    | _BY_ACTOR,
)
ACTIONS: Final = Table(
    "usercore_actions",
    Action,
    key=["user_id", "id"],
    shard="user_id",
    tenant="tenant_id",
    indexes={
        "by_id": "(tenant_id, id, user_id)",
        "by_action": "(tenant_id, action, id, user_id)",
        "by_time": "(at)",
    }
    | _BY_ACTOR,
)
DELIVERIES: Final = Table(
    "usercore_deliveries",
    Delivery,
    key=["subject_id", "subject", "change_no", "position", "subscriber"],
    shard="subject_id",
    tenant="tenant_id",
    by_subject=BySubject(),
    indexes={
        "due": "(subscriber, due_at) WHERE (state = 'pending')",
        "failed": "(tenant_id) WHERE (state = 'failed')",
        "done": "(finished_at) WHERE (state = 'done')",
    },
)

ALL: Final[tuple[Table[Any], ...]] = tuple(table for table in [*vars().values()] if isinstance(table, Table))
"""All of the above, in their order."""
