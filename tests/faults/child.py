"""Commands of other processes: ``python -m tests.faults.child COMMAND URL``; they print what was done."""

import itertools
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from typing import Final

import usercore
from usercore import Policy, RegistrationPolicy, SignInRefused, StorageError, StoreMoved, Taken, UserCore

THREADS: Final = 4

PATIENCE: Final = 120.0
"""Seconds after which a process ends that should have been refused."""

POLICY: Final = Policy(registration=RegistrationPolicy(per_email_pause=timedelta(0), per_email=1_000_000))
"""Without the pause between two attempts with one email, which the losers of a race would otherwise meet."""

_saying = threading.Lock()


def say(*words: object) -> None:
    """Print a whole line at once."""
    with _saying:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def write(core: UserCore, name: str) -> None:
    """Register users and issue tokens until the process is killed; print what was acknowledged."""
    in_threads(lambda thread: write_on(core, name, thread))


def write_until_refused(core: UserCore, name: str) -> None:
    """Write until the store can do so no more, and print why."""

    def write_as_long_as_possible(thread: int) -> None:
        try:
            write_on(core, name, thread)
        except StorageError as error:
            say("refused", error.code)

    in_threads(write_as_long_as_possible)


def write_on(core: UserCore, name: str, thread: int) -> None:
    """Register users and issue tokens without end; print what was acknowledged, and when."""
    for number in itertools.count():
        user = core.registration.register(
            f"{name}.{thread}.{number}@example.com", external_id=f"{name}-{thread}-{number}", sign_in=True
        ).user
        say("user", user.id, user.email, monotonic())
        core.login_tokens.issue(user.id)
        say("token", user.id, monotonic())


def write_until_moved(core: UserCore, name: str) -> None:
    """Register users until that is refused, because the store's files moved; print each email, and when it was told."""
    end = monotonic() + PATIENCE

    def register_on(thread: int) -> None:
        try:
            for number in itertools.takewhile(lambda _: monotonic() < end, itertools.count()):
                email = f"{name}.{thread}.{number}@example.com"
                core.registration.register(email)
                say(email, monotonic())
        except StoreMoved:
            say("moved")

    in_threads(register_on)


def read(core: UserCore) -> None:
    """Read users in all threads until the process is killed."""

    def read_on(_: int) -> None:
        while True:
            core.users.list(limit=100)

    say("ready")
    in_threads(read_on)


def redeem(core: UserCore) -> None:
    """Redeem each secret of standard input in all threads at once; print how many succeeded."""

    def redeems(secret: str) -> bool:
        try:
            core.sign_in.with_login_token(secret)
        except SignInRefused:
            return False
        return True

    race(redeems)


def register(core: UserCore) -> None:
    """Register each email of standard input in all threads at once; print how many succeeded."""

    def registers(email: str) -> bool:
        try:
            core.registration.register(email, sign_in=True)
        except Taken:
            return False
        return True

    race(registers)


def race(wins: Callable[[str], bool]) -> None:
    """Run the same in all threads for each line of standard input."""
    say("ready")
    with ThreadPoolExecutor(THREADS) as pool:
        for line in sys.stdin:
            say(sum(pool.map(wins, [line.strip()] * THREADS)))


def in_threads(run: Callable[[int], None]) -> None:
    """Run it in all threads, and end when they end."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "read": read,
    "redeem": redeem,
    "register": register,
    "write": write,
    "write_until_moved": write_until_moved,
    "write_until_refused": write_until_refused,
}

if __name__ == "__main__":
    command, url, *rest = sys.argv[1:]
    with usercore.open(url, policy=POLICY) as opened:
        COMMANDS[command](opened, *rest)
