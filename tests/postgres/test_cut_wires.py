"""The wire is cut before each message: a call is stored as a whole and once, or not at all, and says which."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest

from scripts.postgres_server import Server
from tests.faults.rounds import rounds
from tests.postgres.calls import CALLS, PASSWORD
from tests.postgres.helpers import core_over, effect_counts, halves_in, opened
from tests.postgres.proxy import Proxy, Sender, proxied
from usercore import Indeterminate, UserCore
from usercore.users.model import User
from usercore_storage import check

FEW: Final = 3
"""Cuts of each call, spread over its messages; ``make faults`` cuts before each message."""


@pytest.fixture(scope="module")
def wire(server: Server, template: str) -> Iterator[tuple[Proxy, UserCore, User, str]]:
    """Return a proxy, a core behind it, a user, and the name of the database."""
    database = server.make_database(template)
    url = server.url(database)
    with (
        proxied(server.port) as proxy,
        opened(f"{url.replace(f':{server.port}/', f':{proxy.port}/')}?pool_max=1") as store,
    ):
        core = core_over(store)
        yield proxy, core, core.registration.register("ann@example.com", password=PASSWORD).user, database


@pytest.mark.parametrize("sender", Sender)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_whose_wire_is_cut_before_any_message_is_stored_once_or_indeterminate(
    server: Server, wire: tuple[Proxy, UserCore, User, str], name: str, sender: Sender
) -> None:
    proxy, core, user, database = wire
    call = CALLS[name]
    numbers = count(1000 * (2 * list(CALLS).index(name) + list(Sender).index(sender)))

    def run() -> Counter[str]:
        """Run the call as it was prepared last, and return what it changed."""
        before = effect_counts(server, database)
        call.run(core, prepared)
        return effect_counts(server, database) - before

    prepared = call.prepare(core, user, next(numbers))
    run()
    prepared = call.prepare(core, user, next(numbers))
    proxy.watch()
    whole = run()
    messages = proxy.messages[sender]
    for number in range(0, messages, max(1, messages // rounds(FEW))):
        prepared = call.prepare(core, user, next(numbers))
        before = effect_counts(server, database)
        proxy.cut_before(sender, number)
        try:
            call.run(core, prepared)
        except Indeterminate:
            assert effect_counts(server, database) - before in (Counter(), whole), number
        else:
            assert effect_counts(server, database) - before == whole, number
    assert halves_in(server, database) == []
    assert check(server.url(database)).is_clean
