"""The subscriber that sends a mail for each change that asks for one."""

from collections.abc import Callable

from usercore.delivery.subscriber import Event
from usercore.kernel.callables import check_result
from usercore.kernel.ids import TenantId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.mail.model import MailPolicy, generate_mail_id
from usercore.mail.ports import Mailer
from usercore.mail.rules import compose_mail
from usercore.notifications.mails import MailDefinition, mail_for
from usercore.notifications.recipients import MailContext, MailUnit, is_proven
from usercore.passwords.model import PasswordPolicy
from usercore.passwords.ports import Hasher
from usercore.tokens.policies import LinkPolicy


@frozen(kw_only=True)
class MailSubscriber:
    """Composes and sends mails."""

    scope_of: Callable[[TenantId], ServiceContext[MailUnit]]
    mailer: Mailer
    hasher: Hasher
    policy: MailPolicy
    passwords: PasswordPolicy
    links: LinkPolicy

    def handle(self, event: Event) -> None:
        """Send the mail that a change asks for, or nothing if it is no longer current.

        Raises:
            Exception: whatever the mailer raised; the delivery is due again later.
        """
        definition, scope = mail_for(event.entry), self.scope_of(event.entry.tenant_id)
        if definition is None or not self._may_mail(definition, scope, event):
            return
        recipient = definition.prepare(MailContext(scope, self.hasher, self.passwords, self.links), event)
        if recipient is None:
            return
        mail = compose_mail(
            definition.kind,
            definition.template,
            recipient.address,
            self.policy,
            mail_id=generate_mail_id(scope.randomness),
            at=scope.clock(),
            secret=recipient.secret,
            lifetime=recipient.lifetime,
        )
        check_result(self.mailer.send(mail), name="what the mailer's send returned")

    def _may_mail(self, definition: MailDefinition, scope: ServiceContext[MailUnit], event: Event) -> bool:
        return self.policy.mail_unconfirmed or definition.to_unconfirmed or is_proven(scope, event)
