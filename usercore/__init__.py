"""User management in process: registering, signing in, tokens, identifiers, history.

``core = usercore.open("sqlite:///people.db")`` is where everything starts. What is not named here is not public, but
for those who write storages: they also work with ``usercore.storage``, ``usercore.workflows.recording`` and the ports.
"""

from usercore.attempts.model import Attempt, AttemptStatus, RegistrationPolicy, RegistrationStatus, ThrottlePolicy
from usercore.core import UserCore
from usercore.deliveries.errors import DeliveryNotFound
from usercore.deliveries.model import Delivery, DeliveryPolicy, DeliveryState
from usercore.history.model import Entry
from usercore.host import Gates, Host
from usercore.kernel.changes import Subject
from usercore.kernel.context import Actor, ActorKind, Context
from usercore.kernel.errors import (
    Busy,
    Conflict,
    Corrupt,
    Fault,
    ForeignFile,
    Full,
    Indeterminate,
    Invalid,
    LostRace,
    NewerSchema,
    NotFound,
    Overloaded,
    RateLimited,
    ReadOnly,
    Rejected,
    StaleVersion,
    StorageError,
    Taken,
    TenantNotFound,
    Unavailable,
    UsercoreError,
    UserNotFound,
)
from usercore.kernel.paging import Page
from usercore.kernel.preferences import DateFormat
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Reference, Username
from usercore.kernel.secret import Secret
from usercore.kernel.time import Clock
from usercore.kernel.unset import UNSET, Unset
from usercore.mail.mailers import FolderMailer, SmtpMailer
from usercore.mail.model import Links, Mail, MailKind, MailPolicy
from usercore.mail.ports import Mailer
from usercore.opening import open  # noqa: A004 - the one verb of the library
from usercore.passwords.errors import PasswordRefused
from usercore.passwords.model import (
    OWASP,
    RFC_9106_HIGH,
    RFC_9106_LOW,
    HashProfile,
    PasswordChange,
    PasswordPolicy,
    Pepper,
)
from usercore.policy import Policy
from usercore.tenants.errors import BuiltIn, SystemOnly
from usercore.tenants.model import Tenant
from usercore.tokens.errors import TokenExpired, TokenInvalid, TokenNotFound, TokenSpent, TokenUnknown
from usercore.tokens.model import (
    NIST_AAL1,
    AccessToken,
    AccessTokenPolicy,
    EndedTokens,
    LinkPolicy,
    LoginToken,
    LoginTokenPolicy,
)
from usercore.users.errors import ExternalIdLinked, WrongState
from usercore.users.model import Facts, Preferences, User, UserState
from usercore.workflows.admission import Application, EmailCheck, RegistrationGate
from usercore.workflows.applicants import PasswordCheck
from usercore.workflows.cleanup import Cleaned, RetentionPolicy
from usercore.workflows.delivering import Event, Subscriber
from usercore.workflows.errors import SignInRefused, Vetoed
from usercore.workflows.host_ways import Authenticator
from usercore.workflows.identity import Identity
from usercore.workflows.importing.model import BadRecord, ImportLine, ImportReport
from usercore.workflows.password_way import PasswordCredentials
from usercore.workflows.registering import Registration
from usercore.workflows.registration import EmailCheckResult, EmailStatus
from usercore.workflows.relay import Relay
from usercore.workflows.token_ways import AccessTokenCredentials, LoginTokenCredentials

__all__ = [
    "NIST_AAL1",
    "OWASP",
    "RFC_9106_HIGH",
    "RFC_9106_LOW",
    "UNSET",
    "AccessId",
    "AccessToken",
    "AccessTokenCredentials",
    "AccessTokenPolicy",
    "Actor",
    "ActorKind",
    "AnyId",
    "Application",
    "Attempt",
    "AttemptStatus",
    "Authenticator",
    "BadRecord",
    "BuiltIn",
    "Busy",
    "Cleaned",
    "Clock",
    "Conflict",
    "Context",
    "Corrupt",
    "DateFormat",
    "Delivery",
    "DeliveryNotFound",
    "DeliveryPolicy",
    "DeliveryState",
    "Email",
    "EmailCheck",
    "EmailCheckResult",
    "EmailStatus",
    "EndedTokens",
    "Entry",
    "Event",
    "ExternalId",
    "ExternalIdLinked",
    "Facts",
    "Fault",
    "FolderMailer",
    "ForeignFile",
    "Full",
    "Gates",
    "HashProfile",
    "Host",
    "Identity",
    "ImportLine",
    "ImportReport",
    "Indeterminate",
    "Invalid",
    "LinkPolicy",
    "Links",
    "LoginToken",
    "LoginTokenCredentials",
    "LoginTokenPolicy",
    "LostRace",
    "Mail",
    "MailKind",
    "MailPolicy",
    "Mailer",
    "NewerSchema",
    "NotFound",
    "Overloaded",
    "Page",
    "PasswordChange",
    "PasswordCheck",
    "PasswordCredentials",
    "PasswordPolicy",
    "PasswordRefused",
    "Pepper",
    "Policy",
    "Preferences",
    "RateLimited",
    "ReadOnly",
    "Reference",
    "Registration",
    "RegistrationGate",
    "RegistrationPolicy",
    "RegistrationStatus",
    "Rejected",
    "Relay",
    "RetentionPolicy",
    "Secret",
    "SignInRefused",
    "SmtpMailer",
    "StaleVersion",
    "StorageError",
    "Subject",
    "Subscriber",
    "SystemOnly",
    "Taken",
    "Tenant",
    "TenantNotFound",
    "ThrottlePolicy",
    "TokenExpired",
    "TokenInvalid",
    "TokenNotFound",
    "TokenSpent",
    "TokenUnknown",
    "Unavailable",
    "Unset",
    "User",
    "UserCore",
    "UserNotFound",
    "UserState",
    "UsercoreError",
    "Username",
    "Vetoed",
    "WrongState",
    "open",
]
