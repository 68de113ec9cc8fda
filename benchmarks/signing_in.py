"""W1, W5 and W8: identifying by an access token, and signing in with a login token."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager

import usercore
from benchmarks.baseline.identifying import Identifying
from benchmarks.baseline.login import LoggingIn
from benchmarks.baseline.memory import Dicts
from benchmarks.entities import token_of, user_of
from benchmarks.measuring import Calls, Side
from benchmarks.people import NOW, id_of, secret_of
from benchmarks.stores import StoreProvider
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.ids import UserId
from usercore.storage import Unit


def secrets(users: int, seed: int) -> Iterator[str]:
    """Yield the secrets of users drawn at random: caches see as many users as there are."""
    drawn = random.Random(seed)
    while True:
        yield secret_of(drawn.randrange(users))


def ids(users: int, seed: int) -> Iterator[UserId]:
    """Yield the ids of users drawn at random."""
    drawn = random.Random(seed)
    while True:
        yield id_of(drawn.randrange(users))


@contextmanager
def identify(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Identify; last uses are collected on both sides, and written when they close."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Identifying(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
    ):
        yield {
            "usercore": Calls(core.sign_in.identify, secrets(users, seed=1)),
            "raw": Calls(raw.identify, secrets(users, seed=1)),
        }


@contextmanager
def log_in(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Issue a login token and redeem it: two units, two durable commits."""
    with (
        closing(stores.open_core(users)) as core,
        closing(LoggingIn(stores.by_hand(users), lambda: NOW)) as raw,
        closing(LoggingIn(stores.by_hand(users, "bare"), lambda: NOW)) as bare,
    ):
        yield {
            "usercore": Calls(
                lambda user_id: core.sign_in.with_login_token(core.login_tokens.issue(user_id)), ids(users, seed=1)
            ),
            "raw": Calls(lambda user_id: raw.redeem(raw.issue(user_id)), ids(users, seed=1)),
            "bare": Calls(bare.issue_and_redeem_barely, ids(users, seed=1)),
        }


@contextmanager
def identify_in_memory(_: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Identify on the in-memory storage and on plain dicts; both hold the same entities."""
    with closing(usercore.open("memory://", clock=lambda: NOW)) as core:
        dicts = Dicts(lambda: NOW)
        people, tokens = list(map(user_of, range(users))), list(map(token_of, range(users)))
        dicts.active = {SYSTEM: True, MAIN: True}
        dicts.users = {user.id: user for user in people}
        dicts.tokens = {(token.user_id, token.digest): token for token in tokens}

        def keep(unit: Unit) -> None:
            unit.users.add_many(people)
            for token in tokens:
                unit.access_tokens.add(token)

        core._service.units.write(keep)  # noqa: SLF001 - fills the storage in bulk
        yield {
            "usercore": Calls(core.sign_in.identify, secrets(users, seed=1)),
            "raw": Calls(dicts.identify, secrets(users, seed=1)),
        }
