"""Transports of mail: SMTP, or a folder for development and tests.

The standard library's mail modules take as long to load as attrs, and most processes send no mail: they are
loaded by the first mail.
"""

import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from usercore.kernel.bounds import Between, check_line, name_of
from usercore.kernel.randomness import system_randomness
from usercore.kernel.secret import Secret
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.mail.addresses import envelope_address, parse_sender
from usercore.mail.model import Mail
from usercore.mail.ports import Mailer

if TYPE_CHECKING:
    from email.headerregistry import Address
    from email.message import EmailMessage
    from smtplib import SMTP

_IMPLICIT_TLS_PORT: Final = 465
"""The port on which TLS begins with the connection. Source: RFC 8314, 7.3."""

_LOGGED_IN: Final = 235
_GO_ON: Final = 334
"""Reply codes to AUTH. Source: RFC 4954, 4."""


def message_of(mail: Mail, *, sender: str) -> "EmailMessage":
    """Return the mail as a message of the standard library.

    Headers and body are ASCII (encoded words, A-labels) unless a local part is not, which needs SMTPUTF8.

    Raises:
        TypeError: the sender is not text.
        ValueError: the sender or the recipient is not an address.
    """
    from email import policy  # noqa: PLC0415 - see above
    from email.message import EmailMessage  # noqa: PLC0415 - see above
    from email.utils import format_datetime  # noqa: PLC0415 - see above

    origin, to = parse_sender(sender), envelope_address(mail.to)
    needs_utf8 = not (origin.address.isascii() and to.isascii())
    message = EmailMessage(policy=policy.SMTP.clone(utf8=needs_utf8, cte_type="7bit"))
    message["From"] = _header_address(origin.address, origin.name)
    message["To"] = _header_address(to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.id}@{origin.domain}>"
    message.set_content(mail.text)
    return message


def _header_address(address: str, name: str = "") -> "Address":
    from email.headerregistry import Address  # noqa: PLC0415 - see above

    local, _, domain = address.rpartition("@")
    return Address(name, username=local, domain=domain)


def _check_sender(mailer: object, field: "attrs.Attribute[str]", value: object) -> None:  # noqa: ARG001 - the signature of attrs validators
    parse_sender(value)


def _check_user(mailer: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        name = name_of(mailer, field)
        _check_login_text(check_type(value, str, name=name), name)


def _check_password(mailer: object, field: "attrs.Attribute[Any]", value: Secret | None) -> None:
    if value is not None:
        _check_login_text(value.reveal(), name_of(mailer, field))


def _check_login_text(text: str, name: str) -> None:
    if not text or "\0" in text or not _is_unicode(text):
        msg = f"{name} must not be empty, or hold NUL or a lone surrogate: AUTH PLAIN cannot carry it"
        raise ValueError(msg)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _check_host(mailer: object, field: "attrs.Attribute[str]", value: object) -> None:
    host = check_line(value, name=name_of(mailer, field))
    if not host.isascii() or any(character in " /@" for character in host):
        msg = f"{name_of(mailer, field)} must be the name or address of a server, in ASCII, not {host!r}"
        raise ValueError(msg)


def _hidden(password: Secret | str | None) -> Secret | None:
    if password is None or isinstance(password, Secret):
        return password
    return Secret(check_type(password, str, name="SmtpMailer.password"))


def _seconds(timeout: float) -> float:
    return float(timeout) if type(timeout) is int else timeout


@frozen(kw_only=True)
class SmtpMailer(Mailer):
    """Sends by SMTP, one connection per mail, encrypted unless ``encrypted`` is off. ``timeout`` is in seconds.

    Port 465 is encrypted from the first byte, every other port by STARTTLS; ``implicit_tls`` decides for an unusual
    port. ``user`` and ``password`` are passed together; if one is not ASCII, they are sent by AUTH PLAIN.
    """

    host: str = attrs.field(validator=_check_host)
    sender: str = attrs.field(validator=_check_sender)
    port: int = attrs.field(default=587, validator=Between(int, 1, 65_535, ""))
    user: str | None = attrs.field(default=None, validator=_check_user)
    password: Secret | None = attrs.field(default=None, converter=_hidden, validator=_check_password)
    encrypted: bool = True
    timeout: float = attrs.field(default=10.0, converter=_seconds, validator=Between(float, 0.001, 3600.0, "seconds"))
    implicit_tls: bool | None = None

    def __attrs_post_init__(self) -> None:
        """Check that the values are consistent.

        Raises:
            TypeError: ``encrypted`` or ``implicit_tls`` is not a bool.
            ValueError: a user has no password or a password no user, or port 465 or ``implicit_tls`` is
                not encrypted.
        """
        check_type(self.encrypted, bool, name="SmtpMailer.encrypted")
        if self.implicit_tls is not None:
            check_type(self.implicit_tls, bool, name="SmtpMailer.implicit_tls")
        if (self.user is None) != (self.password is None):
            msg = "SmtpMailer.user and SmtpMailer.password go together"
            raise ValueError(msg)
        if self._begins_with_tls and not self.encrypted:
            msg = "SmtpMailer.encrypted must be true on port 465 and with implicit_tls"
            raise ValueError(msg)

    @property
    def _begins_with_tls(self) -> bool:
        return self.port == _IMPLICIT_TLS_PORT if self.implicit_tls is None else self.implicit_tls

    def send(self, mail: Mail) -> None:
        """Send the mail.

        Raises:
            OSError: the server could not be reached, or refused the mail (``smtplib.SMTPException`` is an OSError).
            ValueError: the recipient is not an address.
        """
        message = message_of(mail, sender=self.sender)
        origin, to = parse_sender(self.sender).address, envelope_address(mail.to)
        with self._connected() as smtp:
            self._log_in(smtp)
            smtp.ehlo_or_helo_if_needed()
            smtp.sendmail(origin, [to], message.as_bytes(), _options_of(smtp, origin, to))

    def _connected(self) -> "SMTP":
        import smtplib  # noqa: PLC0415 - see above
        import ssl  # noqa: PLC0415 - see above

        if self._begins_with_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        smtp = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.encrypted:
                smtp.starttls(context=ssl.create_default_context())
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _log_in(self, smtp: "SMTP") -> None:
        if self.user is None or self.password is None:
            return
        password = self.password.reveal()
        if self.user.isascii() and password.isascii():
            smtp.login(self.user, password)
        else:
            _log_in_plain(smtp, self.user, password)


def _log_in_plain(smtp: "SMTP", user: str, password: str) -> None:
    """Log in by AUTH PLAIN in UTF-8; the standard library supports ASCII only. Source: RFC 4616, RFC 4954."""
    import smtplib  # noqa: PLC0415 - see above

    smtp.ehlo_or_helo_if_needed()
    if "PLAIN" not in smtp.esmtp_features.get("auth", "").upper().split():
        msg = "the server does not offer AUTH PLAIN, and no other way takes a user or password beyond ASCII"
        raise smtplib.SMTPNotSupportedError(msg)
    shown = b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
    code, answer = smtp.docmd("AUTH", f"PLAIN {shown}")
    if code == _GO_ON:
        code, answer = smtp.docmd(shown)
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _options_of(smtp: "SMTP", *addresses: str) -> list[str]:
    import smtplib  # noqa: PLC0415 - see above

    if all(map(str.isascii, addresses)):
        return []
    if not smtp.has_extn("smtputf8"):
        msg = "the server does not offer SMTPUTF8, which an address that is not ASCII before the @ needs"
        raise smtplib.SMTPNotSupportedError(msg)
    return ["SMTPUTF8", "BODY=8BITMIME"]


@frozen(kw_only=True)
class FolderMailer(Mailer):
    """Writes each mail as an ``.eml`` file, readable by its owner only, into a folder that it creates."""

    folder: Path = attrs.field(converter=Path)
    sender: str = attrs.field(default="usercore@localhost", validator=_check_sender)

    def send(self, mail: Mail) -> None:
        """Write the mail.

        Raises:
            OSError: the folder cannot be written.
            ValueError: the recipient is not an address.
        """
        written = message_of(mail, sender=self.sender).as_bytes()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{mail.kind}-{system_randomness(8).hex()}.eml"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(written)
