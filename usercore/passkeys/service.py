"""Steps of use-cases that involve passkeys."""

from datetime import datetime

from usercore.kernel.changes import Change
from usercore.kernel.ids import UserId
from usercore.passkeys.model import REMOVED, Passkey, PasskeyRemoval
from usercore.passkeys.ports import PasskeysUnit


def remove_passkey(unit: PasskeysUnit, passkey: Passkey, *, reason: str | None, recipient: str | None) -> None:
    """Remove a passkey of a locked user, and record it; ``recipient`` is the user's email, which is told."""
    unit.passkeys.remove(passkey.credential_id)
    removal = PasskeyRemoval(id=passkey.id, name=passkey.name, removal_reason=reason)
    unit.record(Change(kind=REMOVED, subject_id=passkey.user_id, new=removal, recipient=recipient))


def remove_passkeys_since(
    unit: PasskeysUnit, user_id: UserId, since: datetime, *, reason: str, recipient: str | None
) -> int:
    """Remove the passkeys that a locked user has made at or after an instant; return how many. Source: spec K9."""
    made_since = [passkey for passkey in unit.passkeys.list_of(user_id) if passkey.created_at >= since]
    for passkey in made_since:
        remove_passkey(unit, passkey, reason=reason, recipient=recipient)
    return len(made_since)
