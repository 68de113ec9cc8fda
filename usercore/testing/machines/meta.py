"""The life of meta: whatever is stored, deleted and looked up, a dict tells the outcome."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from usercore.composition.policy import Policy
from usercore.kernel.context import Actor, ActorKind
from usercore.kernel.errors import Invalid, NotAllowed
from usercore.kernel.ids import UserId
from usercore.meta.model import MetaPolicy, MetaRule, MetaType
from usercore.testing.machines.base import StateMachine

RULES = (
    MetaRule(key="age", type=MetaType.INTEGER, public=False),
    MetaRule(key="rank", writers=frozenset({ActorKind.OPERATOR})),
)
WHOM = st.integers(0, 2)
KEYS = st.sampled_from(("a", "b", "age", "rank"))
VALUES = st.sampled_from(("", "0", "7", "seven"))
FLAGS = st.sampled_from((None, None, True, False))


@pytest.mark.rule("M1", "M2", "M3", "M4", "M5", "M7", "M8")
class MetaMachine(StateMachine):
    """One value a user and key, an event for each change, and rules that hold."""

    outcomes = frozenset({"added", "changed", "unchanged", "deleted", "nothing deleted", "Invalid", "NotAllowed"})
    policy = Policy(meta=MetaPolicy(rules=RULES))

    def begin(self) -> None:
        """Register three users, of whom one is deactivated."""
        emails = ("ann@example.com", "bob@example.com", "cid@example.com")
        self.users = [self.core.registration.register_external(email).user.id for email in emails]
        self.core.users.deactivate(self.users[2])
        self.rows: dict[tuple[UserId, str], tuple[str, bool]] = {}

    @rule(whom=WHOM, key=KEYS, value=VALUES, public=FLAGS, operator=st.booleans())
    def upsert(self, whom: int, key: str, value: str, public: bool | None, operator: bool) -> None:  # noqa: FBT001 - drawn
        """Store a value, if the rule of the key admits value and actor."""
        core = self.core.bind(actor=Actor.operator("Zoë")) if operator else self.core
        user_id = self.users[whom]
        if key == "rank" and not operator:
            self.refuses(NotAllowed, lambda: core.meta.upsert(user_id, key, value, public=public))
            return
        if key == "age" and value in {"", "seven"}:
            self.refuses(Invalid, lambda: core.meta.upsert(user_id, key, value, public=public))
            return
        old = self.rows.get((user_id, key))
        flag = public if public is not None else old is not None and old[1]
        new = (value, flag and key != "age")
        events = self.events(user_id)
        row = core.meta.upsert(user_id, key, value, public=public)
        assert (row.value, row.public, row.modified_at == self.clock.now) == (*new, True) or old == new
        assert self.events(user_id) == events + (old != new)
        self.rows[user_id, key] = new
        self.saw("added" if old is None else "unchanged" if old == new else "changed")
        self.clock.tick()

    @rule(whom=WHOM, key=st.sampled_from(("a", "b", "age")), value=st.none() | VALUES)
    def delete(self, whom: int, key: str, value: str | None) -> None:
        """Delete what is there, or only a certain value."""
        user_id = self.users[whom]
        old, events = self.rows.get((user_id, key)), self.events(user_id)
        goes = old is not None and value in (None, old[0])
        assert self.core.meta.delete(user_id, key, value) == goes
        assert self.events(user_id) == events + goes
        if goes:
            del self.rows[user_id, key]
        self.saw("deleted" if goes else "nothing deleted")

    @rule(whom=WHOM, key=st.none() | KEYS, public_only=st.booleans())
    def list_values(self, whom: int, key: str | None, public_only: bool) -> None:  # noqa: FBT001 - drawn
        """List a user's values."""
        found = self.core.meta.list(self.users[whom], key, public_only=public_only)
        expected = [
            (name, *row)
            for (user_id, name), row in sorted(self.rows.items())
            if user_id == self.users[whom] and key in (None, name) and (row[1] or not public_only)
        ]
        assert [(row.key, row.value, row.public) for row in found] == expected

    @rule(key=KEYS, value=st.none() | VALUES, public_only=st.booleans(), limit=st.integers(1, 3))
    def list_users(self, key: str, value: str | None, public_only: bool, limit: int) -> None:  # noqa: FBT001 - drawn
        """List the users with a key or a value, page by page."""
        found, cursor = [], None
        while True:
            page = self.core.meta.key_users(key, value, public_only=public_only, cursor=cursor, limit=limit)
            found += [(row.user_id, row.value, row.public) for row in page]
            cursor = page.cursor
            if cursor is None:
                break
        expected = [
            (user_id, *row)
            for (user_id, name), row in sorted(self.rows.items())
            if name == key and value in (None, row[0]) and (row[1] or not public_only)
        ]
        assert found == expected

    def events(self, user_id: UserId) -> int:
        """Return how many changes of meta a user's history has."""
        return sum(entry.kind.startswith("meta.") for entry in self.core.history.of_user(user_id, limit=1000))
