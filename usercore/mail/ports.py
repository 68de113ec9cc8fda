"""The interface of mail transports, which the host may implement."""

from abc import abstractmethod
from typing import Protocol

from usercore.mail.model import Mail


class Mailer(Protocol):
    """Sends mails. It is called outside units, possibly from several threads and possibly twice for one mail."""

    @abstractmethod
    def send(self, mail: Mail) -> None:
        """Send the mail. If it raises, the delivery is due again later."""
