"""The use-cases of second factors: enrolling by an authenticator app, listing, removing, recovery codes."""

from typing import Final

from usercore.authenticators.base import RejectedAttempt, SignInUnit
from usercore.authenticators.errors import SignInRefused
from usercore.authenticators.rules import is_privileged
from usercore.kernel.changes import Change
from usercore.kernel.context import Actor
from usercore.kernel.errors import NotAllowed, WrongState
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_line, clean_optional
from usercore.kernel.values import frozen
from usercore.second_factors.encryption import FactorCipher
from usercore.second_factors.errors import (
    CodeWrong,
    EnrollmentNotFound,
    LastSecondFactor,
    NoSecondFactor,
    SecondFactorNotFound,
    TooManySecondFactors,
)
from usercore.second_factors.model import (
    BEGUN,
    NAME_LIMIT,
    REASON_LIMIT,
    RECOVERY_CODES_MADE,
    REMOVED,
    FactorAddition,
    RecoveryCode,
    RecoveryCodesLeft,
    SecondFactor,
    SecondFactorPolicy,
    StoredFactor,
    TotpEnrollment,
)
from usercore.second_factors.rules import (
    confirmed,
    digest_of_recovery_code,
    generate_recovery_code,
    is_required,
    pending,
    shown,
)
from usercore.second_factors.service import remove_factor
from usercore.second_factors.totp import SECRET_BYTES, text_of_secret, uri_of
from usercore.sign_in.second_factor import SecondStep, check_form
from usercore.tokens.model import RememberedDevice
from usercore.tokens.remembering import forget_all_devices
from usercore.tokens.rules import is_remembered
from usercore.users.model import User, UserState

DEFAULT_NAME: Final = "authenticator app"


@frozen(kw_only=True)
class SecondFactors:
    """Enrolls and removes second factors. Trusted, except ``begin_by_challenge``. Safe to share between threads."""

    _service: ServiceContext[SignInUnit]
    _policy: SecondFactorPolicy
    _cipher: FactorCipher
    _second_step: SecondStep
    _issuer: str

    def begin(self, ref: Reference, *, name: str = DEFAULT_NAME) -> TotpEnrollment:
        """Begin to enroll an authenticator app, and return its secret, which cannot be read again.

        The factor counts when ``confirm`` gets its first code. An enrollment that was begun before ends.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the name or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            WrongState: the user is not active.
            NoFactorKey: the host gave no key that encrypts secrets.
            TooManySecondFactors: the user has as many factors as the policy allows.
        """
        check_reference(ref)
        label = clean_line(name, field="name", most=NAME_LIMIT, empty=False)

        def begin(unit: SignInUnit) -> TotpEnrollment:
            return self._begin(unit, unit.users.lock(unit.resolve(ref)), label)

        return self._service.units.write(begin)

    def begin_by_challenge(self, challenge: Secret | str, *, name: str = DEFAULT_NAME) -> TotpEnrollment:
        """Begin to enroll an authenticator app in the sign-in that raised ``SecondFactorSetupRequired``. Public.

        The first code completes that sign-in: pass it to ``sign_in.with_second_factor``.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the name is malformed.
            SignInRefused: the challenge is wrong, was used or is too old, or its user may no longer sign in or has a
                second factor.
        """
        self._service.check_alone("second_factors.begin_by_challenge")
        secret, label = Secret(text_of(challenge)), clean_line(name, field="name", most=NAME_LIMIT, empty=False)

        def begin(unit: SignInUnit) -> TotpEnrollment:
            found = self._second_step.find(unit, secret)
            locked = self._second_step.lock(unit, found, now=self._service.clock())
            if locked.rights.has_second_factor:
                raise SignInRefused
            return self._begin(unit, locked.user, label)

        try:
            check_form(secret)
            return self._service.units.write(begin)
        except RejectedAttempt:
            raise SignInRefused from None

    def _begin(self, unit: SignInUnit, user: User, name: str) -> TotpEnrollment:
        if user.state is not UserState.ACTIVE:
            raise WrongState(str(user.state))
        factors, now = unit.second_factors.list_of(user.id), self._service.clock()
        if len(confirmed(factors)) >= self._policy.max_factors:
            raise TooManySecondFactors
        factor_id, secret = self._service.new_id(), self._service.randomness(SECRET_BYTES)
        encrypted = self._cipher.encrypt(
            secret, user_id=user.id, factor_id=factor_id, randomness=self._service.randomness
        )
        for old in factors:
            if old.confirmed_at is None:
                unit.second_factors.remove(user.id, old.id)
        unit.second_factors.add(
            StoredFactor(
                user_id=user.id,
                id=factor_id,
                name=name,
                key_id=self._cipher.key_id,
                encrypted=encrypted,
                created_at=now,
            )
        )
        begun = FactorAddition(factor_id=factor_id, name=name)
        unit.record(Change(kind=BEGUN, subject_id=user.id, new=begun))
        account = user.email or user.username or str(user.id)
        return TotpEnrollment(
            factor_id=factor_id,
            secret=Secret(text_of_secret(secret)),
            uri=Secret(uri_of(secret, account=account, issuer=self._issuer)),
            expires_at=now + self._policy.enrollment_lifetime,
        )

    def confirm(self, ref: Reference, code: Secret | str) -> SecondFactor:
        """Make the factor count that was begun last, by a code of its app, which then cannot be used to sign in.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            EnrollmentNotFound: none was begun, or too long ago.
            CodeWrong: it is not the code of the present step, or of one within the window around it.
        """
        check_reference(ref)
        typed = text_of(code)

        def confirm(unit: SignInUnit) -> StoredFactor:
            user, now = unit.users.lock(unit.resolve(ref)), self._service.clock()
            begun = pending(unit.second_factors.list_of(user.id), now=now, policy=self._policy)
            if begun is None:
                raise EnrollmentNotFound
            factor = self._second_step.confirm(unit, user, begun, typed, now=now)
            if factor is None:
                raise CodeWrong
            return factor

        return shown(self._service.units.write(confirm))

    def list(self, ref: Reference) -> tuple[SecondFactor, ...]:
        """List the factors of a user that count, the oldest first.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        found = self._service.units.read(lambda unit: unit.second_factors.list_of(unit.get_or_raise(ref)))
        return tuple(map(shown, confirmed(found)))

    def remove(self, ref: Reference, factor_id: int, *, reason: str | None = None) -> SecondFactor:
        """Remove a factor, and return it; with the last one the recovery codes go. The user is told by email.

        ``reason`` is an operator's, up to 1000 characters: history stores it, and the last factor goes even where the
        policy demands one. The user then enrolls another at the next sign-in.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reason or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            SecondFactorNotFound: the user has no such factor.
            LastSecondFactor: the policy demands one, and there is no reason.
            NotAllowed: the actor of this core is the user, and gave a reason.
        """
        check_reference(ref)
        check_type(factor_id, int, name="factor_id")
        given = clean_optional(reason, field="reason", most=REASON_LIMIT)

        def remove(unit: SignInUnit) -> StoredFactor:
            user = unit.users.lock(unit.resolve(ref))
            if given is not None and self._service.context.actor == Actor.user(user.id):
                raise NotAllowed("second_factors.remove")
            factors = confirmed(unit.second_factors.list_of(user.id))
            factor = next((one for one in factors if one.id == factor_id), None)
            if factor is None:
                raise SecondFactorNotFound
            is_last = len(factors) == 1
            privileged = is_privileged(user, unit.authentication.rights_of(user.id).roles)
            if is_last and given is None and is_required(self._policy, is_privileged=privileged):
                raise LastSecondFactor
            remove_factor(unit, factor, reason=given, recipient=user.email)
            forget_all_devices(unit, user.id, reason=REMOVED.name)
            return factor

        return shown(self._service.units.write(remove))

    def remembered_devices(self, ref: Reference) -> tuple[RememberedDevice, ...]:
        """List the devices on which a user is asked for no second factor at present, the newest first.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        rows, now = self._service.units.read(
            lambda unit: (unit.remembered_devices.list_of(unit.get_or_raise(ref)), self._service.clock())
        )
        lifetime = self._policy.remember_device_for
        found = [row for row in rows if is_remembered(row, now=now, lifetime=lifetime)]
        return tuple(sorted(found, key=lambda row: row.remembered_at, reverse=True))

    def forget_devices(self, ref: Reference) -> int:
        """Forget all remembered devices of a user, who is then asked for a second factor on each; return their number.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)

        def forget(unit: SignInUnit) -> int:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            return forget_all_devices(unit, user_id, reason="requested")

        return self._service.units.write(forget)

    def recovery_codes(self, ref: Reference) -> tuple[Secret, ...]:
        """Make recovery codes, and return them: each replaces a code once. The ones before end. Shown only here.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            NoSecondFactor: the user has no second factor.
        """
        check_reference(ref)

        def make(unit: SignInUnit) -> tuple[Secret, ...]:
            user = unit.users.lock(unit.resolve(ref))
            if not unit.second_factors.has_confirmed(user.id):
                raise NoSecondFactor
            codes = tuple(generate_recovery_code(self._service.randomness) for _ in range(self._policy.recovery_codes))
            unit.recovery_codes.replace_all(user.id, [self._stored(user.id, code) for code in codes])
            made = RecoveryCodesLeft(left=len(codes))
            unit.record(Change(kind=RECOVERY_CODES_MADE, subject_id=user.id, new=made, recipient=user.email))
            return codes

        return self._service.units.write(make)

    def _stored(self, user_id: UserId, code: Secret) -> RecoveryCode:
        digest = digest_of_recovery_code(code.reveal())
        return RecoveryCode(user_id=user_id, digest=digest, created_at=self._service.clock())
