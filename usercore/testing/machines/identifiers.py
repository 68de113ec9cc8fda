"""A state machine for identifiers: a dict predicts which user has which email, username and id."""

from collections.abc import Callable
from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from usercore.kernel.errors import Taken, UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Username
from usercore.testing.machines.base import StateMachine
from usercore.users.errors import ExternalIdLinked
from usercore.users.model import User

EMAILS: Final = ("ann@example.com", "bob@example.com", "cid@example.com")
NAMES: Final = ("ann", "bob")
IDS: Final = ("1", "2", "3")

indexes = st.integers(0, 2)
slots = st.lists(st.sampled_from([None, *IDS]), min_size=1, max_size=4).filter(
    lambda ids: len(set(filter(None, ids))) == len(list(filter(None, ids)))
)


@attrs.define
class ModelUser:
    """The model of a user."""

    email: str
    username: str | None = None
    external_id: str | None = None
    access_ids: tuple[str | None, ...] = (None, None, None, None)
    version: int = 1

    def ids(self) -> set[str]:
        """Return the keys of the user's external and access ids."""
        return {text for text in (self.external_id, *self.access_ids) if text is not None}


@pytest.mark.rule("U3", "U8", "U9", "U13", "I3")
class IdentifierMachine(StateMachine):
    """Claimed identifiers cannot be claimed by another user, and released ones are free."""

    outcomes = frozenset({"Taken", "ExternalIdLinked", "UserNotFound", "registered", "known", "moved", "unchanged"})

    def begin(self) -> None:
        """Start without users."""
        self.people: dict[UserId, ModelUser] = {}

    def _someone(self, index: int) -> UserId | None:
        ids = sorted(self.people)
        return ids[index] if index < len(ids) else None

    def _holder(self, holds: Callable[[ModelUser], bool]) -> UserId | None:
        return next((user_id for user_id, person in self.people.items() if holds(person)), None)

    @rule(email=st.sampled_from(EMAILS), upper=st.booleans())
    def register(self, email: str, upper: bool) -> None:  # noqa: FBT001 - drawn
        """Register an email in any spelling; it is new or taken."""
        spelling = email.upper() if upper else email
        holder = self._holder(lambda person: person.email == email)
        given = self.core.registration.register_external(spelling)
        assert given.created == (holder is None)
        if holder is None:
            self.people[given.user.id] = ModelUser(email=email)
        else:
            assert given.user.id == holder
        self.saw("registered" if given.created else "known")

    @rule(index=indexes, email=st.sampled_from(EMAILS))
    def change_email(self, index: int, email: str) -> None:
        """Change a user's email."""
        user_id = self._someone(index)
        if user_id is None:
            return
        holder = self._holder(lambda person: person.email == email)
        if holder not in (None, user_id):
            self.refuses(Taken, lambda: self.core.emails.change(user_id, email))
            return
        same = self.core.users.get(user_id).email == email
        self._moved(user_id, self.core.emails.change(user_id, email), changed=not same)
        self.people[user_id].email = email

    @rule(index=indexes, name=st.sampled_from([None, *NAMES]))
    def rename(self, index: int, name: str | None) -> None:
        """Set or clear a user's username."""
        user_id = self._someone(index)
        if user_id is None:
            return
        holder = None if name is None else self._holder(lambda person: person.username == name)
        if holder not in (None, user_id):
            self.refuses(Taken, lambda: self.core.users.update(user_id, username=name))
            return
        changed = self.people[user_id].username != name
        self._moved(user_id, self.core.users.update(user_id, username=name), changed=changed)
        self.people[user_id].username = name

    @rule(index=indexes, text=st.sampled_from(IDS))
    def link(self, index: int, text: str) -> None:
        """Link an external id to a user."""
        user_id = self._someone(index)
        if user_id is None:
            return
        person = self.people[user_id]
        if person.external_id not in (None, text):
            self.refuses(ExternalIdLinked, lambda: self.core.users.link_external_id(user_id, text))
            return
        if self._holder(lambda other: text in other.ids()) not in (None, user_id):
            self.refuses(Taken, lambda: self.core.users.link_external_id(user_id, text))
            return
        changed = person.external_id is None
        self._moved(user_id, self.core.users.link_external_id(user_id, text), changed=changed)
        person.external_id = text

    @rule(index=indexes)
    def unlink(self, index: int) -> None:
        """Unlink a user's external id."""
        user_id = self._someone(index)
        if user_id is not None:
            person = self.people[user_id]
            self._moved(user_id, self.core.users.unlink_external_id(user_id), changed=person.external_id is not None)
            person.external_id = None

    @rule(index=indexes, ids=slots)
    def set_access_ids(self, index: int, ids: list[str | None]) -> None:
        """Replace a user's access ids."""
        user_id = self._someone(index)
        if user_id is None:
            return
        person = self.people[user_id]
        becoming = (*ids, *person.access_ids[len(ids) :])
        present = [text for text in becoming if text is not None]
        if len(set(present)) < len(present):
            return  # one id in two slots is refused as malformed; the tests of the rule cover that
        if any(self._holder(lambda other, t=text: t in other.ids()) not in (None, user_id) for text in present):  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
            self.refuses(Taken, lambda: self.core.users.set_access_ids(user_id, ids))
            return
        changed = becoming != person.access_ids
        self._moved(user_id, self.core.users.set_access_ids(user_id, ids), changed=changed)
        person.access_ids = becoming

    def _moved(self, user_id: UserId, user: User, *, changed: bool) -> None:
        person = self.people[user_id]
        person.version += changed
        assert user.version == person.version
        self.saw("moved" if changed else "unchanged")

    @invariant()
    def users_are_found_by_their_identifiers_and_no_user_by_free_ones(self) -> None:
        """Find users by every possible reference."""
        if not hasattr(self, "people"):
            return
        for email in EMAILS:
            self._found(Email(email.upper()), self._holder(lambda person, e=email: person.email == e))  # type: ignore[misc]  # as above
        for name in NAMES:
            self._found(Username(name), self._holder(lambda person, n=name: person.username == n))  # type: ignore[misc]  # as above
        for text in IDS:
            by_external = self._holder(lambda person, t=text: person.external_id == t)  # type: ignore[misc]  # as above
            by_access = self._holder(lambda person, t=text: t in person.access_ids)  # type: ignore[misc]  # as above
            self._found(ExternalId(text), by_external)
            self._found(AccessId(text), by_access)
            self._found(AnyId(text), by_external or by_access)

    def _found(self, reference: Email | Username | ExternalId | AccessId | AnyId, holder: UserId | None) -> None:
        if holder is None:
            self.refuses(UserNotFound, lambda: self.core.users.get(reference))
        else:
            assert self.core.users.get(reference).id == holder
