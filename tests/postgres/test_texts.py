"""Text that cannot be stored is refused before it is sent to the server, with the same error as in memory."""

from collections.abc import Iterator

import pytest

from scripts.postgres_server import Server
from tests.faults.filled_stores import build
from tests.faults.hostile import TEXTS
from tests.faults.public_calls import CALLS, Call
from tests.faults.test_texts import outcomes, takes_text, texts_for
from tests.samples import FilledStore
from usercore import AccessId, AnyId, Email, ExternalId, Username
from usercore.storage import Storage
from usercore_storage import memory, postgres


@pytest.fixture(scope="module")
def filled_stores(server: Server, template: str) -> Iterator[list[FilledStore]]:
    url = server.url(server.make_database(template))
    storages: list[Storage] = [memory.open_storage("memory://"), postgres.open_storage(url)]
    yield [build(storage) for storage in storages]
    for storage in storages:
        storage.close()


@pytest.mark.rule("U4", "U5", "U7", "U8", "P2", "K1", "ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if takes_text(call)], ids=str)
def test_text_that_cannot_be_stored_is_never_sent_to_the_server(call: Call, filled_stores: list[FilledStore]) -> None:
    for parameter in takes_text(call):
        for text in texts_for(parameter):
            assert len(outcomes(filled_stores, call, parameter, text)) == 1, parameter


@pytest.mark.rule("I3", "U4")
@pytest.mark.parametrize("call", [call for call in CALLS if "ref" in call.kinds()], ids=str)
def test_a_reference_with_such_text_is_never_sent_to_the_server(call: Call, filled_stores: list[FilledStore]) -> None:
    for kind in (Email, Username, ExternalId, AccessId, AnyId):
        for text in TEXTS.values():
            assert len(outcomes(filled_stores, call, "ref", kind(text))) == 1, kind
