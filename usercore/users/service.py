"""Steps that several use-cases share: finding, storing and replacing users with their claims."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.entity import differing, evolve
from usercore.kernel.errors import Taken, UserNotFound
from usercore.kernel.references import Reference, check_user_id
from usercore.users.identifiers import (
    claims_of,
    field_of,
    in_order,
)
from usercore.users.keys import KeySpace, KeyUse, claim_of
from usercore.users.model import IDENTIFIERS, Claim, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.rules import is_over, without_email_as_name


def get_user(unit: UsersUnit, reference: Reference) -> User:
    """Return the user with this reference.

    Raises:
        UserNotFound: no user of the unit's tenant has this reference, or it was erased.
        Invalid: an identifier of this form cannot exist.
    """
    user = _find_user(unit, reference)
    if user is None or user.state is UserState.ERASED:
        raise UserNotFound
    return user


def _find_user(unit: UsersUnit, reference: Reference) -> User | None:
    if isinstance(reference, int):
        return unit.users.get(check_user_id(reference))
    if isinstance(reference, UUID):
        return unit.users.find_by_uuid(reference)
    return unit.users.find_by_claim(claim_of(reference))


def move_claims(unit: UsersUnit, old: User, new: User, *, at: datetime) -> None:
    """Claim the keys that the new state's identifiers need, and free those that only the old state needed.

    A key that is held stays claimed, without a use.

    All keys are checked before the first is claimed, so a refusal precedes every write.

    Raises:
        Taken: another user has one of the keys.
    """
    had, needs = claims_of(old), claims_of(new)
    wanted = {name: uses for name, uses in needs.items() if had.get(name) != uses}
    dropped = in_order(had.keys() - needs.keys())
    found = unit.claims.find_many([*wanted, *dropped])
    check_free(found, new, wanted, at=at)
    release_over(unit, found, at=at)
    holds = {(one.space, one.key): one.held_until for one in found if one.held_until and at < one.held_until}
    for name in in_order(wanted):
        unit.claims.put(make_claim(new, *name, wanted[name], held_until=holds.get(name)))
    for name in dropped:
        if name in holds:
            unit.claims.put(make_claim(old, *name, KeyUse(0), held_until=holds[name]))
    gone = [make_claim(old, *name, had[name]) for name in dropped if name not in holds]
    if gone:
        unit.claims.remove(gone)


def release_over(unit: UsersUnit, found: Iterable[Claim], *, at: datetime) -> None:
    """Remove those claims that were only held, and no longer are, so that another user can have their keys."""
    over = [claim for claim in found if is_over(claim, at)]
    if over:
        unit.claims.release(over)


def hold_key(unit: UsersUnit, user: User, space: KeySpace, key: str, *, until: datetime | None) -> None:
    """Hold a key of a locked user until an instant, whether the user uses it or not; None ends the hold."""
    claim = unit.claims.find(space, key)
    if claim is not None and claim.holder_id != user.id:
        return  # the hold had ended by the clock of another process, and the key is another user's
    uses = 0 if claim is None else claim.uses
    if uses or until is not None:
        unit.claims.put(make_claim(user, space, key, KeyUse(uses), held_until=until))
    elif claim is not None:
        unit.claims.remove([claim])


def check_free(
    found: Iterable[Claim], user: User, wanted: Mapping[tuple[KeySpace, str], KeyUse], *, at: datetime
) -> None:
    """Refuse the wanted keys if another user has a claim that was found on one of them, or one that is held still.

    Raises:
        Taken: one of the keys is another user's. It names the first of several, so pass the most important one first.
    """
    holders = {(claim.space, claim.key): claim.holder_id for claim in found if not is_over(claim, at)}
    for name, uses in wanted.items():
        if holders.get(name, user.id) != user.id:
            raise Taken(str(name[0]), field_of(uses))


def make_claim(user: User, space: KeySpace, key: str, uses: KeyUse, *, held_until: datetime | None = None) -> Claim:
    """Return the user's claim on a key."""
    return Claim(
        tenant_id=user.tenant_id, space=space, key=key, holder_id=user.id, uses=int(uses), held_until=held_until
    )


def add_user(unit: UsersUnit, user: User, kind: ChangeKind, *, found: Iterable[Claim] | None = None) -> None:
    """Store a new user and its claims, and record the change.

    Raises:
        Taken: another user has one of the keys.
    """
    needs = claims_of(user)
    if found is None:
        found = unit.claims.find_before_adding(list(needs))
    check_free(found, user, needs, at=user.modified_at)
    release_over(unit, found, at=user.modified_at)
    unit.claims.add_many([make_claim(user, *name, needs[name]) for name in in_order(needs)])
    unit.users.add(user)
    unit.record(Change(kind=kind, subject_id=user.id, new=user))


def replace_user(unit: UsersUnit, old: User, new: User, kind: ChangeKind, *, at: datetime, by: str) -> User:
    """Store the next state of a locked user, its claims and version, and record the change if anything differs.

    Raises:
        Taken: another user has one of the keys.
    """
    new = without_email_as_name(new)
    changed = differing(old, new)
    if not changed:
        return old
    if any(name in changed for name in IDENTIFIERS):
        move_claims(unit, old, new, at=at)
    stored = evolve(new, modified_at=at, modified_by=by, version=old.version + 1)
    unit.users.replace(stored)
    unit.record(Change(kind=kind, subject_id=old.id, old=old, new=stored))
    return stored
