"""User management in process: registering, signing in, tokens, identifiers, history.

``core = usercore.open("sqlite:///people.db")`` is where everything starts. What is not named here is not public, but
for those who write storages: they also work with ``usercore.storage``, ``usercore.storage.recording`` and the ports.
"""

from usercore.addresses.country_names import country_name
from usercore.addresses.errors import (
    AddressChangedSince,
    AddressNotFound,
    AddressTypeNotFound,
    ChangeRequestNotFound,
    ChangeRequestWrongState,
    NothingChanged,
    ParentAddressNotFound,
    TooManyAddresses,
)
from usercore.addresses.model import (
    Address,
    AddressChangeRequest,
    AddressCheck,
    AddressFields,
    AddressPolicy,
    AddressType,
    AddressValues,
    AddressVersion,
    ChangeRequestState,
)
from usercore.attempts.model import Attempt, AttemptStatus, RegistrationPolicy, RegistrationStatus
from usercore.authenticators.access_token import AccessTokenCredentials
from usercore.authenticators.errors import SignInRefused
from usercore.authenticators.external import Authenticator
from usercore.authenticators.passkey import PasskeyCredentials
from usercore.authenticators.password import PasswordCredentials
from usercore.authenticators.redeemed_tokens import AutologinTokenCredentials, LoginTokenCredentials
from usercore.compliance.model import (
    Clause,
    ComplianceOutcome,
    ComplianceReport,
    ComplianceResult,
    Standard,
    StoreAccess,
)
from usercore.composition.host import Gates, Host
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.delivery.dispatcher import Event, Subscriber
from usercore.delivery.relay import Relay
from usercore.gates.errors import Vetoed
from usercore.gates.model import AddressAcceptance, AddressRemoval, RegistrationRequest, UserErasure
from usercore.gates.ports import (
    AddressAcceptanceGate,
    AddressRemovalGate,
    EmailCheck,
    PasswordCheck,
    RegistrationGate,
    UserErasureGate,
)
from usercore.groups.errors import GroupNotEmpty, GroupNotFound, GroupStaleVersion, GroupTaken
from usercore.groups.model import Group, GroupMember, JoinedGroup
from usercore.history.model import Action, ActionCount, ActionLogPolicy, Entry
from usercore.importing.model import BadRecord, ImportLine, ImportReport
from usercore.kernel.changes import Subject
from usercore.kernel.context import Actor, ActorKind, Context
from usercore.kernel.errors import (
    Busy,
    Conflict,
    Corrupt,
    FieldError,
    ForeignFile,
    Full,
    Indeterminate,
    Invalid,
    LostRace,
    NewerSchema,
    NotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    ReadOnly,
    Rejected,
    StaleVersion,
    StorageError,
    StoreMoved,
    Taken,
    TenantNotFound,
    Unavailable,
    UsercoreError,
    UserNotFound,
    WrongState,
)
from usercore.kernel.paging import NumberedPage, Page
from usercore.kernel.preferences import DateFormat
from usercore.kernel.references import AccessId, AnyId, Email, ExternalId, Reference, Username, user_id_of
from usercore.kernel.secret import Secret
from usercore.kernel.time import Clock
from usercore.kernel.unset import UNSET, Unset
from usercore.mail.mailers import FolderMailer, SmtpMailer
from usercore.mail.model import Links, Mail, MailKind, MailPolicy
from usercore.mail.ports import Mailer
from usercore.maintenance.cleanup import Cleaned, RetentionPolicy
from usercore.meta.model import KeyUser, MetaPolicy, MetaRule, MetaType, MetaValue
from usercore.opening import open  # noqa: A004 - the one verb of the library
from usercore.outbox.errors import DeliveryNotFound
from usercore.outbox.model import Delivery, DeliveryPolicy, DeliveryState
from usercore.passkey_ceremonies.model import PasskeyCeremony
from usercore.passkeys.errors import PasskeyNotFound, PasskeyRejected, PasskeyTaken, TooManyPasskeys
from usercore.passkeys.model import Passkey, PasskeyPolicy, RelyingParty
from usercore.passwords.errors import PasswordRefused
from usercore.passwords.model import (
    OWASP,
    RFC_9106_HIGH,
    RFC_9106_LOW,
    FirebaseKey,
    HashProfile,
    ImportedHashes,
    PasswordChange,
    PasswordPolicy,
    Pepper,
    ResetPolicy,
)
from usercore.products.model import ProductGrant
from usercore.registration.detail import SavedUser, UserDetail
from usercore.registration.service import EmailCheckResult, EmailStatus
from usercore.registration.steps import Registration
from usercore.roles.errors import AdminHasNoRoles, RoleNotFound, RoleStaleVersion, RoleTaken
from usercore.roles.model import HeldRole, Role, RoleAssignment
from usercore.second_factors.errors import (
    CodeWrong,
    EnrollmentNotFound,
    LastSecondFactor,
    NoFactorKey,
    NoSecondFactor,
    SecondFactorNotFound,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    TooManySecondFactors,
)
from usercore.second_factors.model import FactorKey, RequiredFor, SecondFactor, SecondFactorPolicy, TotpEnrollment
from usercore.sign_in.model import Identity, SignedIn
from usercore.statistics.model import DayCount, HashCount, RegistrationFigures, StatisticsPolicy
from usercore.tenants.errors import BuiltIn, SystemOnly, TenantInactive, TenantStaleVersion, TenantTaken
from usercore.tenants.model import Tenant
from usercore.throttling.model import ThrottlePolicy
from usercore.tokens.errors import (
    AddressNotAllowed,
    DeviceTokenUnknown,
    ResourceNotGranted,
    TokenExpired,
    TokenInactive,
    TokenInvalid,
    TokenMalformed,
    TokenMissing,
    TokenNotFound,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)
from usercore.tokens.kinds import RevocationReason, TokenKind
from usercore.tokens.model import (
    AccessToken,
    ApiToken,
    DeviceToken,
    IssuedApiToken,
    LimitedUseToken,
    RememberedDevice,
    RevokedTokens,
    SourceAccess,
)
from usercore.tokens.policies import (
    NIST_AAL1,
    AccessTokenPolicy,
    ApiTokenPolicy,
    AutologinTokenPolicy,
    ChallengePolicy,
    DeviceTokenPolicy,
    LinkPolicy,
    LoginTokenPolicy,
    RevocationPolicy,
)
from usercore.users.errors import ExternalIdLinked, LastAdmin, TooBroad
from usercore.users.fields import ExternalRegistrationFields, RegistrationFields, UserFields
from usercore.users.model import (
    AccountStatus,
    AccountStatusCode,
    EmailChange,
    EmailChangeState,
    EmailPolicy,
    Preferences,
    SearchPolicy,
    User,
    UserState,
)
from usercore.views.model import UserOverview

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
    "AccountStatus",
    "AccountStatusCode",
    "Action",
    "ActionCount",
    "ActionLogPolicy",
    "Actor",
    "ActorKind",
    "Address",
    "AddressAcceptance",
    "AddressAcceptanceGate",
    "AddressChangeRequest",
    "AddressChangedSince",
    "AddressCheck",
    "AddressFields",
    "AddressNotAllowed",
    "AddressNotFound",
    "AddressPolicy",
    "AddressRemoval",
    "AddressRemovalGate",
    "AddressType",
    "AddressTypeNotFound",
    "AddressValues",
    "AddressVersion",
    "AdminHasNoRoles",
    "AnyId",
    "ApiToken",
    "ApiTokenPolicy",
    "Attempt",
    "AttemptStatus",
    "Authenticator",
    "AutologinTokenCredentials",
    "AutologinTokenPolicy",
    "BadRecord",
    "BuiltIn",
    "Busy",
    "ChallengePolicy",
    "ChangeRequestNotFound",
    "ChangeRequestState",
    "ChangeRequestWrongState",
    "Clause",
    "Cleaned",
    "Clock",
    "CodeWrong",
    "ComplianceOutcome",
    "ComplianceReport",
    "ComplianceResult",
    "Conflict",
    "Context",
    "Corrupt",
    "DateFormat",
    "DayCount",
    "Delivery",
    "DeliveryNotFound",
    "DeliveryPolicy",
    "DeliveryState",
    "DeviceToken",
    "DeviceTokenPolicy",
    "DeviceTokenUnknown",
    "Email",
    "EmailChange",
    "EmailChangeState",
    "EmailCheck",
    "EmailCheckResult",
    "EmailPolicy",
    "EmailStatus",
    "EnrollmentNotFound",
    "Entry",
    "Event",
    "ExternalId",
    "ExternalIdLinked",
    "ExternalRegistrationFields",
    "FactorKey",
    "FieldError",
    "FirebaseKey",
    "FolderMailer",
    "ForeignFile",
    "Full",
    "Gates",
    "Group",
    "GroupMember",
    "GroupNotEmpty",
    "GroupNotFound",
    "GroupStaleVersion",
    "GroupTaken",
    "HashCount",
    "HashProfile",
    "HeldRole",
    "Host",
    "Identity",
    "ImportLine",
    "ImportReport",
    "ImportedHashes",
    "Indeterminate",
    "Invalid",
    "IssuedApiToken",
    "JoinedGroup",
    "KeyUser",
    "LastAdmin",
    "LastSecondFactor",
    "LimitedUseToken",
    "LinkPolicy",
    "Links",
    "LoginTokenCredentials",
    "LoginTokenPolicy",
    "LostRace",
    "Mail",
    "MailKind",
    "MailPolicy",
    "Mailer",
    "MetaPolicy",
    "MetaRule",
    "MetaType",
    "MetaValue",
    "NewerSchema",
    "NoFactorKey",
    "NoSecondFactor",
    "NotAllowed",
    "NotFound",
    "NothingChanged",
    "NumberedPage",
    "Overloaded",
    "Page",
    "ParentAddressNotFound",
    "Passkey",
    "PasskeyCeremony",
    "PasskeyCredentials",
    "PasskeyNotFound",
    "PasskeyPolicy",
    "PasskeyRejected",
    "PasskeyTaken",
    "PasswordChange",
    "PasswordCheck",
    "PasswordCredentials",
    "PasswordPolicy",
    "PasswordRefused",
    "Pepper",
    "Policy",
    "Preferences",
    "ProductGrant",
    "RateLimited",
    "ReadOnly",
    "Reference",
    "Registration",
    "RegistrationFields",
    "RegistrationFigures",
    "RegistrationGate",
    "RegistrationPolicy",
    "RegistrationRequest",
    "RegistrationStatus",
    "Rejected",
    "Relay",
    "RelyingParty",
    "RememberedDevice",
    "RequiredFor",
    "ResetPolicy",
    "ResourceNotGranted",
    "RetentionPolicy",
    "RevocationPolicy",
    "RevocationReason",
    "RevokedTokens",
    "Role",
    "RoleAssignment",
    "RoleNotFound",
    "RoleStaleVersion",
    "RoleTaken",
    "SavedUser",
    "SearchPolicy",
    "SecondFactor",
    "SecondFactorNotFound",
    "SecondFactorPolicy",
    "SecondFactorRequired",
    "SecondFactorSetupRequired",
    "Secret",
    "SignInRefused",
    "SignedIn",
    "SmtpMailer",
    "SourceAccess",
    "StaleVersion",
    "Standard",
    "StatisticsPolicy",
    "StorageError",
    "StoreAccess",
    "StoreMoved",
    "Subject",
    "Subscriber",
    "SystemOnly",
    "Taken",
    "Tenant",
    "TenantInactive",
    "TenantNotFound",
    "TenantStaleVersion",
    "TenantTaken",
    "ThrottlePolicy",
    "TokenExpired",
    "TokenInactive",
    "TokenInvalid",
    "TokenKind",
    "TokenMalformed",
    "TokenMissing",
    "TokenNotFound",
    "TokenNotYetValid",
    "TokenRedeemed",
    "TokenRevoked",
    "TokenUnknown",
    "TooBroad",
    "TooManyAddresses",
    "TooManyPasskeys",
    "TooManySecondFactors",
    "TotpEnrollment",
    "Unavailable",
    "Unset",
    "User",
    "UserCore",
    "UserDetail",
    "UserErasure",
    "UserErasureGate",
    "UserFields",
    "UserNotFound",
    "UserOverview",
    "UserState",
    "UsercoreError",
    "Username",
    "Vetoed",
    "WrongState",
    "country_name",
    "open",
    "user_id_of",
]
