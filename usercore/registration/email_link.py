"""Registering by a mailed link, which proves the email and completes the registration once."""

from collections.abc import Mapping
from typing import NoReturn

from usercore.attempts.model import RegistrationStatus
from usercore.gates.errors import Vetoed
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Rejected, Taken, UsercoreError, UserNotFound
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.registration.input import RegistrationInput, clean_registration
from usercore.registration.limits import RejectedRegistration
from usercore.registration.steps import Registration, RegistrationSteps, RegistrationUnit
from usercore.sign_in.throttle import NO_USER
from usercore.tenants.errors import TenantInactive
from usercore.tokens.changes import REGISTRATION_COMPLETED, REGISTRATION_KNOWN, REGISTRATION_REQUESTED
from usercore.tokens.errors import DeviceTokenUnknown, TokenUnknown
from usercore.tokens.model import RegistrationLink
from usercore.tokens.policies import LinkPolicy
from usercore.tokens.service import find_completable, lock_completable
from usercore.users.keys import claim_of_email
from usercore.users.model import EmailPolicy, UserState


@frozen(kw_only=True)
class EmailLinkRegistration:
    """Requests and completes registrations. Public: the caller may be anyone. Safe to share between threads."""

    _service: ServiceContext[RegistrationUnit]
    _steps: RegistrationSteps
    _emails: EmailPolicy
    _links: LinkPolicy

    def request(self, email: object, fields: Mapping[str, object]) -> None:
        """Store a request and record it, so that a link is mailed; see ``Registrations.request``.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: the email or another value is malformed.
            Vetoed: a gate of the host refused, or this is the operators' tenant.
        """

        def prepare() -> RegistrationInput:
            registrant = clean_registration(email, self._emails, fields=fields)
            if self._service.context.tenant_id == SYSTEM:
                gate = "system"  # every user of this tenant is an operator
                raise Vetoed(gate)
            self._steps.ask_gates(registrant, "request")
            return registrant

        registrant = self._steps.prepare(email, prepare)
        self._service.units.write(lambda unit: self._request(unit, registrant))

    def _request(self, unit: RegistrationUnit, registrant: RegistrationInput) -> None:
        """Store a request or what prevented it. Nothing is returned or raised that would tell the caller which.

        The same statements run and as many rows are stored whether a user has the email or not: a request for an email
        that is taken is stored, too, and no link is ever generated for it.
        """
        if self._steps.count(unit, registrant) is not None:
            return
        if not self._steps.is_tenant_active(unit):
            self._steps.reject(unit, TenantInactive(), registrant.email)
            return
        email = registrant.email or ""
        user = unit.users.find_by_claim(claim_of_email(email))
        holder = NO_USER if user is None or user.state is UserState.UNCLAIMED else user.id
        link = self._add_link(unit, email, registrant)
        try:
            unit.lock(holder)
        except UserNotFound:
            unit.record(Change(kind=REGISTRATION_REQUESTED, subject_id=link.id, new=link, generation=link.id))
            self._steps.add_attempt(unit, RegistrationStatus.OK, None, email)
        else:
            unit.record(Change(kind=REGISTRATION_KNOWN, subject_id=holder, recipient=email))
            self._steps.add_attempt(unit, RegistrationStatus.TAKEN_EMAIL, holder, email)

    def _add_link(self, unit: RegistrationUnit, email: str, registrant: RegistrationInput) -> RegistrationLink:
        now = self._service.clock()
        link = RegistrationLink(
            id=self._service.new_id(),
            tenant_id=self._service.context.tenant_id,
            email=email,
            language=registrant.fields.get("language"),
            source=registrant.fields.get("source"),
            referer=registrant.fields.get("referer"),
            requested_at=now,
            expires_at=now + self._links.registration_lifetime,
        )
        unit.registration_links.add(link)
        return link

    def complete(
        self,
        secret: Secret | str,
        *,
        password: object,
        username: object,
        fields: Mapping[str, object],
        device: Secret | None,
    ) -> Registration:
        """Store the user of a request and sign them in; see ``Registrations.complete``.

        Raises:
            TypeError: a value has the wrong type.
            TokenInvalid: the link is unknown, used up or expired, or the tenant is inactive.
            DeviceTokenUnknown: there is no such device token.
            Invalid: every fault, by field.
            PasswordRefused: the password breaks the policy.
            Taken: another user has the email or the username.
            Overloaded: too many passwords are being hashed.
        """
        link = self._service.units.read(lambda unit: self._find(unit, secret))
        try:
            registrant = clean_registration(
                link.email, self._emails, username=username, fields={**fields, **_fields_of(link)}
            )
            screened = self._steps.screen(password, registrant)
            self._steps.check_device(device)
            registrant = self._steps.hash(evolve(registrant, verified=True), screened, check_limits=False)
        except (Rejected, Taken) as error:
            self._refuse(secret, error)
        return self._steps.write(lambda unit: self._complete(unit, secret, registrant, device))

    def _complete(
        self, unit: RegistrationUnit, secret: Secret | str, registrant: RegistrationInput, device: Secret | None
    ) -> Registration | RejectedRegistration:
        link = self._lock(unit, secret)
        try:
            registration = self._steps.store(
                unit, registrant, sign_in=True, welcome=None, login=link.email, device=device
            )
        except (Taken, DeviceTokenUnknown) as error:  # raised before its first write, but that the device was used
            return self._count_refusal(unit, link, error)
        done = evolve(link, completed_at=self._service.clock())
        unit.registration_links.replace(done)
        unit.record(Change(kind=REGISTRATION_COMPLETED, subject_id=link.id, new=done))
        return registration

    def _refuse(self, secret: Secret | str, error: UsercoreError) -> NoReturn:
        """Count a refusal from before the unit and raise it, unless other refusals used up the link meanwhile.

        Raises:
            UsercoreError: the error, or ``TokenInvalid`` instead of it.
        """
        self._service.units.write(lambda unit: self._count_refusal(unit, self._lock(unit, secret), error))
        raise error

    def _count_refusal(
        self, unit: RegistrationUnit, link: RegistrationLink, error: UsercoreError
    ) -> RejectedRegistration:
        unit.registration_links.replace(evolve(link, refusals=link.refusals + 1))
        return self._steps.reject(unit, error, link.email)

    def _find(self, unit: RegistrationUnit, secret: Secret | str) -> RegistrationLink:
        self._check_tenant(unit)
        return find_completable(unit, secret, now=self._service.clock(), policy=self._links)

    def _lock(self, unit: RegistrationUnit, secret: Secret | str) -> RegistrationLink:
        self._check_tenant(unit)
        return lock_completable(unit, secret, now=self._service.clock(), policy=self._links)

    def _check_tenant(self, unit: RegistrationUnit) -> None:
        if not self._steps.is_tenant_active(unit):
            raise TokenUnknown  # as for a link that does not exist: the caller learns nothing about the tenant


def _fields_of(link: RegistrationLink) -> dict[str, object]:
    return {"language": link.language, "source": link.source, "referer": link.referer}
