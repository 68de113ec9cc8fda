"""Samples of the service of users."""

from typing import Final

from tests.samples import FilledStore, Samples, same
from usercore import Email


def fill(filled: FilledStore) -> None:
    """Set access ids."""
    filled.core.users.set_access_ids(filled.ann.id, ["a-1", "a-2"])


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "access_ids": same(["a-7", None]),
        "ids": lambda filled: [filled.ann.id, filled.bob.id],
        "query": same("ann"),
        "time_zone": same("Europe/Bratislava"),
        "users.activate.ref": lambda filled: filled.bob.id,
        "users.link_external_id.external_id": same("x-9"),
        "users.link_external_id.ref": same(Email("early@example.com")),
        "users.unlink_external_id.ref": lambda filled: filled.bob.id,
    },
    calls={
        "users.update: take a username": lambda core, names: core.users.update(names.own, username=names.name),
        "users.link_external_id: take an id": lambda core, names: core.users.link_external_id(
            names.own, names.external_id
        ),
        "users.list": lambda core, _: core.users.list(include_deactivated=True, include_unclaimed=True).rows[1:],
        "users.list_by_ids": lambda core, names: core.users.list_by_ids([names.id, names.id + 1]),
        "users.search": lambda core, names: core.users.search(names.name).rows,
        "users.search: an id": lambda core, names: core.users.search(str(names.id)).rows,
    },
)
