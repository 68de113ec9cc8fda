"""Saving a user detail: it creates a user with roles, or updates one and sets the roles."""

from collections.abc import Mapping
from uuid import UUID

from usercore.authorization.steps import set_role_requirement, set_roles
from usercore.email_change.steps import finish_change
from usercore.kernel.changes import Change
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Invalid, RunAgain, Taken, UserNotFound
from usercore.kernel.ids import RoleId, UserId
from usercore.kernel.references import Reference, Username
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, unique_key
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version
from usercore.registration.detail import CleanDetail, SavedUser, clean_detail
from usercore.registration.input import RegistrationInput
from usercore.registration.limits import RejectedRegistration
from usercore.registration.steps import RegistrationSteps, RegistrationUnit
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role
from usercore.roles.service import find_role, held_roles
from usercore.tenants.service import get_tenant
from usercore.users.email_changes import cancel_changes
from usercore.users.keys import is_same_address
from usercore.users.model import EMAIL_CHANGED, ROLE_REQUIREMENT_CHANGED, UPDATED, EmailPolicy, User, UserState
from usercore.users.service import replace_user


@frozen(kw_only=True)
class UserSaving:
    """Saves user details. Trusted. Safe to share between threads."""

    _service: ServiceContext[RegistrationUnit]
    _steps: RegistrationSteps
    _emails: EmailPolicy

    def save(self, given: Mapping[str, object], *, upsert: bool) -> SavedUser:
        """Save a detail; see ``Registrations.save``.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: every fault, by field.
            UserNotFound: no user of this tenant has the id.
            UsercoreError: what updating or creating refuses.
        """
        detail = clean_detail(given, self._emails, is_admin=self._is_admin)
        ref = detail.id
        if ref is not None:
            return self._service.units.write(lambda unit: self._update(unit, ref, detail))
        if upsert:
            saved = self._service.units.write(lambda unit: self._update_if_found(unit, detail))
            if saved is not None:
                return saved
        if detail.version is not None:  # which says that the user exists
            raise UserNotFound
        return self._create(detail, upsert=upsert)

    @property
    def _is_admin(self) -> bool:
        return self._service.context.tenant_id == SYSTEM

    def _update_if_found(self, unit: RegistrationUnit, detail: CleanDetail) -> SavedUser | None:
        """Update the user with the username; return None if there is none, or one whom the email registers in place."""
        try:
            user_id = unit.resolve(Username(detail.username or ""))
        except (UserNotFound, Invalid):
            return None
        return None if self._is_registered_by(unit, user_id, detail) else self._update(unit, user_id, detail)

    def _is_registered_by(self, unit: RegistrationUnit, user_id: UserId, detail: CleanDetail) -> bool:
        email, user = detail.email_of(None), unit.users.get(user_id)
        if email is None or user is None or user.state is not UserState.UNCLAIMED:
            return False
        return is_same_address(user.email, email)

    def _update(self, unit: RegistrationUnit, ref: Reference, detail: CleanDetail) -> SavedUser:
        errors = FieldErrors(detail.faults)
        roles = self._lock_roles(unit, self._find_roles(unit, detail, errors))
        old = unit.users.lock(unit.resolve(ref))
        check_version(old.version, detail.version)
        email = detail.email_of(old)
        username = detail.take_username(errors, email=email)
        self._check_tenant(unit, detail, errors)
        if detail.uuid not in {None, old.uuid}:
            errors.add("uuid", "fixed")
        errors.check()
        now, by = self._service.clock(), str(self._service.context.actor)
        user = self._replace_email(unit, old, email, username)
        user = replace_user(unit, user, evolve(user, username=username, **detail.fields), UPDATED, at=now, by=by)
        if set_roles(unit, user, roles, new_id=self._service.new_id, at=now, by=by):
            user = set_role_requirement(unit, user, required=True, at=now, by=by)
        return SavedUser(user=user, created=False, roles=tuple(held_roles(unit, user.id)))

    def _replace_email(self, unit: RegistrationUnit, old: User, email: str | None, username: str | None) -> User:
        """Store the email as ``emails.change`` does, but with the username, which may have to change with it."""
        now, by = self._service.clock(), str(self._service.context.actor)
        if is_same_address(old.email, email):
            return replace_user(unit, old, evolve(old, email=email), EMAIL_CHANGED, at=now, by=by)
        cancel_changes(unit, old, at=now)
        new = evolve(old, email=email, email_verified_at=None, username=username)
        stored = replace_user(unit, old, new, EMAIL_CHANGED, at=now, by=by)
        finish_change(unit, old, undo=None, at=now)
        return stored

    def _create(self, detail: CleanDetail, *, upsert: bool) -> SavedUser:
        email = detail.email_of(None)

        def check(unit: RegistrationUnit) -> FieldErrors:
            errors = FieldErrors(detail.faults)
            detail.take_username(errors, email=email)
            self._find_roles(unit, detail, errors)
            self._check_tenant(unit, detail, errors)
            return errors

        def prepare() -> RegistrationInput:
            self._service.units.read(check).check()
            fields = {name: value for name, value in detail.fields.items() if name not in detail.blank}
            registrant = RegistrationInput(
                email=email,
                username=detail.take_username(FieldErrors(), email=email),
                supplied_uuid=detail.uuid,
                fields=fields if self._is_admin else fields | {"requires_role": True},
            )
            self._steps.ask_gates(registrant, "save")
            return registrant

        registrant = self._steps.prepare(detail.login, prepare)

        def create(unit: RegistrationUnit) -> SavedUser | RejectedRegistration:
            saved = self._update_if_found(unit, detail) if upsert else None  # created meanwhile
            return saved or self._store(unit, detail, registrant)

        return self._steps.write_user(create, registrant, detail.login)

    def _store(
        self, unit: RegistrationUnit, detail: CleanDetail, registrant: RegistrationInput
    ) -> SavedUser | RejectedRegistration:
        errors = FieldErrors()
        roles = self._lock_roles(unit, self._find_roles(unit, detail, errors))
        errors.check()  # a role was deleted meanwhile
        rejected = self._steps.count(unit, registrant)
        if rejected is not None:
            return rejected
        found = self._steps.find_claims(unit, registrant)
        unclaimed = self._steps.unclaimed_holder(unit, registrant, found)
        before = None if unclaimed is None else unit.users.get(unclaimed)
        registrant = self._without_own_uuid(unit, registrant, before)
        user = self._steps.store(unit, registrant, sign_in=False, welcome=None, login=detail.login, found=found).user
        if user.requires_role and not (before and before.requires_role):
            without = evolve(user, requires_role=False)
            unit.record(Change(kind=ROLE_REQUIREMENT_CHANGED, subject_id=user.id, old=without, new=user))
        at, by = user.modified_at, user.modified_by
        set_roles(unit, user, roles, new_id=self._service.new_id, at=at, by=by)
        return SavedUser(user=user, created=True, roles=tuple(held_roles(unit, user.id)))

    def _without_own_uuid(
        self, unit: RegistrationUnit, registrant: RegistrationInput, before: User | None
    ) -> RegistrationInput:
        """Return the registrant without a UUID that the user who is registered in place has already.

        Raises:
            Taken: another user has the UUID, which may be derived from an id and so without a claim.
        """
        if registrant.supplied_uuid is None:
            return registrant
        holder = unit.users.find_by_uuid(registrant.supplied_uuid)
        if holder is None:
            return registrant
        if before is None or holder.id != before.id:
            raise Taken("uuid", "uuid")
        return evolve(registrant, supplied_uuid=None)

    def _find_roles(self, unit: RegistrationUnit, detail: CleanDetail, errors: FieldErrors) -> dict[RoleId, Role]:
        """Return the roles that exist, by id; an unknown one is a fault, unless it is named by its name."""
        found, is_refused = dict[RoleId, Role](), False
        for position, key in detail.roles:
            try:
                role = find_role(unit, key)
            except RoleNotFound:
                if not isinstance(key, str):
                    is_refused = True
                    errors.add(f"roles.{position}", "unknown")
            else:
                found[role.id] = role
        if detail.roles and not found and not is_refused:
            errors.add("roles", "missing")  # none of the names exists
        return found

    def _lock_roles(self, unit: RegistrationUnit, found: Mapping[RoleId, Role]) -> list[Role]:
        """Lock roles that were found, lower id first, so that they are not deleted meanwhile."""
        try:
            return [unit.roles.lock(role_id) for role_id in sorted(found)]
        except RoleNotFound:
            raise RunAgain from None

    def _check_tenant(self, unit: RegistrationUnit, detail: CleanDetail, errors: FieldErrors) -> None:
        """Add a fault if the detail names another tenant; no other one is looked up."""
        if detail.tenant is None or self._is_admin:
            return
        own, named = get_tenant(unit, self._service.context.tenant_id), detail.tenant
        is_own = named == own.uuid if isinstance(named, UUID) else unique_key(named) == unique_key(own.key)
        if not is_own:
            errors.add("tenant", "another_tenant")
