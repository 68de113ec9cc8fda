"""A sample request for each page and action of the admin page."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

import pyotp

from tests.admin.world import World
from usercore.testing import FakeRandomness
from usercore.testing.passkeys import SoftwareAuthenticator


class Sample(NamedTuple):
    """A request that can be done: the values of its path, and the fields of its form."""

    values: Mapping[str, object] = {}
    fields: Mapping[str, str] = {}


def nothing(_: World) -> Sample:
    return Sample()


def user(world: World) -> Sample:
    return Sample({"user_id": world.user.id})


def user_with(**fields: str) -> Callable[[World], Sample]:
    return lambda world: Sample({"user_id": world.user.id}, fields)


def edit(world: World) -> Sample:
    return Sample({"user_id": world.user.id}, {"first_name": "Anna", "version": str(world.user.version)})


def deactivated(world: World) -> Sample:
    world.core.users.deactivate(world.user.id)
    return user(world)


def verified(world: World) -> Sample:
    world.core.emails.set_verified(world.user.id, verified=True)
    return user(world)


def failed(world: World) -> Sample:
    world.core.sign_in.verify_password("ann@example.com", "wrong horse battery staple")
    return user(world)


def signed_in(world: World) -> Sample:
    token = world.core.sign_in.trusted(world.user.id)
    return Sample({"user_id": world.user.id, "public_id": token.token_id})


def autologin_token(world: World) -> Sample:
    world.core.autologin_tokens.issue(world.user.id, valid_to=world.clock() + timedelta(days=1))
    (token,) = world.core.autologin_tokens.list(world.user.id)
    return Sample({"user_id": world.user.id, "public_id": token.public_id})


def role_to_give(world: World) -> Sample:
    role = world.core.roles.create("Editors")
    return Sample({"user_id": world.user.id}, {"role_id": str(role.id)})


def role_to_take(world: World) -> Sample:
    role = world.core.roles.create("Editors")
    world.core.roles.give(world.user.id, role.id)
    return Sample({"user_id": world.user.id, "role_id": role.id})


def group_to_join(world: World) -> Sample:
    group = world.core.groups.create("Readers")
    return Sample({"user_id": world.user.id}, {"group_id": str(group.id)})


def group_to_leave(world: World) -> Sample:
    group = world.core.groups.create("Readers")
    world.core.groups.add(world.user.id, group.id)
    return Sample({"user_id": world.user.id, "group_id": group.id})


def stored_value(world: World) -> Sample:
    world.core.meta.upsert(world.user.id, "a key/with ?signs", "value")
    return Sample({"user_id": world.user.id}, {"key": "a key/with ?signs"})


def second_factor(world: World) -> Sample:
    enrollment = world.core.second_factors.begin(world.user.id)
    code = pyotp.TOTP(enrollment.secret.reveal()).at(world.clock())
    factor = world.core.second_factors.confirm(world.user.id, code)
    return Sample({"user_id": world.user.id, "factor_id": factor.id}, {"reason": "lost the phone"})


def passkey(world: World) -> Sample:
    begun = world.core.passkeys.begin_registration(world.user.id)
    device = SoftwareAuthenticator(randomness=FakeRandomness("admin"))
    added = world.core.passkeys.finish_registration(world.user.id, begun.secret, device.create(begun.options))
    return Sample({"user_id": world.user.id, "passkey_id": added.id}, {"reason": "lost the phone"})


def address_request(world: World) -> Sample:
    world.core.addresses.declare_type("invoice")
    address = world.core.addresses.add(world.user.id, "invoice", city="Bratislava")
    asked = world.core.addresses.request_change(world.user.id, address.id, city="Košice")
    return Sample({"user_id": world.user.id, "request_id": asked.id}, {"reason": "has moved"})


def group(world: World) -> Sample:
    group = world.core.groups.create("Readers", sorting=-3)
    world.core.groups.add(world.user.id, group.id)
    fields = {"name": "Authors", "sorting": "-2", "version": str(group.version), "force": "on"}
    return Sample({"group_id": group.id}, fields)


def role(world: World) -> Sample:
    role = world.core.roles.create("Editors", permissions=["posts.write"])
    fields = {"name": "Authors", "permissions": "posts.write\r\n\r\n posts.read", "version": str(role.version)}
    return Sample({"role_id": role.id}, fields)


def api_token(world: World) -> Sample:
    token = world.core.api_tokens.issue("importer").token
    world.core.api_tokens.grant(token.public_id, ["users.import"])
    return Sample({"public_id": token.public_id})


def inactive_api_token(world: World) -> Sample:
    sample = api_token(world)
    world.core.api_tokens.deactivate(str(sample.values["public_id"]))
    return sample


def logged(world: World) -> Sample:
    world.core.history.log_action("called", world.user.id, params={"minutes": 4})
    world.core.history.log_action("printed")
    return Sample()


TENANT: Final = {
    "name": "The shop",
    "description": "",
    "time_zone": "Europe/Bratislava",
    "country": "SK",
    "language": "sk",
}


def tenant(world: World) -> Sample:
    tenant = world.core.tenant("system").tenants.create("a shop/1", "Shop")
    return Sample({"tenant_uuid": tenant.uuid}, {**TENANT, "version": str(tenant.version)})


def inactive_tenant(world: World) -> Sample:
    sample = tenant(world)
    world.core.tenant("system").tenants.deactivate("a shop/1")
    return sample


def with_fields(**fields: str) -> Callable[[World], Sample]:
    return lambda _: Sample({}, fields)


def user_with_everything(world: World) -> Sample:
    for prepare in (
        address_request,
        autologin_token,
        role_to_take,
        group_to_leave,
        stored_value,
        second_factor,
        passkey,
        logged,
        signed_in,
    ):
        prepare(world)
    return user(world)


SAMPLES: Final[Mapping[tuple[str, str], Callable[[World], Sample]]] = {
    ("GET", "/"): nothing,
    ("GET", "/users"): nothing,
    ("GET", "/users/{user_id}"): user_with_everything,
    ("GET", "/users/{user_id}/addresses"): user_with_everything,
    ("GET", "/users/{user_id}/access-tokens"): user_with_everything,
    ("GET", "/users/{user_id}/autologin-tokens"): user_with_everything,
    ("GET", "/users/{user_id}/attempts"): user_with_everything,
    ("GET", "/users/{user_id}/source-accesses"): user_with_everything,
    ("GET", "/users/{user_id}/password-changes"): user_with_everything,
    ("GET", "/users/{user_id}/meta"): user_with_everything,
    ("GET", "/users/{user_id}/actions"): user_with_everything,
    ("GET", "/users/{user_id}/changes"): user_with_everything,
    ("POST", "/users/{user_id}/edit"): edit,
    ("POST", "/users/{user_id}/activate"): deactivated,
    ("POST", "/users/{user_id}/deactivate"): user,
    ("POST", "/users/{user_id}/confirm"): user,
    ("POST", "/users/{user_id}/verify-email"): user,
    ("POST", "/users/{user_id}/unverify-email"): verified,
    ("POST", "/users/{user_id}/unlock"): failed,
    ("POST", "/users/{user_id}/revoke-tokens"): signed_in,
    ("POST", "/users/{user_id}/mark-suspicious"): user,
    ("POST", "/users/{user_id}/give-role"): role_to_give,
    ("POST", "/users/{user_id}/require-role"): user_with(required="on"),
    ("POST", "/users/{user_id}/add-to-group"): group_to_join,
    ("POST", "/users/{user_id}/store-value"): user_with(key="newsletter", value="daily", public="on"),
    ("POST", "/users/{user_id}/erase"): user_with(reason="asked for it", sure="on"),
    ("POST", "/users/{user_id}/access-tokens/{public_id}/revoke"): signed_in,
    ("POST", "/users/{user_id}/autologin-tokens/{public_id}/revoke"): autologin_token,
    ("POST", "/users/{user_id}/roles/{role_id}/take"): role_to_take,
    ("POST", "/users/{user_id}/groups/{group_id}/remove"): group_to_leave,
    ("POST", "/users/{user_id}/meta/delete"): stored_value,
    ("POST", "/users/{user_id}/second-factors/{factor_id}/remove"): second_factor,
    ("POST", "/users/{user_id}/passkeys/{passkey_id}/remove"): passkey,
    ("GET", "/requests"): address_request,
    ("POST", "/requests/{user_id}/{request_id}/accept"): address_request,
    ("POST", "/requests/{user_id}/{request_id}/reject"): address_request,
    ("GET", "/groups"): group,
    ("POST", "/groups"): with_fields(name="Readers", sorting="10"),
    ("GET", "/groups/{group_id}"): group,
    ("POST", "/groups/{group_id}"): group,
    ("POST", "/groups/{group_id}/delete"): group,
    ("GET", "/roles"): role,
    ("POST", "/roles"): with_fields(name="Editors", permissions="posts.write", active="on"),
    ("GET", "/roles/{role_id}"): role,
    ("POST", "/roles/{role_id}"): role,
    ("POST", "/roles/{role_id}/delete"): role,
    ("GET", "/api-tokens"): api_token,
    ("POST", "/api-tokens/{public_id}/activate"): inactive_api_token,
    ("POST", "/api-tokens/{public_id}/deactivate"): api_token,
    ("POST", "/api-tokens/{public_id}/revoke"): api_token,
    ("GET", "/log"): logged,
    ("GET", "/log/attempts"): nothing,
    ("GET", "/tenants"): tenant,
    ("POST", "/tenants"): with_fields(key="shop", **TENANT),
    ("GET", "/tenants/{tenant_uuid}"): tenant,
    ("POST", "/tenants/{tenant_uuid}"): tenant,
    ("POST", "/tenants/{tenant_uuid}/activate"): inactive_tenant,
    ("POST", "/tenants/{tenant_uuid}/deactivate"): tenant,
}
"""By method and path of the route."""
