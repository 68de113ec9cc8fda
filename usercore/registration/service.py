"""Registering by the host: with or without a password, for its own sign-in, and checking an email beforehand."""

from enum import StrEnum
from typing import Unpack

from usercore.attempts.model import RegistrationStatus
from usercore.kernel.entity import entity
from usercore.kernel.errors import RateLimited, Taken
from usercore.kernel.ids import UserId
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.registration.email_link import RegistrationsByLink
from usercore.registration.input import RegistrationInput, clean_applicant
from usercore.registration.limits import RejectedRegistration
from usercore.registration.steps import Registration, RegistrationUnit
from usercore.sign_in.service import SignIn
from usercore.users.emails import clean_email
from usercore.users.fields import ExternalRegistrationFields, RegistrationFields, check_names
from usercore.users.identifiers import email_holder
from usercore.users.service import get_user


class EmailStatus(StrEnum):
    """Whether an email can be registered."""

    TAKEN = "taken"
    AVAILABLE = "available"


@entity
class EmailCheckResult:
    """Whether an email is taken, by whom, and whether the password is theirs (None if none was asked about)."""

    email: str
    status: EmailStatus
    user_id: UserId | None = None
    password: bool | None = None


@frozen(kw_only=True)
class Registrations(RegistrationsByLink):
    """The ways in. Trusted, but for ``request`` and ``complete``. Safe to share between threads."""

    sign_in: SignIn

    def register(
        self,
        email: str,
        *,
        password: str | None = None,
        username: str | None = None,
        external_id: str | int | None = None,
        send_email: bool = True,
        validate_email: bool = True,
        sign_in: bool = True,
        **fields: Unpack[RegistrationFields],
    ) -> Registration:
        """Register a user, who is signed in at once unless ``sign_in`` is off.

        Without a password one is drawn and mailed if there is a mailer and ``send_email`` is on; else there is none.
        ``validate_email=False`` skips blocked domains and the host's checks, never the syntax. ``fields`` are any of
        ``RegistrationFields``; ``docs/reference/user-fields.md`` has them all.

        Raises:
            TypeError: a value has the wrong type, or there is no field of a name.
            Invalid: every fault, by field.
            PasswordRefused: the password breaks the policy.
            Vetoed: a gate of the host refused.
            RateLimited: too many tries with this email or from this address.
            Taken: another user has the email, the username or the external id.
            Overloaded: too many passwords are being hashed.
        """
        check_names(fields, RegistrationFields, call="registration.register")
        flags = {"send_email": send_email, "validate_email": validate_email, "sign_in": sign_in}
        for name, flag in flags.items():
            check_type(flag, bool, name=name)

        def prepare() -> tuple[RegistrationInput, Taken | None]:
            applicant = clean_applicant(email, self._emails, username=username, external_id=external_id, fields=fields)
            text = self.steps.check_password(password, applicant)
            self.steps.ask_host(applicant, "register", validate_email=validate_email)
            return self.steps.hash_unless_taken(applicant, text)

        applicant, taken = self.steps.refusing(email, prepare)
        welcome = password is None if self.mails and send_email else None

        def register(unit: RegistrationUnit) -> Registration | RejectedRegistration:
            refused = self.steps.limit(unit, applicant)
            if refused is None and taken is not None:
                raise taken
            return refused or self.steps.keep(unit, applicant, sign_in=sign_in, welcome=welcome, login=email)

        return self.steps.write_user(register, applicant, email)

    def register_external(
        self,
        email: str,
        *,
        external_id: str | int | None = None,
        name: str | None = None,
        with_password_reset: bool = False,
        fail_by_existing_email: bool = False,
        **fields: Unpack[ExternalRegistrationFields],
    ) -> Registration:
        """Register a user of a host that has its own sign-in. Signs nobody in.

        A known email gives the existing user, unchanged and with ``created=False``, or is refused if asked so. With
        ``with_password_reset`` and a mailer a drawn password is mailed. ``name`` is the last name; ``fields`` are any
        of ``ExternalRegistrationFields``.

        Raises:
            TypeError: a value has the wrong type, or there is no field of a name.
            Invalid: every fault, by field.
            Vetoed: a gate of the host refused.
            RateLimited: the same email within 5 seconds, or too many tries.
            Taken: the email is known and ``fail_by_existing_email`` is on, or the external id is another user's.
        """
        check_names(fields, ExternalRegistrationFields, call="registration.register_external")
        check_type(with_password_reset, bool, name="with_password_reset")
        check_type(fail_by_existing_email, bool, name="fail_by_existing_email")

        def prepare() -> RegistrationInput:
            applicant = clean_applicant(
                email, self._emails, external_id=external_id, fields={**fields, "last_name": name}
            )
            self.steps.ask_host(applicant, "register_external", validate_email=True)
            return applicant

        applicant = self.steps.refusing(email, prepare)

        def register(unit: RegistrationUnit) -> Registration | RejectedRegistration:
            try:
                self.admission.check_pause(unit, applicant.email, now=self.scope.clock())
            except RateLimited as error:
                return self.steps.refused(unit, error, email)
            found = self.steps.find_claims(unit, applicant)
            holder = email_holder(found, applicant.email)
            if holder is not None:
                return self._known(unit, holder, email, fail=fail_by_existing_email)
            refused = self.steps.limit(unit, applicant, paused=True)
            welcome = True if self.mails and with_password_reset else None
            return refused or self.steps.keep(unit, applicant, sign_in=False, welcome=welcome, login=email, found=found)

        return self.steps.write_user(register, applicant, email)

    def check_email(self, email: str, password: str | None = None) -> EmailCheckResult:
        """Say whether an email is taken and, if asked, whether the password is its user's. Signs nobody in.

        With a password it counts as a sign-in as far as throttling and records go; without, nothing is recorded.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the email is malformed.
            RateLimited: with a password, after ten failures in a row.
            Overloaded: with a password, when too many are being hashed.
        """
        clean = clean_email(email, self._emails)
        if password is not None:
            self.scope.check_alone("registration.check_email")
            check_type(password, str, name="password")
        holder = self.scope.units.read(lambda unit: self.steps.holder_of(unit, clean))
        return EmailCheckResult(
            email=clean,
            status=EmailStatus.AVAILABLE if holder is None else EmailStatus.TAKEN,
            user_id=holder,
            password=None if password is None else self.sign_in.verify_password(email, password),
        )

    def _known(
        self, unit: RegistrationUnit, holder: UserId, login: str, *, fail: bool
    ) -> Registration | RejectedRegistration:
        self.admission.add_attempt(unit, RegistrationStatus.TAKEN_EMAIL, holder, login)
        if fail:
            return RejectedRegistration(Taken("login", "email"), RegistrationStatus.TAKEN_EMAIL, holder)
        return Registration(user=get_user(unit, holder), created=False)
