"""W3 and W4: users of a host that has its own sign-in, one by one and in bulk."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count, islice
from typing import Final

import attrs

from benchmarks.baseline.importing import Importing, ImportingRowByRow
from benchmarks.baseline.registering import RegistrationSteps
from benchmarks.baseline.signing_up import SigningUp
from benchmarks.measuring import Calls, Cost, Scaled, Side
from benchmarks.passwords import LEAST, hasher_of, open_core_by
from benchmarks.people import NOW, Person, person
from benchmarks.stores import StoreProvider, Stores
from usercore import Subscriber

CRM: Final = Subscriber(name=RegistrationSteps.subscriber, kinds=frozenset({"user.registered"}), handle=lambda _: None)
"""A subscriber to new users, so that each causes a delivery."""


@contextmanager
def register_external(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Register people one by one: claims, limits, history, delivery and attempt in one durable commit."""
    with (
        closing(stores.open_core(users, [CRM])) as core,
        closing(RegistrationSteps(stores.by_hand(users), lambda: NOW)) as raw,
        closing(RegistrationSteps(stores.by_hand(users, "bare"), lambda: NOW)) as bare,
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


@contextmanager
def register(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Register people with a password of their own, by the shipped policy and the least hash, and sign them in."""
    with (
        closing(open_core_by(stores.copy(users, "usercore"), LEAST)) as core,
        closing(SigningUp(stores.by_hand(users), lambda: NOW, hasher_of(LEAST))) as raw,
    ):
        yield {
            "usercore": Calls(
                lambda one: core.registration.register(one.email, password=password_of(one), sign_in=True),
                map(person, count(users)),
            ),
            "raw": Calls(lambda one: raw.sign_up(one.email, password_of(one)), map(person, count(users))),
        }


def password_of(one: Person) -> str:
    """Return the password that a person chooses."""
    return f"violet {one.external_id} sleeps"


@contextmanager
def import_users(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Import people with an external id and an access id, in durable commits of a thousand."""
    with (
        closing(stores.open_core(users)) as core,
        closing(Importing(stores.by_hand(users), lambda: NOW)) as raw,
        closing(Importing(stores.by_hand(users, "bare"), lambda: NOW)) as bare,
    ):
        yield {
            "usercore": Streams(core.registration.import_users, map(record, count(users))),
            "raw": Streams(raw.import_users, map(record, count(users))),
            "bare": Streams(bare.import_barely, map(record, count(users))),
        }


@contextmanager
def import_users_by_copy(stores: StoreProvider, users: int) -> Iterator[dict[str, Side]]:
    """Import as above where usercore copies and the raw side sends many rows at once; both also row by row."""
    with (
        import_users(stores, users) as sides,
        closing(ImportingRowByRow(stores.by_hand(users, "row_by_row"), lambda: NOW)) as singly,
    ):
        yield sides | {"row by row": Scaled(Streams(singly.import_users, map(record, count(users))), 1 / 3)}


@attrs.frozen
class Streams:
    """One call that takes ``count`` of the records."""

    call: Callable[[Iterable[Mapping[str, str]]], object]
    records: Iterator[Mapping[str, str]]

    def run(self, count: int) -> Cost:
        """Make the call."""
        return Calls(self.call, iter([list(islice(self.records, count))])).run(1)


def record(number: int) -> dict[str, str]:
    """Return the record of the person with this number."""
    one = person(number)
    return {
        "email": one.email,
        "external_id": one.external_id,
        "access_id_1": f"card-{number}",
        "first_name": one.first_name,
        "last_name": one.last_name,
    }
