"""What mail asks of the world outside."""

from abc import abstractmethod
from typing import Protocol

from usercore.mail.model import Mail


class Mailer(Protocol):
    """Sends letters. Called outside units, perhaps from several threads, perhaps twice for one letter."""

    @abstractmethod
    def send(self, mail: Mail) -> None:
        """Hand the letter over. Whatever is raised makes the delivery due again later."""
