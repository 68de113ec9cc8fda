"""Roles: whatever is created, given, changed, taken and deleted, a dict tells who may sign in and what is allowed."""

from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from usercore.authenticators.errors import SignInRefused
from usercore.composition.policy import Policy
from usercore.kernel.errors import Invalid
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.registration.detail import UserDetail
from usercore.roles.errors import RoleNotFound, RoleStaleVersion, RoleTaken
from usercore.testing.machines.base import StateMachine
from usercore.throttling.model import ThrottlePolicy
from usercore.tokens.errors import TokenUnknown
from usercore.users.errors import LastAdmin

SPELLINGS: Final = st.sampled_from(["Editors", "editors", "Ω", "ω"])
PERMISSIONS: Final = st.frozensets(st.sampled_from(("a", "b", "a.b", "*")), max_size=3)
WHOM: Final = st.integers(0, 1)
PASSWORD: Final = "correct horse battery staple"


@attrs.define
class _Role:
    """What is known of a role."""

    name: str
    permissions: frozenset[str]
    privileged: bool
    active: bool
    version: int = 1
    holders: set[int] = attrs.field(factory=set)


@pytest.mark.rule("R4", "T4", "T5", "T6", "T7", "T8")
class RoleMachine(StateMachine):
    """Two names of roles, two users and two admins."""

    outcomes = frozenset(
        {
            "RoleTaken",
            "RoleNotFound",
            "RoleStaleVersion",
            "LastAdmin",
            "SignInRefused",
            "TokenUnknown",
            "Invalid",
            "saved",
            "given",
            "given already",
            "taken",
            "not had",
            "lifted",
            "allowed",
            "denied",
            "signed in",
            "deleted",
            "identified",
            "privileged",
        }
    )

    policy = Policy(throttles=ThrottlePolicy(failures_before_wait=10_000, failures_before_void=10_000))

    def begin(self) -> None:
        """Register two users and two admins, and assign a privileged role to the first user."""
        self.system = self.core.tenant("system")
        register = self.core.registration.register
        emails = ("ann@example.com", "bob@example.com")
        self.users = [register(email, password=PASSWORD).user.id for email in emails]
        self.tokens: list[Secret | None] = [None, None]
        admins = self.system.registration
        self.admins = [admins.register(email).user.id for email in emails]
        self.active_admins = {0, 1}
        self.roles: dict[str, _Role] = {}
        self.required, self.active = [False, False], [True, True]
        self.create("Editors", frozenset({"a"}), privileged=True, active=True)
        self.give(0, "Editors")

    def active_roles(self, whom: int) -> list[_Role]:
        """Return the active roles of a user, by name."""
        held = [role for _, role in sorted(self.roles.items()) if whom in role.holders]
        return [role for role in held if role.active]

    def may_sign_in(self, whom: int) -> bool:
        """Return whether a user may sign in."""
        return self.active[whom] and (not self.required[whom] or bool(self.active_roles(whom)))

    @rule(name=SPELLINGS, permissions=PERMISSIONS, privileged=st.booleans(), active=st.booleans())
    def create(self, name: str, permissions: frozenset[str], privileged: bool, active: bool) -> None:  # noqa: FBT001 - drawn
        """Create a role, unless its name is in use."""
        key, roles = name.casefold(), self.core.roles
        if key in self.roles:
            self.refuses(RoleTaken, lambda: roles.create(name))
            return
        role = roles.create(name, permissions=permissions, privileged=privileged, active=active)
        self.roles[key] = _Role(name, permissions, privileged, active)
        assert (role.version, role.permissions) == (1, tuple(sorted(permissions)))

    @rule(
        name=SPELLINGS,
        permissions=PERMISSIONS,
        privileged=st.booleans(),
        active=st.booleans(),
        behind=st.sampled_from([0, 0, 1]),
    )
    def update(self, name: str, permissions: frozenset[str], privileged: bool, active: bool, behind: int) -> None:  # noqa: FBT001 - drawn
        """Change all fields of a role but its name, with the version that was read or an older one."""
        role, roles = self.roles.get(name.casefold()), self.core.roles
        if role is None:
            self.refuses(RoleNotFound, lambda: roles.update(name, active=active))
            return
        version = role.version - behind
        if behind:
            self.refuses(RoleStaleVersion, lambda: roles.update(name, active=active, version=version))
            return
        updated = roles.update(name, permissions=permissions, privileged=privileged, active=active, version=version)
        role.version += (role.permissions, role.privileged, role.active) != (permissions, privileged, active)
        role.permissions, role.privileged, role.active = permissions, privileged, active
        assert updated.version == role.version

    @rule(name=SPELLINGS, to=SPELLINGS)
    def rename(self, name: str, to: str) -> None:
        """Rename a role, unless another one has the name."""
        role, roles = self.roles.get(name.casefold()), self.core.roles
        if role is None:
            self.refuses(RoleNotFound, lambda: roles.update(name, name=to))
        elif self.roles.get(to.casefold(), role) is not role:
            self.refuses(RoleTaken, lambda: roles.update(name, name=to))
        else:
            roles.update(name, name=to)
            role.version += role.name != to
            role.name = to
            self.roles[to.casefold()] = self.roles.pop(name.casefold())

    @rule(name=SPELLINGS, cleans=st.booleans())
    def delete(self, name: str, cleans: bool) -> None:  # noqa: FBT001 - drawn
        """Delete a role, and perhaps finish it at once."""
        if name.casefold() not in self.roles:
            self.refuses(RoleNotFound, lambda: self.core.roles.delete(name))
            return
        self.core.roles.delete(name)
        role = self.roles.pop(name.casefold())
        if cleans:
            assert self.core.cleanup().roles > len(role.holders)
            self.saw("deleted")

    @rule(whom=WHOM, name=SPELLINGS)
    def give(self, whom: int, name: str) -> None:
        """Assign a role to a user, which requires an active one of the user."""
        role, user_id = self.roles.get(name.casefold()), self.users[whom]
        if role is None:
            self.refuses(RoleNotFound, lambda: self.core.roles.give(user_id, name))
            return
        before = self.changes(user_id)
        changes = self.core.roles.give(user_id, name)
        assert changes == (whom not in role.holders)
        assert self.changes(user_id) == before + changes
        self.saw("given" if changes else "given already")
        self.required[whom] |= changes
        role.holders.add(whom)

    @rule(whom=WHOM, name=SPELLINGS)
    def take(self, whom: int, name: str) -> None:
        """Take a role from a user."""
        role, user_id = self.roles.get(name.casefold()), self.users[whom]
        if role is None:
            self.refuses(RoleNotFound, lambda: self.core.roles.take(user_id, name))
            return
        before = self.changes(user_id)
        changes = self.core.roles.take(user_id, name)
        assert changes == (whom in role.holders)
        assert self.changes(user_id) == before + changes
        self.saw("taken" if changes else "not had")
        role.holders.discard(whom)

    @rule(whom=WHOM, names=st.lists(SPELLINGS, min_size=1, max_size=3))
    def save(self, whom: int, names: list[str]) -> None:
        """Save a user with roles, which replace all others; names of no role are ignored."""
        user_id = self.users[whom]
        detail: UserDetail = {"id": user_id, "username": f"user{whom}", "first_name": "A", "last_name": "B"}
        wanted = {name.casefold() for name in names} & self.roles.keys()
        if not wanted:
            self.refuses(Invalid, lambda: self.core.registration.save(**detail | {"roles": names}))
            return
        held = {key for key, role in self.roles.items() if whom in role.holders}
        before = self.changes(user_id)
        saved = self.core.registration.save(**detail | {"roles": names})
        assert [one.role_name.casefold() for one in saved.roles] == sorted(wanted)
        assert self.changes(user_id) == before + len(wanted ^ held)
        self.saw("saved")
        self.required[whom] |= not wanted <= held
        for key, role in self.roles.items():
            (role.holders.add if key in wanted else role.holders.discard)(whom)

    @rule(whom=WHOM, required=st.booleans())
    def require(self, whom: int, required: bool) -> None:  # noqa: FBT001 - drawn
        """Set or lift the need for an active role."""
        assert self.core.roles.require(self.users[whom], required) == (self.required[whom] != required)
        self.required[whom] = required
        if not required:
            self.saw("lifted")

    @rule(whom=WHOM)
    def deactivate_or_activate(self, whom: int) -> None:
        """Deactivate a user, or activate them."""
        if self.active[whom]:
            self.core.users.deactivate(self.users[whom])
            self.tokens[whom] = None  # it was revoked
        else:
            self.core.users.activate(self.users[whom])
        self.active[whom] = not self.active[whom]

    @rule(whom=WHOM)
    def deactivate_or_activate_an_admin(self, whom: int) -> None:
        """Deactivate an admin, unless it is the last active one, or activate them."""
        if whom not in self.active_admins:
            self.system.users.activate(self.admins[whom])
            self.active_admins.add(whom)
        elif len(self.active_admins) == 1:
            self.refuses(LastAdmin, lambda: self.system.users.deactivate(self.admins[whom]))
        else:
            self.system.users.deactivate(self.admins[whom])
            self.active_admins.remove(whom)

    @rule(whom=WHOM)
    def ask(self, whom: int) -> None:
        """Ask what a user and an admin are allowed."""
        roles = self.active_roles(whom) if self.active[whom] else []
        for permission in ("a", "b", "a.b", "*", "c"):
            expected = any(permission in role.permissions for role in roles)
            assert self.core.roles.allows(self.users[whom], permission) == expected
            self.saw("allowed" if expected else "denied")
            assert self.system.roles.allows(self.admins[whom], permission) == (whom in self.active_admins)

    @rule(whom=WHOM)
    def sign_in(self, whom: int) -> None:
        """Sign in by the password, and by a login token, which signs in no privileged user."""
        core, email = self.core.sign_in, ("ann@example.com", "bob@example.com")[whom]
        if not self.may_sign_in(whom):
            self.refuses(SignInRefused, lambda: core.with_password(email, PASSWORD))
            return
        identity = core.with_password(email, PASSWORD)
        self.tokens[whom] = identity.access_token
        assert identity.roles == tuple(role.name for role in self.active_roles(whom))
        self.saw("signed in")
        secret = self.core.login_tokens.issue(self.users[whom])
        if any(role.privileged for role in self.active_roles(whom)):
            self.refuses(SignInRefused, lambda: core.with_login_token(secret))
            self.saw("privileged")
        else:
            assert core.with_login_token(secret).roles == identity.roles

    @rule(whom=WHOM)
    def identify(self, whom: int) -> None:
        """Identify by an access token: the roles of the user are those of now."""
        token = self.tokens[whom]
        if token is None:
            return
        if not self.may_sign_in(whom):
            self.refuses(TokenUnknown, lambda: self.core.sign_in.identify(token))
            return
        identity, roles = self.core.sign_in.identify(token), self.active_roles(whom)
        assert identity.roles == tuple(role.name for role in roles)
        assert identity.permissions == frozenset().union(*(role.permissions for role in roles))
        self.saw("identified")

    @rule(whom=WHOM)
    def lose_all_roles(self, whom: int) -> None:
        """Sign in, and identify after all roles were taken."""
        self.sign_in(whom)
        for role in self.roles.values():
            if whom in role.holders:
                self.take(whom, role.name)
        self.identify(whom)

    def changes(self, user_id: UserId) -> int:
        """Return how often the user was given a role or had one taken."""
        entries = self.core.history.of_user(user_id, limit=1000)
        return sum(entry.kind in ("role.given", "role.taken") for entry in entries)

    @invariant()
    def the_lists_agree(self) -> None:
        """Compare the lists of roles, and of those of each user, with the model."""
        if not hasattr(self, "required"):
            return
        in_order = [role for _, role in sorted(self.roles.items())]
        assert [(role.name, role.version) for role in self.core.roles.list()] == [
            (role.name, role.version) for role in in_order
        ]
        for whom, user_id in enumerate(self.users):
            held = self.core.roles.of_user(user_id)
            assert [one.role.name for one in held] == [role.name for role in in_order if whom in role.holders]
            assert self.core.users.get(user_id).requires_role == self.required[whom]
