"""W3 by hand: register a user of a host that has its own sign-in."""

import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from benchmarks.baseline.emails import clean_email, key_of
from benchmarks.baseline.store import TENANT, ByHand, line, micros_of, to_json
from benchmarks.baseline.users import COLUMNS, user_of
from benchmarks.baseline.words import ADD as ADD_WORD
from benchmarks.baseline.words import words_of
from benchmarks.people import Person
from usercore.kernel.errors import RateLimited, Taken
from usercore.kernel.ids import TenantId, UserId
from usercore.registration.steps import Registration
from usercore.tenants.errors import TenantInactive
from usercore.users.model import User

Refusal = RateLimited | Taken | TenantInactive

PAUSE: Final = timedelta(seconds=5)
DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LANGUAGE: Final = re.compile("[a-z]{2,3}(-[A-Z]{2})?").fullmatch

_USE: Final = (
    "INSERT INTO usercore_rate_limits AS a (key, started_at, used) VALUES (?1, ?2, 1) ON CONFLICT (key) DO UPDATE SET"
    " used = CASE WHEN a.started_at <= ?3 OR a.started_at > ?5 THEN 1 WHEN a.used > ?4 THEN a.used ELSE a.used + 1 END,"
    " started_at = CASE WHEN a.started_at <= ?3 OR a.started_at > ?5 THEN ?2 ELSE a.started_at END RETURNING used"
)
_LOOK: Final = (
    f"SELECT n.active, u.{COLUMNS.replace(', ', ', u.')} FROM usercore_tenants AS n LEFT JOIN usercore_claims AS c"
    " ON c.tenant_id = n.id AND c.digest = ? AND c.key = ? AND (c.uses & 1) = 1"
    f" LEFT JOIN usercore_users AS u ON u.id = c.holder_id WHERE n.id = {TENANT}"
)
_CLAIM: Final = (
    "INSERT INTO usercore_claims (holder_id, digest, tenant_id, space, key, uses)"
    f" VALUES (?1, ?2, {TENANT}, 'login', ?3, 1), (?1, ?4, {TENANT}, 'external', ?5, 4) ON CONFLICT DO NOTHING"
)
_CLAIMS: Final = 2
_UNCLAIM: Final = f"DELETE FROM usercore_claims WHERE tenant_id = {TENANT} AND digest IN (?, ?) AND holder_id = ?"
_ADD: Final = (
    "INSERT INTO usercore_users (id, tenant_id, state, email, external_id, first_name, last_name, language, source,"
    " is_institution, requires_role, registered_at, created_at, created_by, modified_at, modified_by, version,"
    " change_no)"
    f" VALUES (?1, {TENANT}, 'active', ?2, ?3, ?4, ?5, ?6, 'unknown', FALSE, FALSE, ?7, ?7, 'host', ?7, 'host', 1, 1)"
)
_RECORD: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', 1, 0, {TENANT}, 'user.registered', ?, 'host', ?)"
)
_DELIVER: Final = (
    "INSERT INTO usercore_deliveries (subject_id, subject, change_no, position, subscriber, tenant_id, kind,"
    " ordering_key, state, made_at, due_at, tries, lease_no)"
    f" VALUES (?1, 'user', 1, 0, ?2, {TENANT}, 'user.registered', 0, 'pending', ?3, ?3, 0, 0)"
)
_ATTEMPT: Final = (
    "INSERT INTO usercore_registration_attempts (user_id, id, tenant_id, login, login_digest, status, at)"
    f" VALUES (?, ?, {TENANT}, ?, ?, ?, ?)"
)


class RegistrationSteps(ByHand):
    """Registers, with the limits, claims, history, delivery and attempt that usercore stores, too."""

    subscriber = "crm"

    def register(self, person: Person) -> Registration:
        """Register a user, or return the one who has the email.

        Raises:
            RateLimited: too many attempts with this email.
            TenantInactive: the tenant is inactive.
            Taken: another user has the external id.
        """
        applicant = clean(person)
        outcome = self.store.write(self._register, applicant)
        if isinstance(outcome, Registration):
            return outcome
        raise outcome

    def _register(self, person: Person) -> Registration | Refusal:
        execute, now, email = self.execute, self.clock(), person.email
        at, key = micros_of(now), key_of(email)
        digest, found = _digest_of(key), self.look(key)
        if not isinstance(found, list):
            return self._refused(*found, email, at)
        if not self.may_use("pause", key, at, PAUSE, 1):
            return self._refused(RateLimited(PAUSE), "rate_limited", email, at)
        if found[0] is not None:
            execute(_ATTEMPT, (found[0], self.new_id(), email, digest, "taken_email", at))
            return Registration(user=user_of(tuple(found)), created=False)
        if not self.may_use("email", key, at, DAY, 5):
            return self._refused(RateLimited(DAY), "rate_limited", email, at)
        user = user_from(person, self.new_id(), now)
        linked = _linked(person)
        if execute(_CLAIM, (user.id, digest, key, *linked)).rowcount < _CLAIMS:
            execute(_UNCLAIM, (digest, linked[0], user.id))
            return self._refused(Taken("external", "external_id"), "taken_external_id", email, at)
        execute(_ADD, (user.id, email, person.external_id, person.first_name, person.last_name, person.language, at))
        words = words_of(email, person.first_name, person.last_name)
        self.many(ADD_WORD, [(user.id, word) for word in words])
        execute(_RECORD, (user.id, at, to_json(_shown(person))))
        execute(_DELIVER, (user.id, self.subscriber, at))
        execute(_ATTEMPT, (user.id, self.new_id(), email, digest, "ok", at))
        return Registration(user=user)

    def look(self, key: str) -> list[Any] | tuple[Refusal, str]:
        """Return the columns of the user who has this key, each None if no user has it, or why it is refused."""
        active, *holder = self.execute(_LOOK, (_digest_of(key), key)).fetchone()
        return holder if active else (TenantInactive(), "vetoed")

    def limit_key(self, what: str, key: str) -> bytes:
        """Return the key of a rate limit of an email."""
        return hmac.digest(self.key, f"registration\0{what}\0{TENANT}\0{key}".encode(), "sha256")

    def may_use(self, what: str, key: str, at: int, window: timedelta, most: int) -> bool:
        """Count a registration against a limit of an email, and return whether it is allowed."""
        name, length = self.limit_key(what, key), window // _MICROSECOND
        (used,) = self.execute(_USE, (name, at, at - length, most, at + length)).fetchone()
        return int(used) <= most

    def _refused(self, error: Refusal, status: str, email: str, at: int) -> Refusal:
        self.execute(_ATTEMPT, (0, self.new_id(), email, _digest_of(key_of(email)), status, at))
        return error

    def register_barely(self, person: Person) -> User:
        """Register a user, and store only user and claims."""
        applicant = clean(person)
        return self.store.write(self._register_barely, applicant)

    def _register_barely(self, applicant: Person) -> User:
        now, key = self.clock(), key_of(applicant.email)
        user = user_from(applicant, self.new_id(), now)
        self.execute(_CLAIM, (user.id, _digest_of(key), key, *_linked(applicant)))
        names = applicant.first_name, applicant.last_name
        self.execute(
            _ADD, (user.id, applicant.email, applicant.external_id, *names, applicant.language, micros_of(now))
        )
        return user


def clean(person: Person) -> Person:
    """Check the fields of a registration: lengths, no unprintable characters, NFC."""
    if not _LANGUAGE(person.language):
        raise ValueError(person)
    return Person(
        number=person.number,
        email=clean_email(person.email),
        first_name=line(person.first_name),
        last_name=line(person.last_name),
        language=person.language,
        external_id=line(person.external_id),
    )


def _digest_of(key: str) -> bytes:
    return sha256(f"login\0{key}".encode()).digest()[:16]


def _linked(person: Person) -> tuple[bytes, str]:
    return sha256(f"external\0{person.external_id}".encode()).digest()[:16], person.external_id


def user_from(person: Person, number: int, now: datetime) -> User:
    """Return the user for a registration."""
    return User(
        id=UserId(number),
        tenant_id=TenantId(TENANT),
        email=person.email,
        external_id=person.external_id,
        first_name=person.first_name,
        last_name=person.last_name,
        language=person.language,
        registered_at=now,
        created_at=now,
        created_by="host",
        modified_at=now,
        modified_by="host",
    )


def _shown(person: Person) -> dict[str, str]:
    return {
        "state": "active",
        "email": person.email,
        "external_id": person.external_id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "language": person.language,
        "source": "unknown",
    }
