"""What a record of an import changes of one user. Pure."""

from datetime import datetime
from typing import Any

from usercore.importing.records import ImportRecord
from usercore.kernel.text import refuse
from usercore.kernel.unset import UNSET
from usercore.users.identifiers import names_email, next_access_ids
from usercore.users.keys import is_same_address
from usercore.users.model import User
from usercore.users.rules import is_spelling_of


def changes_of(user: User, record: ImportRecord, *, at: datetime) -> dict[str, Any]:
    """Return the values of all fields that the record contains or affects, changed or not.

    Raises:
        Invalid: they contradict each other or the user.
    """
    changes = {**_login_changes(user, record, at=at), **record.fields}
    if is_spelling_of(changes.get("chosen_public_name", user.chosen_public_name), changes["email"]):
        changes["chosen_public_name"] = None
    if record.external_id is not UNSET:
        changes["external_id"] = record.external_id
    if record.slots:
        changes["access_ids"] = next_access_ids(user.access_ids, record.slots)
    if record.uuid is not UNSET and (
        record.uuid != user.uuid or not user.id
    ):  # id 0 marks a user that does not exist yet, so it has no derived UUID
        changes["supplied_uuid"] = record.uuid
    if record.created_at is not None:
        changes["created_at"] = record.created_at
        if user.registered_at is not None:
            changes["registered_at"] = record.created_at
    return changes


def _login_changes(user: User, record: ImportRecord, *, at: datetime) -> dict[str, Any]:
    email = user.email if record.email is UNSET else record.email
    verified_at = user.email_verified_at if is_same_address(user.email, email) else None
    if record.email_verified is not UNSET:
        if record.email_verified and email is None:
            refuse("email_verified", "no_email")
        verified_at = (verified_at or at) if record.email_verified else None
    username = record.username
    if username is UNSET:
        username = email if names_email(user) else user.username  # a username that is the email follows it
    elif username is not None and "@" in username and not is_same_address(username, email):
        refuse("username", "not_own_email")
    return {"email": email, "email_verified_at": verified_at, "username": username}
