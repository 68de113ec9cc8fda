"""UserCore: the services over one storage, bound to a tenant, an actor and a request context."""

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import UUID

import attrs

from usercore.composition.host import Host
from usercore.composition.policy import Policy
from usercore.composition.runtime import Runtime
from usercore.kernel.callables import check_callable, check_result
from usercore.kernel.context import HOST, SOURCE_LIMIT, SYSTEM, Actor, Context, clean_ip, clean_user_agent
from usercore.kernel.ids import plain_uuid
from usercore.kernel.text import check_type, clean_optional, unique_key
from usercore.kernel.unset import UNSET, Unset
from usercore.storage import KINDS, Storage, UnitSource
from usercore.storage.atomic import run_atomic
from usercore.tenants.built_in import add_built_in, has_built_in
from usercore.tenants.rules import clean_tenant_key

if TYPE_CHECKING:
    from usercore.accounts.service import Users
    from usercore.accounts.status import StatusReader
    from usercore.address_book.service import Addresses
    from usercore.api_tokens.service import ApiTokens
    from usercore.authorization.service import Roles
    from usercore.compliance.service import Compliance
    from usercore.delivery.dispatcher import Outbox
    from usercore.delivery.relay import Relay
    from usercore.device_tokens.service import DeviceTokens
    from usercore.email_change.service import Emails
    from usercore.factor_enrollment.service import SecondFactors
    from usercore.groups.service import Groups
    from usercore.maintenance.model import Cleaned
    from usercore.meta.service import Meta
    from usercore.passkey_ceremonies.service import Passkeys
    from usercore.password_change.service import Passwords
    from usercore.privacy.service import Privacy
    from usercore.product_access.service import Products
    from usercore.registration.service import Registrations
    from usercore.sign_in.service import SignIn
    from usercore.sign_in_tokens.autologin_tokens import AutologinTokens
    from usercore.sign_in_tokens.login_tokens import LoginTokens
    from usercore.statistics.service import Statistics
    from usercore.tenants.service import Tenants
    from usercore.tokens.access_tokens import AccessTokens
    from usercore.views.service import History

T = TypeVar("T")


class UserCore:
    """Users, their tokens and their rights, bound to one tenant, actor and request. Safe to share between threads.

    ``tenant`` and ``bind`` return cheap copies; ``close`` closes them all.
    """

    def __init__(self, runtime: Runtime, context: Context, joined: UnitSource | None = None) -> None:
        """Bind a runtime to a context; hosts call ``usercore.open``."""
        self._runtime = runtime
        self._context = context
        self._joined = joined
        self._service = runtime.scope(context, joined)

    @classmethod
    def over(cls, storage: Storage, host: Host | None = None) -> Self:
        """Create a core over an already open storage; tests pass their fakes here.

        Raises:
            StorageError: the storage failed.
            ValueError: the storage lacks a capability.
        """
        core = cls(Runtime(storage, host or Host()), Context())
        core._make_built_in()
        return core

    def _make_built_in(self) -> None:
        service = self._runtime.scope(Context(tenant_id=SYSTEM, tenant_key="system"))
        if not service.units.read(has_built_in):
            service.units.write(lambda unit: add_built_in(unit, at=service.clock()))

    @property
    def context(self) -> Context:
        """The context in which this core acts."""
        return self._context

    @property
    def policy(self) -> Policy:
        """The policy of this core."""
        return self._runtime.policy

    @property
    def sends_email(self) -> bool:
        """Whether there is a mailer, which links by mail need."""
        return self._runtime.host.mailer is not None

    def tenant(self, key: str | UUID) -> "UserCore":
        """Return this core bound to another tenant, by its key, ignoring case, or its UUID.

        Raises:
            TypeError: the key is neither text nor a UUID.
            Invalid: no tenant can have this key.
            TenantNotFound: no tenant has this key.
        """
        from usercore.tenants.service import find_tenant

        known = self._runtime.tenants
        tenant = known.get(plain_uuid(key) if isinstance(key, UUID) else check_type(key, str, name="tenant"))
        if tenant is None:
            clean_key = clean_tenant_key(key, field="tenant")
            named = unique_key(clean_key) if isinstance(clean_key, str) else clean_key
            tenant = self._service.units.read(lambda unit: find_tenant(unit, named))
            if self._joined is None:  # do not cache otherwise: the transaction that created it may be rolled back
                known.add(tenant)
        context = attrs.evolve(self._context, tenant_id=tenant.id, tenant_key=tenant.key)
        return UserCore(self._runtime, context, self._joined)

    def bind(
        self,
        *,
        actor: Actor | None | Unset = UNSET,
        ip: str | None | Unset = UNSET,
        user_agent: str | None | Unset = UNSET,
        source: str | None | Unset = UNSET,
    ) -> "UserCore":
        """Return this core bound to another actor or request; what is left out stays, and None clears.

        Without an actor the host itself acts.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: the ip is not an address, or the source is malformed.
        """
        context = self._context
        if actor is not UNSET:
            context = attrs.evolve(context, actor=HOST if actor is None else check_type(actor, Actor, name="actor"))
        if ip is not UNSET:
            context = attrs.evolve(context, ip=None if ip is None else clean_ip(ip))
        if user_agent is not UNSET:
            context = attrs.evolve(context, user_agent=None if user_agent is None else clean_user_agent(user_agent))
        if source is not UNSET:
            context = attrs.evolve(context, source=clean_optional(source, field="source", most=SOURCE_LIMIT))
        return UserCore(self._runtime, context, self._joined)

    def joined(self, connection: object) -> "UserCore":
        """Return this core bound to the transaction that is open on a connection of the host's, for use in its thread.

        The host's commit stores the host's rows and ours together, or none of them. Each call runs in a savepoint; one
        that raises stores nothing but an attempt, and the transaction goes on. Deliveries to subscribers are made after
        the commit by the relay or ``outbox.deliver``. Calls that count failures raise ``TypeError``: signing in,
        redeeming, public requests.

        Args:
            connection: a ``sqlite3.Connection`` after ``BEGIN IMMEDIATE``, or a ``psycopg.Connection`` in a
                transaction, to the store of this core.

        Raises:
            TypeError: the storage cannot use this object, or the core is joined already.
            ValueError: no transaction is open, the connection is to another store, or values would change in it.
            LostRace: the transaction has lost a race already.
            StorageError: the connection is closed or another thread's, or the transaction cannot go on.
        """
        self._service.check_alone("joined")
        return UserCore(self._runtime, self._context, self._runtime.storage.join(connection))

    def atomic(self, work: Callable[["UserCore"], T]) -> T:
        """Run several calls as one unit: all of them are stored, or none is. Return what ``work`` returns.

        ``work`` gets a core like this one. It may run again if a race is lost, on another thread if the storage groups
        units, so it closes over values only and does nothing slow: on SQLite and in memory no other unit writes
        meanwhile. Passwords that it sets are hashed inside the unit.

        A call that raises inside ``work`` leaves nothing but an attempt, and ``work`` may go on if it handles the
        error; what ``work`` itself raises undoes all. A lost race or a ``StorageError`` ends the unit even if ``work``
        suppresses it. What counts failures is refused with ``TypeError``, as in ``joined``: signing in, redeeming,
        public requests. Observers are called after the commit. Atomic calls may be nested, also in a joined core.

        Raises:
            LostRace: every run lost a race.
            RuntimeError: a core other than the one that ``work`` gets was called in it, or that one after it ended.
            StorageError: the storage could not store it.
            TypeError: ``work`` cannot be called with one argument, or is an ``async def``, which would never run.
        """
        check_callable(work, None, name="work")

        def run(parts: UnitSource) -> T:
            result = work(UserCore(self._runtime, self._context, parts))
            check_result(result, name="what work returns")
            return result

        return self._service.units.write(lambda unit: run_atomic(unit, run))

    @cached_property
    def tenants(self) -> "Tenants":
        """Tenants; for operators, on ``core.tenant("system")``."""
        from usercore.tenants.service import Tenants

        return Tenants(service=self._service, forget=self._runtime.tenants.forget)

    @cached_property
    def users(self) -> "Users":
        """Users: reading, listing and changing them."""
        from usercore.accounts.service import Users

        return Users(
            service=self._service,
            status=self._status,
            revocation=self.policy.revocation,
            last_admin=self._runtime.last_admin,
            search=self.policy.search,
        )

    @cached_property
    def registration(self) -> "Registrations":
        """Registering and importing users."""
        return self._runtime.registrations(self._service, self.sign_in)

    @cached_property
    def sign_in(self) -> "SignIn":
        """Signing in and identifying the holder of an access token."""
        from usercore.sign_in.service import SignIn

        return SignIn(
            service=self._service,
            authenticators=self._runtime.authenticators(self._service),
            host_authenticators=sorted(self._runtime.host.authenticators, key=lambda one: -one.priority),
            hasher=self._runtime.hasher,
            throttle=self._runtime.throttle(self._service),
            second_step=self._runtime.second_step(self._service),
            tokens=self.policy.access_tokens,
            activity=self._runtime.activity,
            misses=self._runtime.misses,
        )

    @cached_property
    def passwords(self) -> "Passwords":
        """Setting, changing and resetting passwords."""
        from usercore.password_change.service import Passwords

        return Passwords(
            service=self._service,
            new_passwords=self._runtime.new_passwords(self._context),
            keys=self._runtime.keys,
            sign_in=self.sign_in,
            policy=self.policy.passwords,
            revocation=self.policy.revocation,
            resets=self._runtime.password_resets(self._service),
            status=self._status,
            last_admin=self._runtime.last_admin,
            sends_email=self.sends_email,
        )

    @cached_property
    def passkeys(self) -> "Passkeys":
        """Passkeys: registering, signing in, listing and removing."""
        from usercore.passkey_ceremonies.service import Passkeys

        return Passkeys(
            service=self._service,
            sign_in=self.sign_in,
            policy=self.policy.passkeys,
            challenges=self.policy.challenges,
            keys=self._runtime.passkey_keys,
            last_admin=self._runtime.last_admin,
        )

    @cached_property
    def second_factors(self) -> "SecondFactors":
        """Second factors: enrolling, listing and removing them, and recovery codes."""
        from usercore.factor_enrollment.service import SecondFactors

        return SecondFactors(
            service=self._service,
            policy=self._runtime.second_factors_in(self._context),
            cipher=self._runtime.factor_cipher,
            second_step=self._runtime.second_step(self._service),
            issuer=self.policy.mail.product,
        )

    @cached_property
    def emails(self) -> "Emails":
        """Changing and confirming emails, and undoing changes."""
        from usercore.email_change.links import EmailLinks
        from usercore.email_change.service import Emails

        return Emails(
            service=self._service,
            policy=self.policy.emails,
            lifetimes=self.policy.links,
            links=EmailLinks(service=self._service, misses=self._runtime.misses),
            sends_email=self.sends_email,
        )

    @cached_property
    def access_tokens(self) -> "AccessTokens":
        """Access tokens: listing and revoking."""
        from usercore.tokens.access_tokens import AccessTokens

        return AccessTokens(service=self._service)

    @cached_property
    def login_tokens(self) -> "LoginTokens":
        """Login tokens: issuing."""
        from usercore.sign_in_tokens.login_tokens import LoginTokens

        return LoginTokens(service=self._service, policy=self.policy.login_tokens)

    @cached_property
    def autologin_tokens(self) -> "AutologinTokens":
        """Autologin tokens: issuing, listing and revoking."""
        from usercore.sign_in_tokens.autologin_tokens import AutologinTokens

        return AutologinTokens(service=self._service, policy=self.policy.autologin_tokens)

    @cached_property
    def api_tokens(self) -> "ApiTokens":
        """API tokens: issuing, granting, checking and revoking."""
        from usercore.api_tokens.service import ApiTokens

        return ApiTokens(
            service=self._service,
            policy=self.policy.api_tokens,
            activity=self._runtime.activity,
            misses=self._runtime.misses,
        )

    @cached_property
    def device_tokens(self) -> "DeviceTokens":
        """Device tokens: issuing, listing, and pairing access tokens with them."""
        from usercore.device_tokens.service import DeviceTokens

        return DeviceTokens(service=self._service, tokens=self.policy.access_tokens)

    @cached_property
    def meta(self) -> "Meta":
        """Values of users by key."""
        from usercore.meta.service import Meta

        return Meta(service=self._service, policy=self.policy.meta)

    @cached_property
    def addresses(self) -> "Addresses":
        """Addresses of users, and requests to change them."""
        from usercore.address_book.lookups import AddressLookups
        from usercore.address_book.service import Addresses
        from usercore.gates.service import AddressGates

        gates, policy = self._runtime.host.gates, self.policy.addresses
        return Addresses(
            service=self._service,
            policy=policy,
            lookups=AddressLookups(service=self._service, policy=policy),
            gates=AddressGates(acceptances=gates.address_acceptances, removals=gates.address_removals),
        )

    @cached_property
    def groups(self) -> "Groups":
        """Groups, and who is in them."""
        from usercore.groups.service import Groups

        return Groups(service=self._service)

    @cached_property
    def products(self) -> "Products":
        """Access of users to products."""
        from usercore.product_access.service import Products

        return Products(service=self._service)

    @cached_property
    def roles(self) -> "Roles":
        """Roles, who has them, and what users are allowed."""
        from usercore.authorization.service import Roles

        return Roles(service=self._service)

    @cached_property
    def history(self) -> "History":
        """What happened, the action log, and everything about a user, for operators."""
        from usercore.address_book.lookups import AddressLookups
        from usercore.views.detail import DetailReader
        from usercore.views.service import History

        detail = DetailReader(
            status=self._status,
            addresses=AddressLookups(service=self._service, policy=self.policy.addresses),
            meta=self.policy.meta,
        )
        return History(service=self._service, status=self._status, detail=detail, log=self.policy.action_log)

    @cached_property
    def _status(self) -> "StatusReader":
        from usercore.accounts.status import StatusReader

        return StatusReader(
            service=self._service,
            throttles=self.policy.throttles,
            keys=self._runtime.keys,
            hasher=self._runtime.hasher,
            second_factors=self._runtime.second_factors_in(self._context),
            cipher=self._runtime.factor_cipher,
            last_admin=self._runtime.last_admin,
        )

    @cached_property
    def statistics(self) -> "Statistics":
        """Counts of registrations, active users and hashes."""
        from usercore.statistics.service import Statistics

        return Statistics(service=self._service, policy=self.policy.statistics)

    @cached_property
    def compliance(self) -> "Compliance":
        """Checks of policy, host and data against standards; for operators, on ``core.tenant("system")``."""
        from usercore.compliance.facts import HostFacts
        from usercore.compliance.service import Compliance

        host = self._runtime.host
        return Compliance(
            service=self._service,
            service_of=self._runtime.scope_of,
            policy=self.policy,
            host=HostFacts(
                has_mailer=self.sends_email,
                has_own_hasher=host.hasher is not None,
                password_checks=len(host.password_checks),
            ),
            hasher=self._runtime.hasher,
        )

    @cached_property
    def privacy(self) -> "Privacy":
        """Erasing and exporting users."""
        from usercore.gates.service import ErasureGates
        from usercore.privacy.service import Privacy

        return Privacy(
            service=self._runtime.scope(attrs.evolve(self._context, ip=None), self._joined),
            gates=ErasureGates(gates=self._runtime.host.gates.erasures),
            last_admin=self._runtime.last_admin,
            keys=self._runtime.keys,
            purge=self._runtime.storage.purge,
        )

    @cached_property
    def outbox(self) -> "Outbox":
        """Deliveries to subscribers that are pending or failed."""
        from usercore.delivery.dispatcher import Outbox

        return Outbox(
            service=self._service,
            service_of=self._runtime.scope_of,
            subscribers=self._runtime.subscribers,
            policy=self.policy.deliveries,
            kinds=KINDS,
        )

    def relay(self) -> "Relay":
        """Return a context manager that delivers in the background while it lasts."""
        from usercore.delivery.relay import Relay

        self._service.check_alone("relay")
        relay = Relay(self.outbox, self.policy.deliveries.relay_pause)
        self._runtime.relays.add(relay)
        return relay

    def cleanup(self, *, on_progress: Callable[[int], object] | None = None) -> "Cleaned":
        """Remove revoked and expired tokens, old attempts, completed deliveries and what was deleted, of all tenants.

        Run it daily. It works in batches, each a unit of its own: after an error, or if the process is killed, the next
        call goes on from there.

        Args:
            on_progress: called after each batch with the number of rows that it removed or blanked.

        If ``RetentionPolicy.remove_unconfirmed_after`` is set, users who never came are removed, too.

        Raises:
            StorageError: the storage failed; what was removed before stays removed.
            TypeError: ``on_progress`` cannot be called with one argument, or would never run (``async def``).
        """
        from usercore.maintenance.cleanup import Cleanup

        self._service.check_alone("cleanup")
        if on_progress is not None:
            check_callable(on_progress, None, name="on_progress")
        policy = self.policy
        cleaned = Cleanup(
            service=self._service,
            policy=policy.retention,
            throttles=policy.throttles,
            registration=policy.registration,
            resets=policy.resets,
            challenges=policy.challenges,
            access_tokens=policy.access_tokens,
            device_tokens=policy.device_tokens,
            second_factors=policy.second_factors,
            keys=self._runtime.keys,
            service_of=self._runtime.scope_of,
            on_progress=on_progress,
        ).run()
        self._runtime.storage.purge(thorough=False)
        return cleaned

    def close(self) -> None:
        """Write the gathered last uses and give back what is held. Closing again does nothing."""
        self._service.check_alone("close")
        self._runtime.activity.write(self._service.units)
        self._runtime.misses.write(self._service.clock(), self._service.units)
        self._runtime.storage.close()

    def __enter__(self) -> Self:
        """Return this core."""
        self._service.check_alone("with")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
