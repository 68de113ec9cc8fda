"""A clock that jumps back an hour: ids rise, history is in order, and tokens and passwords are accepted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import usercore
from tests.faults.filled_stores import LINKS, both
from tests.samples import FilledStore
from tests.services.helpers import PASSWORD
from tests.sign_in_tokens.samples import SignInTokens
from usercore import DeliveryPolicy, MailPolicy, Policy
from usercore.testing import FakeClock, MemoryMailer


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
        assert sign_in.with_login_token(filled.of(SignInTokens).login).user.id == filled.ann.id
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


@pytest.mark.rule("X3", "K7")
def test_emails_that_were_asked_for_while_the_clock_was_far_ahead_are_sent(tmp_path: Path) -> None:
    for url in ("memory://", f"sqlite:///{tmp_path}/store.db"):
        clock, mailer = FakeClock(), MemoryMailer()
        policy = Policy(deliveries=DeliveryPolicy(batch=1), mail=MailPolicy(links=LINKS))
        with usercore.open(url, clock=clock, mailer=mailer, policy=policy) as core:
            user = core.registration.register("ann@example.com", send_email=False).user
            clock.advance(timedelta(days=365))
            core.emails.send_confirmation(user.id)
            core.emails.request_change(user.id, "bob@example.com")
            clock.advance(timedelta(days=-365))
            core.passwords.request_reset("ann@example.com")
            core.outbox.deliver()
        assert [mail.kind for mail in mailer.sent if mail.to == "ann@example.com"] == ["confirmation", "password_reset"]
        assert [mail.kind for mail in mailer.sent if mail.to == "bob@example.com"] == ["email_change"]


@pytest.mark.rule("X3")
def test_emails_are_sent(late: list[FilledStore]) -> None:
    for filled in late:
        filled.core.registration.request("late@example.com")
        filled.core.outbox.deliver()
        assert filled.mailer.sent[-1].to == "late@example.com"
