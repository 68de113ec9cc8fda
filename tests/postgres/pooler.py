"""PgBouncer in transaction mode before the private server: each transaction may run in another session."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Final

from scripts.postgres_server import ROLE, Server, folder_in_memory, free_port, lent_to, temporary_folder

SETTINGS: Final = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
log_stats = 0
"""
"""Fewer sessions than a store's connections. Tracking of prepared statements is off: old versions lack it."""


def find_pooler() -> str | None:
    """Return the path of the program, from ``PATH`` or where Debian installs it."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def pooled(program: str, server: Server) -> Iterator[int]:
    """Run it for the duration of a ``with``, and yield its port."""
    with temporary_folder(folder_in_memory()) as folder:
        port = free_port()
        (folder / "settings").write_text(SETTINGS.format(server=server.port, own=port, folder=folder))
        (folder / "users").write_text(f'"{ROLE}" ""\n')
        with subprocess.Popen(
            [program, str(folder / "settings")], stderr=subprocess.PIPE, text=True, **lent_to(folder)
        ) as process:
            try:
                assert process.stderr is not None
                said = list(takewhile(lambda line: "process up" not in line, process.stderr))
                assert process.poll() is None, said
                yield port
            finally:
                process.terminate()


def url_through(port: int, database: str) -> str:
    """Return the URL of a store behind it."""
    return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}?prepare=0"
