"""The contract through a proxy that cuts the wire: a case passes, or one of its calls does not know its outcome.

``conftest`` ends a case at the latter: what it expects next depends on what was stored.
"""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from scripts.postgres_server import Server
from tests.faults.rounds import rounds
from tests.postgres.proxy import Proxy, Sender, proxied
from usercore.storage import Storage
from usercore.testing import StorageContract
from usercore.testing.contracts.claims import ClaimRepositoryContract
from usercore_storage import postgres

MESSAGES = 120
"""A cut comes before one of so many messages of a side; most cases have fewer than half of them."""


@pytest.fixture(scope="module")
def wire(server: Server) -> Iterator[Proxy]:
    """Return a proxy."""
    with proxied(server.port) as proxy:
        yield proxy


@pytest.fixture(params=range(rounds(few=1, many=2)))
def cut(request: pytest.FixtureRequest, wire: Proxy) -> Callable[[], None]:
    """Return what tells the proxy to cut a wire, at another message for each case."""
    chance = Random(request.node.nodeid)  # noqa: S311 - the same in each run

    def cut_somewhere() -> None:
        wire.cut_before(chance.choice(list(Sender)), int(MESSAGES ** chance.random()))

    return cut_somewhere


@pytest.fixture
def storage_behind(server: Server, emptied: str, wire: Proxy) -> Iterator[Storage]:
    """Return an empty store behind the proxy."""
    wire.watch()
    storage = postgres.open_storage(server.url(emptied).replace(f":{server.port}/", f":{wire.port}/"))
    yield storage
    storage.close()


@pytest.mark.usefixtures("cut")
class TestClaimsWhoseWireIsCut(ClaimRepositoryContract):
    @pytest.fixture
    def storage(self, storage_behind: Storage) -> Storage:
        return storage_behind


@pytest.mark.nightly
@pytest.mark.usefixtures("cut")
class TestPostgresWhoseWireIsCut(StorageContract):
    @pytest.fixture
    def storage(self, storage_behind: Storage) -> Storage:
        return storage_behind
