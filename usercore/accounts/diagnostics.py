"""History for operators: changes of a user, attempts to sign in, and why a user cannot sign in."""

from typing import Protocol

from usercore.accounts.status import AccountsUnit, StatusReader
from usercore.attempts.model import Attempt
from usercore.attempts.ports import AttemptsUnit
from usercore.history.model import Entry
from usercore.history.ports import HistoryUnit
from usercore.history.service import list_changes
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.passwords.model import SET
from usercore.users.service import get_user


class AccountHistoryUnit(AccountsUnit, AttemptsUnit, HistoryUnit, Protocol):
    """The part of a unit that history reads."""


@frozen(kw_only=True)
class History:
    """Reads the history of users. Trusted: for operators. Safe to share between threads."""

    _service: ServiceContext[AccountHistoryUnit]
    _status: StatusReader

    def of_user(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Entry]:
        """List the changes of a user, newest first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        return list_changes(self._service.units, ref, cursor=cursor, limit=limit)

    def password_changes(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Entry]:
        """List the changes of a user's password, newest first; ``limit`` is 1 to 1000.

        ``entry.new["reason"]`` is a ``PasswordChange``: ``change``, ``reset`` (also by an operator), ``suspicious``,
        ``import``, ``registration`` or ``generated``. ``entry.actor`` made the change.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        return list_changes(self._service.units, ref, cursor=cursor, limit=limit, kind=SET)

    def attempts(
        self, ref: Reference | None = None, *, cursor: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Attempt]:
        """List a user's attempts to sign in, newest first; without a reference those that found no user.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        if ref is not None:
            check_reference(ref)
        rows, place = check_limit(limit), read_cursor(cursor, int)
        before = None if place is None else int(place[0])

        def query(unit: AccountHistoryUnit) -> list[Attempt]:
            user_id = None if ref is None else unit.get_or_raise(ref)
            return unit.attempts.list_of(user_id, before=before, limit=rows + 1)

        return page_of(self._service.units.read(query), rows, lambda attempt: (attempt.id,))

    def explain(self, ref: Reference) -> tuple[str, ...]:
        """Return what prevents a user from signing in by password, and ``password_only`` for every privileged user.

        The result is empty if the right password is enough and the user is not privileged.

        Values: ``unclaimed_user``, ``inactive_user``, ``no_active_role`` (the user requires one), ``inactive_tenant``,
        ``no_password``, ``unusable_hash`` (it cannot be verified: damaged, of a lost pepper, or it demands more than
        the policy allows), ``extra_not_installed`` (the hash was imported, and takes ``usercore[imported-hashes]``),
        ``password_expired``, ``password_void`` (too many failures in a row), ``rate_limited``, ``password_only``
        (privileged: only strong authenticators are accepted), ``second_factor_required`` (the user has one),
        ``second_factor_setup_required`` (the policy demands one, and the user has none), ``second_factor_unusable``
        (its key is gone, or it is damaged), ``second_factor_rate_limited`` (too many wrong codes in a row).

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: tuple(self._status.obstacles_of(unit, get_user(unit, ref))))
