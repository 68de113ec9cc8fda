"""A state machine that makes each call on several storages and compares results, errors and all rows."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from hypothesis.strategies import SearchStrategy

from tests.postgres.dumps import rows_of
from usercore import (
    AccessId,
    Email,
    ExternalId,
    Host,
    Policy,
    Reference,
    RegistrationPolicy,
    Secret,
    UserCore,
    Username,
)
from usercore.storage import Storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, WatchedStorage, strategies

POLICY: Final = Policy(registration=RegistrationPolicy(per_email_pause=timedelta(seconds=1), per_email=10))


class Alike(WatchedStorage):
    """A storage with the same secret as the others, so that throttling keys are equal."""

    @property
    def secret(self) -> bytes:
        return b"s" * 32


@attrs.frozen
class Side:
    """A core over one storage, with fakes that are the same on all sides."""

    inner: Storage
    clock: FakeClock
    core: UserCore

    @classmethod
    def over(cls, inner: Storage) -> "Side":
        """Create the fakes and the core."""
        storage, clock = Alike(inner), FakeClock()
        host = Host(clock=clock, randomness=FakeRandomness(), hasher=FakeHasher(storage), policy=POLICY)
        return cls(inner, clock, UserCore.over(storage, host))


@st.composite
def hostile(draw: st.DrawFn) -> str:
    """Draw hostile text, under a name that is shorter than the text."""
    return draw(strategies.hostile_text())


def of(pool: tuple[str, ...], drawn: SearchStrategy[str]) -> SearchStrategy[str]:
    """Return a strategy for values that recur, other values, and hostile text."""
    return st.one_of(*[st.sampled_from(pool)] * 4, drawn, hostile())


EMAILS: Final = of(("ann@example.com", "ANN@example.com", "bob@example.com", "cid+x@example.com"), strategies.emails())
LOGINS: Final = st.sampled_from(("ann@example.com", "ann@example.com", "Ann", "Ann", "bob@example.com", "nobody"))
USERNAMES: Final = of(("ann", "Ann", "bob", "ann@example.com"), strategies.usernames())
IDS: Final = of(("1", "2", "0042"), strategies.host_ids())
NAMES: Final = of(("Ann", "Bob"), strategies.names())
PASSWORD: Final = "correct horse battery staple"
WRONG: Final = "seven pelicans over Trnava"
PASSWORDS: Final = st.sampled_from((*[PASSWORD] * 4, WRONG, "short"))
PEOPLE: Final = st.integers(0, 5)
TENANTS: Final = of(("acme", "ACME", "globex"), strategies.names())
NOTHING: Final[MultipleResults[Secret]] = multiple()
"""What a refused call adds to the secrets."""

INSIDE: Final = st.sampled_from(("main", "main", "main", "main", "acme"))


class Differences(RuleBasedStateMachine):
    """Makes each call on all sides and compares."""

    storages: ClassVar[Callable[[], Iterator[Storage]]]
    seen: ClassVar[set[str]]

    access_tokens: Bundle[Secret] = Bundle("access_tokens")
    login_tokens: Bundle[Secret] = Bundle("login_tokens")

    def __init__(self) -> None:
        super().__init__()
        self.sides = [Side.over(storage) for storage in type(self).storages()]
        self.people: list[int] = []
        self.tenant = "main"
        self.same(lambda core: core.tenants.create("acme", "Acme"), tenant="system")
        self.first_access_token = self.register("ann@example.com", "ann", PASSWORD)
        self.register_external("bob@example.com", "1", None)
        self.sign_in("ann@example.com", [WRONG, WRONG, PASSWORD, PASSWORD])
        self.same(lambda core: core.access_tokens.list(self.reference_to(0)))

    @initialize(target=access_tokens)
    def sign_in_first(self) -> Secret | MultipleResults[Secret]:
        return self.first_access_token

    @initialize(target=login_tokens)
    def issue_first(self) -> Secret | MultipleResults[Secret]:
        return self.issue(0, 1)

    def teardown(self) -> None:
        for side in self.sides:
            side.core.close()

    def same(self, call: Callable[[UserCore], Any], *, tenant: str | None = None) -> Any:
        """Make a call on each side and return the results, or None if it was refused."""
        first, *others = [_outcome(side.core, tenant or self.tenant, call) for side in self.sides]
        assert others == [first] * len(others)
        what = first.kind.__name__ if isinstance(first, _Refusal) else call.__qualname__.split(".")[1]
        type(self).seen.add(what)
        for side in self.sides:
            side.clock.tick()
        return None if isinstance(first, _Refusal) else first

    @invariant()
    def all_sides_have_the_same_rows(self) -> None:
        """Compare all stored rows."""
        first, *others = [rows_of(side.inner) for side in self.sides]
        assert others == [first] * len(others)

    def reference_to(self, index: int) -> Reference:
        """Return a reference to a user, of one kind or another."""
        return self.people[index % len(self.people)] if self.people else 7

    @rule(
        span=st.sampled_from((timedelta(microseconds=1), timedelta(seconds=2), timedelta(minutes=5), timedelta(days=1)))
    )
    def wait(self, span: timedelta) -> None:
        for side in self.sides:
            side.clock.advance(span)
        if span >= timedelta(days=1):
            self.same(lambda core: core.cleanup())

    @rule(key=INSIDE)
    def go_to(self, key: str) -> None:
        if self.same(lambda core: core.tenant(key).context.tenant_key, tenant="main"):
            self.tenant = key

    @rule(key=TENANTS, name=TENANTS, what=st.sampled_from(("create", "update", "activate", "deactivate")))
    def steer_tenants(self, key: str, name: str, what: str) -> None:
        arguments = {"create": (key, name), "update": (key,), "activate": (key,), "deactivate": (key,)}[what]
        fields = {"name": name} if what == "update" else {}
        self.same(lambda core: getattr(core.tenants, what)(*arguments, **fields), tenant="system")
        self.same(lambda core: core.tenants.list(limit=3), tenant="system")

    @rule(email=EMAILS, external_id=st.none() | IDS, first_name=st.none() | NAMES)
    def register_external(self, email: str, external_id: str | None, first_name: str | None) -> None:
        given = self.same(
            lambda core: core.registration.register_external(email, external_id=external_id, first_name=first_name)
        )
        if given is not None:
            self.people.append(given.user.id)

    @rule(target=access_tokens, email=EMAILS, username=st.none() | USERNAMES, password=st.none() | PASSWORDS)
    def register(self, email: str, username: str | None, password: str | None) -> Secret | MultipleResults[Secret]:
        given = self.same(
            lambda core: core.registration.register(email, username=username, password=password, sign_in=True)
        )
        if given is not None:
            self.people.append(given.user.id)
        return given.access_token if given is not None else NOTHING

    @rule(target=login_tokens, person=PEOPLE, count=st.integers(0, 3))
    def issue(self, person: int, count: int) -> Secret | MultipleResults[Secret]:
        issued = self.same(lambda core: core.login_tokens.issue_many(self.reference_to(person), count))
        return issued[-1] if issued else NOTHING

    @rule(target=access_tokens, secret=login_tokens)
    def redeem(self, secret: Secret) -> Secret | MultipleResults[Secret]:
        identity = self.same(lambda core: core.sign_in.with_login_token(secret))
        return identity.access_token if identity is not None else NOTHING

    @rule(target=access_tokens, login=LOGINS, passwords=st.lists(PASSWORDS, min_size=1, max_size=4))
    def sign_in(self, login: str, passwords: list[str]) -> MultipleResults[Secret]:
        tries = [self.same(lambda core, text=text: core.sign_in.with_password(login, text)) for text in passwords]  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
        return multiple(*(identity.access_token for identity in tries if identity is not None))

    @rule(secret=access_tokens)
    def identify(self, secret: Secret) -> None:
        self.same(lambda core: core.sign_in.identify(secret))

    @rule(secret=access_tokens, person=PEOPLE, everything=st.booleans())
    def revoke_tokens(self, secret: Secret, person: int, everything: bool) -> None:  # noqa: FBT001 - drawn
        if everything:
            self.same(lambda core: core.access_tokens.revoke_all(self.reference_to(person), keep=secret))
        else:
            self.same(lambda core: core.access_tokens.revoke(secret))
        self.same(lambda core: core.access_tokens.list(self.reference_to(person)))

    @rule(person=PEOPLE, first_name=NAMES, username=st.none() | USERNAMES, note=strategies.storable_text())
    def update(self, person: int, first_name: str, username: str | None, note: str) -> None:
        self.same(
            lambda core: core.users.update(
                self.reference_to(person), first_name=first_name, username=username, note=note
            )
        )

    @rule(person=PEOPLE, ids=st.lists(st.none() | IDS, min_size=1, max_size=5))
    def set_access_ids(self, person: int, ids: list[str | None]) -> None:
        self.same(lambda core: core.users.set_access_ids(self.reference_to(person), ids))

    @rule(person=PEOPLE, external_id=IDS, link=st.booleans())
    def link(self, person: int, external_id: str, link: bool) -> None:  # noqa: FBT001 - drawn
        if link:
            self.same(lambda core: core.users.link_external_id(self.reference_to(person), external_id))
        else:
            self.same(lambda core: core.users.unlink_external_id(self.reference_to(person)))

    @rule(person=PEOPLE, email=EMAILS, verified=st.booleans())
    def change_email(self, person: int, email: str, verified: bool) -> None:  # noqa: FBT001 - drawn
        self.same(lambda core: core.emails.change(self.reference_to(person), email, verified=verified))

    @rule(person=PEOPLE, verified=st.booleans())
    def set_verified(self, person: int, verified: bool) -> None:  # noqa: FBT001 - drawn
        self.same(lambda core: core.emails.set_verified(self.reference_to(person), verified))

    @rule(person=PEOPLE, password=PASSWORDS)
    def set_password(self, person: int, password: str) -> None:
        self.same(lambda core: core.passwords.set(self.reference_to(person), password))

    @rule(person=PEOPLE, what=st.sampled_from(("deactivate", "activate")))
    def shut_out_or_let_in(self, person: int, what: str) -> None:
        self.same(lambda core: getattr(core.users, what)(self.reference_to(person)))

    @rule(email=EMAILS, username=USERNAMES, text=IDS)
    def find(self, email: str, username: str, text: str) -> None:
        for reference in (Email(email), Username(username), ExternalId(text), AccessId(text)):
            self.same(lambda core, ref=reference: core.users.find(ref))  # type: ignore[misc]  # as above

    @rule(person=PEOPLE)
    def look_back(self, person: int) -> None:
        for page in ("of_user", "attempts"):
            self.same(lambda core, page=page: getattr(core.history, page)(self.reference_to(person), limit=3))  # type: ignore[misc]  # as above


@attrs.frozen
class _Refusal:
    """The error of a call."""

    kind: type[Exception]
    text: str


def _outcome(core: UserCore, tenant: str, call: Callable[[UserCore], Any]) -> Any:
    try:
        return call(core.tenant(tenant))
    except Exception as error:  # noqa: BLE001 - any error must be the same on all sides
        return _Refusal(type(error), str(error))
