"""Ways for letters to leave: SMTP, or a folder for development and tests.

The modules of letters take as long to load as attrs, and most processes send none: only sending loads them.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from usercore.kernel.randomness import system_randomness
from usercore.kernel.secret import Secret
from usercore.kernel.values import frozen
from usercore.mail.model import Mail
from usercore.mail.ports import Mailer

if TYPE_CHECKING:
    from email.message import EmailMessage


def message_of(mail: Mail, *, sender: str) -> "EmailMessage":
    """Give the letter as a message of the standard library; addresses beyond ASCII need SMTPUTF8."""
    from email.message import EmailMessage  # noqa: PLC0415 - see above
    from email.policy import SMTP, SMTPUTF8  # noqa: PLC0415 - see above

    message = EmailMessage(policy=SMTP if mail.to.isascii() and sender.isascii() else SMTPUTF8)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message.set_content(mail.text)
    return message


@frozen(kw_only=True)
class SmtpMailer(Mailer):
    """Sends by SMTP, one connection a letter, encrypted by STARTTLS unless told otherwise. Timeout in seconds."""

    host: str
    sender: str
    port: int = 587
    user: str | None = None
    password: Secret | None = None
    encrypted: bool = True
    timeout: float = 10.0

    def send(self, mail: Mail) -> None:
        """Send the letter.

        Raises:
            OSError: the server could not be reached or refused (``smtplib.SMTPException`` is one).
        """
        import smtplib  # noqa: PLC0415 - see above
        import ssl  # noqa: PLC0415 - see above

        with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as smtp:
            if self.encrypted:
                smtp.starttls(context=ssl.create_default_context())
            if self.user is not None and self.password is not None:
                smtp.login(self.user, self.password.reveal())
            smtp.send_message(message_of(mail, sender=self.sender))


@frozen(kw_only=True)
class FolderMailer(Mailer):
    """Writes each letter as an ``.eml`` file, readable by its owner only, into a folder that it makes."""

    folder: Path = attrs.field(converter=Path)
    sender: str = "usercore@localhost"

    def send(self, mail: Mail) -> None:
        """Write the letter.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{mail.kind}-{system_randomness(8).hex()}.eml"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message_of(mail, sender=self.sender).as_bytes())
