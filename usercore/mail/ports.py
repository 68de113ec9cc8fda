"""What mail needs from the host: a transport."""

from abc import abstractmethod
from typing import Protocol

from usercore.mail.model import Mail


class Mailer(Protocol):
    """Sends mails. It is called outside units, perhaps from several threads, perhaps twice for one mail."""

    @abstractmethod
    def send(self, mail: Mail) -> None:
        """Send the mail. If it raises, the delivery is due again later."""
