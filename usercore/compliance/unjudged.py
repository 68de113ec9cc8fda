"""The fields of the policy that no check judges, by the reason: no clause says which values they may have."""

from collections.abc import Mapping
from typing import Final

UNJUDGED: Final[Mapping[str, tuple[str, ...]]] = {
    "sizes and costs: they bound what a call or a stored hash may take of the machine": (
        "passwords.max_memory_kib",
        "passwords.max_passes",
        "passwords.max_lanes",
        "passwords.hashes_at_once",
        "passwords.max_waiting",
        "passwords.max_wait",
        "passwords.imported_hashes.max_bcrypt_cost",
        "passwords.imported_hashes.max_pbkdf2_iterations",
        "passwords.imported_hashes.max_sha_crypt_rounds",
        "passwords.imported_hashes.max_phpass_cost",
        "second_factors.max_factors",
        "search.max_candidates",
        "search.max_words",
        "login_tokens.max_at_once",
        "api_tokens.max_resources",
        "api_tokens.max_addresses",
        "passkeys.max_per_user",
        "meta.max_bytes",
        "addresses.max_addresses",
        "action_log.max_bytes",
    ),
    "any value is safe: the memory and the passes of a hash decide": (
        "passwords.profile.name",
        "passwords.profile.lanes",
        "passwords.profile.source",
    ),
    "secrets that imported hashes were computed with": (
        "passwords.imported_hashes.firebase_key",
        "passwords.imported_hashes.devise_pepper",
    ),
    "how many calls a limit admits: that there is one is checked": (
        "registration.per_ip",
        "registration.per_email",
        "registration.per_email_pause",
        "resets.per_account",
        "resets.per_ip",
    ),
    "finer settings of waits: their beginning and their maximum are checked": (
        "throttles.address_failures_before_wait",
        "throttles.address_window",
        "throttles.first_wait",
        "throttles.forgotten_after",
        "throttles.ipv6_prefix",
    ),
    "how many recovery codes a user has, and how long an enrollment may take": (
        "second_factors.recovery_codes",
        "second_factors.enrollment_lifetime",
    ),
    "which emails users may have": ("emails.special_domains", "registration.blocked_domains"),
    "how precisely the last use is known": ("access_tokens.write_use_every",),
    "an undone change of an email restores an account and does not sign in": ("links.undo_lifetime",),
    "how long rows are stored that sign no user in: the host's law decides": (
        "device_tokens.unpaired_retention",
        "retention.tokens",
        "retention.actions",
        "retention.registration_addresses",
        "retention.remove_unconfirmed_after",
        "retention.throttles",
    ),
    "the host's own rules and names": (
        "meta.rules",
        "addresses.requester_may_accept",
        "addresses.checks",
        "mail.product",
    ),
    "when deliveries are repeated": (
        "deliveries.batch",
        "deliveries.lease",
        "deliveries.first_pause",
        "deliveries.max_pause",
        "deliveries.set_aside_after",
        "deliveries.relay_pause",
    ),
    "when days are counted": ("statistics.closes_after",),
}
