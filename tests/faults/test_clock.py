"""A clock that jumps back an hour: ids rise, history is in order, and tokens and passwords are accepted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import usercore
from tests.faults.filled_stores import PASSWORD, FilledStore, both
from usercore.testing import FakeClock


@pytest.fixture
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FilledStore]]:
    """Return full stores whose clocks jumped back."""
    with both(tmp_path_factory.mktemp("late")) as filled_stores:
        for filled in filled_stores:
            filled.clock.advance(timedelta(hours=-1))
        yield filled_stores


@pytest.mark.rule("I1")
def test_ids_rise_when_the_clock_jumps_back(late: list[FilledStore]) -> None:
    for filled in late:
        assert filled.core.registration.register("bob@example.com").user.id > filled.ann.id


@pytest.mark.rule("X2", "X4")
def test_later_events_are_listed_as_later(late: list[FilledStore]) -> None:
    for filled in late:
        core, ann = filled.core, filled.ann.id
        core.users.update(ann, note="later")
        core.sign_in.with_password("ann", PASSWORD)
        assert [entry.kind for entry in core.history.of_user(ann).rows][:2] == ["access_token.issued", "user.updated"]
        assert core.history.attempts(ann).rows[0].status == "ok"
        assert core.access_tokens.list(ann)


@pytest.mark.rule("K2", "K3", "S5")
def test_tokens_and_passwords_work(late: list[FilledStore]) -> None:
    for filled in late:
        sign_in = filled.core.sign_in
        assert sign_in.identify(filled.access_token).user.id == filled.ann.id
        assert sign_in.with_login_token(filled.login_token).user.id == filled.ann.id
        identity = sign_in.with_password("ann", PASSWORD)
        assert identity.access_token is not None
        assert sign_in.identify(identity.access_token).authenticated_at == filled.clock()


@pytest.mark.rule("R1")
def test_the_pause_between_two_registrations_is_not_prolonged(tmp_path: Path) -> None:
    clock = FakeClock()
    for url in ("memory://", f"sqlite:///{tmp_path}/store.db"):
        with usercore.open(url, clock=clock) as core:
            core.registration.register_external("ann@example.com")
            clock.advance(timedelta(hours=-1))
            assert not core.registration.register_external("ann@example.com").created


@pytest.mark.rule("X3")
def test_emails_are_sent(late: list[FilledStore]) -> None:
    for filled in late:
        filled.core.registration.request("late@example.com")
        filled.core.outbox.deliver()
        assert filled.mailer.sent[-1].to == "late@example.com"
