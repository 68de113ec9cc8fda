"""Every number in one value: what may be how long, how often and how much. Only composes the capabilities' policies."""

from usercore.attempts.model import RegistrationPolicy, ThrottlePolicy
from usercore.kernel.values import frozen
from usercore.mail.model import MailPolicy
from usercore.maintenance.cleanup import RetentionPolicy
from usercore.outbox.model import DeliveryPolicy
from usercore.passwords.model import PasswordPolicy
from usercore.tokens.model import AccessTokenPolicy, LinkPolicy, LoginTokenPolicy


@frozen(kw_only=True)
class Policy:
    """How this core behaves; each part has its numbers, their units and their sources."""

    passwords: PasswordPolicy = PasswordPolicy()
    throttles: ThrottlePolicy = ThrottlePolicy()
    registration: RegistrationPolicy = RegistrationPolicy()
    access_tokens: AccessTokenPolicy = AccessTokenPolicy()
    login_tokens: LoginTokenPolicy = LoginTokenPolicy()
    links: LinkPolicy = LinkPolicy()
    mail: MailPolicy = MailPolicy()
    deliveries: DeliveryPolicy = DeliveryPolicy()
    retention: RetentionPolicy = RetentionPolicy()
