"""Of an erased user no byte is left in the files of a database after a purge."""

from contextlib import closing

import pytest

from scripts.postgres_server import Server
from tests.fixtures import LINKS
from tests.privacy.full_life import MARKS, live
from tests.services.helpers import register
from usercore import Host, MailPolicy, Policy, UserCore
from usercore.opening import open_storage
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer

FILES = (
    "SELECT relname, pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
    " WHERE relkind IN ('r', 'i', 't') AND pg_relation_filepath(oid) IS NOT NULL AND pg_relation_size(oid) > 0"
)


def found_in(server: Server, database: str) -> dict[str, int]:
    """Return how often the marks are in the files of tables and indexes."""
    server.ask("CHECKPOINT", database=database)
    counts = {
        name: sum(bytes(content).lower().count(mark.encode()) for mark in MARKS)
        for name, content in server.ask(FILES, database=database)
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.rule("X6")
def test_the_bytes_are_gone_from_the_files_after_a_purge(server: Server, database: str) -> None:
    clock, mailer = FakeClock(), MemoryMailer()
    with closing(open_storage(server.url(database))) as storage:
        policy = Policy(mail=MailPolicy(links=LINKS))
        host = Host(policy=policy, clock=clock, mailer=mailer, hasher=FakeHasher(), randomness=FakeRandomness())
        lives = live(UserCore.over(storage, host), clock, mailer)
        others = [register(lives.core, f"{MARKS[0]}{number}") for number in range(9)]
        assert found_in(server, database)
        for user in (*others, lives.user):
            lives.core.privacy.erase(user.id, "asked in writing")
        lives.core.privacy.purge()
        assert found_in(server, database) == {}
        assert lives.core.users.get(lives.bob.id).email == lives.bob.email
