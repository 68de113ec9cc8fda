"""Mail: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.mail.model import MailPolicy

CAPABILITY: Final = Capability(
    name="mail",
    policies=(MailPolicy,),
    public=(
        "FolderMailer",
        "Links",
        "Mail",
        "MailKind",
        "MailPolicy",
        "Mailer",
        "SmtpMailer",
    ),
)
