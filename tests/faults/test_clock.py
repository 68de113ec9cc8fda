"""A clock that jumps back an hour: ids rise, history keeps its order, and tokens and passwords still open."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import usercore
from tests.faults.worlds import PASSWORD, World, both
from usercore.testing import FakeClock


@pytest.fixture
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """Give worlds whose clocks jumped back."""
    with both(tmp_path_factory.mktemp("late")) as worlds:
        for world in worlds:
            world.clock.advance(timedelta(hours=-1))
        yield worlds


@pytest.mark.rule("I1")
def test_ids_rise_all_the_same(late: list[World]) -> None:
    for world in late:
        assert world.core.registration.register("bob@example.com").user.id > world.ann.id


@pytest.mark.rule("X2", "X4")
def test_what_happens_later_is_listed_as_later(late: list[World]) -> None:
    for world in late:
        core, ann = world.core, world.ann.id
        core.users.update(ann, note="later")
        core.sign_in.with_password("ann", PASSWORD)
        assert [entry.kind for entry in core.history.of_user(ann).rows][:2] == ["access_token.issued", "user.updated"]
        assert core.history.attempts(ann).rows[0].status == "ok"
        assert core.access_tokens.list(ann)


@pytest.mark.rule("K2", "K3", "S5")
def test_tokens_and_passwords_work(late: list[World]) -> None:
    for world in late:
        sign_in = world.core.sign_in
        assert sign_in.identify(world.access_token).user.id == world.ann.id
        assert sign_in.with_login_token(world.login_token).user.id == world.ann.id
        identity = sign_in.with_password("ann", PASSWORD)
        assert identity.access_token is not None
        assert sign_in.identify(identity.access_token).authenticated_at == world.clock()


@pytest.mark.rule("R1")
def test_the_pause_between_two_registrations_is_not_prolonged(tmp_path: Path) -> None:
    clock = FakeClock()
    for url in ("memory://", f"sqlite:///{tmp_path}/store.db"):
        with usercore.open(url, clock=clock) as core:
            core.registration.register_external("ann@example.com")
            clock.advance(timedelta(hours=-1))
            assert not core.registration.register_external("ann@example.com").created


@pytest.mark.rule("X3")
def test_letters_are_sent(late: list[World]) -> None:
    for world in late:
        world.core.registration.request("late@example.com")
        world.core.outbox.deliver()
        assert world.mailer.sent[-1].to == "late@example.com"
