"""Names of notifications that are needed also where no mail is sent."""

from typing import Final

SUBSCRIBER: Final = "mailer"
"""The name, in deliveries, of the subscriber that sends mails."""
