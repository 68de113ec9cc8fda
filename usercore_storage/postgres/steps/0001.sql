CREATE TABLE usercore_tenants (
    key_folded text COLLATE "C" NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    active boolean NOT NULL,
    time_zone text COLLATE "C" NOT NULL,
    country text COLLATE "C",
    language text COLLATE "C" NOT NULL,
    date_format text COLLATE "C" NOT NULL,
    timestamp_offset_minutes bigint NOT NULL,
    data_offset_minutes bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    change_no bigint NOT NULL,
    supplied_uuid text COLLATE "C",
    deleted_at bigint,
    erased_at bigint,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX usercore_tenants_by_key ON usercore_tenants (key_folded) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX usercore_tenants_by_name ON usercore_tenants (name_folded) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX usercore_tenants_by_uuid ON usercore_tenants (supplied_uuid) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_tenants_deleted ON usercore_tenants (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (erased_at IS NULL));

CREATE TABLE usercore_users (
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    email_verified_at bigint,
    username text COLLATE "C",
    external_id text COLLATE "C",
    access_ids text COLLATE "C",
    supplied_uuid text COLLATE "C",
    first_name text COLLATE "C",
    last_name text COLLATE "C",
    chosen_public_name text COLLATE "C",
    language text COLLATE "C",
    date_format text COLLATE "C",
    timestamp_offset_minutes bigint,
    data_offset_minutes bigint,
    source text COLLATE "C" NOT NULL,
    referer text COLLATE "C",
    registration_channel text COLLATE "C",
    note text COLLATE "C",
    is_institution boolean NOT NULL,
    institution_name text COLLATE "C",
    requires_role boolean NOT NULL,
    confirmed_at bigint,
    registered_at bigint,
    last_sign_in_at bigint,
    last_sign_in_ip text COLLATE "C",
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    change_no bigint NOT NULL,
    PRIMARY KEY (id)
) WITH (fillfactor = 90);

CREATE INDEX usercore_users_by_state ON usercore_users (tenant_id, state, id);

CREATE INDEX usercore_users_never_came ON usercore_users (modified_at) WHERE ((state = 'active') AND (confirmed_at IS NULL) AND (email_verified_at IS NULL) AND (last_sign_in_at IS NULL) AND (tenant_id <> 1));

CREATE INDEX usercore_users_registered ON usercore_users (tenant_id, registered_at);

CREATE INDEX usercore_users_inactive ON usercore_users (tenant_id, registered_at) WHERE ((state <> 'active') AND (registered_at IS NOT NULL));

CREATE TABLE usercore_registration_counts (
    tenant_id bigint NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (tenant_id, ends_at, starts_at)
);

CREATE TABLE usercore_user_words (
    user_id bigint NOT NULL,
    word text COLLATE "C" NOT NULL,
    tenant_id bigint NOT NULL,
    PRIMARY KEY (user_id, word)
);

CREATE INDEX usercore_user_words_by_word ON usercore_user_words (tenant_id, word, user_id);

CREATE TABLE usercore_claims (
    digest bytea NOT NULL,
    tenant_id bigint NOT NULL,
    space text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    holder_id bigint NOT NULL,
    uses bigint NOT NULL,
    held_until bigint,
    PRIMARY KEY (tenant_id, digest)
);

CREATE INDEX usercore_claims_held ON usercore_claims (held_until) WHERE (uses = 0);

CREATE TABLE usercore_email_changes (
    user_id bigint NOT NULL,
    number bigint NOT NULL,
    tenant_id bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    old_email text COLLATE "C",
    old_verified_at bigint,
    old_external_id text COLLATE "C",
    old_access_ids text COLLATE "C",
    new_email text COLLATE "C" NOT NULL,
    requested_at bigint NOT NULL,
    made_at bigint,
    open_until bigint NOT NULL,
    PRIMARY KEY (user_id, number)
);

CREATE INDEX usercore_email_changes_closed ON usercore_email_changes (open_until);

CREATE TABLE usercore_credentials (
    user_id bigint NOT NULL,
    hash text COLLATE "C" NOT NULL,
    pepper_id text COLLATE "C",
    version bigint NOT NULL,
    set_at bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    must_change boolean NOT NULL,
    expires_at bigint,
    PRIMARY KEY (user_id)
);

CREATE TABLE usercore_second_factors (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    encrypted bytea NOT NULL,
    created_at bigint NOT NULL,
    confirmed_at bigint,
    last_step bigint NOT NULL,
    last_used_at bigint,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE usercore_recovery_codes (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE usercore_sign_in_challenges (
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    digest bytea NOT NULL,
    user_id bigint NOT NULL,
    user_version bigint NOT NULL,
    authenticator text COLLATE "C" NOT NULL,
    allows_privileged boolean NOT NULL,
    status text COLLATE "C" NOT NULL,
    source text COLLATE "C",
    device_digest bytea,
    password_version bigint NOT NULL,
    password_set_at bigint,
    counter_key bytea,
    counter_tries bigint NOT NULL,
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    redeemed_at bigint,
    PRIMARY KEY (id)
);

CREATE INDEX usercore_sign_in_challenges_by_end ON usercore_sign_in_challenges (expires_at);

CREATE INDEX usercore_sign_in_challenges_by_user ON usercore_sign_in_challenges (user_id);

CREATE TABLE usercore_user_agents (
    digest bytea NOT NULL,
    text text COLLATE "C" NOT NULL,
    used_until bigint NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX usercore_user_agents_by_use ON usercore_user_agents (used_until);

CREATE TABLE usercore_access_tokens (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    authenticator text COLLATE "C" NOT NULL,
    source text COLLATE "C",
    ip text COLLATE "C",
    user_agent bytea,
    issued_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    device_digest bytea,
    paired_at bigint,
    PRIMARY KEY (user_id, digest)
);

CREATE INDEX usercore_access_tokens_by_device ON usercore_access_tokens (device_digest) WHERE ((device_digest IS NOT NULL) AND (revoked_at IS NULL));

CREATE INDEX usercore_access_tokens_by_user_agent ON usercore_access_tokens (user_agent) WHERE (user_agent IS NOT NULL);

CREATE INDEX usercore_access_tokens_expired ON usercore_access_tokens (expires_at);

CREATE INDEX usercore_access_tokens_revoked ON usercore_access_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE usercore_source_accesses (
    user_id bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    last_accessed_at bigint NOT NULL,
    PRIMARY KEY (user_id, source)
);

CREATE TABLE usercore_limited_use_tokens (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    issued_at bigint NOT NULL,
    valid_from bigint,
    expires_at bigint NOT NULL,
    max_uses bigint NOT NULL,
    uses bigint NOT NULL,
    address text COLLATE "C",
    generation bigint,
    redeemed_at bigint,
    revoked_at bigint,
    PRIMARY KEY (user_id, digest)
);

CREATE INDEX usercore_limited_use_tokens_expired ON usercore_limited_use_tokens (expires_at);

CREATE INDEX usercore_limited_use_tokens_revoked ON usercore_limited_use_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE INDEX usercore_limited_use_tokens_used_up ON usercore_limited_use_tokens (redeemed_at) WHERE (max_uses <= uses);

CREATE TABLE usercore_api_tokens (
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    digest bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    active boolean NOT NULL,
    resources text COLLATE "C",
    addresses text COLLATE "C",
    issued_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint,
    change_no bigint NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX usercore_api_tokens_by_id ON usercore_api_tokens (tenant_id, id);

CREATE INDEX usercore_api_tokens_by_creator ON usercore_api_tokens (created_by, issued_at);

CREATE INDEX usercore_api_tokens_expired ON usercore_api_tokens (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX usercore_api_tokens_revoked ON usercore_api_tokens (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE usercore_device_tokens (
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    digest bytea NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    issued_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    PRIMARY KEY (digest)
);

CREATE INDEX usercore_device_tokens_by_use ON usercore_device_tokens (last_used_at);

CREATE INDEX usercore_device_tokens_by_tenant ON usercore_device_tokens (tenant_id);

CREATE TABLE usercore_remembered_devices (
    user_id bigint NOT NULL,
    device_digest bytea NOT NULL,
    remembered_at bigint NOT NULL,
    PRIMARY KEY (user_id, device_digest)
);

CREATE INDEX usercore_remembered_devices_by_device ON usercore_remembered_devices (device_digest);

CREATE INDEX usercore_remembered_devices_by_time ON usercore_remembered_devices (remembered_at);

CREATE TABLE usercore_registration_links (
    email_digest bytea NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    email text COLLATE "C" NOT NULL,
    language text COLLATE "C",
    source text COLLATE "C",
    referer text COLLATE "C",
    digest bytea,
    requested_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    completed_at bigint,
    refusals bigint NOT NULL,
    change_no bigint NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX usercore_registration_links_open ON usercore_registration_links (requested_at) WHERE (completed_at IS NULL);

CREATE INDEX usercore_registration_links_completed ON usercore_registration_links (completed_at) WHERE (completed_at IS NOT NULL);

CREATE INDEX usercore_registration_links_expired ON usercore_registration_links (expires_at);

CREATE INDEX usercore_registration_links_by_email ON usercore_registration_links (tenant_id, email_digest);

CREATE TABLE usercore_attempts (
    login_digest bytea NOT NULL,
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    login text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    authenticator text COLLATE "C",
    source text COLLATE "C",
    ip text COLLATE "C",
    user_agent bytea,
    at bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX usercore_attempts_by_time ON usercore_attempts (at);

CREATE INDEX usercore_attempts_without_user ON usercore_attempts (tenant_id, id) WHERE (user_id < 0);

CREATE INDEX usercore_attempts_unknown ON usercore_attempts (at) WHERE ((user_id < 0) AND (login IS NOT NULL));

CREATE INDEX usercore_attempts_by_login ON usercore_attempts (tenant_id, login_digest) WHERE (login IS NOT NULL);

CREATE INDEX usercore_attempts_by_user_agent ON usercore_attempts (user_agent) WHERE (user_agent IS NOT NULL);

CREATE TABLE usercore_registration_attempts (
    login_digest bytea NOT NULL,
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    login text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    source text COLLATE "C",
    ip text COLLATE "C",
    user_agent bytea,
    at bigint NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX usercore_registration_attempts_by_time ON usercore_registration_attempts (at);

CREATE INDEX usercore_registration_attempts_without_user ON usercore_registration_attempts (tenant_id, id) WHERE (user_id < 0);

CREATE INDEX usercore_registration_attempts_unknown ON usercore_registration_attempts (at) WHERE ((user_id < 0) AND (login IS NOT NULL));

CREATE INDEX usercore_registration_attempts_by_login ON usercore_registration_attempts (tenant_id, login_digest) WHERE (login IS NOT NULL);

CREATE INDEX usercore_registration_attempts_by_user_agent ON usercore_registration_attempts (user_agent) WHERE (user_agent IS NOT NULL);

CREATE TABLE usercore_failure_counters (
    key bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    tries bigint NOT NULL,
    reset_up_to bigint NOT NULL,
    wrong_passwords bigint NOT NULL,
    since bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (key)
);

CREATE INDEX usercore_failure_counters_stale ON usercore_failure_counters (last_at) WHERE (((kind <> 'account') AND (kind <> 'second_factor')) OR ((tries = reset_up_to) AND (wrong_passwords = 0)));

CREATE TABLE usercore_rate_limits (
    key bytea NOT NULL,
    started_at bigint NOT NULL,
    used bigint NOT NULL,
    PRIMARY KEY (key)
);

CREATE INDEX usercore_rate_limits_by_start ON usercore_rate_limits (started_at);

CREATE TABLE usercore_passkeys (
    user_id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    credential_id bytea NOT NULL,
    id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    aaguid text COLLATE "C" NOT NULL,
    transports text COLLATE "C" NOT NULL,
    backup_eligible boolean NOT NULL,
    backed_up boolean NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint,
    PRIMARY KEY (tenant_id, credential_id)
);

CREATE INDEX usercore_passkeys_by_user ON usercore_passkeys (user_id, id);

CREATE TABLE usercore_meta (
    digest bytea NOT NULL,
    user_id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    public boolean NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE INDEX usercore_meta_by_key ON usercore_meta (tenant_id, key, user_id);

CREATE INDEX usercore_meta_by_value ON usercore_meta (tenant_id, digest, user_id);

CREATE TABLE usercore_address_types (
    tenant_id bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C",
    sorting bigint NOT NULL,
    accepts_at_once boolean NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE TABLE usercore_addresses (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    is_default boolean NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    removed_at bigint,
    removed_by text COLLATE "C",
    PRIMARY KEY (user_id, id)
);

CREATE TABLE usercore_address_versions (
    first_name text COLLATE "C",
    last_name text COLLATE "C",
    company_name text COLLATE "C",
    street text COLLATE "C",
    number text COLLATE "C",
    city text COLLATE "C",
    zip text COLLATE "C",
    country text COLLATE "C",
    company_id text COLLATE "C",
    tax_id text COLLATE "C",
    vat_id text COLLATE "C",
    phone text COLLATE "C",
    title text COLLATE "C",
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    address_id bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    valid_from text COLLATE "C" NOT NULL,
    valid_until text COLLATE "C",
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE usercore_change_requests (
    first_name text COLLATE "C",
    last_name text COLLATE "C",
    company_name text COLLATE "C",
    street text COLLATE "C",
    number text COLLATE "C",
    city text COLLATE "C",
    zip text COLLATE "C",
    country text COLLATE "C",
    company_id text COLLATE "C",
    tax_id text COLLATE "C",
    vat_id text COLLATE "C",
    phone text COLLATE "C",
    title text COLLATE "C",
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    address_id bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    valid_from text COLLATE "C",
    replaces_id bigint,
    requested_at bigint NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    decided_at bigint,
    decided_by text COLLATE "C",
    reason text COLLATE "C",
    version_id bigint,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX usercore_change_requests_open ON usercore_change_requests (tenant_id, id) WHERE (decided_at IS NULL);

CREATE TABLE usercore_roles (
    name_folded text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    active boolean NOT NULL,
    privileged boolean NOT NULL,
    permissions text COLLATE "C",
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    change_no bigint NOT NULL,
    deleted_at bigint,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX usercore_roles_by_name ON usercore_roles (tenant_id, name_folded) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_roles_deleted ON usercore_roles (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE TABLE usercore_role_assignments (
    user_id bigint NOT NULL,
    role_id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    id bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (user_id, role_id)
);

CREATE INDEX usercore_role_assignments_by_role ON usercore_role_assignments (role_id);

CREATE TABLE usercore_groups (
    name_folded text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    sorting bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    modified_at bigint NOT NULL,
    modified_by text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    change_no bigint NOT NULL,
    deleted_at bigint,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX usercore_groups_by_name ON usercore_groups (tenant_id, name_folded) WHERE (deleted_at IS NULL);

CREATE INDEX usercore_groups_deleted ON usercore_groups (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX usercore_groups_by_sorting ON usercore_groups (tenant_id, sorting, name_folded) WHERE (deleted_at IS NULL);

CREATE TABLE usercore_group_members (
    user_id bigint NOT NULL,
    group_id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    joined_at bigint NOT NULL,
    added_by text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, group_id)
);

CREATE INDEX usercore_group_members_by_joining ON usercore_group_members (group_id, joined_at, user_id);

CREATE TABLE usercore_product_grants (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    product_id text COLLATE "C" NOT NULL,
    valid_from bigint NOT NULL,
    valid_until bigint,
    granted_at bigint NOT NULL,
    granted_by text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX usercore_product_grants_by_product ON usercore_product_grants (user_id, product_id);

CREATE TABLE usercore_history (
    subject_id bigint NOT NULL,
    subject text COLLATE "C" NOT NULL,
    change_no bigint NOT NULL,
    position bigint NOT NULL,
    tenant_id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    ip text COLLATE "C",
    source text COLLATE "C",
    old_text text COLLATE "C",
    new_text text COLLATE "C",
    PRIMARY KEY (subject_id, subject, change_no, position)
);

CREATE INDEX usercore_history_unknown ON usercore_history (at) WHERE (subject = 'unknown_login');

CREATE INDEX usercore_history_by_actor ON usercore_history (actor) WHERE ((actor <> 'host') AND (ip IS NOT NULL));

CREATE TABLE usercore_actions (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant_id bigint NOT NULL,
    action text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    ip text COLLATE "C",
    source text COLLATE "C",
    params_text text COLLATE "C",
    PRIMARY KEY (user_id, id)
);

CREATE INDEX usercore_actions_by_id ON usercore_actions (tenant_id, id, user_id);

CREATE INDEX usercore_actions_by_action ON usercore_actions (tenant_id, action, id, user_id);

CREATE INDEX usercore_actions_by_time ON usercore_actions (at);

CREATE INDEX usercore_actions_by_actor ON usercore_actions (actor) WHERE ((actor <> 'host') AND (ip IS NOT NULL));

CREATE TABLE usercore_deliveries (
    subject_id bigint NOT NULL,
    subject text COLLATE "C" NOT NULL,
    change_no bigint NOT NULL,
    position bigint NOT NULL,
    subscriber text COLLATE "C" NOT NULL,
    tenant_id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    generation bigint,
    ordering_key bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    due_at bigint NOT NULL,
    tries bigint NOT NULL,
    lease_no bigint NOT NULL,
    problem text COLLATE "C",
    failing_since bigint,
    finished_at bigint,
    PRIMARY KEY (subject_id, subject, change_no, position, subscriber)
);

CREATE INDEX usercore_deliveries_due ON usercore_deliveries (subscriber, due_at) WHERE (state = 'pending');

CREATE INDEX usercore_deliveries_failed ON usercore_deliveries (tenant_id) WHERE (state = 'failed');

CREATE INDEX usercore_deliveries_done ON usercore_deliveries (finished_at) WHERE (state = 'done');
