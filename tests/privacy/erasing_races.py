"""Erasing a user, raced against what stores something of the same person: in any order nothing is left.

``RIVALS`` has calls that may run at the same time. Those that come after the erasure may make a new person of the same
identifiers, or leave an attempt by one; an erasure of that person then removes these, too. So after each race the
email is registered once more and all are erased: what is left then was stored of a user who was erased already.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import attrs

from tests.email_change.undo_races import LOCKS, Interrupting, MeetingAtLocks, attempt
from tests.services.helpers import PASSWORD
from usercore import User, UserCore, UserState
from usercore.kernel.personal import Erasure
from usercore.kernel.units import Units
from usercore.storage import ROWS, Unit
from usercore.testing import FakeClock

MARK: Final = "zqmark"
EMAIL: Final = f"{MARK}@example.com"
SECOND: Final = f"{MARK}.2@example.com"
"""An email by which a sign-in failed before any user had it."""

UNCLAIMED: Final = f"{MARK}.una@example.com"
EXTERNAL: Final = f"{MARK}-1"
WHY: Final = "asked in writing"

Marked = Callable[[], object]
"""Returns what is stored and contains the mark; empty if nothing is."""


@attrs.frozen(kw_only=True)
class Person:
    """A user, an unclaimed one, and the core of their tenant."""

    core: UserCore
    user: User
    unclaimed: User


@attrs.frozen
class Rival:
    """A call, what comes before the race, and which emails may be in attempts that were stored after the erasure.

    ``erases_unclaimed`` says whether the unclaimed user is erased instead of the other.
    """

    act: Callable[[Person], object]
    prepare: Callable[[Person], object] = lambda _: None
    later: Sequence[str] = (EMAIL, UNCLAIMED)
    meets_at: tuple[str, ...] = (*LOCKS, "Claims.find", "Claims.find_many")
    """The methods of repositories, the first of which is about to be called when both units are held open."""
    erases_unclaimed: bool = False

    def erased(self, person: Person) -> User:
        """Return the user who is erased."""
        return person.unclaimed if self.erases_unclaimed else person.user


def _import(person: Person) -> object:
    record = {"email": EMAIL, "external_id": EXTERNAL, "last_name": f"{MARK} imported", "note": MARK}
    return person.core.registration.import_users([record])


def _import_by_id(person: Person) -> object:
    return person.core.registration.import_users([{"id": person.user.id, "last_name": f"{MARK} imported"}])


def _register(person: Person) -> object:
    return person.core.registration.register(EMAIL, external_id=EXTERNAL, first_name=MARK, send_email=False)


def _register_unclaimed(person: Person) -> object:
    return person.core.registration.register(UNCLAIMED, first_name=MARK, send_email=False)


def _claim(person: Person) -> object:
    return person.core.registration.claim(person.unclaimed.id, person.user.id)


def _delete_tenant(person: Person) -> object:
    system = person.core.tenant("system")
    system.tenants.delete(person.core.context.tenant_key)
    return system.cleanup()


def _fail_before(person: Person) -> None:
    attempt(lambda: person.core.sign_in.with_password(SECOND, "a wrong password"))


def _change_email(person: Person) -> object:
    return person.core.emails.change(person.user.id, SECOND)


RIVALS: Final[Mapping[str, Rival]] = {
    "import the same person": Rival(_import),
    "import by the id": Rival(_import_by_id),
    "register the email": Rival(_register),
    "register in place": Rival(_register_unclaimed, erases_unclaimed=True),
    "request a registration": Rival(lambda person: person.core.registration.request(EMAIL, referer=MARK)),
    "claim": Rival(_claim, meets_at=("Rows.list_of",)),
    "be claimed": Rival(_claim, erases_unclaimed=True),
    "be claimed, both locked": Rival(_claim, erases_unclaimed=True, meets_at=("Rows.list_of",)),
    "delete the tenant": Rival(_delete_tenant, later=()),
    "erase": Rival(lambda person: person.core.privacy.erase(person.user.id, WHY)),
    "change the email": Rival(_change_email, prepare=_fail_before),
    "fail to sign in": Rival(lambda person: person.core.sign_in.with_password(EMAIL, "a wrong password")),
    "request a reset": Rival(lambda person: person.core.passwords.request_reset(EMAIL)),
    "store a value": Rival(lambda person: person.core.meta.upsert(person.user.id, "size", MARK)),
}


def person_in(core: UserCore, rival: Rival, tenant: str = "acme") -> Person:
    """Register both users in a tenant of their own, and prepare the rival."""
    core.tenant("system").tenants.create(tenant, tenant)
    core = core.tenant(tenant)
    user = core.registration.register(
        EMAIL, password=PASSWORD, external_id=EXTERNAL, first_name=f"{MARK} Ann", send_email=False
    ).user
    una = core.registration.register(UNCLAIMED, first_name=f"{MARK} Una", note=MARK, unclaimed=True).user
    core.meta.upsert(una.id, "friend", MARK)
    _advance(core)
    person = Person(core=core, user=user, unclaimed=una)
    rival.prepare(person)
    return person


def rival_inside_the_erasure(core: UserCore, storage: Interrupting, rival: Rival, marked: Marked) -> None:
    """Run the rival while the erasure is between its read and its write."""
    person = person_in(core, rival)
    made: list[object] = []

    def erase() -> object:
        return attempt(lambda: person.core.privacy.erase(rival.erased(person).id, WHY))

    storage.run(1, erase, lambda: made.append(attempt(lambda: rival.act(person))))
    assert len(made) == 1, "an erasure has a read and a write"
    check_gone(person, rival, marked, made[0])


def erasure_inside_the_rival(
    core: UserCore, storage: Interrupting, rival: Rival, marked: Marked, *, after: int
) -> bool:
    """Erase after some units of the rival; return whether the rival had as many."""
    person = person_in(core, rival)
    erased: list[object] = []

    def erase() -> None:
        erased.append(attempt(lambda: person.core.privacy.erase(rival.erased(person).id, WHY)))

    made = storage.run(after, lambda: attempt(lambda: rival.act(person)), erase)
    storage.meanwhile = None
    if erased:
        check_gone(person, rival, marked, made)
    return bool(erased)


def both_at_the_lock(core: UserCore, storage: MeetingAtLocks, name: str, marked: Marked, *, erase_first: bool) -> None:
    """Hold both open, the erasure where it is about to lock the user, and let one go first.

    The erasure is forced: the versions that gates are asked about are not compared.
    """
    rival = RIVALS[name]
    person = person_in(core, rival, name)
    with ThreadPoolExecutor(2) as pool, storage.meeting() as meet:
        erased = pool.submit(
            meet, lambda: person.core.privacy.erase(rival.erased(person).id, WHY, force=True), second=not erase_first
        )
        made = pool.submit(meet, lambda: rival.act(person), second=erase_first, at=rival.meets_at)
        erased.result(60)
        result = made.result(60)
    check_gone(person, rival, marked, result)


def check_gone(person: Person, rival: Rival, marked: Marked, made: object) -> None:
    """Check that the user is erased, and that nothing is left after an erasure of all who have the identifiers now.

    ``made`` is what the rival returned, or None if it was refused.
    """
    core, gone = person.core, rival.erased(person)
    units: Units[Unit] = core._service.units
    kept = units.read(lambda unit: unit.users.get(gone.id))
    assert kept is not None
    assert kept.state is UserState.ERASED
    left = core.users.list(include_deactivated=True, include_unclaimed=True).rows
    assert UserState.DEACTIVATED not in {user.state for user in left}, "whom the user claimed is erased, too"
    for rows in ROWS.values():
        if rows.section is not None and rows.erasure is Erasure.REMOVES:
            assert units.read(lambda unit: list(unit.personal_rows.list_of(rows.entity, gone.id))) == []  # noqa: B023 - runs at once
    for email in rival.later if made is not None else (*rival.later, SECOND):
        _advance(core)
        attempt(lambda: core.registration.register(email, send_email=False))  # noqa: B023 - runs at once
    for user in core.users.list(include_deactivated=True, include_unclaimed=True).rows:
        core.privacy.erase(user.id, WHY)
    columns = marked()
    assert not columns, columns


def _advance(core: UserCore) -> None:
    clock = core._runtime.host.clock
    assert isinstance(clock, FakeClock)
    clock.advance(timedelta(minutes=1))
