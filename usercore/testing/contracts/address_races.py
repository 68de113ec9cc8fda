"""Races of addresses on every storage: two calls whose units are both open, and have read, before either locks."""

from collections.abc import Sequence

import pytest

from usercore.addresses.errors import AddressChangedSince, AddressNotFound, ChangeRequestWrongState
from usercore.addresses.model import Address, AddressChangeRequest, ChangeRequestState
from usercore.composition.host import Host
from usercore.core import UserCore
from usercore.storage import Storage
from usercore.testing.contracts.base import Contract
from usercore.testing.contracts.password_races import MeetingStorage
from usercore.testing.fakes import FakeClock, FakeHasher, FakeRandomness


class _Race:
    """A user without addresses, on a core whose units meet."""

    def __init__(self, storage: Storage) -> None:
        self.storage = MeetingStorage(storage)
        host = Host(clock=FakeClock(), randomness=FakeRandomness(), hasher=FakeHasher())
        core = UserCore.over(self.storage, host)
        self.ann = core.registration.register_external("ann@example.com").user.id
        self.book, self.history = core.addresses, core.history
        self.book.declare_type("invoice")

    def add(self, street: str) -> Address:
        """Add an address."""
        return self.book.add(self.ann, "invoice", street=street)

    def request(self, street: str) -> int:
        """Request another street for the default address, and return the id of the request."""
        return self.book.request_change(self.ann, "invoice", street=street).id

    def state(self, request_id: int) -> ChangeRequestState:
        """Return the state of a request."""
        return next(one.state for one in self.book.requests(self.ann) if one.id == request_id)

    def flags(self) -> Sequence[bool]:
        """Return which of the addresses are the default ones, in any order."""
        return sorted(one.is_default for one in self.book.list(self.ann))

    def kinds(self) -> list[str]:
        """Return the kinds of the changes of the user's addresses, in any order."""
        return sorted(one.kind for one in self.history.of_user(self.ann) if one.kind.startswith("address."))


class AddressRaceContract(Contract):
    """Of two calls at once exactly one wins where only one may."""

    @pytest.mark.rule("A2")
    def test_of_two_first_addresses_one_is_the_default(self, storage: Storage) -> None:
        race = _Race(storage)
        race.storage.race(lambda: race.add("Main"), lambda: race.add("High"))
        assert race.flags() == [False, True]

    @pytest.mark.rule("A5")
    def test_of_two_deciders_one_accepts(self, storage: Storage) -> None:
        race = _Race(storage)
        number, request = race.add("Main").id, race.request("High")
        results = race.storage.race(*[lambda: race.book.accept(race.ann, request, force=True)] * 2)
        assert sorted(type(result).__name__ for result in results) == [
            AddressChangeRequest.__name__,
            ChangeRequestWrongState.__name__,
        ]
        assert [one.street for one in race.book.versions(race.ann, number)] == ["Main", "High"]
        assert race.kinds().count("address.change_accepted") == 1

    @pytest.mark.rule("A5")
    def test_a_request_that_is_accepted_and_rejected_at_once_has_one_outcome(self, storage: Storage) -> None:
        race = _Race(storage)
        number, request = race.add("Main").id, race.request("High")
        accepted, rejected = race.storage.race(
            lambda: race.book.accept(race.ann, request), lambda: race.book.reject(race.ann, request)
        )
        assert isinstance(accepted, ChangeRequestWrongState) != isinstance(rejected, ChangeRequestWrongState)
        is_accepted = race.state(request) is ChangeRequestState.ACCEPTED
        assert is_accepted == isinstance(accepted, AddressChangeRequest)
        assert len(race.book.versions(race.ann, number)) == 1 + is_accepted

    @pytest.mark.rule("A5", "A7")
    def test_a_request_is_not_accepted_after_its_address_was_removed(self, storage: Storage) -> None:
        race = _Race(storage)
        number, request = race.add("Main").id, race.request("High")
        accepted, _ = race.storage.race(
            lambda: race.book.accept(race.ann, request), lambda: race.book.remove(race.ann, number)
        )
        assert not race.book.list(race.ann)
        kinds = [one.kind for one in race.history.of_user(race.ann)]
        if isinstance(accepted, ChangeRequestWrongState):
            assert "address.change_accepted" not in kinds
        else:
            assert kinds.index("address.removed") < kinds.index("address.change_accepted")

    @pytest.mark.rule("A5")
    def test_of_two_requests_that_are_accepted_at_once_the_second_finds_the_address_changed(
        self, storage: Storage
    ) -> None:
        race = _Race(storage)
        number, requests = race.add("Main").id, [race.request("High"), race.request("Back")]
        results = race.storage.race(
            lambda: race.book.accept(race.ann, requests[0]), lambda: race.book.accept(race.ann, requests[1])
        )
        (lost,) = (index for index, result in enumerate(results) if isinstance(result, AddressChangedSince))
        assert race.state(requests[lost]) is ChangeRequestState.NEW
        assert [one.street for one in race.book.versions(race.ann, number)] == ["Main", ["Back", "High"][lost]]

    @pytest.mark.rule("A2", "A7")
    def test_one_address_stays_the_default_when_another_becomes_it_and_is_removed(self, storage: Storage) -> None:
        race = _Race(storage)
        _, second = race.add("Main"), race.add("High")
        chosen, removed = race.storage.race(
            lambda: race.book.set_default(race.ann, second.id), lambda: race.book.remove(race.ann, second.id)
        )
        assert removed is None
        assert chosen is True or isinstance(chosen, AddressNotFound)
        assert race.flags() == [True]

    @pytest.mark.rule("A1")
    def test_a_type_that_is_declared_twice_at_once_is_stored_once(self, storage: Storage) -> None:
        race = _Race(storage)
        first, second = race.storage.race(*[lambda: race.book.declare_type("print", title="Print")] * 2)
        assert first == second
        assert [one.version for one in race.book.types()] == [1, 1]
