"""Changing an email immediately, on the host's authority."""

from typing import Protocol

from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.tokens.model import RevocationReason
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_all
from usercore.users.emails import clean_email
from usercore.users.keys import is_same_address
from usercore.users.model import EMAIL_CHANGED, EMAIL_REPLACED, EMAIL_VERIFICATION_CHANGED, EmailPolicy, User
from usercore.users.ports import UsersUnit
from usercore.users.service import replace_user


class EmailChangeUnit(UsersUnit, TokensUnit, Protocol):
    """The part of a unit that changing an email needs."""


@frozen(kw_only=True)
class Emails:
    """Changes emails. Trusted. Safe to share between threads."""

    _service: ServiceContext[EmailChangeUnit]
    _policy: EmailPolicy

    def change(self, ref: Reference, email: str, *, verified: bool = False) -> User:
        """Change a user's email at once; login tokens are revoked, and the old address is notified if it was verified.

        With ``verified``, the host asserts that the new email is verified; else it is unverified. The same address
        changes nothing; another spelling of the same key is stored and stays verified or unverified as before. A
        username that is the email changes, too.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the email or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            Taken: another user has this email.
        """
        check_reference(ref)
        check_type(verified, bool, name="verified")
        clean = clean_email(email, self._policy)

        def change(unit: EmailChangeUnit) -> User:
            old = unit.users.lock(unit.resolve(ref))
            now, is_same = self._service.clock(), is_same_address(old.email, clean)
            verified_at = now if verified else None
            follows = old.username is not None and "@" in old.username
            new = evolve(
                old,
                email=clean,
                email_verified_at=old.email_verified_at if is_same else verified_at,
                username=clean if follows else old.username,
            )
            kept = replace_user(unit, old, new, EMAIL_CHANGED, at=now, by=str(self._service.context.actor))
            if not is_same:
                if old.email_verified:
                    unit.record(Change(kind=EMAIL_REPLACED, subject_id=old.id, old=old))
                revoke_all(unit, old.id, RevocationReason.EMAIL_CHANGED, at=now)
            return kept

        return self._service.units.write(change)

    def set_verified(self, ref: Reference, verified: bool) -> User:  # noqa: FBT001 - the signature in spec U6
        """Set whether a user's current email counts as verified. For operators; nothing else of the user changes.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: no user of this tenant has this reference.
            Invalid: ``ref`` is malformed, or ``no_email``: the user has no email that could be verified.
        """
        check_reference(ref)
        check_type(verified, bool, name="verified")

        def change(unit: EmailChangeUnit) -> User:
            old = unit.users.lock(unit.resolve(ref))
            now = self._service.clock()
            if verified and old.email is None:
                refuse("email", "no_email")
            new = evolve(old, email_verified_at=(old.email_verified_at or now) if verified else None)
            by = str(self._service.context.actor)
            return replace_user(unit, old, new, EMAIL_VERIFICATION_CHANGED, at=now, by=by)

        return self._service.units.write(change)
