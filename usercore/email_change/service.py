"""Changing, confirming and restoring emails, as hosts call it."""

from usercore.email_change.links import EmailLinks, Redeemed, change_of
from usercore.email_change.steps import EmailChangeUnit, finish_change, store_email
from usercore.email_change.undo import undo_change
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import WrongState
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenRevoked
from usercore.tokens.kinds import TokenKind
from usercore.tokens.policies import LinkPolicy
from usercore.users.email_changes import cancel_changes, put_changes
from usercore.users.emails import clean_email
from usercore.users.keys import KeySpace, KeyUse, email_key, is_same_address
from usercore.users.model import (
    CONFIRMATION_REQUESTED,
    CONFIRMED,
    EMAIL_CHANGE_REQUESTED,
    EMAIL_VERIFICATION_CHANGED,
    EmailChange,
    EmailChangeState,
    EmailPolicy,
    User,
    UserState,
)
from usercore.users.rules import new_change
from usercore.users.service import check_free, replace_user


@frozen(kw_only=True)
class Emails:
    """Changes and confirms emails. Safe to share between threads.

    Trusted, but for ``confirm_change``, ``undo_change`` and ``confirm``, which are public.
    """

    _service: ServiceContext[EmailChangeUnit]
    _policy: EmailPolicy
    _lifetimes: LinkPolicy
    _links: EmailLinks
    _sends_email: bool
    """Whether there is a mailer."""

    def change(self, ref: Reference, email: str, *, verified: bool = False, undo: bool = False) -> User:
        """Change a user's email at once; login tokens and links are revoked.

        With ``verified``, the host asserts that the new email is verified; else it is unverified. The same address
        changes nothing; another spelling of the same key is stored and stays verified or unverified as before. A
        username that is the email changes, too.

        The old address is notified if it was verified. With ``undo`` the notice has a link that undoes the change, as
        after ``confirm_change``. Without it, the host has the last word: no earlier change can be undone any more.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the email or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            Taken: another user has this email, or may restore it.
        """
        check_reference(ref)
        check_type(verified, bool, name="verified")
        check_type(undo, bool, name="undo")
        clean = clean_email(email, self._policy)

        def change(unit: EmailChangeUnit) -> User:
            old = unit.users.lock(unit.resolve(ref))
            if is_same_address(old.email, clean):
                return self._respell(unit, old, clean)
            now = self._service.clock()
            cancel_changes(unit, old, at=now, state=EmailChangeState.REQUESTED if undo else None)
            can_undo = undo and old.email_verified
            if can_undo:
                until = now + self._lifetimes.undo_lifetime
                made = new_change(old, clean, state=EmailChangeState.MADE, at=now, until=until)
                put_changes(unit, old, [made], at=now)
            kept = store_email(unit, old, clean, verified_at=now if verified else None, at=now, by=self._by)
            finish_change(unit, old, undo=old.change_no if can_undo else None, at=now)
            return kept

        return self._service.units.write(change)

    def request_change(self, ref: Reference, email: str) -> User:
        """Request another email for a user, and return the user as it is now. A link in a mail to it makes the change.

        Until the link is redeemed, the user keeps the old email. A newer request supersedes this one. The same address
        changes nothing, and another spelling of the same key is stored at once.

        Raises:
            TypeError: an argument has the wrong type.
            RuntimeError: there is no mailer.
            Invalid: the email or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            WrongState: the user is not active.
            Taken: another user has this email, or may restore it.
        """
        check_reference(ref)
        clean = clean_email(email, self._policy)
        self._check_mailer("request_change")

        def request(unit: EmailChangeUnit) -> User:
            old = self._lock_active(unit, ref)
            if is_same_address(old.email, clean):
                return self._respell(unit, old, clean)
            name = (KeySpace.LOGIN, email_key(clean))
            now = self._service.clock()
            check_free(unit.claims.find_many([name]), old, {name: KeyUse.EMAIL}, at=now)
            cancel_changes(unit, old, at=now, state=EmailChangeState.REQUESTED)
            until = now + self._lifetimes.email_change_lifetime
            change = new_change(old, clean, state=EmailChangeState.REQUESTED, at=now, until=until)
            put_changes(unit, old, [change], at=now)
            requested = Change(
                kind=EMAIL_CHANGE_REQUESTED,
                subject_id=old.id,
                new=change,
                generation=change.number,
                recipient=clean,
            )
            unit.record(requested)
            return old

        return self._service.units.write(request)

    def confirm_change(self, secret: Secret | str) -> User:
        """Change an email by the link that was mailed to the new address, which is verified by that. Public.

        Login tokens and links are revoked. If the old address was verified, it is mailed a link that undoes the change,
        and for as long no other user can have it.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenInvalid: the link is unknown, redeemed, expired, or revoked by a newer request or another change; or
                the user may not sign in. Its subclasses say which.
            Taken: another user has this email by now; the link stays valid.
        """
        self._service.check_alone("emails.confirm_change")
        return self._links.redeem(secret, TokenKind.EMAIL_CHANGE, self._confirm_change)

    def _confirm_change(self, unit: EmailChangeUnit, redeemed: Redeemed) -> User:
        old, now = redeemed.user, redeemed.at
        requested = _change_or_raise(unit, redeemed)
        until = now + self._lifetimes.undo_lifetime if old.email_verified else now
        made = evolve(
            requested,
            state=EmailChangeState.MADE,
            old_email=old.email,
            old_verified_at=old.email_verified_at,
            made_at=now,
            open_until=until,
        )
        put_changes(unit, old, [made], at=now)
        kept = store_email(unit, old, made.new_email, verified_at=now, at=now, by=self._by)
        finish_change(unit, old, undo=made.number, at=now)
        return kept

    def undo_change(self, secret: Secret | str) -> User:
        """Undo a change of an email by the link that was mailed to the former address, and all later changes. Public.

        The former email is restored and verified as before, and so are external and access ids. Login tokens and links
        are revoked, and what was made since the change was requested: access, autologin and API tokens, passkeys,
        pairings with devices, the password. A link that sets a password is mailed to the restored address.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenInvalid: the link is unknown, redeemed or expired, or its change was undone or superseded; or the user
                may not sign in. Its subclasses say which.
            Taken: another user has the former email.
        """
        self._service.check_alone("emails.undo_change")
        return self._links.redeem(secret, TokenKind.EMAIL_UNDO, self._undo_change)

    def _undo_change(self, unit: EmailChangeUnit, redeemed: Redeemed) -> User:
        change = _change_or_raise(unit, redeemed)
        return undo_change(unit, redeemed.user, change, at=redeemed.at, by=self._by)

    def send_confirmation(self, ref: Reference) -> None:
        """Mail a link to a user's email that verifies the email and confirms the user.

        Raises:
            TypeError: ``ref`` is not a reference.
            RuntimeError: there is no mailer.
            UserNotFound: no user of this tenant has this reference.
            Invalid: ``ref`` is malformed, or ``no_email``: the user has no email.
            WrongState: the user is not active.
        """
        check_reference(ref)
        self._check_mailer("send_confirmation")

        def request(unit: EmailChangeUnit) -> None:
            user = self._lock_active(unit, ref)
            if user.email is None:
                refuse("email", "no_email")
            unit.record(Change(kind=CONFIRMATION_REQUESTED, subject_id=user.id, recipient=user.email))

        self._service.units.write(request)

    def confirm(self, secret: Secret | str) -> User:
        """Verify an email by the link that was mailed to it, and confirm its user. Public.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenInvalid: the link is unknown, redeemed, expired, or revoked by a newer one or by a change of the email;
                or the user may not sign in. Its subclasses say which.
        """
        self._service.check_alone("emails.confirm")
        return self._links.redeem(secret, TokenKind.CONFIRMATION, self._confirm)

    def _confirm(self, unit: EmailChangeUnit, redeemed: Redeemed) -> User:
        old, now = redeemed.user, redeemed.at
        new = evolve(old, email_verified_at=old.email_verified_at or now, confirmed_at=old.confirmed_at or now)
        return replace_user(unit, old, new, CONFIRMED, at=now, by=self._by)

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
            return replace_user(unit, old, new, EMAIL_VERIFICATION_CHANGED, at=now, by=self._by)

        return self._service.units.write(change)

    @property
    def _by(self) -> str:
        return str(self._service.context.actor)

    def _check_mailer(self, call: str) -> None:
        if not self._sends_email:
            msg = f"emails.{call} needs a mailer: usercore.open(..., mailer=...)"
            raise RuntimeError(msg)

    def _lock_active(self, unit: EmailChangeUnit, ref: Reference) -> User:
        user = unit.users.lock(unit.resolve(ref))
        if user.state is not UserState.ACTIVE:
            raise WrongState(str(user.state))
        return user

    def _respell(self, unit: EmailChangeUnit, user: User, email: str) -> User:
        """Store another spelling of a locked user's email."""
        now = self._service.clock()
        return store_email(unit, user, email, verified_at=user.email_verified_at, at=now, by=self._by)


def _change_or_raise(unit: EmailChangeUnit, redeemed: Redeemed) -> EmailChange:
    change = change_of(unit, redeemed.link)
    if change is None:
        raise TokenRevoked
    return change
