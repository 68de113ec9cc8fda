"""Registering: by the host, by a host that has its own sign-in, and by a stranger who proves an email first."""

from enum import StrEnum

import attrs

from usercore.attempts.model import RegistrationStatus
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import RateLimited, Taken
from usercore.kernel.ids import UserId
from usercore.kernel.references import Use, claim_of_email
from usercore.kernel.scope import Scope
from usercore.kernel.secret import Secret
from usercore.kernel.text import check_type
from usercore.tokens.errors import TokenUnknown
from usercore.tokens.model import (
    REGISTRATION_ASKED,
    REGISTRATION_COMPLETED,
    REGISTRATION_KNOWN,
    LinkPolicy,
    RegistrationLink,
)
from usercore.tokens.service import find_completable, guard_completable
from usercore.users.identifiers import clean_email
from usercore.users.service import get_user
from usercore.workflows.admission import Admission, Application, Refused
from usercore.workflows.errors import Vetoed
from usercore.workflows.registering import Applicant, Registering, Registration, RegistrationUnit, clean_applicant
from usercore.workflows.sign_in import SignIn


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


@attrs.frozen(kw_only=True)
class Registrations:
    """The ways in. Trusted, but for ``request`` and ``complete``. Safe to share between threads."""

    scope: Scope[RegistrationUnit]
    steps: Registering
    admission: Admission
    sign_in: SignIn
    links: LinkPolicy
    mails: bool
    """Whether letters can be sent."""

    def register(
        self,
        email: str,
        *,
        password: str | None = None,
        username: str | None = None,
        external_id: str | int | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        public_name: str | None = None,
        language: str | None = None,
        source: str | None = None,
        referer: str | None = None,
        registration_channel: str | None = None,
        note: str | None = None,
        send_email: bool = True,
        validate_email: bool = True,
        sign_in: bool = True,
    ) -> Registration:
        """Register a user, who is signed in at once unless ``sign_in`` is off.

        Without a password one is drawn and mailed if there is a mailer and ``send_email`` is on; else there is none.
        ``validate_email=False`` skips blocked domains and the host's checks, never the syntax.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: every fault, by field.
            PasswordRefused: the password breaks the policy.
            Vetoed: a gate of the host refused.
            RateLimited: too many tries with this email or from this address.
            Taken: another user has the email, the username or the external id.
            Overloaded: too many passwords are being hashed.
        """
        flags = {"send_email": send_email, "validate_email": validate_email, "sign_in": sign_in}
        for name, flag in flags.items():
            check_type(flag, bool, name=name)
        fields = {
            "first_name": first_name,
            "last_name": last_name,
            "given_public_name": public_name,
            "language": language,
            "source": source,
            "referer": referer,
            "registration_channel": registration_channel,
            "note": note,
        }

        def prepare() -> tuple[Applicant, Taken | None]:
            applicant = clean_applicant(email, username=username, external_id=external_id, fields=fields)
            text = self.steps.check_password(password, applicant)
            self._ask_host(applicant, "register", validate_email=validate_email)
            return self._hash_unless_taken(applicant, text)

        applicant, taken = self.steps.refusing(email, prepare)
        welcome = password is None if self.mails and send_email else None

        def register(unit: RegistrationUnit) -> Registration | Refused:
            refused = self._limit(unit, applicant)
            if refused is None and taken is not None:
                refused = self.steps.refused(unit, taken, email)
            return refused or self.steps.keep(unit, applicant, sign_in=sign_in, welcome=welcome, login=email)

        return self.steps.write(register)

    def register_external(
        self,
        email: str,
        *,
        language: str | None = None,
        external_id: str | int | None = None,
        first_name: str | None = None,
        name: str | None = None,
        source: str | None = None,
        with_password_reset: bool = False,
        fail_by_existing_email: bool = False,
    ) -> Registration:
        """Register a user of a host that has its own sign-in. Signs nobody in.

        A known email gives the existing user, unchanged and with ``created=False``, or is refused if asked so. With
        ``with_password_reset`` and a mailer a drawn password is mailed.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: every fault, by field.
            Vetoed: a gate of the host refused.
            RateLimited: the same email within 5 seconds, or too many tries.
            Taken: the email is known and ``fail_by_existing_email`` is on, or the external id is another user's.
        """
        check_type(with_password_reset, bool, name="with_password_reset")
        check_type(fail_by_existing_email, bool, name="fail_by_existing_email")
        fields = {"language": language, "first_name": first_name, "last_name": name, "source": source}

        def prepare() -> Applicant:
            applicant = clean_applicant(email, external_id=external_id, fields=fields)
            self._ask_host(applicant, "register_external", validate_email=True)
            return applicant

        applicant = self.steps.refusing(email, prepare)

        def register(unit: RegistrationUnit) -> Registration | Refused:
            try:
                self.admission.check_pause(unit, applicant.email, now=self.scope.clock())
            except RateLimited as error:
                return self.steps.refused(unit, error, email)
            holder = self._holder_of(unit, applicant.email)
            if holder is not None:
                return self._known(unit, holder, email, fail=fail_by_existing_email)
            refused = self._limit(unit, applicant, paused=True)
            welcome = True if self.mails and with_password_reset else None
            return refused or self.steps.keep(unit, applicant, sign_in=False, welcome=welcome, login=email)

        return self.steps.write(register)

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
        if not self.mails:
            msg = "registration.request needs a mailer: usercore.open(..., mailer=...)"
            raise RuntimeError(msg)
        fields = {"language": language, "source": source, "referer": referer}

        def prepare() -> Applicant:
            applicant = clean_applicant(email, fields=fields)
            if self.scope.context.tenant_id == SYSTEM:
                gate = "system"  # whoever is a user there is an admin
                raise Vetoed(gate)
            self._ask_host(applicant, "request", validate_email=True)
            return applicant

        applicant = self.steps.refusing(email, prepare)

        def request(unit: RegistrationUnit) -> None:
            if self._limit(unit, applicant) is not None:
                return
            holder = self._holder_of(unit, applicant.email)
            if holder is None:
                self._ask(unit, applicant)
            else:
                unit.guard(holder)
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
        link = self.scope.units.read(lambda unit: find_completable(unit, secret, now=self.scope.clock()))
        fields = {
            "first_name": first_name,
            "last_name": last_name,
            "language": link.language,
            "source": link.source,
            "referer": link.referer,
        }

        def prepare() -> Applicant:
            applicant = evolve(clean_applicant(link.email, username=username, fields=fields), verified=True)
            text = self.steps.check_password(password, applicant)
            hashed, taken = self._hash_unless_taken(applicant, text)
            if taken is not None:
                raise taken
            return hashed

        applicant = self.steps.refusing(link.email, prepare)

        def complete(unit: RegistrationUnit) -> Registration | Refused:
            now = self.scope.clock()
            present = guard_completable(unit, secret, now=now)
            tenant = unit.tenants.get(self.scope.context.tenant_id)
            if tenant is None or not tenant.active:
                raise TokenUnknown
            outcome = self.steps.keep(unit, applicant, sign_in=True, welcome=None, login=link.email)
            if not isinstance(outcome, Refused):
                done = evolve(present, completed_at=now)
                unit.registration_links.replace(done)
                unit.record(Change(kind=REGISTRATION_COMPLETED, subject_id=link.id, new=done))
            return outcome

        return self.steps.write(complete)

    def check_email(self, email: str, password: str | None = None) -> EmailCheckResult:
        """Say whether an email is taken and, if asked, whether the password is its user's. Signs nobody in.

        With a password it counts as a sign-in as far as throttling and records go; without, nothing is recorded.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the email is malformed.
            RateLimited: with a password, after ten failures in a row.
            Overloaded: with a password, when too many are being hashed.
        """
        clean = clean_email(email)
        if password is not None:
            check_type(password, str, name="password")
        holder = self.scope.units.read(lambda unit: self._holder_of(unit, clean))
        return EmailCheckResult(
            email=clean,
            status=EmailStatus.AVAILABLE if holder is None else EmailStatus.TAKEN,
            user_id=holder,
            password=None if password is None else self.sign_in.proves(clean, password),
        )

    def _ask_host(self, applicant: Applicant, channel: str, *, validate_email: bool) -> None:
        application = Application(
            email=applicant.email,
            username=applicant.username,
            external_id=applicant.external_id,
            channel=channel,
            context=self.scope.context,
        )
        self.admission.ask_host(application, validate_email=validate_email)

    def _hash_unless_taken(self, applicant: Applicant, password: str | None) -> tuple[Applicant, Taken | None]:
        """Hash the password, if there is one, but spend no hash on what is taken: the unit then refuses that."""
        if password is None:
            return applicant, None
        user = self.steps.new_user(applicant, self.scope.clock())
        try:
            self.scope.units.read(lambda unit: self.admission.check_identifiers(unit, user))
        except Taken as taken:
            return applicant, taken
        return evolve(applicant, hashed=self.steps.hash(password)), None

    def _limit(self, unit: RegistrationUnit, applicant: Applicant, *, paused: bool = False) -> Refused | None:
        now = self.scope.clock()
        try:
            if not paused:
                self.admission.check_pause(unit, applicant.email, now=now)
            self.admission.check_limits(unit, applicant.email, now=now)
        except RateLimited as error:
            return self.steps.refused(unit, error, applicant.email)
        return None

    def _holder_of(self, unit: RegistrationUnit, email: str) -> UserId | None:
        name = claim_of_email(email)
        claim = unit.claims.find(name.space, name.key)
        return UserId(claim.holder_id) if claim is not None and claim.uses & Use.EMAIL else None

    def _known(self, unit: RegistrationUnit, holder: UserId, login: str, *, fail: bool) -> Registration | Refused:
        self.admission.add_attempt(unit, RegistrationStatus.TAKEN_EMAIL, holder, login)
        if fail:
            return Refused(Taken("login", "email"), RegistrationStatus.TAKEN_EMAIL, holder)
        return Registration(user=get_user(unit, holder), created=False)

    def _ask(self, unit: RegistrationUnit, applicant: Applicant) -> None:
        now = self.scope.clock()
        link = RegistrationLink(
            id=self.scope.new_id(),
            tenant_id=self.scope.context.tenant_id,
            email=applicant.email,
            language=applicant.fields.get("language"),
            source=applicant.fields.get("source"),
            referer=applicant.fields.get("referer"),
            asked_at=now,
            expires_at=now + self.links.registration_lifetime,
        )
        unit.registration_links.add(link)
        unit.record(Change(kind=REGISTRATION_ASKED, subject_id=link.id, new=link, generation=link.id))
        self.admission.add_attempt(unit, RegistrationStatus.OK, None, applicant.email)
