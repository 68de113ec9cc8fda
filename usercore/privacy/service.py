"""Erasing and exporting users, for the host and its operators."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from usercore.authenticators.last_admin import LastAdminGuard
from usercore.gates.model import UserErasure
from usercore.gates.service import ErasureGates
from usercore.kernel.context import SYSTEM
from usercore.kernel.errors import LostRace, StorageError
from usercore.kernel.ids import UserId
from usercore.kernel.log import log
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_line
from usercore.kernel.units import MOST_TRIES
from usercore.kernel.values import frozen
from usercore.privacy.exporting import FORMAT, export_of, plain
from usercore.privacy.steps import BATCH, Erasing, ErasingUnit, claimed_by, erase_attempts, erase_person
from usercore.storage.lookups import LookupsUnit
from usercore.storage.personal_rows import PersonalRowsUnit
from usercore.throttling.keys import CounterKeys
from usercore.users.model import REASON_LIMIT, User
from usercore.users.service import get_user


class _Changed(Exception):
    """The user is not as the gates saw it; ends the unit of the erasure, so that nothing of it is stored."""


class PrivacyUnit(ErasingUnit, LookupsUnit, PersonalRowsUnit, Protocol):
    """What erasing and exporting a user read and write, and what tells whether an admin is needed."""


@frozen(kw_only=True)
class Privacy:
    """Erases and exports users. Trusted: for the host and its operators. Safe to share between threads."""

    _service: ServiceContext[PrivacyUnit]
    """Its context has no address: what records an erasure must not contain one."""
    _gates: ErasureGates
    _last_admin: LastAdminGuard
    _keys: CounterKeys
    _purge: Callable[..., None]

    def erase(self, ref: Reference, reason: str, *, force: bool = False) -> User:
        """Erase a user: all that is personal about them is removed or blanked in every table; return what is left.

        That is a row with the state ``erased``, and a history without personal values. The identifiers are free at
        once. The reason, up to 1000 characters, is stored in the history for operators. ``force`` asks no gate.

        Unclaimed users whom the user claimed are erased, too, unless they were activated since; gates are asked about
        each of them.

        On SQLite nothing of it is left in the file and its WAL either, unless an older reader is open or the file is
        large; then, and on PostgreSQL, ``purge`` removes the rest. In a joined or atomic core nothing is removed from
        files before the next erasure, clean-up or purge after the commit.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reason or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            LastAdmin: the user is the last active admin, or the last one who can sign in.
            Vetoed: a gate refused.
            LostRace: the user changed each of three times while the gates were asked.
        """
        check_reference(ref)
        why = clean_line(reason, field="reason", most=REASON_LIMIT, empty=False)
        check_type(force, bool, name="force")
        units = self._service.units
        for _ in range(MOST_TRIES):
            looked, claimed, has_many = units.read(lambda unit: self._look(unit, ref))
            asked = () if force else (looked, *claimed)
            for user in asked:
                self._gates.check(UserErasure(user=user, reason=why, context=self._service.context))
            while has_many:
                has_many = units.write(partial(erase_attempts, user_id=looked.id))
            try:
                erased = units.write(partial(self._erase, user_id=looked.id, reason=why, asked=asked))
            except _Changed:
                continue
            self._purge_files()
            return erased
        raise LostRace

    def export(self, ref: Reference) -> dict[str, Any]:
        """Return all data of a person as plain JSON data, by section; secrets and hashes are never in it.

        ``user`` is a record as ``registration.import_users`` takes it. The other sections list rows of the user by
        capability, in the order of their keys, and ``history`` the changes, oldest first. ``claimed`` has the same
        sections of each user whom the user claimed, and whom an erasure includes. It also contains what only operators
        see: the note, private values and reasons of decisions.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        tenant, at = self._service.context.tenant_key, self._service.clock()
        sections = self._service.units.read(lambda unit: export_of(unit, get_user(unit, ref)))
        return {"format": FORMAT, "exported_at": plain(at), "tenant": tenant, **sections}

    def purge(self) -> None:
        """Remove from the store's files what is left there of rows that were removed or changed.

        The store is rewritten, which takes as long as copying it. On SQLite no unit is written meanwhile; PostgreSQL
        locks one table after another (VACUUM FULL). Units that wait too long raise ``Busy``.

        Raises:
            StorageError: the files could not be written.
        """
        self._service.check_alone("privacy.purge")
        self._purge(thorough=True)

    def _look(self, unit: PrivacyUnit, ref: Reference) -> tuple[User, list[User], bool]:
        """Return the user, whom the user claimed, and whether there are too many attempts of theirs for one unit."""
        user = get_user(unit, ref)
        self._last_admin.check(unit, user, at=self._service.clock())
        some = (one.list_of(user.id, before=None, limit=BATCH) for one in (unit.attempts, unit.registration_attempts))
        claimed = unit.users.get_many(claimed_by(unit, user.id))
        return user, claimed, any(len(rows) == BATCH for rows in some)

    def _erase(self, unit: PrivacyUnit, user_id: UserId, reason: str, *, asked: Sequence[User]) -> User:
        """Erase the user and whom the user claimed, all as the gates were asked about them, or as they are if none."""
        now, context = self._service.clock(), self._service.context
        versions = {user.id: user.version for user in asked}

        def check(locked: User) -> None:
            if locked.id == user_id:
                self._last_admin.check(unit, locked, at=now)
            if asked and locked.version != versions.get(locked.id):
                raise _Changed

        if context.tenant_id == SYSTEM:
            unit.lock_tenant(SYSTEM)
        erasing = Erasing(at=now, by=str(context.actor), keys=self._keys, reason=reason)
        return erase_person(unit, user_id, erasing, check)

    def _purge_files(self) -> None:
        if self._service.joined:
            return  # nothing is committed yet
        try:
            self._purge(thorough=False)
        except StorageError:  # the user is erased; the next clean-up tries again
            log().warning("the files of the store could not be purged", exc_info=True)
