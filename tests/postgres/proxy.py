"""A proxy between the driver and the server that can cut a connection, or stop forwarding, at a chosen word."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

_CHUNK = 65_536


class Proxy:
    """Forwards bytes until a client sends the word at which it must cut."""

    def __init__(self, server_port: int) -> None:
        """Forward to the server on this port."""
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._word: bytes | None = None
        self._reaches = False
        self._answer: bytes | None = None
        self._is_silent, self._closed = False, threading.Event()
        self._unanswered: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, word: bytes, *, reaches: bool) -> None:
        """Cut the next connection whose client sends this word; the word ``reaches`` the server, or not."""
        self._word, self._reaches = word, reaches

    def answer_at(self, word: bytes, answer: bytes, *, reaches: bool) -> None:
        """Answer the next client that sends this word in the server's place, and end the connection."""
        self._word, self._reaches, self._answer = word, reaches, answer

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
            while True:
                readable, _, _ = select.select([client, server], [], [])
                source, target = (client, server) if client in readable else (server, client)
                data = source.recv(_CHUNK)
                if not data:
                    return
                if source is client and self._word is not None and self._word in data:
                    self._word = None
                    if self._is_silent:
                        self._closed.wait()
                    if self._reaches:
                        server.sendall(data)
                        server.recv(_CHUNK)  # the server has done it, but the reply is lost
                    if self._answer is not None:
                        client.sendall(self._answer)
                    return
                target.sendall(data)


@contextmanager
def proxied(server_port: int) -> Iterator[Proxy]:
    """Run a proxy for the duration of a ``with``."""
    with closing(Proxy(server_port)) as proxy:
        yield proxy
