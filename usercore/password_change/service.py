"""Setting a password: read the user, hash outside any unit, write; all tokens of the user are revoked."""

from datetime import datetime
from typing import Protocol

from usercore.gates.service import NewPasswords
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.model import PasswordChange
from usercore.passwords.ports import PasswordsUnit
from usercore.passwords.service import store_password
from usercore.registration.input import personal_words
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.model import RevocationReason
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_all
from usercore.users.ports import UsersUnit
from usercore.users.service import get_user


class PasswordChangeUnit(UsersUnit, PasswordsUnit, TokensUnit, ThrottlingUnit, Protocol):
    """What setting a password reads and writes."""


@frozen(kw_only=True)
class Passwords:
    """Sets passwords. Trusted. Safe to share between threads."""

    _service: ServiceContext[PasswordChangeUnit]
    _new_passwords: NewPasswords
    _keys: CounterKeys

    def set(self, ref: Reference, password: str) -> datetime:
        """Set a user's password as an operator; their tokens are revoked, and their counter of failures is reset.

        Returns the instant from which it is the password.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: there is no such user in this tenant.
            PasswordRefused: it breaks the policy, or a check of the host refused it.
            Overloaded: too many passwords are being hashed.
        """
        check_reference(ref)
        check_type(password, str, name="password")
        user = self._service.units.read(lambda unit: get_user(unit, ref))
        hashed = self._new_passwords.hash(self._new_passwords.screen(password, personal_words(user)))

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
