"""What an import reads and writes in its unit: new users in bulk, changed ones one by one."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from usercore.importing.candidates import Candidate
from usercore.importing.plan import Creation, Known, Step, Update, sought_ids
from usercore.importing.ports import ImportUnit
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain, UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.passwords.model import PasswordChange
from usercore.passwords.service import add_imported, store_password
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.service import revoke_all
from usercore.users.email_changes import cancel_changes
from usercore.users.keys import is_same_address
from usercore.users.model import IMPORTED, User
from usercore.users.rules import is_over
from usercore.users.service import make_claim, replace_user


def find_known(unit: ImportUnit, batch: Iterable[Candidate], *, at: datetime) -> Known:
    """Return what the records of the batch may refer to or collide with."""
    records = [candidate.record for candidate in batch if candidate.record is not None]
    found = unit.claims.find_many(list(dict.fromkeys(name for record in records for name in record.claims)))
    over = [claim for claim in found if is_over(claim, at)]
    claims = [claim for claim in found if claim not in over] if over else found
    users = unit.users.get_many(sorted(sought_ids(records, claims)))
    has_hashes = any(record.password_hash is not None for record in records)
    credentials = unit.credentials.get_many([user.id for user in users]) if has_hashes and users else []
    return Known(users, claims, credentials, over)


def store_steps(unit: ImportUnit, tenant_id: TenantId, known: Known, steps: Sequence[Step]) -> None:
    """Store what was planned, in its order, because a key may move from one user to the next."""
    _drop_counts(unit, tenant_id, steps)
    _lock(unit, steps)
    if known.over:
        unit.claims.release(known.over)
    _check_credentials(unit, known, steps)
    made: list[Creation] = []
    for step in steps:
        if isinstance(step, Creation):
            made.append(step)
        elif isinstance(step, Update):
            _add(unit, made)
            made.clear()
            _replace(unit, step)
    _add(unit, made)


def _drop_counts(unit: ImportUnit, tenant_id: TenantId, steps: Iterable[Step]) -> None:
    """Drop the counts of the days that lose or gain a registration; the tenant is locked before any user."""
    instants = [at for step in steps for at in _moved_registrations(step)]
    if instants:
        unit.lock_tenant(tenant_id)
        unit.registration_counts.drop(min(instants), max(instants))


def _moved_registrations(step: Step) -> list[datetime]:
    if isinstance(step, Creation):
        registered_at = step.user.registered_at
        return [] if registered_at in (None, step.user.modified_at) else [registered_at]
    if isinstance(step, Update) and step.old.registered_at != step.new.registered_at:
        return [at for at in (step.old.registered_at, step.new.registered_at) if at is not None]
    return []


def _lock(unit: ImportUnit, steps: Iterable[Step]) -> None:
    """Lock the users that change, lower id first, and check that they are as they were read."""
    made, seen = set[UserId](), dict[UserId, User]()
    for step in steps:
        if isinstance(step, Creation):
            made.add(step.user.id)
        elif isinstance(step, Update) and step.old.id not in made:
            seen.setdefault(step.old.id, step.old)
    for user_id in sorted(seen):
        if not _is_still(unit, seen[user_id]):
            raise RunAgain


def _check_credentials(unit: ImportUnit, known: Known, steps: Iterable[Step]) -> None:
    """Check that the passwords to be replaced are as they were read: a sign-in rehashes them meanwhile."""
    changing = {step.old.id for step in steps if isinstance(step, Update) and step.password_hash is not None}
    if not changing:
        return
    as_read = {credential.user_id: credential for credential in known.credentials if credential.user_id in changing}
    present = {credential.user_id: credential for credential in unit.credentials.get_many(sorted(changing))}
    if present != as_read:
        raise RunAgain


def _is_still(unit: ImportUnit, user: User) -> bool:
    try:
        present = unit.users.lock(user.id)
    except UserNotFound:
        return False
    return evolve(present, change_no=user.change_no) == user


def _add(unit: ImportUnit, steps: Sequence[Creation]) -> None:
    if not steps:
        return
    users = [step.user for step in steps]
    # Generators, so that the garbage collector does not traverse lists that are discarded at once.
    unit.claims.add_many(make_claim(step.user, *name, use) for step in steps for name, use in step.claims.items())
    unit.users.add_many(users)
    for user in users:
        unit.record(Change(kind=IMPORTED, subject_id=user.id, new=user))
    add_imported(
        unit,
        {step.user.id: step.password_hash for step in steps if step.password_hash is not None},
        at=users[0].modified_at,
    )


def _replace(unit: ImportUnit, step: Update) -> None:
    old, new = step.old, step.new
    if new is not old:
        replace_user(unit, old, new, IMPORTED, at=new.modified_at, by=new.modified_by)
    if not is_same_address(old.email, new.email):
        cancel_changes(unit, new, at=new.modified_at)
        revoke_all(unit, old.id, RevocationReason.EMAIL_CHANGED, at=new.modified_at)
    if step.password_hash is not None:
        hashed = step.password_hash, None
        credential = store_password(unit, old.id, hashed, at=step.at, reason=PasswordChange.IMPORT)
        if credential.version > 1:  # there was another one, so tokens may exist that it opened
            revoke_all(unit, old.id, RevocationReason.PASSWORD_SET, at=step.at)
