"""Samples of the service of meta."""

from typing import Final

from tests.samples import FilledStore, Samples
from usercore import User, UserCore
from usercore.meta.model import StoredMeta


def fill(filled: FilledStore) -> None:
    """Store a value of Ann, and one of the unclaimed user."""
    filled.core.meta.upsert(filled.ann.id, "acme", "a text")
    filled.core.meta.upsert(filled.unclaimed.id, "color", "blue")


def name(core: UserCore, user: User) -> tuple[None, None]:
    """Store a value under a key that others may ask for."""
    assert user.external_id is not None
    core.meta.upsert(user.id, user.external_id, "a value")
    return None, None


SAMPLES: Final = Samples(
    fill=fill,
    name=name,
    calls={"meta.key_users": lambda core, names: str(core.meta.key_users(names.external_id).rows)},
    kept_by_undo={
        StoredMeta: "the host's values",
    },
)
