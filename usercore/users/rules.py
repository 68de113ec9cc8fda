"""Rules of public names, external ids, transitions between states and changes of emails. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from usercore.kernel.entity import evolve
from usercore.kernel.errors import WrongState
from usercore.users.errors import ExternalIdLinked
from usercore.users.keys import email_key
from usercore.users.model import NO_ACCESS_IDS, USER_ROWS, Claim, EmailChange, EmailChangeState, User, UserState


def without_email_as_name(user: User) -> User:
    """Return the user without a chosen public name that spells the email, so that the name changes with the email."""
    copies = is_spelling_of(user.chosen_public_name, user.email)
    return evolve(user, chosen_public_name=None) if copies else user


def is_spelling_of(text: str | None, email: str | None) -> bool:
    """Return whether a text is this email, perhaps in another spelling of the same key."""
    if text is None or email is None or "@" not in text:
        return False
    try:
        return email_key(text) == email_key(email)
    except ValueError:  # the text has no domain
        return False


def check_linkable(user: User, external_id: str) -> bool:
    """Return whether the external id must be linked; False if the user has this one already.

    Raises:
        ExternalIdLinked: the user has another one.
    """
    if user.external_id not in (None, external_id):
        raise ExternalIdLinked
    return user.external_id is None


def check_movable(user: User, to: UserState) -> bool:
    """Return whether the user must change to this state; False if it is in this state already.

    Raises:
        WrongState: only an active user can be deactivated, and only a deactivated one activated.
    """
    if user.state is to:
        return False
    if {user.state, to} != {UserState.ACTIVE, UserState.DEACTIVATED}:
        raise WrongState(str(user.state))
    return True


def never_came(user: User) -> bool:
    """Return whether a user of another tenant than ``system`` is active, and never confirmed, verified or signed in."""
    came = user.confirmed_at or user.email_verified_at or user.last_sign_in_at
    return user.state is UserState.ACTIVE and came is None and not user.is_admin


def check_registered(state: UserState) -> None:
    """Refuse an unclaimed user, who has no password, no tokens and no sign-in. Source: spec R5.

    Raises:
        WrongState: the user is unclaimed.
    """
    if state is UserState.UNCLAIMED:
        raise WrongState(str(state))


def is_open(change: EmailChange, now: datetime) -> bool:
    """Return whether a requested change can be confirmed at ``now``, or one that was made can be undone."""
    return change.state in {EmailChangeState.REQUESTED, EmailChangeState.MADE} and now < change.open_until


def holds_of(changes: Iterable[EmailChange], now: datetime) -> dict[str, datetime]:
    """Return the keys of the former emails that can be restored at ``now``, and until when. Source: spec E3."""
    holds: dict[str, datetime] = {}
    for change in changes:
        if change.state is EmailChangeState.MADE and change.old_email is not None and is_open(change, now):
            key = email_key(change.old_email)
            holds[key] = max(change.open_until, holds.get(key, change.open_until))
    return holds


def is_over(claim: Claim, now: datetime) -> bool:
    """Return whether a claim was only held for its user, and is so no more: then the key is free for every user."""
    return not claim.uses and claim.held_until is not None and claim.held_until <= now


def closed(change: EmailChange, state: EmailChangeState, at: datetime) -> EmailChange:
    """Return a change that can be neither confirmed nor undone from ``at`` on."""
    return evolve(change, state=state, open_until=at)


def new_change(user: User, email: str, *, state: EmailChangeState, at: datetime, until: datetime) -> EmailChange:
    """Return a new change of a locked user's email, with what an undo restores."""
    return EmailChange(
        user_id=user.id,
        number=user.change_no,
        tenant_id=user.tenant_id,
        state=state,
        old_email=user.email,
        old_verified_at=user.email_verified_at,
        old_external_id=user.external_id,
        old_access_ids=user.access_ids,
        new_email=email,
        requested_at=at,
        made_at=at if state is EmailChangeState.MADE else None,
        open_until=until,
    )


def erased(user: User, *, at: datetime, by: str) -> User:
    """Return the user as the erased state keeps it: the personal columns are empty."""
    blank: dict[str, Any] = dict.fromkeys(USER_ROWS.personal) | {"access_ids": NO_ACCESS_IDS}
    return evolve(
        user,
        **blank,
        state=UserState.ERASED,
        modified_at=at,
        modified_by=by,
        version=user.version + 1,
    )
