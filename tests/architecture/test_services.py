"""The public attributes of a service are its use-cases, and none of their dependencies."""

from functools import cached_property
from typing import Final

import pytest

import usercore
from usercore import UserCore

METHODS: Final = {
    "access_tokens": {"list", "revoke", "revoke_all", "revoke_by_id"},
    "addresses": {
        "accept",
        "add",
        "declare_type",
        "get",
        "list",
        "open_requests",
        "reject",
        "remove",
        "request_change",
        "requests",
        "set_default",
        "types",
        "version",
        "versions",
    },
    "api_tokens": {
        "activate",
        "authorize",
        "deactivate",
        "grant",
        "issue",
        "list",
        "revoke",
        "revoke_by_id",
        "revoke_grants",
        "set_addresses",
    },
    "autologin_tokens": {"issue", "list", "revoke", "revoke_by_id"},
    "compliance": {"check"},
    "device_tokens": {"issue", "list", "pair", "unpair", "users"},
    "emails": {
        "change",
        "confirm",
        "confirm_change",
        "request_change",
        "send_confirmation",
        "set_verified",
        "undo_change",
    },
    "history": {
        "action_counts",
        "actions",
        "attempts",
        "detail",
        "explain",
        "log_action",
        "of_user",
        "password_changes",
        "source_accesses",
    },
    "groups": {"add", "create", "delete", "get", "list", "members", "of_user", "remove", "update"},
    "login_tokens": {"issue", "issue_many"},
    "meta": {"declared", "delete", "get", "key_users", "list", "upsert"},
    "outbox": {"deliver", "discard", "failed", "pending", "retry"},
    "passwords": {"change", "mark_suspicious", "request_reset", "reset", "set", "unlock"},
    "passkeys": {"begin_registration", "begin_sign_in", "finish_registration", "finish_sign_in", "list", "remove"},
    "privacy": {"erase", "purge"},
    "products": {"grant", "has_access", "list", "revoke"},
    "registration": {
        "check_email",
        "claim",
        "complete",
        "import_users",
        "register",
        "register_external",
        "request",
        "save",
    },
    "roles": {"allows", "create", "delete", "get", "give", "list", "of_user", "require", "take", "update"},
    "second_factors": {
        "begin",
        "begin_by_challenge",
        "confirm",
        "forget_devices",
        "list",
        "recovery_codes",
        "remembered_devices",
        "remove",
    },
    "sign_in": {
        "authenticate",
        "identify",
        "trusted",
        "verify_password",
        "with_access_token",
        "with_autologin_token",
        "with_login_token",
        "with_password",
        "with_second_factor",
    },
    "statistics": {"active", "hashes", "recount", "registrations", "widgets"},
    "tenants": {"activate", "create", "deactivate", "delete", "get", "list", "update"},
    "users": {
        "activate",
        "confirm",
        "deactivate",
        "find",
        "get",
        "link_external_id",
        "list",
        "list_by_ids",
        "preferences",
        "search",
        "set_access_ids",
        "status",
        "unlink_external_id",
        "update",
    },
}
"""The use-cases of each service; a new one has a line in the documentation."""

CORE: Final = {
    "atomic",
    "bind",
    "cleanup",
    "close",
    "context",
    "joined",
    "over",
    "policy",
    "relay",
    "tenant",
} | METHODS.keys()

SERVICES: Final = [name for name, one in vars(UserCore).items() if isinstance(one, cached_property) and name[0] != "_"]


def public(one: object) -> set[str]:
    return {name for name in dir(one) if not name.startswith("_")}


@pytest.fixture(scope="module")
def core() -> UserCore:
    return usercore.open("memory://").tenant("system")


def test_a_core_has_its_services_and_methods_to_bind_and_close_it(core: UserCore) -> None:
    assert set(SERVICES) == METHODS.keys()
    assert public(core) == CORE


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_its_use_cases(name: str, core: UserCore) -> None:
    service = getattr(core, name)
    assert public(service) == METHODS[name]
    assert [attribute for attribute in METHODS[name] if not callable(getattr(service, attribute))] == []
