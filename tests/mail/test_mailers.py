"""Mails are sent by SMTP or written to a folder, and never sent unencrypted if encryption was requested."""

import math
import smtplib
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.headerregistry import AddressHeader, DateHeader
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.post import Offer, Post, serving
from usercore import FolderMailer, Mail, MailKind, Secret, SmtpMailer
from usercore.mail.mailers import message_of

SENDER = "house@example.com"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEYOND_ASCII = Mail(
    kind=MailKind.WELCOME, to="jörg@bücher.example.com", subject="Grüße", text="Schön, dass du da bist.\n"
)
PLAIN = Mail(kind=MailKind.HAVE_ACCOUNT, to="ann@example.com", subject="Hello", text="You have an account.\n")
LOGIN = ("jörg", "pässword")


def mailer(post: Post, **changed: Any) -> SmtpMailer:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": post.port, "sender": SENDER, "encrypted": False} | changed
    return SmtpMailer(**options)


def a_mail(to: str = "ann@example.com", **changed: Any) -> Mail:
    fields: dict[str, Any] = {
        "kind": MailKind.WELCOME,
        "to": to,
        "subject": "Hello",
        "text": "Welcome.\n",
        "at": AT,
    } | changed
    return Mail(**fields)


def read(mail: bytes) -> EmailMessage:
    return message_from_bytes(mail, policy=SMTPUTF8)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that clients trust."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return context


@pytest.mark.parametrize("mail", [BEYOND_ASCII, PLAIN], ids=["beyond ASCII", "plain"])
def test_a_mail_is_sent_to_the_server(mail: Mail) -> None:
    with serving(Offer(smtputf8=True)) as post:
        mailer(post).send(mail)
    message = read(post.mails[0])
    to = mail.to.replace("bücher", "xn--bcher-kva")
    assert (message["To"], message["From"], message["Subject"]) == (to, SENDER, mail.subject)
    assert message.get_content().replace("\r\n", "\n") == mail.text


@pytest.mark.parametrize("domain", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_a_recipient_on_an_idn_domain_needs_no_smtputf8(domain: str) -> None:
    with serving(Offer()) as post:
        mailer(post).send(a_mail(f"ann@{domain}"))
    assert "RCPT TO:<ann@xn--bcher-kva.example>" in post.commands
    assert f"MAIL FROM:<{SENDER}>" in [command.partition(" size=")[0] for command in post.commands]
    assert read(post.mails[0])["To"] == "ann@xn--bcher-kva.example"


def test_a_local_part_with_non_ascii_characters_is_sent_by_smtputf8() -> None:
    with serving(Offer(smtputf8=True)) as post:
        mailer(post).send(BEYOND_ASCII)
    assert "RCPT TO:<jörg@xn--bcher-kva.example.com>" in post.commands
    assert any(command.endswith("SMTPUTF8 BODY=8BITMIME") for command in post.commands)


def test_a_local_part_with_non_ascii_characters_is_refused_if_the_server_has_no_smtputf8() -> None:
    with serving(Offer()) as post, pytest.raises(smtplib.SMTPNotSupportedError, match="does not offer SMTPUTF8"):
        mailer(post).send(BEYOND_ASCII)
    assert post.mails == []


SENDERS = {
    "Müller <shop@example.com>": ("Müller", "shop@example.com"),
    '"Shop, Inc." <shop@example.com>': ("Shop, Inc.", "shop@example.com"),
    "Shop, Inc. <shop@example.com>": ("Shop, Inc.", "shop@example.com"),
    "店 <shop@bücher.example>": ("店", "shop@xn--bcher-kva.example"),
    "<shop@example.com>": ("", "shop@example.com"),
    "shop@example.com": ("", "shop@example.com"),
}


@pytest.mark.parametrize("sender", SENDERS, ids=ascii)
def test_every_header_is_ascii_and_the_sender_is_read_back(sender: str) -> None:
    with serving(Offer()) as post:
        mailer(post, sender=sender).send(a_mail(subject="Grüße " * 30, text="ü" * 2000 + "\n"))
    (mail,) = post.mails
    assert mail.isascii()
    message = read(mail)
    (origin,) = cast("AddressHeader", message["From"]).addresses
    assert (origin.display_name, origin.addr_spec) == SENDERS[sender]
    assert message["Subject"].strip() == ("Grüße " * 30).strip()


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80),
)
def test_headers_are_intact_and_ascii_for_any_subject_and_text(subject: str, text: str) -> None:
    written = message_of(a_mail(subject=subject, text=f"{text}\n"), sender="Müller <shop@example.com>").as_bytes()
    assert written.isascii()
    message = message_from_bytes(written, policy=SMTPUTF8)
    for name in ("From", "To", "Subject", "Date", "Message-ID", "Content-Type"):
        assert len(message.get_all(name, [])) == 1
    assert message.get_content().replace("\r\n", "\n") == f"{text}\n"


def test_a_mail_has_one_date_from_its_instant_and_one_message_id_of_the_senders_domain() -> None:
    at = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    message = read(message_of(a_mail(at=at, id="unique"), sender="Shop <shop@bücher.example>").as_bytes())
    assert [cast("DateHeader", date).datetime for date in message.get_all("Date", [])] == [AT]
    assert message.get_all("Message-ID") == ["<unique@xn--bcher-kva.example>"]


def test_two_mails_have_two_ids() -> None:
    assert len({a_mail().id for _ in range(1000)}) == 1000


NO_SENDERS = [
    "",
    " ",
    "shop",
    "shop@",
    "@example.com",
    "shop@example.com\n",
    "Shop <shop@example.com",
    "<>",
    "a@b, c@d",
]
NO_SENDERS += [
    "Shop\r\nBcc: eve@example.com <shop@example.com>",
    "Shop <shop@exa mple.com>",
    "shop@a..b",
    "a@b <c@d> e",
]


@pytest.mark.parametrize("sender", NO_SENDERS, ids=ascii)
@pytest.mark.parametrize(
    "make",
    [lambda **sender: SmtpMailer(host="mail", **sender), lambda **sender: FolderMailer(folder="x", **sender)],
    ids=["smtp", "folder"],
)
def test_a_malformed_sender_is_refused_when_the_mailer_is_created(make: Callable[..., object], sender: str) -> None:
    with pytest.raises(ValueError, match="sender must"):
        make(sender=sender)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"host": ""}, ValueError, "host"),
    ({"host": None}, TypeError, "host"),
    ({"host": "smtp example"}, ValueError, "host"),
    ({"host": "smtps://mail.example"}, ValueError, "host"),
    ({"sender": None}, TypeError, "sender"),
    ({"port": 0}, ValueError, "port"),
    ({"port": 65_536}, ValueError, "port"),
    ({"port": "587"}, TypeError, "port"),
    ({"port": True}, TypeError, "port"),
    ({"timeout": 0}, ValueError, "timeout"),
    ({"timeout": -1.0}, ValueError, "timeout"),
    ({"timeout": math.nan}, ValueError, "timeout"),
    ({"timeout": math.inf}, ValueError, "timeout"),
    ({"timeout": None}, TypeError, "timeout"),
    ({"timeout": True}, TypeError, "timeout"),
    ({"encrypted": "no"}, TypeError, "encrypted"),
    ({"implicit_tls": 1}, TypeError, "implicit_tls"),
    ({"port": 465, "encrypted": False}, ValueError, "encrypted"),
    ({"implicit_tls": True, "encrypted": False}, ValueError, "encrypted"),
    ({"user": "shop"}, ValueError, "go together"),
    ({"password": Secret("x")}, ValueError, "go together"),
    ({"user": "", "password": "x"}, ValueError, "user"),
    ({"user": 5, "password": "x"}, TypeError, "user must be str"),
    ({"user": Secret("shop"), "password": "x"}, TypeError, "user must be str"),
    ({"user": "shop", "password": ""}, ValueError, "password"),
    ({"user": "shop", "password": 5}, TypeError, "password must be str"),
    ({"user": "shop", "password": "a\0b"}, ValueError, "password"),
    ({"user": "shop", "password": "\ud800"}, ValueError, "password"),
]


@pytest.mark.parametrize(("wrong", "error", "named"), WRONG, ids=[ascii(wrong) for wrong, *_ in WRONG])
def test_an_invalid_value_is_refused_when_the_mailer_is_created(
    wrong: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        SmtpMailer(**{"host": "mail.example", "sender": SENDER} | wrong)


def test_port_465_uses_implicit_tls_and_others_use_starttls_by_default() -> None:
    begins = {port: SmtpMailer(host="mail", sender=SENDER, port=port)._begins_with_tls for port in (25, 465, 587)}
    assert begins == {25: False, 465: True, 587: False}
    assert not SmtpMailer(host="mail", sender=SENDER, port=465, implicit_tls=False)._begins_with_tls


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("login", [LOGIN, ("shop", "password"), ("shop", "pässword")], ids=ascii)
@pytest.mark.parametrize("initial_response", [True, False])
def test_a_mail_is_sent_encrypted_after_a_login(
    tls: ssl.SSLContext,
    implicit: bool,  # noqa: FBT001 - a parameter of the test
    login: tuple[str, str],
    initial_response: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    offer = Offer(tls=tls, implicit_tls=implicit, login=login, initial_response=initial_response)
    user, password = login
    with serving(offer) as post:
        mailer(post, encrypted=True, implicit_tls=implicit, user=user, password=password).send(PLAIN)
    assert post.logins == [login]
    assert len(post.mails) == 1
    assert [command.split(" ")[0] for command in post.clear] == ([] if implicit else ["ehlo", "STARTTLS"])


def test_a_wrong_password_is_an_authentication_error_that_does_not_show_it(tls: ssl.SSLContext) -> None:
    with serving(Offer(tls=tls, login=LOGIN)) as post, pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        mailer(post, encrypted=True, user="jörg", password="fälsch").send(PLAIN)
    assert "fälsch" not in f"{raised.value!r} {raised.value}"
    assert post.mails == []


def test_a_login_with_non_ascii_characters_needs_auth_plain(tls: ssl.SSLContext) -> None:
    with (
        serving(Offer(tls=tls, login=LOGIN, mechanisms="CRAM-MD5 LOGIN")) as post,
        pytest.raises(smtplib.SMTPNotSupportedError, match="AUTH PLAIN"),
    ):
        mailer(post, encrypted=True, user="jörg", password="pässword").send(PLAIN)
    assert post.logins == []


@pytest.mark.parametrize("implicit", [True, False])
def test_no_mail_is_sent_to_a_server_with_an_untrusted_certificate(
    tls: ssl.SSLContext,
    implicit: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "another.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "another.pem"))
    with serving(Offer(tls=tls, implicit_tls=implicit)) as post, pytest.raises(ssl.SSLCertVerificationError):
        mailer(post, encrypted=True, implicit_tls=implicit).send(PLAIN)
    assert post.mails == []


def test_no_mail_is_sent_to_a_server_without_encryption() -> None:
    with serving(Offer()) as post, pytest.raises(smtplib.SMTPNotSupportedError):
        mailer(post, encrypted=True).send(PLAIN)
    assert post.mails == []
    assert not any(line.lower().startswith(("mail", "rcpt")) for line in post.commands)


def test_an_unreachable_server_raises_os_error() -> None:
    with serving(Offer()) as post:
        nowhere = mailer(post)
    with pytest.raises(OSError, match="refused"):
        nowhere.send(PLAIN)


def test_a_mail_is_written_to_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    for _ in range(2):
        FolderMailer(folder=folder).send(BEYOND_ASCII)
    files = list(folder.glob("welcome-*.eml"))
    assert len(files) == 2
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert read(file.read_bytes()).get_content().replace("\r\n", "\n") == BEYOND_ASCII.text


def test_the_repr_of_a_mail_hides_its_text() -> None:
    assert BEYOND_ASCII.text.strip() not in repr(BEYOND_ASCII)
