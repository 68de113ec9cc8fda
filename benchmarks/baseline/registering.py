"""W3 by hand: register a user of a host that has its own sign-in."""

import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from unicodedata import normalize

import idna
from email_validator import validate_email

from benchmarks.baseline.store import TENANT, Store, micros_of, to_json
from benchmarks.baseline.users import COLUMNS, user_of
from benchmarks.people import Person
from usercore.kernel.errors import RateLimited, Taken
from usercore.kernel.ids import TenantId, UserId
from usercore.users.model import User
from usercore.workflows.registering import Registration

_PAUSE: Final = timedelta(seconds=5)
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LANGUAGE: Final = re.compile("[a-z]{2,3}(-[A-Z]{2})?").fullmatch

_USE: Final = (
    "INSERT INTO usercore_allowances (key, started_at, used) VALUES (?1, ?2, 1) ON CONFLICT (key) DO UPDATE SET"
    " used = CASE WHEN started_at <= ?3 THEN 1 WHEN used > ?4 THEN used ELSE used + 1 END,"
    " started_at = CASE WHEN started_at <= ?3 THEN ?2 ELSE started_at END RETURNING started_at, used"
)
_HOLDER: Final = (
    f"SELECT u.{COLUMNS.replace(', ', ', u.')} FROM usercore_claims AS c JOIN usercore_users AS u ON u.id = c.holder_id"
    f" WHERE c.tenant_id = {TENANT} AND c.digest = ? AND c.key = ? AND c.uses & 1"
)
_CLAIM: Final = (
    "INSERT INTO usercore_claims (digest, tenant_id, space, key, holder_id, uses)"
    f" VALUES (?, {TENANT}, 'login', ?, ?, 1), (?, {TENANT}, 'external', ?, ?, 4) ON CONFLICT DO NOTHING"
)
_ADD: Final = (
    "INSERT INTO usercore_users (id, tenant_id, state, email, external_id, first_name, last_name, language, source,"
    " is_institution, created_at, created_by, modified_at, modified_by, version, change_no)"
    f" VALUES (?1, {TENANT}, 'active', ?2, ?3, ?4, ?5, ?6, 'unknown', 0, ?7, 'host', ?7, 'host', 1, 1)"
)
_RECORD: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', 1, 0, {TENANT}, 'user.registered', ?, 'host', ?)"
)
_DELIVER: Final = (
    "INSERT INTO usercore_deliveries (subject_id, subject, change_no, position, subscriber, tenant_id, kind, state,"
    " made_at, due_at, tries, lease_no)"
    f" VALUES (?1, 'user', 1, 0, ?2, {TENANT}, 'user.registered', 'pending', ?3, ?3, 0, 0)"
)
_ATTEMPT: Final = (
    "INSERT INTO usercore_registration_attempts (user_id, id, tenant_id, login, status, at)"
    f" VALUES (?, ?, {TENANT}, ?, ?, ?)"
)


class Registering(Store):
    """Registers, with the claims, limits, history, delivery and attempt that usercore keeps, too."""

    subscriber = "crm"

    def register(self, person: Person) -> Registration:
        """Register somebody, or give who has the email."""
        email = validate_email(person.email, check_deliverability=False, strict=True).normalized
        first_name, last_name = _name(person.first_name), _name(person.last_name)
        language, external_id = _clean_language(person.language), _clean_id(person.external_id)
        return self._in_transaction(
            lambda: self._register(email, first_name, last_name, language, external_id), email
        )

    def _register(self, email: str, first_name: str, last_name: str, language: str, external_id: str) -> Registration:
        execute, now, key = self.execute, self.clock(), _key_of(email)
        at = micros_of(now)
        self._limit("pause", key, at, _PAUSE, 1)
        digest = sha256(f"login\0{key}".encode()).digest()[:16]
        holder = execute(_HOLDER, (digest, key)).fetchone()
        if holder is not None:
            execute(_ATTEMPT, (holder[0], self.new_id(), email, "taken_email", at))
            return Registration(user=user_of(holder), created=False)
        self._limit("email", key, at, _DAY, 5)
        user = _user(self.new_id(), email, first_name, last_name, language, external_id, now)
        linked = sha256(f"external\0{external_id}".encode()).digest()[:16]
        if execute(_CLAIM, (digest, key, user.id, linked, external_id, user.id)).rowcount != 2:
            raise Taken("external", "external_id")
        execute(_ADD, (user.id, email, external_id, first_name, last_name, language, at))
        execute(_RECORD, (user.id, at, to_json(_shown(user))))
        execute(_DELIVER, (user.id, self.subscriber, at))
        execute(_ATTEMPT, (user.id, self.new_id(), email, "ok", at))
        return Registration(user=user)
