"""The last admin who can sign in is kept, whichever units are open at the same time. Source: spec T5."""

from datetime import datetime
from typing import Final, Protocol

from usercore.kernel.context import SYSTEM
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.values import frozen
from usercore.passwords.ports import Hasher
from usercore.storage.lookups import LookupsUnit
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import is_void
from usercore.users.errors import LastAdmin
from usercore.users.model import User, UserState
from usercore.users.ports import UsersUnit

_MOST: Final = 100
"""How many admins are looked at. Source: usercore: a store with more of them has one who can sign in."""

_NO_USER: Final = UserId(0)


class AdminsUnit(UsersUnit, ThrottlingUnit, LookupsUnit, Protocol):
    """What tells whether an admin can sign in."""


@frozen(kw_only=True)
class LastAdminGuard:
    """Refuses what would leave no admin who can sign in.

    An admin can sign in by a password that is neither void nor expired and whose hash can be verified, or by a passkey.
    A link that resets a password
    does not count: the mail may never arrive. Wrong passwords are no obstacle, because they make no password void that
    is needed.
    """

    _keys: CounterKeys
    _throttles: ThrottlePolicy
    _hasher: Hasher

    def lock(self, unit: AdminsUnit, user_id: UserId, *, tenant_id: TenantId) -> User:
        """Lock a user before something is removed by which the user signs in, and return the user.

        Admins are locked after their tenant, so that two of them cannot be taken out at the same time.

        Raises:
            UserNotFound: there is no such user in the unit's tenant, or it was erased.
        """
        if tenant_id == SYSTEM:
            unit.lock_tenant(SYSTEM)
        return unit.users.lock(user_id)

    def check(self, unit: AdminsUnit, user: User, *, at: datetime) -> None:
        """Check that a locked user is not needed as an admin.

        Raises:
            LastAdmin: the user is the last active admin, or the last one who can sign in.
        """
        if not user.is_admin or user.state is not UserState.ACTIVE:
            return
        if self.is_needed(unit, user, at=at) or not unit.users.has_other_active(user.id):
            raise LastAdmin

    def is_needed(self, unit: AdminsUnit, user: User, *, at: datetime) -> bool:
        """Return whether a locked user is an admin who can sign in, and no other one can."""
        if not user.is_admin or user.state is not UserState.ACTIVE:
            return False
        return self._able(unit, at=at) == [user.id]

    def check_able(self, unit: AdminsUnit, user: User, *, at: datetime) -> None:
        """Check that an admin who is needed can still sign in after a change of this unit.

        Raises:
            LastAdmin: the admin cannot.
        """
        if user.id not in self._able(unit, at=at):
            raise LastAdmin

    def has_other(self, unit: AdminsUnit, user_id: UserId, *, at: datetime) -> bool:
        """Return whether an admin besides this user can sign in and had not too many wrong passwords in a row.

        Otherwise those make no password void. Runs the same statements for every user, also for an unknown one.
        """
        keys = {self._keys.account(SYSTEM, one): one for one in self._able(unit, at=at) if one != user_id}
        found = unit.failure_counters.get_many([*keys, self._keys.account(SYSTEM, _NO_USER)])
        void = {counter.key for counter in found if is_void(counter, policy=self._throttles)}
        return not keys.keys() <= void

    def _able(self, unit: AdminsUnit, *, at: datetime) -> list[UserId]:
        """Return the admins who can sign in, by id."""
        return [
            one.user_id
            for one in unit.authentication.list_able(at=at, limit=_MOST)
            if one.has_passkey or (one.password is not None and self._hasher.is_usable(one.password))
        ]
