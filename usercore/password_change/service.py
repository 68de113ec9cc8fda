"""Setting a password: look, hash outside any unit, write; and what it ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.model import PasswordChange, PasswordPolicy
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.service import store_password
from usercore.registration.input import PasswordCheck, acceptable, personal_words
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.model import RevocationReason
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_all
from usercore.users.ports import UsersUnit
from usercore.users.service import get_user


class PasswordChangeUnit(UsersUnit, PasswordsUnit, TokensUnit, ThrottlingUnit, Protocol):
    """What setting a password touches."""


@frozen(kw_only=True)
class Passwords:
    """Sets passwords. Trusted. Safe to share between threads."""

    _service: ServiceContext[PasswordChangeUnit]
    _hasher: Hasher
    _policy: PasswordPolicy
    _checks: Sequence[PasswordCheck]
    _keys: CounterKeys

    def set(self, ref: Reference, password: str) -> datetime:
        """Set a user's password as an operator; all their tokens end, and failures in a row are forgotten.

        Gives the instant from which it is the password.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: nobody in this tenant is named so.
            PasswordRefused: it breaks the policy, or a check of the host's refused it.
            Overloaded: too many passwords are being hashed.
        """
        check_reference(ref)
        check_type(password, str, name="password")
        user = self._service.units.read(lambda unit: get_user(unit, ref))
        text = acceptable(password, self._policy, self._checks, personal_words(user))
        with self._hasher.place():
            hashed = self._hasher.hash(text)

        def write(unit: PasswordChangeUnit) -> datetime:
            unit.lock(user.id)
            now = self._service.clock()
            store_password(unit, user.id, hashed, at=now, reason=PasswordChange.RESET)
            revoke_all(unit, user.id, RevocationReason.PASSWORD_SET, at=now)
            account = self._keys.account(user.tenant_id, user.id)
            for counter in unit.failure_counters.get_many([account]):
                unit.failure_counters.reset(account, up_to=counter.tried)
            return now

        return self._service.units.write(write)
