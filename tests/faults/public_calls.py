"""Every public method, found by looking at the services, with arguments that work.

A new method is covered at once: its parameters have the samples of their names, else those of their types. Where these
do not work, the tests fail until there is a sample of its own here.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID

import attrs

from tests.faults.filled_stores import ANOTHER, PASSWORD, Badge, FilledStore, code_of
from tests.fields import OWN_FIELDS
from usercore import UNSET, Actor, ChangeRequestState, Email, StoreAccess, UserCore
from usercore import open as open_core
from usercore.kernel.secret import digest_of
from usercore.tokens.model import ACCESS, public_id_of

Sample = Callable[[FilledStore], object]


def same(value: object) -> Sample:
    """Return a sample that is the same in every store."""
    return lambda _: value


WITH_FACTORS: Final = ("begin", "confirm", "forget_devices", "list", "recovery_codes", "remembered_devices", "remove")

SAMPLES: Final[Mapping[str, Sample]] = {
    **{name: same(value) for name, value in OWN_FIELDS.items()},
    "access_ids": same(["a-7", None]),
    "address": lambda filled: filled.address.id,
    "address_id": lambda filled: filled.address.id,
    "address_type": same("invoice"),
    "addresses": same(["192.0.2.0/25"]),
    "access_token": lambda filled: filled.access_token,
    "actor": same(Actor.operator("Olga")),
    "allow_privileged": same(value=False),
    "country": same("SK"),
    "credentials": same(Badge(1)),
    "cursor": same(None),
    "data_offset_minutes": same(60),
    "date_format": same("DD/MM/YYYY"),
    "delivery_id": lambda filled: filled.failed_delivery,
    "device_token": lambda filled: filled.device_token,
    "description": same("two\nlines"),
    "email": same("bob@example.com"),
    "expires_at": lambda filled: filled.clock.now + timedelta(days=30),
    "external_id": same("x-7"),
    "group": same("acme"),
    "id": lambda filled: filled.bob.id,
    "ids": lambda filled: [filled.ann.id, filled.bob.id],
    "ip": same("192.0.2.7"),
    "is_admin": same(value=False),
    "keep": lambda filled: filled.access_token,
    "key": same("acme"),
    "language": same("sk"),
    "limit": same(10),
    "login": same("ann@example.com"),
    "name": same("New name"),
    "new_password": same(ANOTHER),
    "old_password": same(PASSWORD),
    "on_bad": same(str),
    "on_progress": same(str),
    "params": same({"to": "Main Street", "pages": [1, 2]}),
    "password": same(ANOTHER),
    "permission": same("posts.write"),
    "permissions": same(["posts.read"]),
    "product_ids": same(["weekly"]),
    "from_": same(date(2026, 1, 1)),
    "until": same(date(2027, 1, 1)),
    "products.grant.product_ids": same(["daily"]),
    "public_id": lambda filled: public_id_of(ACCESS, filled.ann.id, digest_of(filled.access_token)),
    "public_name": same("bobby"),
    "query": same("ann"),
    "records": same([{"email": "carl@example.com", "external_id": "x-8"}, {"external_id": "x-1", "last_name": "Lee"}]),
    "ref": lambda filled: filled.ann.id,
    "required": same(value=False),
    "role": lambda filled: filled.role.id,
    "roles": lambda filled: [filled.role.id, filled.unused_role.uuid],
    "resource": same("orders"),
    "resources": same(["orders", "users"]),
    "secret": lambda filled: filled.access_token,
    "skip": same(["pepper"]),
    "store": same(StoreAccess(files=(("people.db", 0o600),))),
    "source": same("shop"),
    "tenant": same("main"),
    "time_zone": same("Europe/Bratislava"),
    "timestamp_offset_minutes": same(-60),
    "user_agent": same("Mozilla/5.0"),
    "username": same("bob"),
    "uuid": same(UUID("8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11")),
    "valid_from": lambda filled: filled.clock.now,
    "valid_to": lambda filled: filled.clock.now + timedelta(days=1),
    "version": same(None),
    "work": lambda filled: lambda core: core.users.update(filled.ann.id, first_name="Ann"),
    "reason": same("lost"),
    "on": lambda filled: filled.clock.now.date(),
    "request_id": lambda filled: filled.change_request.id,
    "state": same(ChangeRequestState.NEW),
    "types": same(["invoice"]),
    "version_id": lambda filled: filled.address.version_id,
    "addresses.set_default.address_id": lambda filled: filled.other_address.id,
    "addresses.request_change.valid_from": lambda filled: filled.clock.now.date(),
    "passkey_id": lambda filled: filled.passkey.id,
    **{f"second_factors.{method}.ref": lambda filled: filled.factors.user.id for method in WITH_FACTORS},
    "challenge": lambda filled: filled.factors.challenge,
    "first": same(date(2026, 2, 1)),
    "last": same(date(2026, 2, 28)),
    "factor_id": lambda filled: filled.factors.factor.id,
    # Where another one is needed than elsewhere:
    "passwords.reset.secret": lambda filled: filled.reset_link,
    "passkeys.finish_registration.response": lambda filled: filled.attestation[1],
    "passkeys.finish_registration.secret": lambda filled: filled.attestation[0],
    "passkeys.finish_sign_in.response": lambda filled: filled.assertion[1],
    "passkeys.finish_sign_in.secret": lambda filled: filled.assertion[0],
    "device_tokens.users.device_token": lambda filled: filled.paired_device,
    "emails.confirm.secret": lambda filled: filled.confirmation_link,
    "emails.confirm_change.secret": lambda filled: filled.email_change_link,
    "emails.undo_change.secret": lambda filled: filled.undo_link,
    "registration.check_email.email": same("ann@example.com"),
    "registration.check_email.password": same(PASSWORD),
    "registration.claim.unclaimed": lambda filled: filled.unclaimed.id,
    "registration.claim.user": lambda filled: filled.ann.id,
    "registration.register.unclaimed": same(value=False),
    "registration.complete.secret": lambda filled: filled.link,
    "registration.save.uuid": lambda filled: filled.bob.uuid,
    "groups.add.group": same("empty"),
    "roles.give.role": lambda filled: filled.unused_role.uuid,
    "second_factors.begin_by_challenge.challenge": lambda filled: filled.factors.setup_challenge,
    "second_factors.confirm.code": lambda filled: code_of(filled.factors.enrollment, filled.clock),
    "sign_in.with_second_factor.code": lambda filled: filled.factors.recovery_code,
    "sign_in.verify_password.password": same(PASSWORD),
    "sign_in.with_login_token.secret": lambda filled: filled.login_token,
    "sign_in.with_autologin_token.secret": lambda filled: filled.autologin_token,
    "api_tokens.activate.public_id": lambda filled: next(
        token.public_id for token in filled.core.api_tokens.list() if not token.active
    ),
    "api_tokens.authorize.secret": lambda filled: filled.api_token.secret,
    "api_tokens.revoke.secret": lambda filled: filled.api_token.secret,
    **{
        f"api_tokens.{method}.public_id": lambda filled: filled.api_token.token.public_id
        for method in (
            "deactivate",
            "grant",
            "revoke_by_id",
            "revoke_grants",
            "set_addresses",
        )
    },
    "autologin_tokens.revoke.secret": lambda filled: filled.autologin_token,
    "autologin_tokens.revoke_by_id.public_id": lambda filled: (
        filled.core.autologin_tokens.list(filled.ann.id).rows[0].public_id
    ),
    "sign_in.with_password.password": same(PASSWORD),
    "tenants.create.key": same("newcomer"),
    "emails.set_verified.ref": lambda filled: filled.bob.id,
    "tenants.activate.key": same("closed"),
    "users.activate.ref": lambda filled: filled.bob.id,
    "users.unlink_external_id.ref": lambda filled: filled.bob.id,
    "users.link_external_id.external_id": same("x-9"),
    "users.link_external_id.ref": same(Email("early@example.com")),
}


ONE_OF_SEVERAL: Final = {
    "registration.register": ["email"],
    "registration.save": ["username", "first_name", "last_name", "roles"],
}
"""Parameters with a default without which a call is refused: one of several identifiers, or all of a detail."""

OF_SYSTEM: Final = {"compliance", "tenants"}
"""Services that work on the core of ``system`` only."""

OF_TYPES: Final[Mapping[type, object]] = {bool: True, int: 2, str: "a text"}
"""What stands for parameters whose names have no sample."""


@attrs.frozen
class Call:
    """A public method of a service, or of the core itself."""

    service: str
    method: str

    def __str__(self) -> str:
        return f"{self.service}.{self.method}"

    def of(self, filled: FilledStore) -> Callable[..., Any]:
        """Return the method, bound to the core of this store."""
        return self.on(filled.system if self.service in OF_SYSTEM else filled.core)

    def on(self, core: UserCore) -> Callable[..., Any]:
        """Return the method of a core."""
        bound = getattr(core if self.service == "core" else getattr(core, self.service), self.method)
        return typing.cast("Callable[..., Any]", bound)

    def kinds(self) -> Mapping[str, tuple[Any, ...]]:
        """Return the types that each parameter takes."""
        function = vars_of(self.service)[self.method]
        hints = typing.get_type_hints(function)
        kinds = {name: hints[name] for name in list(inspect.signature(function).parameters)[1:]}
        for unpacked in [hint for hint in kinds.values() if typing.get_origin(hint) is typing.Unpack]:
            kinds |= typing.get_type_hints(*typing.get_args(unpacked))
        return {name: _parts(hint) for name, hint in kinds.items() if typing.get_origin(hint) is not typing.Unpack}

    def arguments(self, filled: FilledStore) -> dict[str, object]:
        """Return a sample for each parameter."""
        return {name: self.sample(name, filled) for name in self.kinds()}

    def needed(self, filled: FilledStore) -> dict[str, object]:
        """Return a sample for each parameter that has no default."""
        function = vars_of(self.service)[self.method]
        parameters = list(inspect.signature(function).parameters.values())[1:]
        needed = [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
        return {name: self.sample(name, filled) for name in (*needed, *ONE_OF_SEVERAL.get(str(self), ()))}

    def sample(self, parameter: str, filled: FilledStore) -> object:
        """Return a value that works.

        Raises:
            AssertionError: no sample has this name or type.
        """
        for name in (f"{self}.{parameter}", parameter):
            if name in SAMPLES:
                return SAMPLES[name](filled)
        for kind in self.kinds()[parameter]:
            if kind in OF_TYPES:
                return OF_TYPES[kind]
        raise AssertionError(f"tests/faults/public_calls.py: SAMPLES has no value for {self}.{parameter}")


def _parts(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(part for one in typing.get_args(hint) for part in _parts(one))
    return (typing.get_origin(hint) or hint,)


def takes(kinds: Sequence[Any], value: object) -> bool:
    """Return whether a parameter of these types accepts the value; texts are no lists, bools no ints."""
    return any(_is_a(value, kind) for kind in kinds)


def _is_a(value: object, kind: Any) -> bool:
    if kind is object or (isinstance(value, bool) and kind is not bool):
        return False
    if isinstance(value, str | bytes) and kind is not type(value):
        return False
    return value is UNSET or isinstance(value, kind)


@cache
def vars_of(service: str) -> Mapping[str, Any]:
    """Return the public methods of a service."""
    owner: type = UserCore if service == "core" else type(getattr(open_core("memory://"), service))
    return {name: one for name, one in inspect.getmembers(owner, inspect.isfunction) if not name.startswith("_")}


def _every_call() -> Iterator[Call]:
    yield from (Call("core", method) for method in vars_of("core") if method != "joined")  # which storages.joining has
    for service, kind in vars(UserCore).items():
        if isinstance(kind, cached_property) and not service.startswith("_"):
            yield from (Call(service, method) for method in vars_of(service))


CALLS: Final = tuple(_every_call())
