"""Every public method is called: a call stores rows in history exactly if it changes stored state."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.faults.filled_stores import build
from tests.faults.public_calls import CALLS, Call
from tests.fixtures import empty_sqlite
from tests.services.helpers import TRIES, Dump, changed, dump
from usercore.storage import KINDS, Storage
from usercore.testing import WatchedStorage
from usercore_storage import memory

NO_CHANGES: Final = TRIES | {"actions", "deliveries", "history", "registration_counts", "source_accesses"}
"""Tables whose changes are not recorded in history, and history itself."""

NO_CHANGE: Final = {"last_used_at", "last_sign_in_at", "last_sign_in_ip"}

ASKS_FOR_MAIL: Final = {"emails.send_confirmation", "passwords.request_reset"}
"""Calls that are recorded although they change nothing: the link is issued when the mail is sent."""

EXPECTED: Final[dict[str, list[str]]] = {
    "tenants.create": ["tenant.created"],
    "tenants.update": ["tenant.updated"],
    "tenants.activate": ["tenant.activated"],
    "tenants.deactivate": ["tenant.deactivated"],
    "users.update": ["user.updated"],
    "users.link_external_id": ["user.ids_changed"],
    "users.unlink_external_id": ["user.ids_changed"],
    "users.set_access_ids": ["user.ids_changed"],
    "users.activate": ["user.activated"],
    "users.deactivate": ["user.deactivated", "tokens.revoked"],
    "registration.register": [
        "user.registered",
        "password.set",
        "user.welcomed",
        "access_token.issued",
        "device_token.paired",
    ],
    "registration.claim": [
        "meta.deleted",
        "meta.set",
        *["address.moved"] * 2,
        "user.claimed_away",
        "user.claimed",
        "device_token.paired",
    ],
    "registration.register_external": ["user.registered", "user.welcomed"],
    "registration.request": ["registration.requested"],
    "registration.complete": [
        "user.registered",
        "password.set",
        "access_token.issued",
        "registration.completed",
        "device_token.paired",
    ],
    "registration.import_users": ["user.imported"] * 2,
    "passwords.request_reset": ["password.reset_requested"],
    "passwords.change": ["password.set", "tokens.revoked", "password.replaced"],
    "passwords.reset": ["link.redeemed", "password.set", "tokens.revoked", "password.replaced"],
    "passwords.set": ["password.set", "tokens.revoked", "password.replaced"],
    "passwords.mark_suspicious": ["password.set", "tokens.revoked", "password.suspected"],
    "sign_in.authenticate": ["access_token.issued", "device_token.paired"],
    "sign_in.with_password": ["access_token.issued", "device_token.paired"],
    "sign_in.with_login_token": ["login_token.redeemed", "access_token.issued", "device_token.paired"],
    "sign_in.with_autologin_token": ["autologin_token.redeemed", "access_token.issued", "device_token.paired"],
    "sign_in.trusted": ["access_token.issued", "device_token.paired"],
    "sign_in.with_access_token": ["device_token.paired"],
    "device_tokens.issue": ["device_token.issued"],
    "device_tokens.pair": ["device_token.paired"],
    "device_tokens.unpair": ["device_token.unpaired"],
    "users.confirm": ["user.confirmed"],
    "emails.request_change": ["user.email_change_requested"],
    "emails.confirm_change": ["link.redeemed", "user.email_changed", "tokens.revoked"],
    "emails.undo_change": ["link.redeemed", "user.email_changed", "tokens.revoked", "user.email_change_undone"],
    "emails.send_confirmation": ["user.confirmation_requested"],
    "emails.confirm": ["link.redeemed", "user.confirmed"],
    "emails.change": ["user.email_changed", "user.email_replaced", "tokens.revoked"],
    "emails.set_verified": ["user.email_verification_changed"],
    "access_tokens.revoke": ["access_token.revoked"],
    "access_tokens.revoke_by_id": ["access_token.revoked"],
    "access_tokens.revoke_all": ["tokens.revoked"],
    "roles.create": ["role.created"],
    "roles.update": ["role.updated"],
    "roles.delete": ["role.deleted"],
    "roles.give": ["role.given"],
    "roles.take": ["role.taken"],
    "roles.require": ["user.role_requirement_changed"],
    "api_tokens.authorize": [],
    "api_tokens.issue": ["api_token.issued"],
    "api_tokens.grant": ["api_token.grants_changed"],
    "api_tokens.revoke_grants": ["api_token.grants_changed"],
    "api_tokens.set_addresses": ["api_token.addresses_changed"],
    "api_tokens.activate": ["api_token.activated"],
    "api_tokens.deactivate": ["api_token.deactivated"],
    "api_tokens.revoke": ["api_token.revoked"],
    "api_tokens.revoke_by_id": ["api_token.revoked"],
    "autologin_tokens.issue": ["autologin_token.issued"],
    "autologin_tokens.revoke": ["autologin_token.revoked"],
    "autologin_tokens.revoke_by_id": ["autologin_token.revoked"],
    "login_tokens.issue": ["login_token.issued"],
    "login_tokens.issue_many": ["login_token.issued"] * 2,
}
"""The exact kinds of some calls. Any other call must store rows if it changes something, and none if not."""


def state_in(dump: Dump) -> Dump:
    """Return the tables that count as changed."""
    return {
        table: [{field: value for field, value in row.items() if field not in NO_CHANGE} for row in rows]
        for table, rows in dump.items()
        if table not in NO_CHANGES
    }


def history_in(dump: Dump) -> Counter[str]:
    return Counter(row["kind"].strip("'") for row in dump.get("history", []))


@cache
def recorded_in_memory(call: Call) -> tuple[Counter[str], bool]:
    return recorded_by(call, memory.open_storage("memory://"))


def recorded_by(call: Call, storage: Storage) -> tuple[Counter[str], bool]:
    """Make a call on an empty store; return the kinds of its rows in history, and whether anything else changed."""
    filled = build(WatchedStorage(storage))
    arguments, before = call.arguments(filled), dump(filled.core)
    call.of(filled)(**arguments)
    after = dump(filled.core)
    return history_in(after) - history_in(before), bool(changed(state_in(before), state_in(after)))


@pytest.mark.rule("X2")
@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("place", ["memory", pytest.param("sqlite", marks=pytest.mark.thorough)])
def test_a_call_is_recorded_exactly_if_it_changes_something(call: Call, place: str, tmp_path: Path) -> None:
    kinds, has_changed = recorded_in_memory(call) if place == "memory" else recorded_by(call, empty_sqlite(tmp_path))
    is_right = has_changed == bool(kinds) or str(call) in ASKS_FOR_MAIL
    assert is_right, f"{call} must record a Change exactly if it changes something"
    if str(call) in EXPECTED:
        assert kinds == Counter(EXPECTED[str(call)])


@pytest.mark.rule("X2")
def test_every_kind_of_change_is_recorded_by_some_call() -> None:
    seen = {kind for call in CALLS for kind in recorded_in_memory(call)[0]}
    missing = sorted(KINDS.keys() - seen - ELSEWHERE)
    assert not missing, f"no call of tests/faults/public_calls.py records {missing}: give it samples that do"


ELSEWHERE: Final = {
    "access_token.asserted_by_host",
    "password.reset_of_unknown",
    "registration.known",
    "user.erased",
    "user.unclaimed_created",
}
"""Kinds of calls with other arguments than the samples; their own tests record them."""
