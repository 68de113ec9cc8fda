"""REMP CRM: the users module, endpoint by endpoint, with the sample data of its document.

Each endpoint is one call or a few; a wrapper adds the header and the JSON.
"""

from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Final

from examples.demo.setting import Demo
from usercore import Actor, Email, Secret, User, UserCore

ADMIN: Final = "admin@admin.sk"
USER: Final = "user@user.sk"
PASSWORD: Final = "a sunny day in Bratislava"


def play(demo: Demo) -> Iterator[str]:
    """Play each endpoint and each component of the document."""
    yield "== REMP CRM: users module =="
    api = Demo(demo.core.bind(source="api"), demo.clock, demo.mails)
    yield from _authorize(api)
    user, token = yield from _create(api)
    yield from _log_in(api, user, token)
    yield from _put_in_groups(api)
    yield from _change_addresses(api)
    yield from _list_and_confirm(api)
    yield from _keep_meta(api, user)
    yield from _log_in_by_link(api, user)
    yield from _show_widgets(api, user)


def _authorize(demo: Demo) -> Iterator[str]:
    """Use an API token, which has access to no endpoint by default."""
    tokens = demo.core.bind(actor=Actor.operator("Zoë")).api_tokens
    issued = tokens.issue("cms", addresses=["192.0.2.0/24"])
    secret, public_id = issued.secret, issued.token.public_id
    ip = "192.0.2.9"
    yield demo.refused("an API token without endpoints", lambda: tokens.authorize(secret, "users/create", ip=ip))
    tokens.grant(public_id, ["users/create", "users/email"])
    allowed = tokens.authorize(secret, "users/create", ip=ip)
    yield f"API token of {allowed.created_by}: {allowed.name} may use {', '.join(allowed.resources)}"
    yield demo.refused("another endpoint", lambda: tokens.authorize(secret, "users/confirm", ip=ip))
    yield demo.refused("another address", lambda: tokens.authorize(secret, "users/email", ip="198.51.100.1"))


def _create(demo: Demo) -> Generator[str, None, tuple[User, Secret]]:
    """Check an email, and create a user with a generated password, who is signed in on a device."""
    core = demo.core
    phone = core.device_tokens.issue("cosijak2")
    yield f"users/get-device-token: a token for cosijak2, used by {len(core.device_tokens.users(phone))} users"
    check = core.registration.check_email(USER)
    yield f"users/email: {check.email} is {check.status}, id {check.user_id}, password {check.password}"
    made = core.registration.register(USER, source="crm", note="called", device_token=phone, sign_in=True)
    assert made.access_token is not None
    yield f"users/create: {made.user.email}, signed in: {made.access_token is not None}, source {made.user.source}"
    yield f"the device is used by {[user.email for user in core.device_tokens.users(phone)]}"
    generated = demo.mail("welcome_password").partition("password: ")[2].split()[0]
    yield demo.refused("users/create again at once", lambda: core.registration.register(USER))
    demo.wait()
    yield demo.refused("users/create later", lambda: core.registration.register(USER))
    yield demo.refused(
        "a device that is unknown",
        lambda: core.registration.register("x@user.sk", device_token="none", sign_in=True),
    )
    for password in (generated, "a rainy day"):
        check = core.registration.check_email(USER, password)
        yield f"users/email: {check.email} is {check.status}, password {check.password}"
    core.passwords.change(made.access_token, generated, PASSWORD)
    return made.user, made.access_token


def _log_in(demo: Demo, user: User, token: Secret) -> Iterator[str]:
    """Sign in, show the user by the token, and take over a token of another system."""
    core = demo.core
    signed_in = core.sign_in.with_password("USER@user.sk", PASSWORD)
    yield f"users/login: {signed_in.user.email}, roles {list(signed_in.roles)}"
    yield demo.refused("a wrong password", lambda: core.sign_in.with_password(USER, "a rainy day"), user.id)
    yield demo.refused("an unknown email", lambda: core.sign_in.with_password("x@user.sk", "a rainy day"))
    yield demo.refused("a bare text as reference", lambda: core.users.get(USER))  # type: ignore[arg-type]  # the point of this step
    shown = core.sign_in.identify(token)
    yield f'user/info: {shown.user.email}, first name {shown.user.first_name}, "foo": {dict(shown.extras["foo"])}'
    yield f"by a badge: {core.sign_in.authenticate({'badge': USER}).authenticator}"
    yield f"the n_token cookie: {core.sign_in.with_access_token(token).user.email}, without a new token"
    core.access_tokens.revoke(signed_in.access_token)
    yield demo.refused("the token after signing out", lambda: core.sign_in.identify(signed_in.access_token))
    yield from _log_in_as_admin(demo)


def _log_in_as_admin(demo: Demo) -> Iterator[str]:
    """Sign in a user with admin roles, who needs a password."""
    core = demo.core
    core.roles.create("redaktor", permissions=["articles.write"])
    core.roles.create("superadmin", privileged=True)
    admin = core.registration.register(ADMIN, password=PASSWORD, first_name="Test", last_name="Admin").user
    for role in ("redaktor", "superadmin"):
        core.roles.give(admin.id, role)
    signed_in = core.sign_in.with_password(ADMIN, PASSWORD)
    yield f"users/login: {signed_in.user.full_name}, roles {list(signed_in.roles)}"
    token = signed_in.access_token
    yield demo.refused("the n_token cookie of an admin", lambda: core.sign_in.with_access_token(token), admin.id)


def _put_in_groups(demo: Demo) -> Iterator[str]:
    """Add a user to a group and remove them."""
    core, user = demo.core, Email(USER)
    subscribers = core.groups.create("Subscribers", sorting=1)
    yield f"groups: {[group.name for group in core.groups.list().rows]}"
    yield f"users/add-to-group: {core.groups.add(user, subscribers.id)}; again: {core.groups.add(user, subscribers.id)}"
    yield f"the user's groups: {[joined.group.name for joined in core.groups.of_user(user)]}"
    yield f"users/remove-from-group: {core.groups.remove(user, subscribers.id)}"
    yield demo.refused("an unknown group", lambda: core.groups.add(user, "Writers"))


def _change_addresses(demo: Demo) -> Iterator[str]:
    """Add an address, list addresses, and request a change, which an operator accepts."""
    addresses, user = demo.core.addresses, Email(USER)
    for number, kind in enumerate(("invoice", "print")):
        addresses.declare_type(kind, sorting=number)
    yield demo.refused(
        "users/change-address-request without an address (Parent address not found)",
        lambda: addresses.request_change(user, "print", first_name="AdrName", last_name="AdrLastName"),
    )
    sample = {"first_name": "AdrName", "last_name": "AdrLastName", "street": "11th str.", "number": "112"}
    added = addresses.add(user, "invoice", **sample, zip="81105", city="Bratislava", company_id="12 345 678")
    yield f"users/address: {added.type}, {added.street} {added.number}, {added.zip} {added.city}"
    yield demo.refused(
        "a change that changes nothing", lambda: addresses.request_change(user, "invoice", company_id="12345678")
    )
    request = addresses.request_change(user, "invoice", street="10th street", number="368")
    yield f"users/change-address-request: {request.state}; still {_streets(demo.core)}"
    accepted = addresses.accept(user, request.id, reason="called back")
    yield f"accepted by an operator: {accepted.state}; now {_streets(demo.core)}"
    yield demo.refused("accepting it again", lambda: addresses.accept(user, request.id))
    yield demo.refused("an unknown type", lambda: addresses.add(user, "billboard"))


def _streets(core: UserCore) -> list[str]:
    """Return the streets of the user's addresses, as users/addresses lists them."""
    return [f"{one.street} {one.number}" for one in core.addresses.list(Email(USER))]


def _list_and_confirm(demo: Demo) -> Iterator[str]:
    """List users by ids, and confirm one."""
    core = demo.core
    ids = [core.users.get(Email(email)).id for email in (ADMIN, USER)]
    page = core.users.list_by_ids([*ids, ids[0], 9, 10], page=1)
    yield f"users/list: page {page.page} of {page.total_pages}, {page.total_count} users: " + ", ".join(
        user.email or "-" for user in page.rows
    )
    confirmed = core.users.confirm(Email(ADMIN))
    yield f"users/confirm: {confirmed.email} at {confirmed.confirmed_at:%H:%M}, verified: {confirmed.email_verified}"
    yield f"again, at the same time: {core.users.confirm(Email(ADMIN)).confirmed_at == confirmed.confirmed_at}"


def _keep_meta(demo: Demo, user: User) -> Iterator[str]:
    """Store values of a user by key, list them, find users by them, and delete them."""
    meta, admin = demo.core.meta, Email(ADMIN)
    stored = meta.upsert(user.id, "foo", "bar", public=False)
    yield f"user-meta/upsert: {stored.key} = {stored.value}, public {stored.public}"
    meta.upsert(user.id, "fooz", "1", public=True)
    meta.upsert(admin, "foo", "friend")
    yield f"user-meta/list: {[(one.key, one.value, one.public) for one in meta.list(user.id)]}"
    yield f"what other modules see: {[one.key for one in meta.list(user.id, public_only=True)]}"
    yield f"user-meta/key-users: {[one.value for one in meta.key_users('foo').rows]}"
    yield f"with a value: {[one.value for one in meta.key_users('foo', 'bar').rows]}"
    meta.upsert(user.id, "gdpr", "2018-05-25")
    yield f"user-meta/delete with another value: {meta.delete(user.id, 'gdpr', 'no')}"
    yield f"user-meta/delete: {meta.delete(user.id, 'gdpr')}"


def _log_in_by_link(demo: Demo, user: User) -> Iterator[str]:
    """Sign in by an autologin token until it is used up."""
    core, sign_in = demo.core, demo.core.sign_in
    secret = core.autologin_tokens.issue(user.id, valid_to=demo.clock.now + timedelta(days=14), max_uses=2)
    for use in ("first", "second"):
        yield f"users/autologin-token-login, {use} use: {sign_in.with_autologin_token(secret).user.email}"
    yield demo.refused("a third use", lambda: sign_in.with_autologin_token(secret), user.id)
    foreign = "f8fb5c8d41e454852c0049cfe1031ac1"
    yield demo.refused("a token that is none", lambda: sign_in.with_autologin_token(foreign), is_stored=False)


def _show_widgets(demo: Demo, user: User) -> Iterator[str]:
    """Read what the components of the admin show: what is about one user in one call."""
    core = demo.core
    core.bind(actor=Actor.operator("Olga")).history.log_action("called", user.id, params={"minutes": 3})
    detail = core.history.detail(user.id)
    yield f"DetailWidget: {detail.user.email}, note {detail.user.note!r}, password set: {detail.status.password_set}"
    (address,) = detail.addresses
    yield f"AddressWidget: {address.type}: {address.street} {address.number}, {address.zip} {address.city}"
    yield f"AutologinTokens: {[f'{one.uses} of {one.max_uses} uses' for one in detail.autologin_tokens]}"
    yield f"UserTokens: {sorted(one.authenticator for one in detail.access_tokens)}"
    yield f"UserMeta: {[one.key for one in detail.meta]}"
    yield "UserLoginAttempts: " + ", ".join(one.status for one in detail.attempts)
    yield "UserPasswordChanges: " + ", ".join(one.kind for one in detail.password_changes)
    yield "UserSourceAccesses: " + ", ".join(one.source for one in detail.source_accesses)
    yield "UserActionsLog: " + ", ".join(f"{one.action} by {one.actor}, {one.params}" for one in detail.actions)
    figures = core.statistics.widgets()
    yield f"TodayUsersStatWidget: {figures.today}; MonthUsersStatWidget: {figures.this_month}"
    yield f"MonthToDateUsersStatWidget: last month {figures.last_month_to_date}"
    yield f"MonthUsersSmallBarGraphWidget: {len(figures.by_day)} days, the last one {figures.by_day[-1].count}"
    yield f"ActiveRegisteredUsersStatWidget: {figures.active}"
