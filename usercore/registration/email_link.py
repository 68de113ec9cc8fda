"""Registering by a stranger, who proves an email first: a link is mailed, and completes the registration once."""

from usercore.attempts.model import RegistrationStatus
from usercore.authenticators.errors import Vetoed
from usercore.importing.service import Imports
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Taken
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.registration.input import RegistrationInput, clean_applicant
from usercore.registration.limits import RejectedRegistration
from usercore.registration.steps import Registration, RegistrationSteps, RegistrationUnit
from usercore.tenants.service import get_tenant
from usercore.tokens.errors import TokenUnknown
from usercore.tokens.model import (
    REGISTRATION_COMPLETED,
    REGISTRATION_KNOWN,
    REGISTRATION_REQUESTED,
    LinkPolicy,
    RegistrationLink,
)
from usercore.tokens.service import find_completable, lock_completable
from usercore.users.model import EmailPolicy


@frozen(kw_only=True)
class RegistrationsByLink(Imports):
    """Registering by a mailed link. Public: a stranger may be behind the call. Safe to share between threads."""

    scope: ServiceContext[RegistrationUnit]
    steps: RegistrationSteps
    links: LinkPolicy
    mails: bool
    """Whether letters can be sent."""

    @property
    def _emails(self) -> EmailPolicy:
        return self.admission.emails

    def request(
        self, email: str, *, language: str | None = None, source: str | None = None, referer: str | None = None
    ) -> None:
        """Ask to register an email. Public: the answer is the same for free, taken and throttled ones.

        The owner of a free one is mailed a link for ``complete``, of a taken one that there is an account.

        Raises:
            TypeError: a value has the wrong type.
            RuntimeError: there is no mailer.
            Invalid: the email or another value is malformed.
            Vetoed: a gate of the host refused, or this is the operators' tenant.
        """
        self.scope.check_alone("registration.request")
        if not self.mails:
            msg = "registration.request needs a mailer: usercore.open(..., mailer=...)"
            raise RuntimeError(msg)
        fields = {"language": language, "source": source, "referer": referer}

        def prepare() -> RegistrationInput:
            applicant = clean_applicant(email, self._emails, fields=fields)
            if self.scope.context.tenant_id == SYSTEM:
                gate = "system"  # whoever is a user there is an admin
                raise Vetoed(gate)
            self.steps.ask_host(applicant, "request", validate_email=True)
            return applicant

        applicant = self.steps.refusing(email, prepare)

        def request(unit: RegistrationUnit) -> None:
            if self.steps.limit(unit, applicant) is not None:
                return
            holder = self.steps.holder_of(unit, applicant.email)
            if holder is None:
                self._ask(unit, applicant)
            else:
                unit.lock(holder)
                unit.record(Change(kind=REGISTRATION_KNOWN, subject_id=holder))
                self.admission.add_attempt(unit, RegistrationStatus.TAKEN_EMAIL, holder, email)

        self.scope.units.write(request)

    def complete(
        self,
        secret: Secret | str,
        *,
        password: str | None = None,
        username: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Registration:
        """Complete a registration by the mailed link: the email is verified, the user confirmed and signed in. Public.

        Raises:
            TypeError: a value has the wrong type.
            TokenInvalid: the link is unknown, used or expired; its subclasses say which.
            Invalid: every fault, by field.
            PasswordRefused: the password breaks the policy.
            Taken: somebody registered the email or the username meanwhile.
            Overloaded: too many passwords are being hashed.
        """
        self.scope.check_alone("registration.complete")
        link = self.scope.units.read(lambda unit: find_completable(unit, secret, now=self.scope.clock()))
        fields = {
            "first_name": first_name,
            "last_name": last_name,
            "language": link.language,
            "source": link.source,
            "referer": link.referer,
        }

        def prepare() -> RegistrationInput:
            applicant = evolve(
                clean_applicant(link.email, self._emails, username=username, fields=fields), verified=True
            )
            text = self.steps.check_password(password, applicant)
            hashed, taken = self.steps.hash_unless_taken(applicant, text)
            if taken is not None:
                raise taken
            return hashed

        applicant = self.steps.refusing(link.email, prepare)

        return self.steps.write(lambda unit: self._complete(unit, secret, applicant))

    def _complete(
        self, unit: RegistrationUnit, secret: Secret | str, applicant: RegistrationInput
    ) -> Registration | RejectedRegistration:
        now = self.scope.clock()
        link = lock_completable(unit, secret, now=now)
        if not get_tenant(unit, self.scope.context.tenant_id).active:
            raise TokenUnknown
        try:
            registration = self.steps.keep(unit, applicant, sign_in=True, welcome=None, login=link.email)
        except Taken as error:  # raised before its first write
            return self.steps.refused(unit, error, link.email)
        done = evolve(link, completed_at=now)
        unit.registration_links.replace(done)
        unit.record(Change(kind=REGISTRATION_COMPLETED, subject_id=link.id, new=done))
        return registration

    def _ask(self, unit: RegistrationUnit, applicant: RegistrationInput) -> None:
        now = self.scope.clock()
        link = RegistrationLink(
            id=self.scope.new_id(),
            tenant_id=self.scope.context.tenant_id,
            email=applicant.email,
            language=applicant.fields.get("language"),
            source=applicant.fields.get("source"),
            referer=applicant.fields.get("referer"),
            requested_at=now,
            expires_at=now + self.links.registration_lifetime,
        )
        unit.registration_links.add(link)
        unit.record(Change(kind=REGISTRATION_REQUESTED, subject_id=link.id, new=link, generation=link.id))
        self.admission.add_attempt(unit, RegistrationStatus.OK, None, applicant.email)
