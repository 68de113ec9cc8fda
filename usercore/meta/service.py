"""The use-cases of meta."""

from usercore.kernel.changes import Change
from usercore.kernel.ids import UserId
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type
from usercore.kernel.values import frozen
from usercore.meta.model import DELETED, SET, KeyUser, MetaPolicy, MetaRule, MetaValue, StoredMeta
from usercore.meta.ports import MetaUnit
from usercore.meta.rules import check_keeps, check_writer, clean_key, clean_value, next_value, rule_of, shown


@frozen(kw_only=True)
class Meta:
    """Stores text values of users by key. Trusted: for the host and its operators. Safe to share between threads."""

    _service: ServiceContext[MetaUnit]
    _policy: MetaPolicy

    def declared(self) -> tuple[MetaRule, ...]:
        """Return the rules that the policy declares, in its order."""
        return self._policy.rules

    def upsert(self, ref: Reference, key: str, value: str, *, public: bool | None = None) -> MetaValue:
        """Store a value, and return it as it is now. None leaves the flag as it is, which is False for a new key.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference, key or value is malformed, or the value breaks the rule of its key.
            NotAllowed: the rule of the key names other kinds of actors.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        if public is not None:
            check_type(public, bool, name="public")
        errors = FieldErrors()
        cleaned = errors.take(clean_key, key) or ""
        text = errors.take(clean_value, value, most=self._policy.max_bytes) or ""
        errors.check()
        rule = rule_of(self._policy, cleaned)
        check_writer(self._service.context.actor, rule)
        check_keeps(text, rule)
        flag = public if rule is None or rule.public is None else rule.public

        def write(unit: MetaUnit) -> StoredMeta:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            old, tenant_id = unit.meta.get(user_id, cleaned), self._service.context.tenant_id
            new = next_value(
                old,
                user_id=user_id,
                tenant_id=tenant_id,
                key=cleaned,
                value=text,
                public=flag,
                at=self._service.clock(),
            )
            if new is not old:
                unit.meta.put(new)
                unit.record(Change(kind=SET, subject_id=user_id, old=old, new=new))
            return new

        return shown(self._service.units.write(write), rule)

    def get(self, ref: Reference, key: str) -> MetaValue | None:
        """Return the user's value under this key, or None.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or key is malformed.
            UserNotFound: this tenant has no such user.
        """
        return next(iter(self.list(ref, clean_key(key))), None)

    def list(
        self,
        ref: Reference,
        key: str | None = None,
        *,
        public_only: bool = False,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[MetaValue]:
        """List the user's values by key, or the one under ``key``; those that break their rules are marked.

        ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference, key, limit or cursor is malformed.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        cleaned = None if key is None else clean_key(key)
        check_type(public_only, bool, name="public_only")
        rows, place = check_limit(limit), read_cursor(cursor, str)
        after = None if place is None else place[0]

        def query(unit: MetaUnit) -> Page[MetaValue]:
            user_id = unit.get_or_raise(ref)
            if cleaned is None:
                return page_of_meta(unit, user_id, after, rows, policy=self._policy, public_only=public_only)
            found = unit.meta.get(user_id, cleaned)
            if found is None or (public_only and not found.public):
                return Page((), None)
            return Page((shown(found, rule_of(self._policy, cleaned)),), None)

        return self._service.units.read(query)

    def key_users(
        self,
        key: str,
        value: str | None = None,
        *,
        public_only: bool = False,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[KeyUser]:
        """List the users who have this key, or this key with this value, by id; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: key, value, limit or cursor is malformed.
        """
        cleaned = clean_key(key)
        text = None if value is None else clean_value(value, most=self._policy.max_bytes)
        check_type(public_only, bool, name="public_only")
        rows, place = check_limit(limit), read_cursor(cursor, int)
        after = None if place is None else UserId(place[0])
        found = self._service.units.read(
            lambda unit: unit.meta.list_by_key(cleaned, text, public_only=public_only, after=after, limit=rows + 1)
        )
        return page_of(found, rows, lambda one: (one.user_id,))

    def delete(self, ref: Reference, key: str, value: str | None = None) -> bool:
        """Delete the user's value under this key, whatever it is or only if it is ``value``; return whether it went.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference, key or value is malformed.
            NotAllowed: the rule of the key names other kinds of actors.
            UserNotFound: this tenant has no such user.
        """
        check_reference(ref)
        cleaned = clean_key(key)
        text = None if value is None else clean_value(value, most=self._policy.max_bytes)
        check_writer(self._service.context.actor, rule_of(self._policy, cleaned))

        def remove(unit: MetaUnit) -> bool:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            old = unit.meta.get(user_id, cleaned)
            if old is None or text not in (None, old.value):
                return False
            unit.meta.remove(user_id, cleaned)
            unit.record(Change(kind=DELETED, subject_id=user_id, old=old))
            return True

        return self._service.units.write(remove)


def page_of_meta(
    unit: MetaUnit,
    user_id: UserId,
    after: str | None,
    limit: int,
    *,
    policy: MetaPolicy,
    public_only: bool = False,
) -> Page[MetaValue]:
    """Return a page of a user's values by key; those that break the rules of the policy are marked."""
    found = unit.meta.list_from(user_id, after, public_only=public_only, limit=limit + 1)
    return page_of([shown(one, rule_of(policy, one.key)) for one in found], limit, lambda one: (one.key,))
