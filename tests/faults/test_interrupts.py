"""An interrupt anywhere in a call: what was acknowledged is stored, nothing in part, and all threads go on."""

import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

import usercore
from tests.alarm import alarm_handler
from tests.faults.filled_stores import POLICY
from tests.faults.rounds import rounds
from tests.faults.test_killed_writers import check_whole
from usercore import UserCore

pytestmark = pytest.mark.no_cover


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def register(core: UserCore, name: str) -> int:
    user = core.registration.register(f"{name}@example.com", external_id=name, sign_in=True).user
    core.login_tokens.issue(user.id)
    return user.id


def register_until_interrupted(core: UserCore, name: str, seconds: float) -> list[int]:
    acknowledged: list[int] = []
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        for number in range(10_000):
            acknowledged.append(register(core, f"{name}.{number}"))  # noqa: PERF401 - an interrupt keeps those before
    except KeyboardInterrupt:
        return acknowledged
    raise AssertionError("no interrupt came")


@pytest.mark.slow
@pytest.mark.rule("ERR", "U3", "X2")
@pytest.mark.parametrize("others", [0, 3])
def test_an_interrupted_call_leaves_no_partial_changes_and_no_waiting_thread(others: int, tmp_path: Path) -> None:
    randomness = random.Random(others)  # noqa: S311 - the same moments in each run
    with usercore.open(f"sqlite:///{tmp_path}/store.db", policy=POLICY) as core, ThreadPoolExecutor(4) as pool:
        for turn in range(rounds(few=40, many=2000)):
            working = [pool.submit(register, core, f"t{turn}.{number}") for number in range(others)]
            with alarm_handler(interrupt):
                acknowledged = register_until_interrupted(core, f"m{turn}", randomness.uniform(0.0001, 0.01))
            acknowledged += [each.result(60) for each in working]
            assert [core.users.get(number).id for number in acknowledged] == acknowledged
            assert pool.submit(register, core, f"after{turn}").result(60)
    check_whole(tmp_path / "store.db")
