"""Of any number of callers in any number of processes one succeeds."""

from typing import Final

import pytest

import usercore
from tests.faults.processes import all_started, hear, tell
from tests.faults.rounds import rounds
from usercore import Email

PROCESSES: Final = 8


@pytest.mark.slow
@pytest.mark.rule("K3")
def test_a_login_token_is_redeemed_once(url: str) -> None:
    with usercore.open(url) as core, all_started(PROCESSES, "redeem", url) as children:
        user = core.registration.register("ann@example.com").user
        times = rounds(few=5, many=100)
        for _ in range(times):
            secret = core.login_tokens.issue(user.id).reveal()
            for child in children:
                tell(child, secret)
            assert sum(int(hear(child)) for child in children) == 1
        assert len(core.access_tokens.list(user.id)) == times
        redeemed = [
            entry for entry in core.history.of_user(user.id, limit=1000).rows if entry.kind == "login_token.redeemed"
        ]
        assert len(redeemed) == times


@pytest.mark.slow
@pytest.mark.rule("U3")
def test_an_email_is_registered_once(url: str) -> None:
    with usercore.open(url) as core, all_started(PROCESSES, "register", url) as children:
        for number in range(rounds(few=5, many=100)):
            email = f"ann{number}@example.com"
            for child in children:
                tell(child, email)
            assert sum(int(hear(child)) for child in children) == 1
            kept = core.users.get(Email(email))
            assert [entry.kind for entry in core.history.of_user(kept.id).rows][-1] == "user.registered"
