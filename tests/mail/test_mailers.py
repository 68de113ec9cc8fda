"""Letters leave by a folder or by SMTP, and never in clear where encryption was asked for."""

import smtplib
import socketserver
import stat
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import cast

import pytest

from usercore import FolderMailer, Mail, MailKind, SmtpMailer

LETTER = Mail(kind=MailKind.WELCOME, to="jörg@bücher.example.com", subject="Grüße", text="Schön, dass du da bist.\n")
PLAIN = Mail(kind=MailKind.HAVE_ACCOUNT, to="ann@example.com", subject="Hello", text="You have an account.\n")


class Post(socketserver.ThreadingTCPServer):
    """A post office: speaks as much SMTP as a letter needs, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self, *, unicode_names: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.unicode_names = unicode_names
        self.spoken: list[str] = []
        self.letters: list[bytes] = []


class Counter(socketserver.StreamRequestHandler):
    """The counter of the post office."""

    def handle(self) -> None:
        post = cast("Post", self.server)
        self.wfile.write(b"220 post\r\n")
        for line in self.rfile:
            command = line.decode().strip()
            post.spoken.append(command)
            self.wfile.write(self.answer(command.split(" ", 1)[0].upper(), post))
            if command.upper() == "QUIT":
                return

    def answer(self, verb: str, post: Post) -> bytes:
        if verb == "EHLO":
            return b"250-post\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n" if post.unicode_names else b"250 post\r\n"
        if verb == "DATA":
            self.wfile.write(b"354 go on\r\n")
            lines = iter(self.rfile.readline, b".\r\n")
            post.letters.append(b"".join(lines))
        return b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n"


@pytest.fixture
def post() -> Iterator[Post]:
    with Post() as post:
        thread = threading.Thread(target=post.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield post
        post.shutdown()
        thread.join()


def mailer(post: Post, *, encrypted: bool = False) -> SmtpMailer:
    host, port = cast("tuple[str, int]", post.server_address)
    return SmtpMailer(host=host, port=port, sender="house@example.com", encrypted=encrypted)


def read(letter: bytes) -> EmailMessage:
    return message_from_bytes(letter, policy=SMTPUTF8)


@pytest.mark.parametrize("letter", [LETTER, PLAIN], ids=["beyond ASCII", "plain"])
def test_a_letter_is_handed_to_the_server(post: Post, letter: Mail) -> None:
    mailer(post).send(letter)
    message = read(post.letters[0])
    assert (message["To"], message["From"], message["Subject"]) == (letter.to, "house@example.com", letter.subject)
    assert message.get_content().replace("\r\n", "\n") == letter.text


def test_a_server_that_cannot_encrypt_gets_no_letter(post: Post) -> None:
    with pytest.raises(smtplib.SMTPNotSupportedError):
        mailer(post, encrypted=True).send(PLAIN)
    assert post.letters == []
    assert not any(line.startswith(("MAIL", "RCPT")) for line in post.spoken)


def test_a_server_that_is_not_there_is_an_os_error(post: Post) -> None:
    nowhere = mailer(post)
    post.shutdown()
    post.server_close()
    with pytest.raises(OSError, match="refused"):
        nowhere.send(PLAIN)


def test_a_letter_becomes_a_file_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    for _ in range(2):
        FolderMailer(folder=folder).send(LETTER)
    files = list(folder.glob("welcome-*.eml"))
    assert len(files) == 2
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert read(file.read_bytes()).get_content().replace("\r\n", "\n") == LETTER.text


def test_a_letter_does_not_show_its_text() -> None:
    assert LETTER.text.strip() not in repr(LETTER)
