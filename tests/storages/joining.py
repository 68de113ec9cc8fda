"""Joining a transaction of the host, on every engine that supports it: cases to inherit."""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any, Final

import attrs
import pytest

from tests.faults.filled_stores import build
from tests.faults.fork_helpers import in_child
from tests.faults.public_calls import CALLS, Call
from tests.samples import FilledStore
from tests.sqlite.interrupter import Interrupter
from usercore import (
    Actor,
    Email,
    Event,
    Host,
    Invalid,
    Subscriber,
    Taken,
    TenantNotFound,
    Unavailable,
    UserCore,
    UsercoreError,
    UserNotFound,
)
from usercore.storage import KINDS, Storage, Unit
from usercore.testing import FakeHasher
from usercore.testing.contracts.failure_counters import a_rule
from usercore.throttling.model import CounterKind
from usercore_storage.sql import tables

ANN: Final = "ann@example.com"
BOB: Final = "bob@example.com"

ORDERS: Final = "CREATE TABLE orders (number integer PRIMARY KEY, holder bigint)"
ORDER: Final = "INSERT INTO orders VALUES (1, 7)"

COUNTING: Final = frozenset(
    {
        "api_tokens.authorize",
        "compliance.check",
        "core.cleanup",
        "core.close",
        "core.relay",
        "privacy.purge",
        "outbox.deliver",
        "passkeys.finish_sign_in",
        "registration.check_email",
        "registration.complete",
        "passwords.change",
        "passwords.request_reset",
        "passwords.reset",
        "emails.confirm",
        "emails.confirm_change",
        "emails.undo_change",
        "registration.request",
        "sign_in.authenticate",
        "sign_in.verify_password",
        "sign_in.trusted",
        "sign_in.with_access_token",
        "sign_in.with_autologin_token",
        "sign_in.with_login_token",
        "sign_in.with_password",
        "sign_in.with_second_factor",
        "second_factors.begin_by_challenge",
    }
)
"""Calls that count failures or need a transaction of their own are not available."""

LEAST_STATEMENTS: Final = 12
"""Fewer than there are between BEGIN and COMMIT."""


class HostEngine(ABC):
    """An engine as a host uses it that has tables of its own beside usercore's."""

    storage: Storage

    @abstractmethod
    def connect(self) -> Any:
        """Return a connection of the host's."""

    @abstractmethod
    def connect_beginning(self, *, elsewhere: bool = False) -> Any:
        """Return a connection of the host's whose driver begins transactions implicitly."""

    @abstractmethod
    def connect_autocommitting(self) -> list[Any]:
        """Return connections of the host's whose driver begins no transaction, in each way to configure that."""

    @abstractmethod
    def begin(self, connection: Any) -> None:
        """Open a transaction that writes."""

    @abstractmethod
    def elsewhere(self) -> Any:
        """Return a connection to a database without a store."""

    @abstractmethod
    def watch(self, connection: Any, notify: Callable[[], None]) -> None:
        """Call ``notify`` before each statement on a connection, including COMMIT, until the process ends."""

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Return a connection with an open transaction, which is rolled back unless the test commits it."""
        connection = self.connect()
        try:
            self.begin(connection)
            yield connection
        finally:
            if not self.is_closed(connection):
                connection.rollback()
                connection.close()

    @abstractmethod
    def is_open(self, connection: Any) -> bool:
        """Return whether a transaction is open."""

    @abstractmethod
    def is_closed(self, connection: Any) -> bool:
        """Return whether a connection was closed."""

    def orders(self) -> int:
        """Return the number of stored rows of the host."""
        return len(self._rows(["orders"])["orders"])

    def dump(self) -> dict[str, list[Any]]:
        """Return every row of usercore's."""
        return self._rows([table.name for table in tables.ALL])

    def _rows(self, names: Sequence[str]) -> dict[str, list[Any]]:
        with closing(self.connect()) as connection:
            return {
                name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall()))  # noqa: S608 - a name of ours
                for name in names
            }


@attrs.frozen
class Listeners:
    """A durable subscriber and an observer, and the events that they received."""

    durable: list[str] = attrs.field(factory=list)
    plain: list[str] = attrs.field(factory=list)

    def host(self) -> Host:
        kinds = frozenset(name for name, kind in KINDS.items() if kind.public)
        return Host(
            hasher=FakeHasher(),
            subscribers=[
                Subscriber(name="durable", kinds=kinds, handle=_noting(self.durable)),
                Subscriber(name="plain", kinds=kinds, handle=_noting(self.plain), durable=False),
            ],
        )


def _noting(heard: list[str]) -> Callable[[Event], None]:
    return lambda event: heard.append(event.entry.kind)


def call_or_be_refused(call: Call, filled: FilledStore) -> None:
    """Call a method of a joined or atomic core; one that is not available there must be refused by its name."""
    if str(call) in COUNTING:
        with pytest.raises(TypeError, match="is not for a joined or atomic core") as refusal:
            call.of(filled)(**call.arguments(filled))
        assert call.method in str(refusal.value)
    else:
        call.of(filled)(**call.arguments(filled))


class JoiningCases:
    """Cases for a test class of each engine, which has the fixture ``engine``."""

    @pytest.fixture
    def listeners(self) -> Listeners:
        return Listeners()

    @pytest.fixture
    def core(self, engine: HostEngine, listeners: Listeners) -> UserCore:
        return UserCore.over(engine.storage, listeners.host())

    def test_a_commit_of_the_host_stores_its_rows_and_ours(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.execute(ORDER)
            user = core.joined(connection).registration.register_external(ANN, external_id="7").user
            with pytest.raises(UserNotFound):
                core.users.get(user.id)
            connection.commit()
        assert core.users.get(Email(ANN)) == user
        assert engine.orders() == 1

    def test_a_rollback_of_the_host_undoes_both(self, engine: HostEngine, core: UserCore) -> None:
        before = engine.dump()
        with engine.open() as connection:
            connection.execute(ORDER)
            joined = core.joined(connection)
            user = joined.registration.register(ANN, password="correct horse battery staple", send_email=False).user
            assert joined.users.get(user.id).email == ANN
        assert engine.dump() == before
        assert engine.orders() == 0

    def test_a_refused_call_stores_nothing_and_the_transaction_goes_on(
        self, engine: HostEngine, core: UserCore
    ) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            ann = joined.registration.register_external(ANN, external_id="7").user
            bob = joined.registration.register_external(BOB).user
            with pytest.raises(Taken):
                joined.users.link_external_id(bob.id, "7")
            with pytest.raises(Invalid):
                joined.emails.change(bob.id, "no email")
            joined.users.update(ann.id, first_name="Ann")
            connection.execute(ORDER)
            connection.commit()
        assert core.users.get(ann.id).first_name == "Ann"
        assert core.users.get(bob.id).external_id is None
        assert engine.orders() == 1

    def test_a_unit_that_raises_after_writing_stores_nothing(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            ann = joined.registration.register_external(ANN).user

            def write_and_fail(unit: Any) -> None:
                unit.lock(ann.id)
                raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                joined._service.units.write(write_and_fail)
            connection.commit()
        assert len(core.history.of_user(ann.id).rows) == 1

    def test_observers_are_not_called_and_subscribers_after_the_commit(
        self, engine: HostEngine, core: UserCore, listeners: Listeners
    ) -> None:
        core.outbox.deliver()
        listeners.plain.clear()  # of the built-in tenants
        listeners.durable.clear()
        with engine.open() as connection:
            core.joined(connection).registration.register_external(ANN)
            assert core.outbox.pending().rows == ()
            connection.commit()
        assert listeners.plain == listeners.durable == []
        assert core.outbox.deliver() == 1
        assert listeners.durable == ["user.registered"]

    def test_bound_copies_are_joined_too(self, engine: HostEngine, core: UserCore) -> None:
        core.tenant("system").tenants.create("acme", "Acme")
        with engine.open() as connection:
            joined = core.joined(connection).bind(actor=Actor.operator("Olga")).tenant("acme")
            user = joined.registration.register_external(ANN).user
        with pytest.raises(UserNotFound):
            core.tenant("acme").users.get(user.id)
        assert user.created_by == "operator:Olga"

    def test_a_rolled_back_tenant_is_not_cached(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            joined.tenant("system").tenants.create("acme", "Acme")
            assert joined.tenant("acme").context.tenant_key == "acme"
        with pytest.raises(TenantNotFound):
            core.tenant("acme")

    def test_a_connection_in_autocommit_mode_is_refused_without_a_transaction(
        self, engine: HostEngine, core: UserCore
    ) -> None:
        for connection in engine.connect_autocommitting():
            with closing(connection), pytest.raises(ValueError, match="no transaction is open"):
                core.joined(connection)

    def test_a_transaction_that_has_ended_is_refused(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            connection.commit()
            with pytest.raises(ValueError, match="no transaction is open"):
                joined.users.find(Email(ANN))

    @pytest.mark.parametrize("commits", [True, False])
    def test_the_first_statement_of_a_transaction_may_be_ours(
        self, engine: HostEngine, core: UserCore, *, commits: bool
    ) -> None:
        with closing(engine.connect_beginning()) as connection:
            joined = core.joined(connection)
            user = joined.registration.register_external(ANN).user
            connection.execute(ORDER)
            assert core.users.find(Email(ANN)) is None
            connection.commit() if commits else connection.rollback()
            assert core.users.find(Email(ANN)) == (user if commits else None)
            assert engine.orders() == commits
            with pytest.raises(ValueError, match="no transaction is open"):
                joined.users.find(Email(ANN))
            assert core.joined(connection).users.find(Email(ANN)) == (user if commits else None)

    def test_a_refused_connection_is_left_without_a_transaction(self, engine: HostEngine) -> None:
        with closing(engine.connect_beginning(elsewhere=True)) as connection:
            with pytest.raises(ValueError, match="not to the store of this core"):
                engine.storage.join(connection)
            assert not engine.is_open(connection)

    def test_a_closed_connection_is_refused(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            pass
        with pytest.raises(UsercoreError) as error:
            core.joined(connection)
        assert error.value.code == "storage.unavailable"

    @pytest.mark.parametrize("thing", [None, "sqlite:///people.db", 7, object()])
    def test_an_object_that_is_no_connection_is_refused(self, core: UserCore, thing: object) -> None:
        with pytest.raises(TypeError, match=type(thing).__name__):
            core.joined(thing)

    def test_the_connection_must_be_to_the_store_of_the_core(self, engine: HostEngine, core: UserCore) -> None:
        other = engine.elsewhere()
        engine.begin(other)
        other.execute("CREATE TABLE mine (number integer)")
        with pytest.raises(ValueError, match="not to the store of this core"):
            core.joined(other)
        other.commit()
        assert other.execute("SELECT count(*) FROM mine").fetchall()[0][0] == 0
        other.close()

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_temporary_tables_with_names_of_ours_are_refused_whenever_created(
        self, engine: HostEngine, core: UserCore, when: str
    ) -> None:
        with engine.open() as connection:
            joined = None if when == "before" else core.joined(connection)
            connection.execute("CREATE TEMP TABLE usercore_users (id integer)")
            for call in (
                lambda: (joined or core.joined(connection)).users.find(Email(ANN)),
                lambda: (joined or core.joined(connection)).registration.register_external(ANN),
            ):
                with pytest.raises(ValueError, match="temporary tables"):
                    call()
            connection.execute("DROP TABLE usercore_users")
            assert core.joined(connection).registration.register_external(ANN).user.email == ANN

    def test_other_temporary_tables_are_allowed(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.execute("CREATE TEMP TABLE mine (id integer)")
            assert core.joined(connection).users.find(Email(ANN)) is None

    def test_a_unit_in_a_unit_is_refused(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            with pytest.raises(RuntimeError, match="a unit is open"):
                joined._service.units.write(lambda _: joined.users.find(Email(ANN)))
            assert joined.users.find(Email(ANN)) is None

    def test_it_cannot_be_joined_twice_or_used_as_a_context(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            with pytest.raises(TypeError, match="with is not for a joined or atomic core"), joined:
                pass
            with pytest.raises(TypeError, match="joined is not for a joined or atomic core"):
                joined.joined(connection)

    def test_every_call_works_and_can_be_rolled_back_or_is_refused_by_name(
        self, engine: HostEngine, subtests: pytest.Subtests
    ) -> None:
        filled = build(engine.storage)
        before = engine.dump()
        for call in CALLS:
            with subtests.test(str(call)):
                with engine.open() as connection:
                    call_or_be_refused(call, attrs.evolve(filled, core=filled.core.joined(connection)))
                assert engine.dump() == before

    @pytest.mark.no_cover
    @pytest.mark.parametrize("fails", [True, False])
    def test_an_interrupt_anywhere_stores_a_unit_completely_or_not_at_all_and_never_a_failed_one(
        self, engine: HostEngine, core: UserCore, *, fails: bool
    ) -> None:
        ann = core.registration.register_external(ANN).user

        def change(unit: Unit) -> None:
            unit.lock(ann.id)
            unit.failure_counters.record_failure(b"key", CounterKind.LOGIN, at=ann.created_at, rule=a_rule())
            if fails:
                raise ZeroDivisionError

        def call(joined: UserCore) -> None:
            with suppress(ZeroDivisionError):
                joined._service.units.write(change)

        outcomes = set()
        for place in count(1):
            with engine.open() as connection:
                joined = core.joined(connection)
                connection.execute(ORDER)
                is_interrupted = Interrupter(place).interrupt(lambda: call(joined))  # noqa: B023 - called at once
                kept = (
                    len(connection.execute("SELECT 1 FROM usercore_failure_counters").fetchall()),
                    connection.execute("SELECT change_no - 1 FROM usercore_users").fetchall()[0][0],
                )
                assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(1,)]
            outcomes.add(kept)
            if not is_interrupted:
                break
        assert outcomes == ({(0, 0)} if fails else {(0, 0), (1, 1)})

    def test_a_savepoint_of_the_host_may_have_any_name(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.execute("SAVEPOINT usercore_unit")
            connection.execute(ORDER)
            joined = core.joined(connection)
            joined.registration.register_external(ANN)
            with pytest.raises(UserNotFound):
                joined.users.update(1 << 50, first_name="Nobody")
            connection.execute("RELEASE SAVEPOINT usercore_unit")
            connection.commit()
        assert engine.orders() == 1
        assert core.users.find(Email(ANN)) is not None

    def test_no_user_is_stored_in_a_rolled_back_tenant(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            connection.execute("SAVEPOINT mine")
            joined = core.joined(connection)
            joined.tenant("system").tenants.create("acme", "Acme")
            acme = joined.tenant("acme")
            connection.execute("ROLLBACK TO SAVEPOINT mine")
            with pytest.raises(TenantNotFound):
                acme.registration.register_external(ANN)
            connection.commit()

    def test_a_connection_closed_later_is_refused(self, engine: HostEngine, core: UserCore) -> None:
        with engine.open() as connection:
            joined = core.joined(connection)
            connection.rollback()
            connection.close()
            with pytest.raises(Unavailable):
                joined.users.find(Email(ANN))

    def test_a_host_killed_at_any_statement_stores_both_rows_or_none(self, engine: HostEngine, core: UserCore) -> None:
        for number in count(1):
            email, kept = f"{number}@example.com", engine.orders()
            said = in_child(lambda number=number, email=email: _store_and_be_killed(engine, core, email, number))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
            assert engine.orders() - kept == (core.users.find(Email(email)) is not None)
            if said:
                assert said == "committed"
                assert number > LEAST_STATEMENTS
                break
            assert engine.orders() == 0


def _store_and_be_killed(engine: HostEngine, core: UserCore, email: str, place: int) -> str:
    """Store an order and its holder, and kill the process before the statement with this number."""
    left = place

    def count_down() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    with engine.open() as connection:
        engine.watch(connection, count_down)
        connection.execute(ORDER)
        core.joined(connection).registration.register_external(email)
        connection.commit()
    return "committed"
