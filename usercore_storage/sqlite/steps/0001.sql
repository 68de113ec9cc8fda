CREATE TABLE usercore_tenants (
    key_folded TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    id INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    active INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    country TEXT,
    language TEXT NOT NULL,
    date_format TEXT NOT NULL,
    timestamp_offset_minutes INTEGER NOT NULL,
    data_offset_minutes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    change_no INTEGER NOT NULL,
    supplied_uuid TEXT,
    deleted_at INTEGER,
    erased_at INTEGER,
    PRIMARY KEY (id)
) STRICT;

CREATE UNIQUE INDEX usercore_tenants_by_key ON usercore_tenants (key_folded) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX usercore_tenants_by_name ON usercore_tenants (name_folded) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX usercore_tenants_by_uuid ON usercore_tenants (supplied_uuid) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_tenants_deleted ON usercore_tenants (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (erased_at IS NULL));

CREATE TABLE usercore_users (
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    email TEXT,
    email_verified_at INTEGER,
    username TEXT,
    external_id TEXT,
    access_ids TEXT,
    supplied_uuid TEXT,
    first_name TEXT,
    last_name TEXT,
    chosen_public_name TEXT,
    language TEXT,
    date_format TEXT,
    timestamp_offset_minutes INTEGER,
    data_offset_minutes INTEGER,
    source TEXT NOT NULL,
    referer TEXT,
    registration_channel TEXT,
    note TEXT,
    is_institution INTEGER NOT NULL,
    institution_name TEXT,
    requires_role INTEGER NOT NULL,
    confirmed_at INTEGER,
    registered_at INTEGER,
    last_sign_in_at INTEGER,
    last_sign_in_ip TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    change_no INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;

CREATE INDEX usercore_users_by_state ON usercore_users (tenant_id, state, id);

CREATE INDEX usercore_users_never_came ON usercore_users (modified_at) WHERE ((state = 'active') AND (confirmed_at IS NULL) AND (email_verified_at IS NULL) AND (last_sign_in_at IS NULL) AND (tenant_id <> 1));

CREATE INDEX usercore_users_registered ON usercore_users (tenant_id, registered_at);

CREATE INDEX usercore_users_inactive ON usercore_users (tenant_id, registered_at) WHERE ((state <> 'active') AND (registered_at IS NOT NULL));

CREATE TABLE usercore_registration_counts (
    tenant_id INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, ends_at, starts_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_user_words (
    user_id INTEGER NOT NULL,
    word TEXT NOT NULL,
    tenant_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, word)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_user_words_by_word ON usercore_user_words (tenant_id, word, user_id);

CREATE TABLE usercore_claims (
    digest BLOB NOT NULL,
    tenant_id INTEGER NOT NULL,
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    holder_id INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    held_until INTEGER,
    PRIMARY KEY (tenant_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_claims_held ON usercore_claims (held_until) WHERE (uses = 0);

CREATE TABLE usercore_email_changes (
    user_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    old_email TEXT,
    old_verified_at INTEGER,
    old_external_id TEXT,
    old_access_ids TEXT,
    new_email TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    made_at INTEGER,
    open_until INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_email_changes_closed ON usercore_email_changes (open_until);

CREATE TABLE usercore_credentials (
    user_id INTEGER NOT NULL,
    hash TEXT NOT NULL,
    pepper_id TEXT,
    version INTEGER NOT NULL,
    set_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    must_change INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_second_factors (
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    encrypted BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_recovery_codes (
    user_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_sign_in_challenges (
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    user_version INTEGER NOT NULL,
    authenticator TEXT NOT NULL,
    allows_privileged INTEGER NOT NULL,
    status TEXT NOT NULL,
    source TEXT,
    device_digest BLOB,
    password_version INTEGER NOT NULL,
    password_set_at INTEGER,
    counter_key BLOB,
    counter_tries INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    redeemed_at INTEGER,
    PRIMARY KEY (id)
) STRICT;

CREATE INDEX usercore_sign_in_challenges_by_end ON usercore_sign_in_challenges (expires_at);

CREATE INDEX usercore_sign_in_challenges_by_user ON usercore_sign_in_challenges (user_id);

CREATE TABLE usercore_user_agents (
    digest BLOB NOT NULL,
    text TEXT NOT NULL,
    used_until INTEGER NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_user_agents_by_use ON usercore_user_agents (used_until);

CREATE TABLE usercore_access_tokens (
    user_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    authenticator TEXT NOT NULL,
    source TEXT,
    ip TEXT,
    user_agent BLOB,
    issued_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    device_digest BLOB,
    paired_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_access_tokens_by_device ON usercore_access_tokens (device_digest) WHERE ((device_digest IS NOT NULL) AND (revoked_at IS NULL));

CREATE INDEX usercore_access_tokens_by_user_agent ON usercore_access_tokens (user_agent) WHERE (user_agent IS NOT NULL);

CREATE INDEX usercore_access_tokens_expired ON usercore_access_tokens (expires_at);

CREATE INDEX usercore_access_tokens_revoked ON usercore_access_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE usercore_source_accesses (
    user_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    last_accessed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_limited_use_tokens (
    user_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    kind TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    valid_from INTEGER,
    expires_at INTEGER NOT NULL,
    max_uses INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    address TEXT,
    generation INTEGER,
    redeemed_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_limited_use_tokens_expired ON usercore_limited_use_tokens (expires_at);

CREATE INDEX usercore_limited_use_tokens_revoked ON usercore_limited_use_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE INDEX usercore_limited_use_tokens_used_up ON usercore_limited_use_tokens (redeemed_at) WHERE (max_uses <= uses);

CREATE TABLE usercore_api_tokens (
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    resources TEXT,
    addresses TEXT,
    issued_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER,
    change_no INTEGER NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_api_tokens_by_id ON usercore_api_tokens (tenant_id, id);

CREATE INDEX usercore_api_tokens_by_creator ON usercore_api_tokens (created_by, issued_at);

CREATE INDEX usercore_api_tokens_expired ON usercore_api_tokens (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX usercore_api_tokens_revoked ON usercore_api_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE usercore_device_tokens (
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    device_id TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_device_tokens_by_use ON usercore_device_tokens (last_used_at);

CREATE INDEX usercore_device_tokens_by_tenant ON usercore_device_tokens (tenant_id);

CREATE TABLE usercore_remembered_devices (
    user_id INTEGER NOT NULL,
    device_digest BLOB NOT NULL,
    remembered_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_remembered_devices_by_device ON usercore_remembered_devices (device_digest);

CREATE INDEX usercore_remembered_devices_by_time ON usercore_remembered_devices (remembered_at);

CREATE TABLE usercore_registration_links (
    email_digest BLOB NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    email TEXT NOT NULL,
    language TEXT,
    source TEXT,
    referer TEXT,
    digest BLOB,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    completed_at INTEGER,
    refusals INTEGER NOT NULL,
    change_no INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;

CREATE INDEX usercore_registration_links_open ON usercore_registration_links (requested_at) WHERE (completed_at IS NULL);

CREATE INDEX usercore_registration_links_completed ON usercore_registration_links (completed_at) WHERE (completed_at IS NOT NULL);

CREATE INDEX usercore_registration_links_expired ON usercore_registration_links (expires_at);

CREATE INDEX usercore_registration_links_by_email ON usercore_registration_links (tenant_id, email_digest);

CREATE TABLE usercore_attempts (
    login_digest BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    login TEXT,
    status TEXT NOT NULL,
    authenticator TEXT,
    source TEXT,
    ip TEXT,
    user_agent BLOB,
    at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_attempts_by_time ON usercore_attempts (at);

CREATE INDEX usercore_attempts_without_user ON usercore_attempts (tenant_id, id) WHERE (user_id < 0);

CREATE INDEX usercore_attempts_unknown ON usercore_attempts (at) WHERE ((user_id < 0) AND (login IS NOT NULL));

CREATE INDEX usercore_attempts_by_login ON usercore_attempts (tenant_id, login_digest) WHERE (login IS NOT NULL);

CREATE INDEX usercore_attempts_by_user_agent ON usercore_attempts (user_agent) WHERE (user_agent IS NOT NULL);

CREATE TABLE usercore_registration_attempts (
    login_digest BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    login TEXT,
    status TEXT NOT NULL,
    source TEXT,
    ip TEXT,
    user_agent BLOB,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_registration_attempts_by_time ON usercore_registration_attempts (at);

CREATE INDEX usercore_registration_attempts_without_user ON usercore_registration_attempts (tenant_id, id) WHERE (user_id < 0);

CREATE INDEX usercore_registration_attempts_unknown ON usercore_registration_attempts (at) WHERE ((user_id < 0) AND (login IS NOT NULL));

CREATE INDEX usercore_registration_attempts_by_login ON usercore_registration_attempts (tenant_id, login_digest) WHERE (login IS NOT NULL);

CREATE INDEX usercore_registration_attempts_by_user_agent ON usercore_registration_attempts (user_agent) WHERE (user_agent IS NOT NULL);

CREATE TABLE usercore_failure_counters (
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    tries INTEGER NOT NULL,
    reset_up_to INTEGER NOT NULL,
    wrong_passwords INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_failure_counters_stale ON usercore_failure_counters (last_at) WHERE (((kind <> 'account') AND (kind <> 'second_factor')) OR ((tries = reset_up_to) AND (wrong_passwords = 0)));

CREATE TABLE usercore_rate_limits (
    key BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_rate_limits_by_start ON usercore_rate_limits (started_at);

CREATE TABLE usercore_passkeys (
    user_id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    credential_id BLOB NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    aaguid TEXT NOT NULL,
    transports TEXT NOT NULL,
    backup_eligible INTEGER NOT NULL,
    backed_up INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (tenant_id, credential_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_passkeys_by_user ON usercore_passkeys (user_id, id);

CREATE TABLE usercore_meta (
    digest BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    public INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_meta_by_key ON usercore_meta (tenant_id, key, user_id);

CREATE INDEX usercore_meta_by_value ON usercore_meta (tenant_id, digest, user_id);

CREATE TABLE usercore_address_types (
    tenant_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    title TEXT,
    sorting INTEGER NOT NULL,
    accepts_at_once INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_addresses (
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    removed_at INTEGER,
    removed_by TEXT,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_address_versions (
    first_name TEXT,
    last_name TEXT,
    company_name TEXT,
    street TEXT,
    number TEXT,
    city TEXT,
    zip TEXT,
    country TEXT,
    company_id TEXT,
    tax_id TEXT,
    vat_id TEXT,
    phone TEXT,
    title TEXT,
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    address_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usercore_change_requests (
    first_name TEXT,
    last_name TEXT,
    company_name TEXT,
    street TEXT,
    number TEXT,
    city TEXT,
    zip TEXT,
    country TEXT,
    company_id TEXT,
    tax_id TEXT,
    vat_id TEXT,
    phone TEXT,
    title TEXT,
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    address_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    state TEXT NOT NULL,
    valid_from TEXT,
    replaces_id INTEGER,
    requested_at INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    reason TEXT,
    version_id INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_change_requests_open ON usercore_change_requests (tenant_id, id) WHERE (decided_at IS NULL);

CREATE TABLE usercore_roles (
    name_folded TEXT NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    privileged INTEGER NOT NULL,
    permissions TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    change_no INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (id)
) STRICT;

CREATE UNIQUE INDEX usercore_roles_by_name ON usercore_roles (tenant_id, name_folded) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_roles_deleted ON usercore_roles (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE TABLE usercore_role_assignments (
    user_id INTEGER NOT NULL,
    role_id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (user_id, role_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_role_assignments_by_role ON usercore_role_assignments (role_id);

CREATE TABLE usercore_groups (
    name_folded TEXT NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    sorting INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    change_no INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (id)
) STRICT;

CREATE UNIQUE INDEX usercore_groups_by_name ON usercore_groups (tenant_id, name_folded) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_groups_deleted ON usercore_groups (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX usercore_groups_by_sorting ON usercore_groups (tenant_id, sorting, name_folded) WHERE (deleted_at IS NULL);

CREATE TABLE usercore_group_members (
    user_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_group_members_by_joining ON usercore_group_members (group_id, joined_at, user_id);

CREATE TABLE usercore_product_grants (
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    product_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER,
    granted_at INTEGER NOT NULL,
    granted_by TEXT NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_product_grants_by_product ON usercore_product_grants (user_id, product_id);

CREATE TABLE usercore_history (
    subject_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    change_no INTEGER NOT NULL,
    position INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    ip TEXT,
    source TEXT,
    old_text TEXT,
    new_text TEXT,
    PRIMARY KEY (subject_id, subject, change_no, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_history_unknown ON usercore_history (at) WHERE (subject = 'unknown_login');

CREATE INDEX usercore_history_by_actor ON usercore_history (actor) WHERE ((actor <> 'host') AND (ip IS NOT NULL));

CREATE TABLE usercore_actions (
    user_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    action TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    ip TEXT,
    source TEXT,
    params_text TEXT,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_actions_by_id ON usercore_actions (tenant_id, id, user_id);

CREATE INDEX usercore_actions_by_action ON usercore_actions (tenant_id, action, id, user_id);

CREATE INDEX usercore_actions_by_time ON usercore_actions (at);

CREATE INDEX usercore_actions_by_actor ON usercore_actions (actor) WHERE ((actor <> 'host') AND (ip IS NOT NULL));

CREATE TABLE usercore_deliveries (
    subject_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    change_no INTEGER NOT NULL,
    position INTEGER NOT NULL,
    subscriber TEXT NOT NULL,
    tenant_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER,
    ordering_key INTEGER NOT NULL,
    state TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    lease_no INTEGER NOT NULL,
    problem TEXT,
    failing_since INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (subject_id, subject, change_no, position, subscriber)
) STRICT, WITHOUT ROWID;

CREATE INDEX usercore_deliveries_due ON usercore_deliveries (subscriber, due_at) WHERE (state = 'pending');

CREATE INDEX usercore_deliveries_failed ON usercore_deliveries (tenant_id) WHERE (state = 'failed');

CREATE INDEX usercore_deliveries_done ON usercore_deliveries (finished_at) WHERE (state = 'done');
