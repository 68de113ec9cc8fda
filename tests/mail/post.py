"""A small SMTP server on a socket: with STARTTLS or implicit TLS, AUTH PLAIN, and with or without SMTPUTF8."""

import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import attrs


@attrs.define(kw_only=True)
class Offer:
    """The capabilities of the server."""

    smtputf8: bool = False
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    login: tuple[str, str] | None = None
    """The user and password that it accepts."""

    mechanisms: str = "PLAIN LOGIN"
    initial_response: bool = True
    """Whether it accepts an initial response in the line of AUTH."""


class Post(socketserver.ThreadingTCPServer):
    """The server: records the commands it receives, those received unencrypted, and the messages."""

    daemon_threads = True

    def __init__(self, offer: Offer) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.offer = offer
        self.commands: list[str] = []
        self.clear: list[str] = []
        self.mails: list[bytes] = []
        self.logins: list[tuple[str, str]] = []

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return cast("tuple[str, int]", self.server_address)[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


class Session(socketserver.BaseRequestHandler):
    """One connection."""

    server: Post  # type: ignore[mutable-override]  # only this server makes sessions

    def handle(self) -> None:
        self.offer, self.encrypted, self.logged_in = self.server.offer, False, False
        self.connect(self.request)
        if self.offer.implicit_tls:
            self.encrypt()
        self.say("220 post")
        while line := self.file.readline():  # encryption changes the file
            name, *rest = line.decode().strip().split(":", 1)
            command = (
                ":".join([name.upper(), *rest]) if rest else name
            )  # Python versions spell MAIL and RCPT differently
            self.server.commands.append(command)
            if not self.encrypted:
                self.server.clear.append(command)
            self.answer(command)
            if command.upper() == "QUIT":
                return

    def finish(self) -> None:
        self.file.close()
        self.connection.close()

    def connect(self, connection: object) -> None:
        self.connection = cast("ssl.SSLSocket", connection)
        self.file = self.connection.makefile("rb")

    def encrypt(self) -> None:
        assert self.offer.tls is not None
        self.file.close()
        self.connect(self.offer.tls.wrap_socket(self.connection, server_side=True))
        self.encrypted = True

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def answer(self, command: str) -> None:
        verb = command.split(" ", 1)[0].upper()
        if verb == "EHLO":
            self.say(*self.greeting())
        elif verb == "STARTTLS":
            self.say("220 go on")
            self.encrypt()
        elif verb == "AUTH":
            self.log_in(command)
        elif verb == "DATA":
            self.say("354 go on")
            self.server.mails.append(b"".join(iter(self.file.readline, b".\r\n")))
            self.say("250 ok")
        elif verb in {"MAIL", "RCPT"} and not command.isascii() and not self.offer.smtputf8:
            self.say("553 not ASCII")
        elif verb == "MAIL" and self.offer.login and not self.logged_in:
            self.say("530 log in first")
        else:
            self.say("221 bye" if verb == "QUIT" else "250 ok")

    def greeting(self) -> list[str]:
        extensions = ["8BITMIME", "SMTPUTF8"] if self.offer.smtputf8 else []
        if self.offer.tls and not self.encrypted:
            extensions.append("STARTTLS")
        if self.offer.login:
            extensions.append(f"AUTH {self.offer.mechanisms}")
        return ["250-post", *(f"250-{extension}" for extension in extensions), "250 HELP"]

    def log_in(self, command: str) -> None:
        shown = command.split(" ")[2:]
        if not shown or not self.offer.initial_response:
            self.say("334 ")
            shown = [self.file.readline().decode().strip()]
        _, user, password = b64decode(shown[0]).decode().split("\0")
        self.server.logins.append((user, password))
        self.logged_in = (user, password) == self.offer.login
        self.say("235 ok" if self.logged_in else "535 no")


@contextmanager
def serving(offer: Offer) -> Iterator[Post]:
    """Run a server while the block lasts."""
    with Post(offer) as post:
        thread = threading.Thread(target=post.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield post
        finally:
            post.shutdown()
            thread.join()
