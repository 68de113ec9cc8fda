"""The policy: every limit, duration and length. It only composes the capabilities' policies."""

from usercore.addresses.model import AddressPolicy
from usercore.attempts.model import RegistrationPolicy
from usercore.history.model import ActionLogPolicy
from usercore.kernel.bounds import part
from usercore.kernel.values import frozen
from usercore.mail.model import MailPolicy
from usercore.maintenance.model import RetentionPolicy
from usercore.meta.model import MetaPolicy
from usercore.outbox.model import DeliveryPolicy
from usercore.passkeys.model import PasskeyPolicy
from usercore.passwords.model import PasswordPolicy, ResetPolicy
from usercore.second_factors.model import SecondFactorPolicy
from usercore.statistics.model import StatisticsPolicy
from usercore.throttling.model import ThrottlePolicy
from usercore.tokens.policies import (
    AccessTokenPolicy,
    ApiTokenPolicy,
    AutologinTokenPolicy,
    ChallengePolicy,
    DeviceTokenPolicy,
    LinkPolicy,
    LoginTokenPolicy,
    RevocationPolicy,
)
from usercore.users.model import EmailPolicy, SearchPolicy


@frozen(kw_only=True)
class Policy:
    """The policy of a core; each part documents its numbers, their units and their sources."""

    passwords: PasswordPolicy = part(PasswordPolicy())
    resets: ResetPolicy = part(ResetPolicy())
    second_factors: SecondFactorPolicy = part(SecondFactorPolicy())
    throttles: ThrottlePolicy = part(ThrottlePolicy())
    emails: EmailPolicy = part(EmailPolicy())
    search: SearchPolicy = part(SearchPolicy())
    registration: RegistrationPolicy = part(RegistrationPolicy())
    access_tokens: AccessTokenPolicy = part(AccessTokenPolicy())
    login_tokens: LoginTokenPolicy = part(LoginTokenPolicy())
    autologin_tokens: AutologinTokenPolicy = part(AutologinTokenPolicy())
    api_tokens: ApiTokenPolicy = part(ApiTokenPolicy())
    revocation: RevocationPolicy = part(RevocationPolicy())
    device_tokens: DeviceTokenPolicy = part(DeviceTokenPolicy())
    links: LinkPolicy = part(LinkPolicy())
    challenges: ChallengePolicy = part(ChallengePolicy())
    passkeys: PasskeyPolicy = part(PasskeyPolicy())
    meta: MetaPolicy = part(MetaPolicy())
    addresses: AddressPolicy = part(AddressPolicy())
    mail: MailPolicy = part(MailPolicy())
    deliveries: DeliveryPolicy = part(DeliveryPolicy())
    action_log: ActionLogPolicy = part(ActionLogPolicy())
    statistics: StatisticsPolicy = part(StatisticsPolicy())
    retention: RetentionPolicy = part(RetentionPolicy())
