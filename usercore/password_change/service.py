"""Changing passwords, as hosts call it."""

from usercore.accounts.status import StatusReader
from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import RejectedAttempt
from usercore.authenticators.errors import SignInRefused
from usercore.authenticators.last_admin import LastAdminGuard
from usercore.gates.service import NewPasswords
from usercore.kernel.changes import Change
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.password_change.reset_link import PasswordResets
from usercore.password_change.steps import PasswordChangeUnit, replace_password, reset_counter, reset_failures
from usercore.passwords.model import SUSPECTED, Credential, PasswordChange, PasswordPolicy, Suspicion
from usercore.passwords.rules import is_expired, prepare
from usercore.passwords.service import void_password
from usercore.registration.input import personal_words
from usercore.sign_in.service import SignIn
from usercore.throttling.keys import CounterKeys
from usercore.tokens.errors import TokenRevoked
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.model import RevokedTokens
from usercore.tokens.policies import RevocationPolicy
from usercore.tokens.service import revoke_all
from usercore.users.model import User
from usercore.users.rules import check_registered
from usercore.users.service import get_user


@frozen(kw_only=True)
class Passwords:
    """Changes passwords. Public: ``change``, ``request_reset`` and ``reset``; the others are trusted.

    Safe to share between threads.
    """

    _service: ServiceContext[PasswordChangeUnit]
    _new_passwords: NewPasswords
    _keys: CounterKeys
    _sign_in: SignIn
    _policy: PasswordPolicy
    _revocation: RevocationPolicy
    _resets: PasswordResets
    _status: StatusReader
    _last_admin: LastAdminGuard
    _sends_email: bool
    """Whether there is a mailer."""

    def set(self, ref: Reference, password: str) -> bool:
        """Set a user's password as an operator; their tokens are revoked, and their failures are reset.

        Returns:
            False if it was their password already, and is accepted: then nothing changed. ``unlock`` ends a wait.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: there is no such user in this tenant.
            WrongState: the user is unclaimed.
            PasswordRefused: it breaks the policy, or a check of the host refused it.
            Overloaded: too many passwords are being hashed.
        """
        check_reference(ref)
        check_type(password, str, name="password")
        user, present = self._service.units.read(lambda unit: self._find(unit, ref))
        check_registered(user.state)
        hashed = self._new_passwords.hash_if_new(self._new_passwords.screen(password, personal_words(user)), present)
        if hashed is None:
            return False

        def write(unit: PasswordChangeUnit) -> bool:
            locked = unit.users.lock(user.id)
            check_registered(locked.state)
            replace_password(unit, locked, hashed, PasswordChange.RESET, at=self._service.clock())
            reset_failures(unit, locked, self._keys)
            return True

        return self._service.units.write(write)

    def _find(self, unit: PasswordChangeUnit, ref: Reference) -> tuple[User, Credential | None]:
        """Return a user and the credential whose password is accepted at present."""
        user = get_user(unit, ref)
        credential = unit.credentials.get(user.id)
        if credential is None or credential.is_void or is_expired(credential, now=self._service.clock()):
            return user, None
        return user, None if self._status.has_void_password(unit, user) else credential

    def change(self, secret: Secret | str, old_password: str, new_password: str) -> bool:
        """Change the password of the holder of this access token, who shows the old one. Public.

        The old password is verified, throttled and stored as an attempt to sign in is. This access token stays; the
        other tokens of the user are revoked unless ``RevocationPolicy`` keeps them, and the user is notified by mail.

        Returns:
            False if the new password is the old one: then nothing changed.

        Raises:
            TypeError: an argument has the wrong type.
            TokenInvalid: the access token is not valid; its subclasses name the reason.
            SignInRefused: the old password is wrong, or the user has neither an email nor a username.
            PasswordRefused: the new one breaks the policy, or a check of the host refused it.
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
        """
        self._service.check_alone("passwords.change")
        old = check_type(old_password, str, name="old_password")
        check_type(new_password, str, name="new_password")
        owner = self._sign_in.identify(secret).user
        login = owner.email or owner.username
        if login is None:
            raise SignInRefused  # no password signs this user in
        screened = self._new_passwords.screen(new_password, personal_words(owner))
        is_same = screened.text == prepare(old, max_bytes=self._policy.max_bytes)

        def store(unit: PasswordChangeUnit, user: User, hashed: tuple[str, str | None] | None) -> bool:
            if user.id != owner.id:  # the login has moved to another user
                raise RejectedAttempt(AttemptStatus.WRONG_PASS, user_id=user.id)
            token = unit.access_tokens.get(user.id, digest_of(secret))
            if token is None or token.revoked_at is not None:
                raise TokenRevoked
            if hashed is None:
                return False
            replace_password(
                unit,
                user,
                hashed,
                PasswordChange.CHANGE,
                at=self._service.clock(),
                keep=token.digest,
                policy=self._revocation,
            )
            return True

        return self._sign_in._with_verified_password(  # noqa: SLF001 - a step that is no use-case of its own
            login, old, lambda: None if is_same else self._new_passwords.hash(screened), store
        )

    def mark_suspicious(self, ref: Reference) -> RevokedTokens:
        """Void a user's password and revoke all their tokens, as an operator who suspects an intruder.

        The user is notified by mail. If there was a password, the mail has a generated one, which is temporary; without
        a mailer the user has none.

        Returns:
            How many tokens of each kind were revoked.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: there is no such user in this tenant.
            LastAdmin: the user is the last active admin, or the last one who can sign in; set another password instead.
        """
        check_reference(ref)

        def mark(unit: PasswordChangeUnit) -> RevokedTokens:
            user = self._last_admin.lock(unit, unit.resolve(ref), tenant_id=self._service.context.tenant_id)
            now = self._service.clock()
            self._last_admin.check(unit, user, at=now)
            credential = unit.credentials.get(user.id)
            had_password = credential is not None and not credential.is_void
            voided = void_password(unit, user.id, at=now)
            revoked = revoke_all(unit, user.id, RevocationReason.PASSWORD_SET, at=now)
            suspicion = Suspicion(with_password=had_password)
            unit.record(
                Change(
                    kind=SUSPECTED,
                    subject_id=user.id,
                    new=suspicion,
                    generation=voided.version,
                    recipient=user.email,
                )
            )
            return revoked

        return self._service.units.write(mark)

    def unlock(self, ref: Reference) -> None:
        """Reset a user's failures as an operator: no wait is left, and a password that they made void is valid again.

        Wrong codes of second factors are forgotten, too.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: there is no such user in this tenant.
        """
        check_reference(ref)

        def unlock(unit: PasswordChangeUnit) -> None:
            user = unit.users.lock(unit.resolve(ref))
            reset_failures(unit, user, self._keys)
            reset_counter(unit, self._keys.second_factor(user.tenant_id, user.id))

        self._service.units.write(unlock)

    def request_reset(self, login: str) -> None:
        """Request a link that resets a password, by email or username. Public: the answer is the same for every login.

        If an active user of an active tenant has the login and an email, a link is mailed to that email. It replaces an
        older one. Further requests for the account or from the address within an hour, past the limits of
        ``ResetPolicy``, mail nothing.

        Raises:
            TypeError: the login is not text.
            RuntimeError: there is no mailer.
        """
        self._service.check_alone("passwords.request_reset")
        check_type(login, str, name="login")
        if not self._sends_email:
            msg = "passwords.request_reset needs a mailer: usercore.open(..., mailer=...)"
            raise RuntimeError(msg)
        self._resets.request(login)

    def reset(self, secret: Secret | str, password: str) -> User:
        """Set a new password by the mailed link, which works once. Public.

        All tokens of the user are revoked, the failures are reset, and the email is verified: the link was mailed
        to it. The user is not signed in. A link is not used up by a refused password.

        Raises:
            TypeError: an argument has the wrong type.
            TokenInvalid: the link is unknown, redeemed, expired, or revoked by a newer one or by a change of password
                or email; or the user may not sign in. Its subclasses say which.
            PasswordRefused: the password breaks the policy, or a check of the host refused it.
            Overloaded: too many passwords are being hashed.
        """
        self._service.check_alone("passwords.reset")
        check_type(password, str, name="password")
        return self._resets.reset(secret, password)
