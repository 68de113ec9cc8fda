"""Samples of the service of registrations and imports."""

from typing import Any, Final

import attrs

from tests.samples import FilledStore, Names, Samples, same
from tests.services.helpers import PASSWORD
from usercore import Role, UserCore
from usercore.kernel.ids import USER_KIND, uuid_of


@attrs.frozen
class RegistrationLink:
    """The secret of a mailed link."""

    secret: str


def fill(filled: FilledStore) -> RegistrationLink:
    """Request a registration."""
    filled.core.registration.request("guest@example.com")
    return RegistrationLink(filled.mailed_to("guest@example.com"))


def _save(core: UserCore, names: Names, **detail: Any) -> object:
    """Save a user with a role of this tenant."""
    own_role = core.roles.create(f"own-{names.name}").id
    full: dict[str, Any] = {"username": "own", "first_name": "A", "last_name": "B", "roles": [own_role]} | detail
    return core.registration.save(**full)


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "id": lambda filled: filled.bob.id,
        "is_admin": same(value=False),
        "on_bad": same(str),
        "on_progress": same(str),
        "records": same(
            [{"email": "carl@example.com", "external_id": "x-8"}, {"external_id": "x-1", "last_name": "Lee"}]
        ),
        "registration.check_email.email": same("ann@example.com"),
        "registration.check_email.password": same(PASSWORD),
        "registration.claim.unclaimed": lambda filled: filled.unclaimed.id,
        "registration.claim.user": lambda filled: filled.ann.id,
        "registration.complete.secret": lambda filled: filled.of(RegistrationLink).secret,
        "registration.register.unclaimed": same(value=False),
        "registration.save.uuid": lambda filled: filled.bob.uuid,
        "tenant": same("main"),
    },
    calls={
        "registration.check_email": lambda core, names: core.registration.check_email(names.email).status,
        "registration.check_email: password": lambda core, names: (
            core.registration.check_email(names.email, PASSWORD).password
        ),
        "registration.claim": lambda core, names: core.registration.claim(names.id, names.own),
        "registration.claim: by": lambda core, names: core.registration.claim(names.own, names.id),
        "registration.register": lambda core, names: core.registration.register(
            names.email, username=names.name, password=PASSWORD
        ),
        "registration.register_external": lambda core, names: core.registration.register_external(
            names.email, external_id=names.external_id, fail_by_existing_email=True
        ),
        "registration.request": lambda core, names: core.registration.request(names.email),
        "registration.save: another tenant's role": lambda core, names: _save(core, names, roles=[names.of(Role).id]),
        "registration.save: another tenant's role, by UUID": lambda core, names: _save(
            core, names, roles=[names.of(Role).uuid]
        ),
        "registration.save: by email and username of another tenant": lambda core, names: _save(
            core, names, id=core.users.get(names.own).id, username=names.email, email=names.email
        ),
        "registration.save: create": lambda core, names: _save(
            core, names, username=names.name, email=names.email, uuid=uuid_of(names.id, USER_KIND), roles=[names.name]
        ),
        "registration.save: id": lambda core, names: _save(core, names, id=names.id),
        "registration.save: upsert": lambda core, names: _save(core, names, username=names.name, upsert=True),
        "registration.save: uuid": lambda core, names: _save(core, names, id=uuid_of(names.id, USER_KIND)),
    },
    nameless=frozenset(
        {
            "registration.complete",  # links belong to requests; the contract of registration links proves it
            "registration.import_users",  # see tests/importing
        }
    ),
)
