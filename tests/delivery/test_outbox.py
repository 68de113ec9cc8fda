"""Changes are delivered at least once, in order; failed deliveries wait, are set aside, and can be retried."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import attrs
import pytest

from tests.services.helpers import dump, over, refused, register, unchanged
from usercore import Delivery, DeliveryNotFound, DeliveryState, Event, Subscriber, User, UserCore
from usercore.testing import TICK, FakeClock, WatchedStorage
from usercore.testing.fakes import check_closed

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
LEASE = 30 * SECOND


@attrs.define
class Crm:
    """A durable subscriber that records its events, and fails for some subjects."""

    failing: set[int] = attrs.field(factory=set)
    told: list[Event] = attrs.field(factory=list)
    meanwhile: Callable[[], object] | None = None

    def handle(self, event: Event) -> None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        if event.entry.subject_id in self.failing:
            raise ConnectionError
        self.told.append(event)

    def names_of(self, user: User) -> list[str]:
        return [event.entry.new["first_name"] for event in self.told if event.entry.subject_id == user.id]


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def core(core: UserCore, crm: Crm) -> UserCore:
    return over(core, subscribers=[Subscriber(name="crm", kinds={"user.updated"}, handle=crm.handle)])


def rename(core: UserCore, user: User, names: Iterable[str]) -> None:
    for name in names:
        core.users.update(user.id, first_name=name)


def pending(core: UserCore) -> list[Delivery]:
    return list(core.outbox.pending().rows)


@pytest.mark.rule("X3")
def test_a_durable_subscriber_is_called_with_its_kinds(core: UserCore, crm: Crm) -> None:
    user = register(core)
    rename(core, user, ["Ann"])
    assert crm.told == []
    (made,) = pending(core)
    assert core.outbox.deliver() == 1
    (event,) = crm.told
    assert event.entry == core.history.of_user(user.id).rows[0]
    assert event.delivery is not None
    assert (event.delivery.id, event.delivery.subscriber, event.delivery.kind) == (made.id, "crm", "user.updated")
    assert (pending(core), core.outbox.deliver(), len(crm.told)) == ([], 0, 1)


@pytest.mark.rule("X3")
def test_a_subscriber_is_called_outside_any_unit_and_may_call_the_core(
    core: UserCore, storage: WatchedStorage, crm: Crm
) -> None:
    user = register(core)
    rename(core, user, ["Ann"])

    def query() -> None:
        check_closed(storage, "a subscriber was told")
        assert core.users.get(user.id).first_name == "Ann"
        rename(core, user, ["Lee"])

    crm.meanwhile = query
    assert core.outbox.deliver() == 2
    assert crm.names_of(user) == ["Ann", "Lee"]


@pytest.mark.rule("X3")
def test_deliveries_hold_no_personal_values(core: UserCore) -> None:
    user = register(core)
    rename(core, user, ["Annabella"])
    core.outbox.deliver()
    kept = repr(dump(core)["deliveries"])
    assert "Annabella" not in kept
    assert "example.com" not in kept


@pytest.mark.rule("X3")
def test_a_failure_holds_back_the_same_users_deliveries_and_no_others(
    core: UserCore, clock: FakeClock, crm: Crm
) -> None:
    ann, bob = register(core), register(core, "bob")
    crm.failing = {ann.id}
    for user in (ann, bob):
        rename(core, user, ["a", "b", "c"])
    assert core.outbox.deliver() == 3
    assert (crm.names_of(ann), crm.names_of(bob)) == ([], ["a", "b", "c"])
    crm.failing.clear()
    assert core.outbox.deliver() == 0
    clock.advance(SECOND)
    assert core.outbox.deliver() == 3
    assert crm.names_of(ann) == ["a", "b", "c"]


@pytest.mark.rule("X3")
def test_a_failing_subscriber_does_not_hold_back_another(core: UserCore, crm: Crm) -> None:
    other = Crm()
    subscribers = [*core._runtime.host.subscribers, Subscriber(name="log", kinds={"user.updated"}, handle=other.handle)]
    core = over(core, subscribers=subscribers)
    user = register(core)
    crm.failing = {user.id}
    rename(core, user, ["a", "b"])
    assert core.outbox.deliver() == 2
    assert (crm.names_of(user), other.names_of(user)) == ([], ["a", "b"])


@pytest.mark.rule("X3")
def test_the_pause_after_a_failure_doubles_from_a_second_to_an_hour(core: UserCore, clock: FakeClock, crm: Crm) -> None:
    user = register(core)
    crm.failing = {user.id}
    rename(core, user, ["a"])
    pauses = []
    for tries in range(1, 15):
        assert core.outbox.deliver() == 0
        (waiting,) = pending(core)
        assert (waiting.tries, waiting.problem) == (tries, "ConnectionError")
        pauses.append(waiting.due_at - clock.now)
        clock.now = waiting.due_at - TICK
        assert core.outbox.deliver() == 0
        assert pending(core) == [waiting]
        clock.tick()
    assert [pause / SECOND for pause in pauses] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]


def set_aside(core: UserCore, clock: FakeClock, crm: Crm) -> tuple[User, str]:
    """Make a delivery fail for a day, and return its user and its id."""
    user = register(core)
    crm.failing = {user.id}
    rename(core, user, ["a"])
    core.outbox.deliver()
    clock.now += DAY
    core.outbox.deliver()
    return user, core.outbox.failed().rows[0].id


@pytest.mark.rule("X3")
def test_after_a_day_of_failures_a_delivery_is_set_aside_and_the_next_is_delivered(
    core: UserCore, clock: FakeClock, crm: Crm
) -> None:
    user = register(core)
    crm.failing = {user.id}
    rename(core, user, ["a"])
    clock.now += DAY  # nothing was delivered meanwhile: only failures count
    core.outbox.deliver()
    clock.now += DAY - TICK
    rename(core, user, ["b"])
    core.outbox.deliver()
    assert [delivery.tries for delivery in pending(core)] == [2, 0]
    clock.now += HOUR
    core.outbox.deliver()
    (failed,), (waiting,) = core.outbox.failed().rows, pending(core)
    assert (failed.state, failed.tries, failed.problem) == (DeliveryState.FAILED, 3, "ConnectionError")
    assert (failed.finished_at, waiting.tries) == (clock.now, 1)
    crm.failing.clear()
    clock.now += SECOND
    assert core.outbox.deliver() == 1
    assert crm.names_of(user) == ["b"]


@pytest.mark.rule("X3")
def test_a_delivery_that_was_set_aside_can_be_retried_for_another_day(
    core: UserCore, clock: FakeClock, crm: Crm
) -> None:
    user, failed_id = set_aside(core, clock, crm)
    core.outbox.retry(failed_id)
    assert core.outbox.deliver() == 0
    (again,) = pending(core)
    assert (again.id, again.tries, again.due_at) == (failed_id, 1, clock.now + SECOND)
    crm.failing.clear()
    clock.now += SECOND
    assert core.outbox.deliver() == 1
    assert crm.names_of(user) == ["a"]


@pytest.mark.rule("X3")
def test_a_delivery_that_was_set_aside_can_be_discarded(core: UserCore, clock: FakeClock, crm: Crm) -> None:
    user, failed_id = set_aside(core, clock, crm)
    core.outbox.discard(failed_id)
    crm.failing.clear()
    clock.now += DAY
    assert core.outbox.deliver() == 0
    assert (crm.names_of(user), core.outbox.failed().rows, pending(core)) == ([], (), [])
    for call in (core.outbox.retry, core.outbox.discard):
        with refused(core, DeliveryNotFound, but=()):
            call(failed_id)


@pytest.mark.rule("X3")
def test_an_interrupted_delivery_is_due_again_after_thirty_seconds(core: UserCore, clock: FakeClock, crm: Crm) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    user = register(core)
    rename(core, user, ["a"])
    crm.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        core.outbox.deliver()
    clock.now += LEASE - TICK
    assert core.outbox.deliver() == 0
    clock.tick()
    assert core.outbox.deliver() == 1
    assert crm.names_of(user) == ["a"]


@pytest.mark.rule("X3")
def test_two_relays_share_the_due_deliveries(core: UserCore, crm: Crm) -> None:
    users = [register(core, f"user{number}") for number in range(5)]
    for user in users:
        rename(core, user, ["a", "b"])
    other = over(core)
    crm.meanwhile = other.outbox.deliver
    core.outbox.deliver()
    assert [crm.names_of(user) for user in users] == [["a", "b"]] * 5


@pytest.mark.rule("X3")
def test_a_relay_whose_lease_expired_changes_nothing(core: UserCore, clock: FakeClock, crm: Crm) -> None:
    user = register(core)
    rename(core, user, ["a"])

    def be_slow() -> None:
        clock.advance(LEASE)
        crm.failing = {user.id}
        assert core.outbox.deliver() == 0
        crm.failing.clear()

    crm.meanwhile = be_slow
    core.outbox.deliver()
    (waiting,) = pending(core)
    assert (waiting.tries, waiting.problem, crm.names_of(user)) == (1, "ConnectionError", ["a"])


@pytest.mark.rule("X3")
def test_deliveries_of_a_removed_subscriber_stay_pending(core: UserCore, crm: Crm) -> None:
    user = register(core)
    rename(core, user, ["a"])
    with unchanged(core):
        assert over(core, subscribers=()).outbox.deliver() == 0
    assert core.outbox.deliver() == 1
    assert crm.names_of(user) == ["a"]
