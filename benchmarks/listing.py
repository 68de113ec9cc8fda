"""W7: a thousand users by their ids, and a page of a thousand after a cursor, anywhere in the list."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks.baseline.listing import MANY, Listing
from benchmarks.measuring import Calls, Side
from benchmarks.people import NOW, id_of
from benchmarks.signing_in import ids
from benchmarks.stores import StoreProvider
from usercore.kernel.ids import UserId
from usercore.kernel.paging import write_cursor


@contextmanager
def list_by_ids(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """List a thousand users, who are anywhere in the store, by their ids."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Listing(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
    ):
        yield {
            "usercore": Calls(core.users.list_by_ids, _lists_of_ids(users)),
            "raw": Calls(raw.by_ids, _lists_of_ids(users)),
        }


@contextmanager
def list_after(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """List the thousand users that follow a user who is anywhere in the store."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Listing(stores.by_hand(users, reads=True), lambda: NOW)) as raw,
    ):
        yield {
            "usercore": Calls(
                lambda user_id: core.users.list(cursor=write_cursor((user_id,)), limit=MANY), _places(users)
            ),
            "raw": Calls(raw.after, _places(users)),
        }


def _places(users: int) -> Iterator[UserId]:
    return ids(max(users - MANY, 1), seed=1)


def _lists_of_ids(users: int) -> Iterator[list[int]]:
    """Yield lists of a thousand ids, of users as far as there are so many."""
    drawn = random.Random(1)
    numbers = range(max(users, MANY))
    while True:
        yield [id_of(number) for number in drawn.sample(numbers, MANY)]
