"""Registration, as hosts call it: by the host, for other systems, by a mailed link, by details, and by importing."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Unpack

from usercore.attempts.model import RegistrationStatus
from usercore.claiming.service import ClaimingSteps
from usercore.importing.model import BadRecord, ImportLine, ImportReport
from usercore.importing.service import Imports
from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import RunAgain, Taken, UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference
from usercore.kernel.secret import Secret, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.registration.detail import SavedUser, UserDetail
from usercore.registration.email_link import EmailLinkRegistration
from usercore.registration.input import RegistrationInput, clean_registration
from usercore.registration.limits import RejectedRegistration
from usercore.registration.saving import UserSaving
from usercore.registration.steps import Registration, RegistrationSteps, RegistrationUnit
from usercore.sign_in.service import SignIn
from usercore.users.emails import clean_email
from usercore.users.fields import ExternalRegistrationFields, RegistrationFields, check_names
from usercore.users.identifiers import email_holder
from usercore.users.keys import KeySpace, email_key
from usercore.users.model import EmailPolicy, User, UserState
from usercore.users.rules import is_over


class EmailStatus(StrEnum):
    """Whether an email can be registered."""

    TAKEN = "taken"
    AVAILABLE = "available"


@entity
class EmailCheckResult:
    """Whether an email is taken, by which user, and whether the password is theirs (None if none was passed)."""

    email: str
    status: EmailStatus
    user_id: UserId | None = None
    password: bool | None = None


@frozen(kw_only=True)
class Registrations:
    """Registers users. Trusted, but for ``request`` and ``complete``. Safe to share between threads."""

    _service: ServiceContext[RegistrationUnit]
    _steps: RegistrationSteps
    _email_link: EmailLinkRegistration
    _imports: Imports
    _saving: UserSaving
    _claiming: ClaimingSteps
    _sign_in: SignIn
    _emails: EmailPolicy
    _sends_email: bool
    """Whether there is a mailer."""

    def register(
        self,
        email: str | None = None,
        *,
        password: str | None = None,
        username: str | None = None,
        external_id: str | int | None = None,
        send_email: bool = True,
        validate_email: bool = True,
        unclaimed: bool = False,
        in_place: bool = True,
        sign_in: bool = False,
        device_token: Secret | str | None = None,
        **fields: Unpack[RegistrationFields],
    ) -> Registration:
        """Register a user, who is signed in at once if ``sign_in`` is on.

        An email, a username or an external id is enough. If the email is that of an unclaimed user, that user is
        registered in place and keeps everything that the call does not replace; with ``in_place=False`` the email is
        taken, for calls by visitors, who prove no email. ``unclaimed`` makes another unclaimed user, who has no
        password and no token and gets no mail.

        The access token that is issued by signing in is paired with the device of ``device_token``, which therefore
        needs ``sign_in``.

        Without a password one is generated and mailed if there is a mailer and ``send_email`` is on; else the user has
        none. ``validate_email=False`` skips blocked domains and the host's checks, never the syntax. ``fields`` are any
        of ``RegistrationFields``; ``docs/reference/user-fields.md`` has them all.

        Raises:
            TypeError: a value has the wrong type, or there is no field of a name.
            Invalid: every fault, by field; alone, ``unclaimed`` with a password or a device, and a device without
                ``sign_in``.
            PasswordRefused: the password breaks the policy.
            Vetoed: a gate of the host refused.
            DeviceTokenUnknown: there is no such device token.
            TenantInactive: the tenant is inactive.
            RateLimited: too many registrations with this email or from this address.
            Taken: another user has the email, the username or the external id.
            Overloaded: too many passwords are being hashed.
        """
        check_names(fields, RegistrationFields, call="registration.register")
        flags = {
            "send_email": send_email,
            "validate_email": validate_email,
            "sign_in": sign_in,
            "unclaimed": unclaimed,
            "in_place": in_place,
        }
        for name, flag in flags.items():
            check_type(flag, bool, name=name)
        device = None if device_token is None else Secret(text_of(device_token))
        if unclaimed and not (password is None and device is None):
            refuse("unclaimed", "has_credentials")
        if device is not None and not sign_in:
            refuse("device_token", "needs_sign_in")

        def prepare() -> tuple[RegistrationInput, Taken | None]:
            registrant = clean_registration(
                email, self._emails, username=username, external_id=external_id, fields=fields
            )
            registrant = evolve(registrant, unclaimed=unclaimed, in_place=in_place)
            screened = self._steps.screen(password, registrant)
            self._steps.ask_gates(registrant, "register", validate_email=validate_email)
            self._steps.check_device(device)
            try:
                return self._steps.hash(registrant, screened, check_limits=True), None
            except Taken as taken:
                return registrant, taken  # raised in the unit, after the limits are counted

        login = username if email is None else email
        registrant, taken = self._steps.prepare(login, prepare)
        is_welcomed = self._sends_email and send_email and registrant.email is not None and not unclaimed
        welcome = password is None if is_welcomed else None

        def register(unit: RegistrationUnit) -> Registration | RejectedRegistration:
            rejected = self._steps.count(unit, registrant)
            if rejected is None and taken is not None:
                raise taken
            return rejected or self._steps.store(
                unit, registrant, sign_in=sign_in, welcome=welcome, login=login, device=device
            )

        return self._steps.write_user(register, registrant, login)

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
        """Register a user of a host that has its own sign-in. No token is issued.

        For a known email the existing user is returned, unchanged and with ``created=False``, unless
        ``fail_by_existing_email`` is on. With ``with_password_reset`` and a mailer a generated password is mailed.
        ``name`` is the last name; ``fields`` are any of ``ExternalRegistrationFields``.

        Raises:
            TypeError: a value has the wrong type, or there is no field of a name.
            Invalid: every fault, by field.
            Vetoed: a gate of the host refused.
            TenantInactive: the tenant is inactive.
            RateLimited: the same email within 5 seconds, or too many registrations.
            Taken: the email is known and ``fail_by_existing_email`` is on, or the external id is another user's.
        """
        check_names(fields, ExternalRegistrationFields, call="registration.register_external")
        check_type(with_password_reset, bool, name="with_password_reset")
        check_type(fail_by_existing_email, bool, name="fail_by_existing_email")

        def prepare() -> RegistrationInput:
            registrant = clean_registration(
                email, self._emails, external_id=external_id, fields={**fields, "last_name": name}
            )
            self._steps.ask_gates(registrant, "register_external")
            return registrant

        registrant = self._steps.prepare(email, prepare)
        welcome = True if self._sends_email and with_password_reset else None

        def register(unit: RegistrationUnit) -> Registration | RejectedRegistration:
            rejected = self._steps.count_pause(unit, registrant)
            if rejected is not None:
                return rejected
            found = self._steps.find_claims(unit, registrant)
            holder = email_holder(found, registrant.email or "")
            if holder is not None and self._steps.unclaimed_holder(unit, registrant, found) is None:
                return self._known(unit, holder, email, fail=fail_by_existing_email)
            return self._steps.count_windows(unit, registrant) or self._steps.store(
                unit, registrant, sign_in=False, welcome=welcome, login=email, found=found
            )

        return self._steps.write_user(register, registrant, email)

    def save(self, *, upsert: bool = False, **detail: Unpack[UserDetail]) -> SavedUser:
        """Save a user as another system has it: create one with roles, or update the one with ``id``.

        The username, the first and the last name are needed, and a role, unless this core is bound to ``system``, whose
        users are admins: they have neither a tenant to name nor roles. The roles replace those that the user has; one
        that the user has already stays as it was given. A role that is not named by id or UUID but by name is ignored
        if there is none of this name.

        Optional fields that are left out of an update stay; None and "" clear them. The state stays, too. A new
        email is stored as ``emails.change`` does. A new user has no password, no token, and gets no mail. If the email
        is that of an unclaimed user, that user is registered in place.

        Args:
            upsert: whether, without an id, the user with this username is updated if there is one. An unclaimed one
                whose email the detail has is registered in place; any other stays unclaimed.
            **detail: any of ``UserDetail``.

        Raises:
            TypeError: a value has the wrong type, or there is no field of a name.
            Invalid: every fault, by field; a role that is unknown, or another tenant's, as ``roles.1``.
            UserNotFound: no user of this tenant has the id, or a version was passed for a user who does not exist.
            StaleVersion: the user has another version by now.
            Taken: another user has the username, the email or the UUID.
            Vetoed: a gate of the host refused the new user.
            TenantInactive: the user is new, and the tenant inactive.
            RateLimited: too many new users with this email or from this address.
        """
        check_names(detail, UserDetail, call="registration.save")
        return self._saving.save(detail, upsert=check_type(upsert, bool, name="upsert"))

    def request(
        self, email: str, *, language: str | None = None, source: str | None = None, referer: str | None = None
    ) -> None:
        """Request to register an email. Public: the answer is the same for free, taken and throttled ones.

        If no user has the email, a link for ``complete`` is mailed to it, else a note that there is an account. In an
        inactive tenant nothing is mailed.

        Raises:
            TypeError: a value has the wrong type.
            RuntimeError: there is no mailer.
            Invalid: the email or another value is malformed.
            Vetoed: a gate of the host refused, or this is the operators' tenant.
        """
        self._service.check_alone("registration.request")
        if not self._sends_email:
            msg = "registration.request needs a mailer: usercore.open(..., mailer=...)"
            raise RuntimeError(msg)
        self._email_link.request(email, {"language": language, "source": source, "referer": referer})

    def complete(
        self,
        secret: Secret | str,
        *,
        password: str | None = None,
        username: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        device_token: Secret | str | None = None,
    ) -> Registration:
        """Complete a registration by the mailed link: the email is verified, the user confirmed and signed in. Public.

        The access token that is issued is paired with the device of ``device_token``. A link is used up by ten
        refusals, whatever their reasons.

        Raises:
            TypeError: a value has the wrong type.
            TokenInvalid: the link is unknown, used up or expired; its subclasses say which. Also if the tenant is
                inactive.
            DeviceTokenUnknown: there is no such device token.
            Invalid: every fault, by field.
            PasswordRefused: the password breaks the policy.
            Taken: another user has the email or the username.
            Overloaded: too many passwords are being hashed.
        """
        self._service.check_alone("registration.complete")
        return self._email_link.complete(
            secret,
            password=password,
            username=username,
            fields={"first_name": first_name, "last_name": last_name},
            device=None if device_token is None else Secret(text_of(device_token)),
        )

    def check_email(self, email: str, password: str | None = None) -> EmailCheckResult:
        """Return whether an email is taken and, if a password is passed, whether it is that user's.

        With a password it is throttled and stored as an attempt to sign in, but no token is issued. Without, nothing is
        stored.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the email is malformed.
            RateLimited: with a password, after ten failures in a row.
            Overloaded: with a password, when too many are being hashed.
        """
        clean = clean_email(email, self._emails)
        if password is not None:
            self._service.check_alone("registration.check_email")
            check_type(password, str, name="password")
        status, holder = self._service.units.read(lambda unit: self._status_of(unit, clean))
        return EmailCheckResult(
            email=clean,
            status=status,
            user_id=holder,
            password=None if password is None else self._sign_in.verify_password(email, password),
        )

    def import_users(
        self,
        records: Iterable[Mapping[str, object] | ImportLine],
        *,
        all_or_nothing: bool = False,
        on_progress: Callable[[int], object] | None = None,
        on_bad: Callable[[BadRecord], object] | None = None,
    ) -> ImportReport:
        """Create or update users by records; bad ones are reported, and the others imported.

        A record may have: ``id`` (below 2^40 if it creates a user, and in the tenant ``main`` only), ``email``,
        ``email_verified``, ``username``, ``external_id``, ``access_ids`` (as ``users.set_access_ids`` takes them) or
        ``access_id_1`` to ``access_id_4``, ``uuid``, ``created_at`` (an aware datetime or RFC 3339 text with a zone),
        ``password_hash`` (of another system), and the fields of ``users.update``. A field that it leaves out stays as
        it is; None clears it. It names its user by id, by external id, else by email; if it has none of these, by
        username, access ids or uuid, whichever of them it has first.

        A password hash is stored if the user has no password, or one that was imported and not used yet. The policy
        of new passwords does not apply to it, and the first sign-in replaces it by argon2id.

        A thousand records are stored at a time, and importing the same records again changes nothing. With
        ``all_or_nothing`` nothing is stored if any record is bad; this one unit needs memory for all that it changes.
        No email is sent, no attempt stored and no limit counted; the host's gates and email checks are asked about new
        users. Inactive tenants can be imported into: their users cannot sign in.

        Args:
            records: mappings, or lines of a file that a reader returned.
            all_or_nothing: whether one bad record prevents the whole import.
            on_progress: called with the number of records that are stored, or with ``all_or_nothing`` checked.
            on_bad: called with each bad record, also with those that the report no longer lists.

        Raises:
            TypeError: an argument has the wrong type.
            LostRace: others changed the same users again and again; import again, what is stored stays.
            StorageError: the storage failed; the batches before are stored.
        """
        return self._imports.import_users(
            records, all_or_nothing=all_or_nothing, on_progress=on_progress, on_bad=on_bad
        )

    def _status_of(self, unit: RegistrationUnit, email: str) -> tuple[EmailStatus, UserId | None]:
        """Return whether an email is taken, and by whom: by None if it is only held for a user."""
        claim = unit.claims.find(KeySpace.LOGIN, email_key(email))
        if claim is not None and is_over(claim, self._service.clock()):
            claim = None
        holder = None if claim is None else email_holder([claim], email)
        user = None if holder is None else unit.users.get(holder)
        if claim is None or (user is not None and user.state is UserState.UNCLAIMED):
            return EmailStatus.AVAILABLE, None
        return EmailStatus.TAKEN, holder

    def claim(self, unclaimed: Reference, user: Reference, device_token: Secret | str | None = None) -> User:
        """Move what an unclaimed user has to a registered one, and deactivate the unclaimed one; return the other.

        Values of keys that the user has already are not moved; the notes are joined. The device token proves nothing:
        the access token that the user used last, if there is one, is paired with the device.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: no user of this tenant has one of the references.
            Invalid: an identifier of this form cannot exist, or the notes are too long together.
            WrongState: the one is not unclaimed (any more), or the other not active.
            DeviceTokenUnknown: there is no such device token.
        """
        device = None if device_token is None else Secret(text_of(device_token))
        return self._claiming.claim(unclaimed, user, device)

    def _known(
        self, unit: RegistrationUnit, holder: UserId, login: str, *, fail: bool
    ) -> Registration | RejectedRegistration:
        try:
            user = unit.users.lock(holder)
        except UserNotFound:
            raise RunAgain from None  # erased meanwhile
        self._steps.add_attempt(unit, RegistrationStatus.TAKEN_EMAIL, holder, login)
        if fail:
            return RejectedRegistration(Taken("login", "email"), RegistrationStatus.TAKEN_EMAIL, holder)
        return Registration(user=user, created=False)
