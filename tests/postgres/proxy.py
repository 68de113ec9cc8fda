"""A proxy between the driver and the server that counts round trips, and can cut a connection or stop forwarding.

It cuts at a chosen word of the client, or at a chosen message of the client or the server.
"""

import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from typing import Final

import attrs

_CHUNK = 65_536
_HEADER = 5
"""Bytes of a message's type and length; the length counts itself, but not the type."""

COMMIT: Final = b"COMMIT\0"
"""A part of the message that commits; BEGIN may contain ``READ COMMITTED``."""

READY: Final = b"Z\0\0\0\5I"
"""The server's message that it waits for the next batch; the last byte says that no transaction is open."""


class Sender(StrEnum):
    """The side that sends a message."""

    CLIENT = "client"
    SERVER = "server"


_REQUESTS: Final = frozenset({80877103, 80877104})
"""Codes of a client that asks for encryption before it starts. Source: PostgreSQL, Message Formats."""


@attrs.define
class Messages:
    """Finds the ends of messages in what one side sends on a connection, after the beginning of its first one."""

    header: bytes = b""
    left: int = 0

    def length_of(self, data: bytes, count: int) -> tuple[int, int]:
        """Return how many bytes belong to the first ``count`` messages, and how many messages end in them."""
        place = ended = 0
        while place < len(data) and ended < count:
            if not self.left:
                step = min(_HEADER - len(self.header), len(data) - place)
                self.header += data[place : place + step]
                place += step
                if len(self.header) < _HEADER:
                    break
                self.left = int.from_bytes(self.header[1:], "big") - _HEADER + 1
            step = min(self.left, len(data) - place)
            place += step
            self.left -= step
            if not self.left:
                self.header = b""
                ended += 1
        return place, ended


class Proxy:
    """Forwards bytes until it must cut."""

    def __init__(self, server_port: int) -> None:
        """Forward to the server on this port."""
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        """How often a client sent something after its connection was made, or after the server had answered."""

        self.pieces = 0
        """How often a client sent something since ``watch``."""

        self.messages = dict.fromkeys(Sender, 0)
        """Messages since ``watch``."""

        self.before_commit: Mapping[Sender, int] | None = None
        """Messages since ``watch`` before the batch that had the first commit, if there was one."""

        self._before_batch: Mapping[Sender, int] = self.messages

        self._word: bytes | None = None
        self._reaches = False
        self._answer: bytes | None = None
        self._is_late = False
        self._cut_by: tuple[Sender, int] | None = None
        self._counting = threading.Lock()
        self._is_silent, self._closed = False, threading.Event()
        self._unanswered: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, word: bytes, *, reaches: bool) -> None:
        """Cut the next connection whose client sends this word; the word ``reaches`` the server, or not."""
        self._word, self._reaches = word, reaches

    def answer_at(self, word: bytes, answer: bytes, *, reaches: bool) -> None:
        """Answer the next client that sends this word in the server's place, and end the connection."""
        self._word, self._reaches, self._answer = word, reaches, answer

    def answer_after(self, word: bytes, answer: bytes) -> None:
        """Forward this word and its results, and then answer instead of being ready; the client ends the connection."""
        self.answer_at(word, answer, reaches=True)
        self._is_late = True

    @property
    def is_idle(self) -> bool:
        """Whether it has seen the word at which it was told to do something."""
        return self._word is None

    def watch(self) -> None:
        """Count messages from here on, in all connections."""
        with self._counting:
            self.round_trips, self.pieces, self.before_commit, self._cut_by = 0, 0, None, None
            self.messages = dict.fromkeys(Sender, 0)
            self._before_batch = self.messages.copy()

    def cut_before(self, sender: Sender, number: int) -> None:
        """Watch, and cut the connection before this message of one side is forwarded; the first one is 0."""
        self.watch()
        self._cut_by = sender, number

    def fall_silent_at(self, word: bytes) -> None:
        """Forward nothing any more, on any connection, once a client sends this word."""
        self._word, self._is_silent = word, True

    def close(self) -> None:
        """Accept no more connections."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the waiting thread
        self._listener.close()
        for client in self._unanswered:
            client.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_silent and self._word is None:
                    self._unanswered.append(client)
                    continue
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server, suppress(OSError):
            found, last = {Sender.CLIENT: _started(client, server), Sender.SERVER: Messages()}, Sender.SERVER
            while True:
                readable, _, _ = select.select([client, server], [], [])
                sender = Sender.CLIENT if client in readable else Sender.SERVER
                source, target = (client, server) if sender is Sender.CLIENT else (server, client)
                data = source.recv(_CHUNK)
                if not data:
                    return
                self.round_trips += (sender, last) == (Sender.CLIENT, Sender.SERVER)
                self.pieces += sender is Sender.CLIENT
                last = sender
                if sender is Sender.CLIENT and self._word is not None and self._word in data:
                    self._stop_at_word(data, client, server)
                    return
                allowed = self._allowed(found[sender], data, sender)
                target.sendall(data[:allowed])
                if allowed < len(data):
                    return
                self._note_commit(data)

    def _note_commit(self, data: bytes) -> None:
        if data[-len(READY) : -1] == READY[:-1]:
            self._before_batch = self.messages.copy()
        elif COMMIT in data and self.before_commit is None:
            self.before_commit = self._before_batch

    def _stop_at_word(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self._word = None
        if self._is_silent:
            self._closed.wait()
        results = _answer_to(data, client, server) if self._reaches else b""  # done, but the reply is lost
        if self._is_late:
            client.sendall(results[: -len(READY)])
        if self._answer is not None:
            client.sendall(self._answer)
        if self._is_late:
            client.recv(1)

    def _allowed(self, found: Messages, data: bytes, sender: Sender) -> int:
        """Count the messages in what one side sent, and return how many bytes of it to forward."""
        with self._counting:
            most = len(data)  # no message is shorter than a byte
            if self._cut_by is not None and self._cut_by[0] is sender:
                most = self._cut_by[1] - self.messages[sender]
            length, ended = found.length_of(data, most)
            self.messages[sender] += ended
            if length < len(data):
                self._cut_by = None
            return length


def _started(client: socket.socket, server: socket.socket) -> Messages:
    """Refuse to encrypt, and forward the length of the client's first message, which has no type."""
    while int.from_bytes(start := client.recv(8, socket.MSG_WAITALL), "big") & 0xFFFFFFFF in _REQUESTS:
        client.sendall(b"N")
    server.sendall(start)
    return Messages(left=int.from_bytes(start[:4], "big") - len(start))


def _answer_to(data: bytes, client: socket.socket, server: socket.socket) -> bytes:
    """Forward this and the rest of the client's batch, and return the server's answer."""
    while data:
        server.sendall(data)
        if server in select.select([client, server], [], [])[0]:
            return server.recv(_CHUNK)
        data = client.recv(_CHUNK)
    return b""


@contextmanager
def proxied(server_port: int) -> Iterator[Proxy]:
    """Run a proxy for the duration of a ``with``."""
    with closing(Proxy(server_port)) as proxy:
        yield proxy
