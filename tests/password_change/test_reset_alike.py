"""Requests to reset a password are alike for every login: answers, statements, rows, hashes and mails of the call."""

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fixtures import LINKS
from tests.services.helpers import Recorder, dump, recorded
from tests.sign_in.test_waits_alike import ACCOUNTS, KNOWN, UNKNOWN
from usercore import Host, MailPolicy, Policy, UserCore
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore_storage.memory import MemoryStorage

MOVES: Final = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), -timedelta(hours=2))
STEPS: Final = st.lists(
    st.one_of(st.sampled_from(MOVES), st.sampled_from([None, "192.0.2.7", "2001:db8::7"])), min_size=1, max_size=12
)
"""How the clock moves, and the address from which a link is requested."""


def observed(core: UserCore, recorder: Recorder, login: str) -> tuple[object, ...]:
    """Request a link; return all that could be observed of the call."""
    before = {table: len(rows) for table, rows in dump(core).items()}
    answers: list[object] = []
    names = recorder.names_of(lambda: answers.append(core.passwords.request_reset(login)))  # type: ignore[func-returns-value]  # what is tested
    after = {table: len(rows) for table, rows in dump(core).items()}
    return answers, names, {table: count - before.get(table, 0) for table, count in after.items()}


@pytest.mark.rule("P5", "S4", "R8")
@pytest.mark.parametrize("account", ACCOUNTS)
@settings(max_examples=15)
@given(steps=STEPS)
@example(steps=[None] * 7)
@example(steps=["192.0.2.7"] * 12)
def test_requests_for_known_and_unknown_logins_cannot_be_told_apart(
    account: str, steps: list[timedelta | str | None]
) -> None:
    clock, hasher, mailer = FakeClock(), FakeHasher(), MemoryMailer()
    policy = Policy(mail=MailPolicy(links=LINKS))
    host = Host(clock=clock, randomness=FakeRandomness(), hasher=hasher, mailer=mailer, policy=policy)
    core = UserCore.over(WatchedStorage(MemoryStorage()), host)
    tenant, make = ACCOUNTS[account]
    make(core.tenant(tenant))
    watched, recorder = recorded(core)
    watched = watched.tenant(tenant)
    core.outbox.deliver()
    hasher.hashes = hasher.places = 0
    mailer.sent.clear()
    for step in steps:
        if isinstance(step, timedelta):
            clock.advance(step)
            continue
        seen = [observed(watched.bind(ip=step), recorder, login) for login in (UNKNOWN, KNOWN)]
        if step is None:  # two requests from one address may have a limit between them
            assert seen[0] == seen[1]
        else:
            assert seen[0][0] == seen[1][0]
    assert (hasher.hashes, hasher.places, mailer.sent) == (0, 0, [])


@pytest.mark.rule("P5", "S4")
@pytest.mark.parametrize("requests", [1, 5, 6])
@pytest.mark.parametrize("account", ACCOUNTS)
def test_both_run_the_same_statements_and_store_as_many_rows_from_an_address(
    core: UserCore, account: str, requests: int
) -> None:
    tenant, make = ACCOUNTS[account]
    make(core.tenant(tenant))
    watched, recorder = recorded(core.tenant(tenant))
    watched = watched.tenant(tenant)
    seen = []
    for ip, login in (("192.0.2.1", UNKNOWN), ("192.0.2.2", KNOWN)):
        here = watched.bind(ip=ip)
        for _ in range(requests - 1):
            here.passwords.request_reset(login)
        seen.append(observed(here, recorder, login))
    assert seen[0] == seen[1]
    rows = seen[0][2]
    assert isinstance(rows, dict)
    assert (rows["history"], rows["deliveries"]) == ((1, 1) if requests < 6 else (0, 0))
