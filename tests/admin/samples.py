"""A sample request for each page and action of the admin page."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tests.admin.world import World

Prepare = Callable[[World], Mapping[str, object]]


class Sample(NamedTuple):
    """What there must be before a request, as values for its path, and the fields of its form."""

    prepare: Prepare
    fields: Mapping[str, str] = {}


def user(world: World) -> Mapping[str, object]:
    return {"user_id": world.user.id}


def nothing(_: World) -> Mapping[str, object]:
    return {}


SAMPLES: Final[Mapping[tuple[str, str], Sample]] = {
    ("GET", "/"): Sample(nothing),
    ("GET", "/users"): Sample(nothing),
    ("GET", "/users/{user_id}"): Sample(user),
    ("GET", "/users/{user_id}/addresses"): Sample(user),
    ("GET", "/users/{user_id}/access-tokens"): Sample(user),
    ("GET", "/users/{user_id}/autologin-tokens"): Sample(user),
    ("GET", "/users/{user_id}/attempts"): Sample(user),
    ("GET", "/users/{user_id}/source-accesses"): Sample(user),
    ("GET", "/users/{user_id}/password-changes"): Sample(user),
    ("GET", "/users/{user_id}/meta"): Sample(user),
    ("GET", "/users/{user_id}/actions"): Sample(user),
    ("GET", "/users/{user_id}/changes"): Sample(user),
}
"""By method and path of the route."""
