"""Undoing a change of an email: the former email is restored, and what was made since the change ends.

Every kind of row that signs a user in is in ``ENDED_BY_UNDO``: a test names a table that is neither there nor known to
stay.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from usercore.email_change.steps import EmailChangeUnit, store_email
from usercore.kernel.changes import Change, Subject
from usercore.kernel.context import Actor
from usercore.kernel.entity import evolve
from usercore.kernel.values import frozen
from usercore.passkeys.model import Passkey
from usercore.passkeys.service import remove_passkeys_since
from usercore.passwords.model import Credential
from usercore.passwords.service import password_version, void_password
from usercore.second_factors.model import RecoveryCode, StoredFactor
from usercore.second_factors.service import remove_factors_since
from usercore.tokens.changes import API_REVOKED
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.model import AccessToken, ApiToken, LimitedUseToken, RememberedDevice
from usercore.tokens.service import revoke_all
from usercore.users.email_changes import open_changes, put_changes
from usercore.users.keys import KeySpace
from usercore.users.model import EMAIL_CHANGE_UNDONE, IDS_CHANGED, EmailChange, EmailChangeState, User
from usercore.users.rules import closed
from usercore.users.service import replace_user


@frozen(kw_only=True)
class Undo:
    """An undo: the locked user, the instant since which what was made ends, and the present instant."""

    user: User
    since: datetime
    at: datetime


def _end_tokens(unit: EmailChangeUnit, undo: Undo) -> None:
    revoke_all(unit, undo.user.id, RevocationReason.EMAIL_UNDONE, at=undo.at, since=undo.since)


def _end_password(unit: EmailChangeUnit, undo: Undo) -> None:
    credential = unit.credentials.get(undo.user.id)
    if credential is not None and credential.set_at >= undo.since:
        void_password(unit, undo.user.id, at=undo.at)


def _end_api_tokens(unit: EmailChangeUnit, undo: Undo) -> None:
    creator = str(Actor.user(undo.user.id))
    for token in unit.api_tokens.revoke_created_by(creator, since=undo.since, at=undo.at):
        unit.record(Change(kind=API_REVOKED, subject_id=token.id, new=token))


def _end_passkeys(unit: EmailChangeUnit, undo: Undo) -> None:
    reason, recipient = str(RevocationReason.EMAIL_UNDONE), undo.user.email
    remove_passkeys_since(unit, undo.user.id, undo.since, reason=reason, recipient=recipient)


def _end_second_factors(unit: EmailChangeUnit, undo: Undo) -> None:
    reason, recipient = str(RevocationReason.EMAIL_UNDONE), undo.user.email
    remove_factors_since(unit, undo.user.id, undo.since, reason=reason, recipient=recipient)


ENDED_BY_UNDO: Final[Mapping[type, Callable[[EmailChangeUnit, Undo], None]]] = {
    AccessToken: _end_tokens,
    LimitedUseToken: _end_tokens,
    RememberedDevice: _end_tokens,
    Credential: _end_password,
    ApiToken: _end_api_tokens,
    Passkey: _end_passkeys,
    StoredFactor: _end_second_factors,
    RecoveryCode: _end_second_factors,
}
"""How an undo ends the rows of each entity that were made since the change. Source: spec E3, K9."""


def undo_change(unit: EmailChangeUnit, user: User, change: EmailChange, *, at: datetime, by: str) -> User:
    """Undo a change of a locked user, and cancel all later ones.

    The email is restored with its state. The external and access ids are again those that the user had at the request,
    except ids that another user has by now.

    Raises:
        Taken: another user has the former email.
    """
    present = replace_user(unit, user, _with_former_ids(unit, user, change), IDS_CHANGED, at=at, by=by)
    email = change.old_email or ""
    restored = store_email(unit, present, email, verified_at=change.old_verified_at, at=at, by=by)
    later = open_changes(unit, user, at=at, after=change.number)
    cancelled = [closed(one, EmailChangeState.CANCELLED, at) for one in later]
    put_changes(unit, restored, [closed(change, EmailChangeState.UNDONE, at), *cancelled], at=at)
    undo = Undo(user=restored, since=_since(unit, change), at=at)
    for end in dict.fromkeys(ENDED_BY_UNDO.values()):
        end(unit, undo)
    version = password_version(unit, user.id)
    undone = Change(
        kind=EMAIL_CHANGE_UNDONE, subject_id=user.id, new=restored, generation=version, recipient=restored.email
    )
    unit.record(undone)
    return restored


def _since(unit: EmailChangeUnit, change: EmailChange) -> datetime:
    """Return the earliest instant at which something of the user was made after the change was requested.

    It is before the request if the clock was set back since, or that of another process is behind.
    """
    earliest = unit.history.earliest_from(Subject.USER, change.user_id, (change.number, 0))
    return change.requested_at if earliest is None else min(earliest, change.requested_at)


def _with_former_ids(unit: EmailChangeUnit, user: User, change: EmailChange) -> User:
    ids = {text for text in (change.old_external_id, *change.old_access_ids) if text is not None}
    claims = unit.claims.find_many([(KeySpace.EXTERNAL, text) for text in sorted(ids)])
    free = ids - {claim.key for claim in claims if claim.holder_id != user.id}
    first, second, third, fourth = (text if text in free else None for text in change.old_access_ids)
    external_id = change.old_external_id if change.old_external_id in free else None
    return evolve(user, external_id=external_id, access_ids=(first, second, third, fourth))
