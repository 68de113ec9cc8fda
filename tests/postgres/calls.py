"""Calls whose round trips are counted, and during which the wire is cut."""

from collections.abc import Callable
from typing import Any, Final

import attrs

from usercore import Email, UserCore
from usercore.users.model import User

PASSWORD: Final = "correct horse battery staple"


@attrs.frozen
class Call:
    """A call, what prepares it, and the number of its round trips."""

    round_trips: int
    run: Callable[[UserCore, Any], object]
    """The call, with what was prepared."""

    prepare: Callable[[UserCore, User, int], object]
    """Return what the call needs, of a user; the number makes it another one each time."""


def _email(_: UserCore, user: User, __: int) -> str:
    return str(user.email)


CALLS: Final[dict[str, Call]] = {
    "identify": Call(
        1,
        lambda core, token: core.sign_in.identify(token),
        lambda core, user, _: core.sign_in.with_login_token(core.login_tokens.issue(user.id)).access_token,
    ),
    "get a user by the email": Call(1, lambda core, email: core.users.get(Email(email)), _email),
    "update a user": Call(
        3,
        lambda core, changed: core.users.update(changed[0], first_name=changed[1]),
        lambda _, user, number: (user.id, f"Ann {number}"),
    ),
    "register an external user": Call(
        4,
        lambda core, number: core.registration.register_external(f"{number}@example.com", external_id=str(number)),
        lambda _, __, number: number,
    ),
    "register with a password": Call(
        8,
        lambda core, email: core.registration.register(email, password=PASSWORD),
        lambda _, __, number: f"with.password.{number}@example.com",
    ),
    "sign in by a password": Call(5, lambda core, email: core.sign_in.with_password(email, PASSWORD), _email),
    "issue a login token": Call(3, lambda core, user_id: core.login_tokens.issue(user_id), lambda _, user, __: user.id),
    "redeem a login token": Call(
        5,
        lambda core, token: core.sign_in.with_login_token(token),
        lambda core, user, _: core.login_tokens.issue(user.id),
    ),
    "upsert a meta value": Call(
        3,
        lambda core, changed: core.meta.upsert(changed[0], "colour", changed[1]),
        lambda _, user, number: (user.id, str(number)),
    ),
}
