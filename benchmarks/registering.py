"""W3 and W4: users of a host that has its own sign-in, one by one and in bulk."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Final

from benchmarks.baseline.registering import Registering
from benchmarks.measuring import Calls, Side
from benchmarks.people import NOW, Person, person
from benchmarks.stores import Stores, open_core
from usercore import Subscriber

CRM: Final = Subscriber(name=Registering.subscriber, kinds=frozenset({"user.registered"}), handle=lambda _: None)
"""Somebody who is to be told of each new user, so that each leaves a delivery."""


@contextmanager
def register_external(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Register people one by one: claims, limits, history, delivery and attempt in one durable commit."""
    with (
        closing(open_core(stores.copy(users, "usercore"), subscribers=[CRM])) as core,
        closing(Registering(stores.copy(users, "raw"), lambda: NOW)) as raw,
        closing(Registering(stores.copy(users, "bare"), lambda: NOW)) as bare,
    ):

        def register(one: Person) -> None:
            core.registration.register_external(
                one.email,
                language=one.language,
                external_id=one.external_id,
                first_name=one.first_name,
                name=one.last_name,
            )

        yield {
            "usercore": Calls(register, map(person, count(users))),
            "raw": Calls(raw.register, map(person, count(users))),
            "bare": Calls(bare.register_barely, map(person, count(users))),
        }
