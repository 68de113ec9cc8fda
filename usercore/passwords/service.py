"""Storing passwords: steps of use-cases that also change tokens and users."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.passwords.model import SET, Credential, PasswordChange
from usercore.passwords.ports import PasswordsUnit


def password_version(unit: PasswordsUnit, user_id: UserId) -> int:
    """Return the version of the user's password, 0 if there never was one."""
    credential = unit.credentials.get(user_id)
    return 0 if credential is None else credential.version


def store_password(
    unit: PasswordsUnit,
    user_id: UserId,
    hashed: tuple[str, str | None],
    *,
    at: datetime,
    reason: PasswordChange,
    lifetime: timedelta | None = None,
    is_new: bool = False,
) -> Credential:
    """Store and record a new password of a locked user. With a lifetime it is temporary and must be changed.

    A user who is new in this unit has none yet, so none is read.
    """
    old = None if is_new else unit.credentials.get(user_id)
    credential = Credential(
        user_id=user_id,
        hash=hashed[0],
        pepper_id=hashed[1],
        version=1 if old is None else old.version + 1,
        set_at=at,
        reason=reason,
        must_change=lifetime is not None,
        expires_at=None if lifetime is None else at + lifetime,
    )
    unit.credentials.put(credential)
    unit.record(Change(kind=SET, subject_id=user_id, new=credential))
    return credential


def add_imported(unit: PasswordsUnit, hashes: Mapping[UserId, str], *, at: datetime) -> None:
    """Store and record the imported hashes of new users."""
    if not hashes:
        return
    credentials = [
        Credential(user_id=user_id, hash=text, version=1, set_at=at, reason=PasswordChange.IMPORT)
        for user_id, text in hashes.items()
    ]
    unit.credentials.add_many(credentials)
    for credential in credentials:
        unit.record(Change(kind=SET, subject_id=credential.user_id, new=credential))


def void_password(unit: PasswordsUnit, user_id: UserId, *, at: datetime) -> Credential:
    """Delete the hash of a locked user's password and record that, so that no password is right until another is set.

    The next version remains without a hash, also of a user who had no password: what was made before is stale.
    """
    return store_password(unit, user_id, ("", None), at=at, reason=PasswordChange.SUSPICIOUS)


def rehash(unit: PasswordsUnit, credential: Credential, hashed: tuple[str, str | None]) -> None:
    """Store a newer hash of the same password, unless the password was replaced meanwhile."""
    present = unit.credentials.get(credential.user_id)
    if present is not None and present.set_at == credential.set_at and present.version == credential.version:
        unit.credentials.put(evolve(present, hash=hashed[0], pepper_id=hashed[1]))
