"""A private PostgreSQL server for tests and benchmarks, in a temporary folder and on a free port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

ROLE: Final = "usercore"

GUARDED: Final = "guarded"
"""A role that needs a password, once a test has created it; all others are trusted."""

SETTINGS: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
max_wal_size = 128MB
"""

_ROOM: Final = 2**30
"""Bytes that must be free in memory to keep the files there."""

_databases = count(1)


def find_programs() -> Path | None:
    """Return the folder with the newest server's programs, from ``PATH`` or where Debian installs them."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    found = [*debian, *([Path(on_path).resolve()] if on_path else [])]  # a link may stand for one program of many
    return found[-1].parent if found else None


class Server:
    """A server in a folder."""

    def __init__(self, programs: Path, folder: Path, primary: "Server | None" = None) -> None:
        """Create its files: those of a new server, or of a standby of the ``primary``, which runs."""
        self._programs = programs
        self._data = folder / "data"
        self._lent = lent_to(folder)
        self.port = free_port()
        self.is_killed = False
        self._emptying: dict[str, psycopg.Connection] = {}
        if primary is None:
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={ROLE}", "--no-sync")
            rules = self._data / "pg_hba.conf"
            rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        else:
            source = f"--dbname={primary.url()}"
            self._run("pg_basebackup", source, "--checkpoint=fast", "--no-sync", "--write-recovery-conf")
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS if primary is None else ''}port = {self.port}\n")

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs.

        Raises:
            RuntimeError: it failed; the message has its output.
        """
        command = [str(self._programs / program), f"--pgdata={self._data}", *arguments]
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **self._lent
        )
        if done.returncode:
            raise RuntimeError(done.stdout)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "--silent", "--wait", f"--log={self._data}/log", "start")

    def become_standby(self) -> None:
        """Make it a hot standby without a primary when it starts again."""
        (self._data / "standby.signal").touch()

    def stop(self, mode: str) -> None:
        """Stop it: ``fast``, or ``immediate``, which is a crash."""
        while self._emptying:
            self._emptying.popitem()[1].close()
        self._run("pg_ctl", "--silent", "--wait", f"--mode={mode}", "stop")

    def wait_for_standby(self) -> None:
        """Acknowledge commits from now on once a standby has them, too, and wait until one does."""
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.ask("SELECT pg_reload_conf()")
        while not self.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"):
            pass  # it connects

    def promote(self) -> None:
        """Make a standby a primary, and wait until it is one."""
        self._run("pg_ctl", "--silent", "--wait", "promote")

    def kill(self) -> None:
        """Kill its processes; it is not started again."""
        self.is_killed = True
        postmaster = self._postmaster()
        for pid in (postmaster, *children_of(postmaster)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes, which then answer nothing but keep their sockets, for the duration of a ``with``."""
        postmaster = self._postmaster()
        sessions = [pid for (pid,) in self.ask("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
        stopped = []
        try:
            for pid in (postmaster, *sessions):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def url(self, database: str = "postgres", role: str = ROLE) -> str:
        """Return the URL of a database."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the administrator and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return [] if cursor.description is None else cursor.fetchall()

    def make_database(self, template: str = "template1") -> str:
        """Create a database, as a copy of another, and return its name."""
        name = f"store_{next(_databases)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def empty(self, database: str) -> None:
        """Remove all rows of a store, by a connection that stays open: creating a database takes much longer."""
        connection = self._emptying.get(database)
        if connection is None or connection.broken:
            connection = psycopg.connect(self.url(database), autocommit=True)
            self._emptying[database] = connection
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'usercore_%' AND tablename <> 'usercore_schema'"
        )
        deletions = [f"DELETE FROM {table}" for (table,) in tables]  # noqa: S608 - names from the schema
        connection.execute("; ".join(deletions).encode())

    def end_sessions(self, database: str, *, but: int = 0) -> int:
        """End all sessions with a database but that of one process, wait until they are over, and return their number.

        The server itself would look only ten times a second whether they are.
        """
        ended = self.ask(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid NOT IN (%s, pg_backend_pid())",
            database,
            but,
        )
        for process, _ in ended:
            while _is_there(process):
                pass
        return len(ended)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running(programs: Path, place: str | None = None, primary: Server | None = None) -> Iterator[Server]:
    """Run a server, or a standby, for the duration of a ``with``, in a new folder in this location or the system's."""
    with temporary_folder(place) as folder:
        server = Server(programs, folder, primary)
        server.start()
        try:
            yield server
        finally:
            if not server.is_killed:
                server.stop("immediate")


@contextmanager
def temporary_folder(place: str | None = None) -> Iterator[Path]:
    """Create a folder in this location for the duration of a ``with``."""
    folder = Path(tempfile.mkdtemp(prefix="usercore-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def folder_in_memory() -> str | None:
    """Return a folder in memory, if there is room: tests crash the server but not the machine.

    Otherwise return the system's folder for temporary files; a folder that pytest makes is closed to the server's user.
    """
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of its own in it
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free >= _ROOM else None


def lent_to(folder: Path) -> dict[str, Any]:
    """Return how to start a process that works in this folder: root changes to another user, which servers require."""
    if os.geteuid():
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, user)
    return {"user": user, "group": user, "extra_groups": []}


def children_of(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) == parent:
                found.append(int(folder.name))
    return found


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
