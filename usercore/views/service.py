"""History for operators: what happened to a user, the action log, and why a user cannot sign in."""

from collections.abc import Mapping

from usercore.accounts.status import StatusReader
from usercore.attempts.model import Attempt
from usercore.history.actions import action_of, clean_action, clean_params
from usercore.history.model import Action, ActionCount, ActionLogPolicy, Entry
from usercore.history.service import page_of_actions, page_of_changes
from usercore.kernel.changes import ChangeKind
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors
from usercore.kernel.values import frozen
from usercore.passwords.model import SET
from usercore.tokens.model import SourceAccess
from usercore.tokens.pages import page_of_source_accesses
from usercore.users.service import get_user
from usercore.views.detail import DetailReader, ViewsUnit, page_of_attempts
from usercore.views.model import UserOverview


@frozen(kw_only=True)
class History:
    """Reads what happened to users, and logs actions of the host. Trusted: for operators.

    Safe to share between threads.
    """

    _service: ServiceContext[ViewsUnit]
    _status: StatusReader
    _detail: DetailReader
    _log: ActionLogPolicy

    def of_user(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Entry]:
        """List the changes of a user, newest first; ``limit`` is 1 to 1000. Also finds an erased user, by id.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        return self._changes(ref, cursor, limit, None)

    def password_changes(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Entry]:
        """List the changes of a user's password, newest first; ``limit`` is 1 to 1000.

        ``entry.new["reason"]`` is a ``PasswordChange``: ``change``, ``reset`` (also by an operator), ``suspicious``,
        ``import``, ``registration`` or ``generated``. ``entry.actor`` made the change.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        return self._changes(ref, cursor, limit, SET)

    def _changes(self, ref: Reference, cursor: str | None, limit: int, kind: ChangeKind | None) -> Page[Entry]:
        check_reference(ref)
        rows, before = check_limit(limit), read_cursor(cursor, int, int)

        def query(unit: ViewsUnit) -> Page[Entry]:
            found = page_of_changes(unit, unit.resolve(ref), before, rows, kind=kind)
            if not found.rows:
                unit.get_or_raise(ref)
            return found

        return self._service.units.read(query)

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
        before = None if place is None else place[0]

        def query(unit: ViewsUnit) -> Page[Attempt]:
            return page_of_attempts(unit, None if ref is None else unit.get_or_raise(ref), before, rows)

        return self._service.units.read(query)

    def source_accesses(
        self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[SourceAccess]:
        """List the sources that a user came from, the latest first; ``limit`` is 1 to 1000.

        A user comes from a source by signing in from it, which is stored at once, and by using an access token that was
        issued to it, which is stored once a minute. Neither is known of a user who came without a source.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        rows, after = check_limit(limit), read_cursor(cursor, int, str)
        return self._service.units.read(lambda unit: page_of_source_accesses(unit, unit.get_or_raise(ref), after, rows))

    def log_action(
        self, action: str, ref: Reference | None = None, *, params: Mapping[str, object] | None = None
    ) -> Action:
        """Store that something was done, about a user or about none, and return the entry.

        It has the actor, address and source that the core is bound to. ``params`` are plain data, as JSON has it. The
        entry is erased with its user. It is not a change: history does not show it, and no subscriber is told.

        Raises:
            TypeError: an argument has the wrong type, or ``params`` is not plain data.
            Invalid: action, params or ``ref`` is malformed, or params are too long; it lists every error, by field.
            UserNotFound: no user of this tenant has this reference.
        """
        if ref is not None:
            check_reference(ref)
        errors = FieldErrors()
        name = errors.take(clean_action, action) or ""
        text = errors.take(clean_params, params, most=self._log.max_bytes)
        errors.check()

        def log(unit: ViewsUnit) -> Action:
            user_id = None if ref is None else unit.resolve(ref)
            if user_id is not None:
                unit.lock(user_id)
            entry = action_of(
                self._service.context,
                name,
                number=self._service.new_id(),
                user_id=user_id,
                params=text,
                at=self._service.clock(),
            )
            unit.actions.add(entry)
            return entry

        return self._service.units.write(log)

    def actions(
        self,
        ref: Reference | None = None,
        action: str | None = None,
        *,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[Action]:
        """List the action log of this tenant, newest first: all of it, or of one user, one action, or both.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor, action or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        if ref is not None:
            check_reference(ref)
        name = None if action is None else clean_action(action)
        rows, before = check_limit(limit), read_cursor(cursor, int, int)

        def query(unit: ViewsUnit) -> Page[Action]:
            user_id = None if ref is None else unit.get_or_raise(ref)
            return page_of_actions(unit, user_id, before, rows, action=name)

        return self._service.units.read(query)

    def action_counts(self, ref: Reference | None = None) -> tuple[ActionCount, ...]:
        """Return how often each action is in the log of this tenant, or of one user, by the name of the action.

        Reads each of these actions, so the time is in proportion to their number.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: an identifier of this form cannot exist.
            UserNotFound: no user of this tenant has this reference.
        """
        if ref is not None:
            check_reference(ref)
        found = self._service.units.read(
            lambda unit: unit.actions.counts(None if ref is None else unit.get_or_raise(ref))
        )
        return tuple(sorted(found, key=lambda one: one.action))

    def detail(self, ref: Reference, *, limit: int = PAGE_SIZE) -> UserOverview:
        """Return everything about a user as of one moment, with the first ``limit`` rows (1 to 1000) of each list.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``limit`` or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        rows = check_limit(limit)
        return self._service.units.read(lambda unit: self._detail.detail_of(unit, get_user(unit, ref), rows))

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
