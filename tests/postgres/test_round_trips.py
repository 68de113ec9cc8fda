"""How often a call waits for the server: over a network each time costs more than all that the client computes."""

from collections.abc import Iterator

import pytest

from scripts.postgres_server import Server
from tests.postgres.calls import CALLS, PASSWORD
from tests.postgres.helpers import core_over, opened
from tests.postgres.proxy import Proxy, proxied
from usercore import UserCore
from usercore.users.model import User


@pytest.fixture(scope="module")
def wire(server: Server, template: str) -> Iterator[tuple[Proxy, UserCore, User]]:
    """Return a proxy, a core of one connection behind it, and a user."""
    url = server.url(server.make_database(template))
    with (
        proxied(server.port) as proxy,
        opened(f"{url.replace(f':{server.port}/', f':{proxy.port}/')}?pool_max=1") as store,
    ):
        core = core_over(store)
        yield proxy, core, core.registration.register("ann@example.com", password=PASSWORD).user


@pytest.mark.parametrize("name", CALLS)
def test_a_call_waits_for_the_server_so_often(wire: tuple[Proxy, UserCore, User], name: str) -> None:
    proxy, core, user = wire
    call = CALLS[name]
    call.run(core, call.prepare(core, user, 1))  # prepares the statements
    prepared = call.prepare(core, user, 2)
    proxy.watch()
    call.run(core, prepared)
    assert proxy.round_trips == call.round_trips
    assert proxy.pieces == call.round_trips, "what need not wait is sent at once"
