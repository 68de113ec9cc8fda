"""The steps of erasing a user, for every use-case that erases one: one unit after whose commit nothing is left.

Rows that have the user's id follow from the declarations of rows (``Rows``), in the storage. The other rows are found
here: by identifiers that the user has or had, by keys that are made of these or of the id, and by the actor.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Protocol

from usercore.attempts.ports import AttemptsUnit
from usercore.history.ports import HistoryUnit, PersonalFields
from usercore.kernel.changes import Change, Subject
from usercore.kernel.context import Actor
from usercore.kernel.errors import RunAgain, UserNotFound
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.values import frozen
from usercore.outbox.ports import OutboxUnit
from usercore.privacy.identifiers import Identifiers, identifiers_of
from usercore.storage import KINDS
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.model import RegistrationLink
from usercore.tokens.ports import TokensUnit
from usercore.users.keys import KeySpace
from usercore.users.model import ACTIVATED, CLAIMED, ERASED, Erased, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.rules import erased


class ClaimedUnit(UsersUnit, HistoryUnit, Protocol):
    """What tells whom a user claimed."""


class ErasingUnit(UsersUnit, HistoryUnit, TokensUnit, AttemptsUnit, ThrottlingUnit, OutboxUnit, Protocol):
    """What erasing a user reads and writes."""


BATCH: Final = 1000
"""Rows that one statement removes or blanks. Source: usercore, as in clean-up."""


def _personal_fields(subject: Subject) -> PersonalFields:
    return {kind.name: kind.personal for kind in KINDS.values() if kind.subject is subject and kind.personal}


_FIELDS_OF_USERS: Final = _personal_fields(Subject.USER)
_FIELDS_OF_REQUESTS: Final = _personal_fields(Subject.REGISTRATION)


@frozen(kw_only=True)
class Erasing:
    """When and by which actor a user is erased, why, and the keys of counters. Without a reason none is stored."""

    at: datetime
    by: str
    keys: CounterKeys
    reason: str | None = None


def erase_person(unit: ErasingUnit, user_id: UserId, erasing: Erasing, check: Callable[[User], None]) -> User:
    """Erase a user, and those whom the user claimed: their histories have the values that moved. Return the user.

    ``check`` may refuse each of the locked users by raising.

    Raises:
        UserNotFound: there is no such user in the unit's tenant, or it was erased.
        RunAgain: a user was claimed, activated or erased meanwhile.
    """
    claimed = claimed_by(unit, user_id)
    done = {one: _erase_one(unit, one, user_id, erasing, check) for one in sorted({user_id, *claimed})}
    if claimed_by(unit, user_id):
        raise RunAgain
    return done[user_id]


def claimed_by(unit: ClaimedUnit, user_id: UserId) -> list[UserId]:
    """Return the users whom a user claimed, without those who were activated or erased since.

    A user who was activated is a user of their own from then on, also if deactivated again.
    """
    entries = unit.history.list_of(Subject.USER, user_id, before=None, limit=LIMIT, kind=CLAIMED.name)
    states = unit.users.states_of([UserId(entry.new["other_id"]) for entry in entries])
    return [one for one, state in states.items() if state is UserState.DEACTIVATED and not _was_activated(unit, one)]


def _was_activated(unit: ClaimedUnit, user_id: UserId) -> bool:
    return bool(unit.history.list_of(Subject.USER, user_id, before=None, limit=1, kind=ACTIVATED.name))


def _erase_one(
    unit: ErasingUnit, one: UserId, user_id: UserId, erasing: Erasing, check: Callable[[User], None]
) -> User:
    if one == user_id:
        return erase_user(unit, one, erasing, check)

    def check_claimed(locked: User) -> None:
        if locked.state is not UserState.DEACTIVATED or _was_activated(unit, one):
            raise RunAgain
        check(locked)

    try:
        return erase_user(unit, one, erasing, check_claimed)
    except UserNotFound:
        raise RunAgain from None


def erase_user(
    unit: ErasingUnit, user_id: UserId, erasing: Erasing, check: Callable[[User], None] = lambda _: None
) -> User:
    """Lock a user, remove or blank all that is personal about them, record the change, and return the user as erased.

    The row stays as ``erased``; the identifiers are free. ``check`` may refuse the locked user by raising.

    Raises:
        UserNotFound: there is no such user in the unit's tenant, or it was erased.
    """
    before = _identifiers(unit, user_id)
    _remove_requests(unit, before.emails, user_id)  # requests are locked before users
    user = unit.users.lock(user_id)
    check(user)
    identifiers = _identifiers(unit, user_id)
    _remove_requests(unit, identifiers.emails - before.emails, user_id)
    while erase_attempts(unit, user_id, identifiers):
        pass
    _remove_counters(unit, user, identifiers, erasing.keys)
    _blank_devices(unit, user)
    unit.users.remove_rows(user)
    unit.deliveries.remove_of(Subject.USER, [user_id])
    unit.history.blank(Subject.USER, user_id, _FIELDS_OF_USERS, tenant_id=user.tenant_id)
    for log in (unit.history, unit.actions):
        while log.blank_actor(str(Actor.user(user_id)), limit=BATCH) == BATCH:
            pass
    new = erased(user, at=erasing.at, by=erasing.by)
    unit.users.replace(new)
    old, reason = Erased(state=user.state), erasing.reason
    unit.record(Change(kind=ERASED, subject_id=user_id, old=old, new=Erased(state=new.state, reason=reason)))
    return new


def erase_attempts(unit: ErasingUnit, user_id: UserId, identifiers: Identifiers | None = None) -> bool:
    """Remove attempts of a user, and those of no user with a login of theirs; blank these logins in those of others.

    Returns:
        Whether there may be more: of each kind and login, one batch is removed.
    """
    logins = (identifiers or _identifiers(unit, user_id)).logins
    holders = {
        claim.key: UserId(claim.holder_id) for claim in unit.claims.find_many(_login_claims(logins)) if claim.uses
    }
    counts = []
    for attempts in (unit.attempts, unit.registration_attempts):
        counts.append(attempts.remove_of(user_id, limit=BATCH))
        counts += [attempts.erase_login(login, keep=holders.get(login), limit=BATCH) for login in sorted(logins)]
    return BATCH in counts


def blank_requests(unit: ErasingUnit, links: Iterable[RegistrationLink]) -> None:
    """Blank the history of registration requests that were removed, and remove the deliveries about them."""
    removed = list(links)
    for link in removed:
        unit.history.blank(Subject.REGISTRATION, link.id, _FIELDS_OF_REQUESTS, tenant_id=link.tenant_id)
    unit.deliveries.remove_of(Subject.REGISTRATION, [link.id for link in removed])


def _identifiers(unit: ErasingUnit, user_id: UserId) -> Identifiers:
    user = unit.users.get(user_id)
    if user is None:
        raise UserNotFound
    history = unit.history.list_of(Subject.USER, user_id, before=None, limit=LIMIT)
    return identifiers_of(user, unit.email_changes.list_of(user_id), history)


def _remove_requests(unit: ErasingUnit, emails: Iterable[str], user_id: UserId) -> None:
    """Remove requests to register these emails, but for those that are another user's now."""
    keys = sorted(emails)
    taken = {claim.key for claim in unit.claims.find_many(_login_claims(keys)) if claim.holder_id != user_id}
    for key in keys:
        if key not in taken:
            blank_requests(unit, unit.registration_links.remove_of_email(key))


def _blank_devices(unit: ErasingUnit, user: User) -> None:
    """Blank the addresses in the history of the user's devices, which is not the user's own."""
    paired = {token.device_digest for token in unit.access_tokens.list_of(user.id) if token.device_digest is not None}
    remembered = {device.device_digest for device in unit.remembered_devices.list_of(user.id)}
    for device in unit.device_tokens.get_many(sorted(paired | remembered)):
        unit.history.blank(Subject.DEVICE_TOKEN, device.id, {}, tenant_id=user.tenant_id)


def _remove_counters(unit: ErasingUnit, user: User, identifiers: Identifiers, keys: CounterKeys) -> None:
    failures, limits = keys.of_user(user.tenant_id, user.id, logins=identifiers.logins, emails=identifiers.emails)
    unit.failure_counters.remove(failures)
    unit.rate_limits.remove(limits)


def _login_claims(keys: Iterable[str]) -> list[tuple[KeySpace, str]]:
    return [(KeySpace.LOGIN, key) for key in sorted(keys)]
