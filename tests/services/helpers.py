"""Shared by the tests of services: dumps of a whole store to compare, and fakes that run a callback in between."""

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, TypeVar

import attrs
import pytest

from usercore import (
    Context,
    Reference,
    Secret,
    SignInRefused,
    Tenant,
    TokenInvalid,
    User,
    UserCore,
    UsercoreError,
    UserState,
)
from usercore.attempts.model import RegistrationAttempt
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.passwords.model import Credential
from usercore.storage import Unit
from usercore.testing import FakeHasher, FaultyStorage, WatchedStorage
from usercore_storage.memory.storage import MemoryStorage
from usercore_storage.memory.undo_dict import UndoDict
from usercore_storage.memory.undo_list import UndoList
from usercore_storage.sqlite.storage import SqliteStorage

T = TypeVar("T")

PASSWORD: Final = "correct horse battery staple"
ANN: Final = "ann@example.com"
ANOTHER: Final = "seven pelicans over Trnava"

TRIES: Final = frozenset({"attempts", "registration_attempts", "failure_counters", "rate_limits", "user_agents"})
"""Tables that a refused call may change."""

COUNTS: Final = frozenset({"change_no"})
"""Fields that dumps leave out: the number of the last unit rises even if a refusal stores only its attempt."""

Dump = dict[str, list[dict[str, str]]]


def dump(core: UserCore) -> Dump:
    """Return everything that is stored, by table."""
    storage = core._runtime.storage
    while isinstance(storage, WatchedStorage | FaultyStorage):
        storage = storage._storage
    tables = _in_memory(storage) if isinstance(storage, MemoryStorage) else _in_file(storage)
    return {name: sorted(map(_shown, rows), key=repr) for name, rows in tables}


def _shown(row: dict[str, object]) -> dict[str, str]:
    return {field: repr(value) for field, value in row.items() if field not in COUNTS}


def _in_memory(storage: MemoryStorage) -> Iterator[tuple[str, list[dict[str, object]]]]:
    unit = storage._runner._unit
    for name, repository in vars(unit).items():
        kept = vars(repository).values() if hasattr(repository, "__dict__") else ()
        rows = [row for part in kept for row in _rows_of(part)]
        if rows:
            yield name, rows


def _rows_of(part: object) -> Iterator[dict[str, object]]:
    values: Iterable[Any] = ()
    if isinstance(part, UndoDict):
        values = part.values()
    elif isinstance(part, UndoList):
        values = (item for _, item in part.everything())
    for value in values:
        if attrs.has(type(value)):  # the others are indexes
            yield {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}


def _in_file(storage: object) -> Iterator[tuple[str, list[dict[str, object]]]]:
    assert isinstance(storage, SqliteStorage)
    with closing(sqlite3.connect(storage._path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'usercore_%' AND type = 'table'")
        for (table,) in tables.fetchall():
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a name from the schema
            if rows:
                yield table.removeprefix("usercore_"), list(map(dict, rows))


def changed(before: Dump, after: Dump) -> set[str]:
    """Return the names of the tables that differ."""
    return {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}


@contextmanager
def refused(
    core: UserCore, error: type[UsercoreError | TypeError], *, but: Collection[str] = TRIES
) -> Iterator[pytest.ExceptionInfo[Any]]:
    """Expect a refusal that changes no tables except these."""
    with unchanged(core, but=but), pytest.raises(error) as raised:
        yield raised


@contextmanager
def unchanged(core: UserCore, *, but: Collection[str] = ()) -> Iterator[None]:
    """Expect that no tables change except these."""
    before = dump(core)
    yield
    assert changed(before, dump(core)) <= set(but)


def over(core: UserCore, **brought: Any) -> UserCore:
    """Return a core with the same storage and context, whose host passes these arguments."""
    host = attrs.evolve(core._runtime.host, **brought)
    return UserCore(UserCore.over(core._runtime.storage, host)._runtime, core.context)


def register(core: UserCore, name: str = "ann", **fields: Any) -> User:
    """Register a user at example.com, by default without an email."""
    return core.registration.register(f"{name}@example.com", **({"send_email": False} | fields)).user


def sign_in(core: UserCore, user: User) -> Secret:
    """Return an access token of a user whom the host signs in."""
    secret = core.sign_in.trusted(user.id).access_token
    assert secret is not None
    return secret


def opens(core: UserCore, token: Secret) -> bool:
    """Return whether an access token is valid."""
    try:
        core.sign_in.identify(token)
    except TokenInvalid:
        return False
    return True


def add_tenant(core: UserCore, key: str = "acme") -> Tenant:
    """Create a tenant."""
    return core.tenant("system").tenants.create(key, key.title())


def unclaim(core: UserCore, user: User) -> None:
    """Make a user unclaimed, who may have a password and tokens that no unclaimed user gets by public calls."""

    def move(unit: Unit) -> None:
        old = unit.users.lock(user.id)
        unit.users.replace(evolve(old, state=UserState.UNCLAIMED))

    core._service.units.write(move)


def registration_attempts(core: UserCore, user: User | None = None) -> list[RegistrationAttempt]:
    """Return the attempts of this user, or those without a user, newest first."""
    user_id = None if user is None else user.id
    return core._service.units.read(lambda unit: unit.registration_attempts.list_of(user_id, before=None, limit=1000))


def credential_of(core: UserCore, user_id: UserId) -> Credential | None:
    """Return the stored credential of a user."""
    return core._service.units.read(lambda unit: unit.credentials.get(user_id))


def fail(core: UserCore, login: str = ANN, *, times: int = 1) -> None:
    """Fail to sign in by a wrong password."""
    for _ in range(times):
        with pytest.raises(SignInRefused):
            core.sign_in.with_password(login, "wrong")


@attrs.frozen
class Badge:
    """Credentials of a host's authenticator."""

    number: int


@attrs.define(kw_only=True)
class Door:
    """A host's authenticator that returns a given answer and records its calls."""

    name: str = "door"
    priority: int = 100
    credentials: type = Badge
    answer: Callable[[], Any] = lambda: None
    seen: list[tuple[object, Context]] = attrs.field(factory=list)

    def authenticate(self, credentials: object, context: Context) -> Reference | None:
        self.seen.append((credentials, context))
        found: Reference | None = self.answer()
        return found


def refuse() -> None:
    """Refuse, as an authenticator may."""
    raise SignInRefused


class Recorder(FaultyStorage):
    """Records which methods of repositories and units are called, in order."""

    def __init__(self, storage: WatchedStorage) -> None:
        super().__init__(storage)
        self.names: list[str] = []

    def call(self, method: Callable[..., T], *args: object, **kwargs: object) -> T:
        self.names.append(method.__qualname__)
        return super().call(method, *args, **kwargs)

    def names_of(self, action: Callable[[], object]) -> list[str]:
        """Return the names of the calls that ``action`` makes, even if it is refused."""
        self.names.clear()
        with suppress(UsercoreError):
            action()
        return list(self.names)


def recorded(core: UserCore) -> tuple[UserCore, Recorder]:
    """Return a core with the same storage, and the recorder of its calls."""
    storage = core._runtime.storage
    assert isinstance(storage, WatchedStorage)
    recorder = Recorder(storage)
    return UserCore.over(recorder, core._runtime.host), recorder


class BusyStorage(WatchedStorage):
    """Calls ``meanwhile`` once between two reads: after ``looks`` more of them."""

    def __init__(self, storage: WatchedStorage) -> None:
        super().__init__(storage)
        self.meanwhile: Callable[[], object] | None = None
        self.looks = 0

    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        return _BusyUnits(self, units)

    def has_looked(self) -> None:
        """Count a read, and call ``meanwhile`` if it was the last one to wait for."""
        self.looks -= 1
        if self.looks == 0 and self.meanwhile is not None:
            self.meanwhile()


@attrs.frozen
class _BusyUnits(Units[Unit]):
    _storage: BusyStorage
    _units: Units[Unit]

    def write(self, work: Callable[[Unit], T]) -> T:
        return self._units.write(work)

    def read(self, query: Callable[[Unit], T]) -> T:
        found = self._units.read(query)
        self._storage.has_looked()
        return found


class BusyHasher(FakeHasher):
    """Calls ``meanwhile`` once, during the next hash."""

    def __init__(self, watch: WatchedStorage | None = None) -> None:
        super().__init__(watch)
        self.meanwhile: Callable[[], object] | None = None

    def _compute(self, profile: str, salt: str, password: str) -> str:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return super()._compute(profile, salt, password)


class MeetingHasher(FakeHasher):
    """Makes two hashes overlap if they can, so that a possible race occurs."""

    def __init__(self, watch: WatchedStorage | None = None, *, patience: float = 0.02) -> None:
        super().__init__(watch)
        self._patience = patience
        self._lock = threading.Lock()
        self._meeting = threading.Barrier(2)

    def _compute(self, profile: str, salt: str, password: str) -> str:
        with suppress(threading.BrokenBarrierError):
            self._meeting.wait(self._patience)
        self._meeting.reset()
        with self._lock:
            return super()._compute(profile, salt, password)
