"""Changing passwords, as hosts call it."""

from datetime import datetime

from usercore.gates.service import NewPasswords
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.password_change.reset_link import PasswordResets
from usercore.password_change.steps import PasswordChangeUnit, reset_failures
from usercore.passwords.model import PasswordChange
from usercore.passwords.service import store_password
from usercore.registration.input import personal_words
from usercore.throttling.keys import CounterKeys
from usercore.tokens.model import RevocationReason
from usercore.tokens.service import revoke_all
from usercore.users.model import User
from usercore.users.service import get_user


@frozen(kw_only=True)
class Passwords:
    """Changes passwords. Trusted, but for ``request_reset`` and ``reset``. Safe to share between threads."""

    _service: ServiceContext[PasswordChangeUnit]
    _new_passwords: NewPasswords
    _keys: CounterKeys
    _resets: PasswordResets
    _sends_email: bool
    """Whether there is a mailer."""

    def set(self, ref: Reference, password: str) -> datetime:
        """Set a user's password as an operator; their tokens are revoked, and their counter of failures is reset.

        Returns the instant from which it is the password.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: there is no such user in this tenant.
            PasswordRefused: it breaks the policy, or a check of the host refused it.
            Overloaded: too many passwords are being hashed.
        """
        check_reference(ref)
        check_type(password, str, name="password")
        user = self._service.units.read(lambda unit: get_user(unit, ref))
        hashed = self._new_passwords.hash(self._new_passwords.screen(password, personal_words(user)))

        def write(unit: PasswordChangeUnit) -> datetime:
            unit.lock(user.id)
            now = self._service.clock()
            store_password(unit, user.id, hashed, at=now, reason=PasswordChange.RESET)
            revoke_all(unit, user.id, RevocationReason.PASSWORD_SET, at=now)
            reset_failures(unit, user, self._keys)
            return now

        return self._service.units.write(write)

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

        All tokens of the user are revoked, the failures are forgotten, and the email is verified: the link was mailed
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
