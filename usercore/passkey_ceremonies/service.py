"""The use-cases of passkeys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from usercore.authenticators.last_admin import AdminsUnit, LastAdminGuard
from usercore.authenticators.passkey import PasskeyCredentials
from usercore.kernel.changes import Change
from usercore.kernel.errors import WrongState
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of, holder_of, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_optional
from usercore.kernel.values import frozen
from usercore.passkey_ceremonies.model import PasskeyCeremony
from usercore.passkeys.errors import PasskeyNotFound, PasskeyTaken, TooManyPasskeys
from usercore.passkeys.keys import PasskeyKeys, challenge_of, to_milliseconds
from usercore.passkeys.model import ADDED, NAME_LIMIT, REASON_LIMIT, Passkey, PasskeyPolicy, RelyingParty
from usercore.passkeys.ports import PasskeysUnit
from usercore.passkeys.rules import Attestation, Response, read_attestation
from usercore.passkeys.service import remove_passkey
from usercore.passkeys.verification import NewCredential, creation_options, request_options, verify_attestation
from usercore.sign_in.model import SignedIn, with_secret
from usercore.sign_in.service import SignIn
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import require_active
from usercore.tokens.errors import TokenUnknown
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import LimitedUseToken
from usercore.tokens.policies import ChallengePolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import find_redeemable, issue, redeem
from usercore.users.model import User, UserState

DEFAULT_NAME: Final = "Passkey"


class PasskeyCeremoniesUnit(AdminsUnit, TenantsUnit, TokensUnit, PasskeysUnit, Protocol):
    """What registering and removing a passkey reads and writes."""


class _Begun(NamedTuple):
    user: User
    existing: Sequence[Passkey]
    secret: Secret
    at: datetime


class _Made(NamedTuple):
    """What the browser sent, what was verified of it, and the name that the user chose."""

    given: Attestation
    verified: NewCredential
    name: str

    def passkey_of(self, user: User, *, number: int, at: datetime) -> Passkey:
        """Return the passkey as it is stored."""
        return Passkey(
            user_id=user.id,
            tenant_id=user.tenant_id,
            credential_id=self.given.credential_id,
            id=number,
            name=self.name,
            public_key=self.verified.public_key,
            sign_count=self.verified.sign_count,
            aaguid=self.verified.aaguid,
            transports=self.given.transports,
            backup_eligible=self.verified.backup_eligible,
            backed_up=self.verified.backed_up,
            created_at=at,
        )


@frozen(kw_only=True)
class Passkeys:
    """Registers passkeys, signs in by them, lists and removes them. Safe to share between threads.

    ``begin_sign_in`` and ``finish_sign_in`` are public; the others are trusted.
    """

    _service: ServiceContext[PasskeyCeremoniesUnit]
    _sign_in: SignIn
    _policy: PasskeyPolicy
    _challenges: ChallengePolicy
    _keys: PasskeyKeys
    _last_admin: LastAdminGuard

    def begin_registration(self, ref: Reference) -> PasskeyCeremony:
        """Begin to register a passkey for a user who is signed in.

        Raises:
            TypeError: ``ref`` is not a reference.
            ValueError: the policy has no relying party.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
            WrongState: the user is not active.
            TooManyPasskeys: the user has as many as the policy allows.
        """
        check_reference(ref)
        party = self._party()
        begun = self._service.units.write(lambda unit: self._begin(unit, ref))
        user = begun.user
        label = user.email or user.username or user.public_name or str(user.id)
        options = creation_options(
            party,
            challenge=challenge_of(begun.secret),
            user_handle=self._keys.user_handle(user.tenant_id, user.id),
            user_name=label,
            display_name=user.full_name or label,
            existing=begun.existing,
            timeout=self._challenges.lifetime,
        )
        return PasskeyCeremony(secret=begun.secret, options=options, expires_at=begun.at + self._challenges.lifetime)

    def finish_registration(
        self, ref: Reference, secret: Secret | str, response: Response, *, name: str | None = None
    ) -> Passkey:
        """Register the passkey that the browser made; ``response`` is its JSON, as text or decoded.

        ``name`` is for the user, at most 100 characters.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: the policy has no relying party.
            Invalid: ``ref`` or the name is malformed.
            UserNotFound: no user of this tenant has this reference.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
            WrongState: the user is not active.
            TokenInvalid: the secret is not one of this user's, or was used or revoked, or has expired.
            PasskeyRejected: the response cannot be verified.
            PasskeyTaken: a user of this tenant has this passkey already.
            TooManyPasskeys: the user has as many as the policy allows.
        """
        check_reference(ref)
        text = text_of(secret)
        label = clean_optional(name, field="name", most=NAME_LIMIT) or DEFAULT_NAME
        given = read_attestation(response)
        party = self._party()
        token = self._service.units.read(lambda unit: self._find_token(unit, unit.get_or_raise(ref), text))
        verified = verify_attestation(given, party, challenge=challenge_of(text))
        return self._service.units.write(lambda unit: self._register(unit, token, text, _Made(given, verified, label)))

    def begin_sign_in(self) -> PasskeyCeremony:
        """Begin to sign in by a passkey. Stores nothing and needs no login: the browser offers the passkeys it has.

        Raises:
            ValueError: the policy has no relying party.
        """
        party = self._party()
        expires_at = to_milliseconds(self._service.clock() + self._challenges.lifetime)
        secret = self._keys.generate_sign_in(
            self._service.context.tenant_id, expires_at=expires_at, randomness=self._service.randomness
        )
        options = request_options(party, challenge=challenge_of(secret), timeout=self._challenges.lifetime)
        return PasskeyCeremony(secret=secret, options=options, expires_at=expires_at)

    def finish_sign_in(
        self,
        secret: Secret | str,
        response: Response,
        *,
        source: str | None = None,
        device_token: Secret | str | None = None,
    ) -> SignedIn:
        """Sign in by the passkey that the user chose; ``response`` is the browser's JSON, as text or decoded.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: the policy has no relying party.
            SignInRefused: no user was signed in; the stored attempts contain the reason, for operators.
            RateLimited: it is too early for another attempt.
            Invalid: the source is malformed.
        """
        self._service.check_alone("passkeys.finish_sign_in")
        credentials = PasskeyCredentials(secret=secret, response=response)
        self._party()
        return with_secret(self._sign_in.authenticate(credentials, source=source, device_token=device_token))

    def list(self, ref: Reference) -> tuple[Passkey, ...]:
        """Return the user's passkeys, the oldest first.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        return tuple(self._service.units.read(lambda unit: unit.passkeys.list_of(unit.get_or_raise(ref))))

    def remove(self, ref: Reference, passkey_id: int, *, reason: str | None = None) -> None:
        """Remove a passkey of a user, who is notified by mail. ``reason`` is for operators, at most 1000 characters.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``ref`` or the reason is malformed.
            UserNotFound: no user of this tenant has this reference.
            PasskeyNotFound: the user has no such passkey.
            LastAdmin: no admin could sign in without the passkey.
        """
        check_reference(ref)
        number = check_type(passkey_id, int, name="passkey_id")
        why = clean_optional(reason, field="reason", most=REASON_LIMIT)

        def remove(unit: PasskeyCeremoniesUnit) -> None:
            user = self._last_admin.lock(unit, unit.resolve(ref), tenant_id=self._service.context.tenant_id)
            found = [passkey for passkey in unit.passkeys.list_of(user.id) if passkey.id == number]
            if not found:
                raise PasskeyNotFound
            now = self._service.clock()
            is_needed = self._last_admin.is_needed(unit, user, at=now)
            remove_passkey(unit, found[0], reason=why, recipient=user.email)
            if is_needed:
                self._last_admin.check_able(unit, user, at=now)

        self._service.units.write(remove)

    def _party(self) -> RelyingParty:
        if self._policy.relying_party is None:
            raise ValueError("passkeys need a relying party: set Policy(passkeys=PasskeyPolicy(relying_party=...))")
        return self._policy.relying_party

    def _begin(self, unit: PasskeyCeremoniesUnit, ref: Reference) -> _Begun:
        user = self._lock(unit, unit.resolve(ref))
        existing, now = unit.passkeys.list_of(user.id), self._service.clock()
        self._check_count(existing)
        lifetime, randomness = self._challenges.lifetime, self._service.randomness
        secret = issue(unit, TokenKind.PASSKEY, user.id, at=now, lifetime=lifetime, randomness=randomness)
        return _Begun(user, existing, secret, now)

    def _lock(self, unit: PasskeyCeremoniesUnit, user_id: UserId) -> User:
        """Lock a user who may sign in."""
        user = unit.users.lock(user_id)
        require_active(unit, user.tenant_id)
        if user.state is not UserState.ACTIVE:
            raise WrongState(user.state)
        return user

    def _check_count(self, existing: Sequence[Passkey]) -> None:
        if len(existing) >= self._policy.max_per_user:
            raise TooManyPasskeys

    def _find_token(self, unit: PasskeyCeremoniesUnit, user_id: UserId, secret: str) -> LimitedUseToken:
        if holder_of(secret, TokenKind.PASSKEY) != user_id:  # of another user, perhaps of another tenant
            raise TokenUnknown
        return find_redeemable(unit, secret, now=self._service.clock(), kind=TokenKind.PASSKEY)

    def _register(self, unit: PasskeyCeremoniesUnit, token: LimitedUseToken, secret: str, made: _Made) -> Passkey:
        user, now = self._lock(unit, token.user_id), self._service.clock()
        self._find_token(unit, user.id, secret)
        redeem(unit, user.id, digest_of(secret), at=now)
        if unit.passkeys.get(made.given.credential_id) is not None:
            raise PasskeyTaken
        self._check_count(unit.passkeys.list_of(user.id))
        passkey = made.passkey_of(user, number=self._service.new_id(), at=now)
        unit.passkeys.add(passkey)
        unit.record(Change(kind=ADDED, subject_id=user.id, new=passkey, recipient=user.email))
        return passkey
