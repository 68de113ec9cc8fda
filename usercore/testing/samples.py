"""Sample entities with every field filled, so that a test notices a field that a storage does not store."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar, get_args, get_type_hints
from uuid import UUID

from usercore.attempts.model import Attempt, AttemptStatus, RegistrationAttempt, RegistrationStatus
from usercore.history.model import Action, Entry
from usercore.kernel.changes import Subject
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import RoleId, TenantId, UserId
from usercore.kernel.preferences import DateFormat
from usercore.kernel.secret import digest_of
from usercore.outbox.model import Delivery, DeliveryState
from usercore.passwords.model import Credential, PasswordChange
from usercore.roles.model import Role, RoleAssignment
from usercore.tenants.model import Tenant
from usercore.testing.fakes import NOON, TICK
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import AccessToken, ApiToken, DeviceToken, LimitedUseToken, RegistrationLink, SourceAccess
from usercore.users.identifiers import claims_of
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import Claim, EmailChange, EmailChangeState, User, UserState

ANN: Final = UserId(101)
BOB: Final = UserId(102)
ACME: Final = TenantId(3)

_DAY: Final = timedelta(days=1)

E = TypeVar("E")

_BY_TYPE: Final[Mapping[object, object]] = {str: "ä value", int: 15, bool: True, datetime: NOON}


def _filled(kind: type[E], **fields: object) -> E:
    """Return an entity with a value in every field: the named ones, and others by their type."""
    others = {
        name: next(_BY_TYPE[part] for part in (hint, *get_args(hint)) if part in _BY_TYPE)
        for name, hint in get_type_hints(kind).items()
        if name not in fields
    }
    return kind(**others, **fields)


USER: Final = _filled(
    User,
    id=ANN,
    tenant_id=MAIN,
    state=UserState.DEACTIVATED,
    email="Ann.Lee+news@example.com",
    email_verified_at=NOON - TICK,
    username="ann",
    external_id="0042",
    access_ids=("a-1", None, "a-3", "a-4"),
    supplied_uuid=UUID("8a1f1b70-7d3e-4a7c-9a55-0d3b5b1f2c11"),
    first_name="Ann",
    last_name="Lee-Őry",
    chosen_public_name="安",
    language="sk-SK",
    date_format=DateFormat.DAY_FIRST,
    timestamp_offset_minutes=-840,
    data_offset_minutes=345,
    source="spring",
    referer="https://example.com/?a=1",
    registration_channel="web",
    note="first line\nsecond line",
    is_institution=True,
    institution_name="Lee & Sons",
    confirmed_at=NOON - _DAY,
    registered_at=NOON - 2 * _DAY,
    last_sign_in_at=NOON - 2 * TICK,
    last_sign_in_ip="2001:db8::1",
    created_at=NOON - 2 * _DAY,
    created_by="operator:Zoë",
    modified_at=NOON - 3 * TICK,
    modified_by="user:101",
    version=7,
    change_no=9,
)

TENANT: Final = Tenant(
    id=ACME,
    key="acme",
    name="Acme Ltd.",
    description="makes everything",
    active=False,
    time_zone="Europe/Bratislava",
    country="SK",
    language="sk",
    date_format=DateFormat.DAY_FIRST,
    timestamp_offset_minutes=60,
    data_offset_minutes=-15,
    created_at=NOON - _DAY,
    created_by="host",
    modified_at=NOON - TICK,
    modified_by="operator:Zoë",
    version=3,
    change_no=5,
)

ROLE: Final = Role(
    id=RoleId(601),
    tenant_id=MAIN,
    name="Editors",
    active=True,
    privileged=True,
    permissions=("posts.delete", "posts.write"),
    created_at=NOON - _DAY,
    created_by="host",
    modified_at=NOON - TICK,
    modified_by="operator:Zoë",
    version=3,
    change_no=5,
)

ROLE_ASSIGNMENT: Final = RoleAssignment(
    user_id=ANN,
    role_id=ROLE.id,
    tenant_id=MAIN,
    id=701,
    created_at=NOON - _DAY,
    created_by="operator:Zoë",
    modified_at=NOON - TICK,
    modified_by="host",
    version=2,
)

CREDENTIAL: Final = Credential(
    user_id=ANN,
    hash="fake$1$" + "0" * 64,
    pepper_id="2026",
    version=4,
    set_at=NOON - _DAY,
    reason=PasswordChange.GENERATED,
    must_change=True,
    expires_at=NOON + 13 * _DAY,
)

ACCESS_TOKEN: Final = AccessToken(
    user_id=ANN,
    digest=digest_of("access"),
    authenticator="password",
    source="app",
    ip="192.0.2.7",
    user_agent="curl/8.5.0",
    issued_at=NOON - _DAY,
    last_used_at=NOON - TICK,
    expires_at=NOON + 364 * _DAY,
    revoked_at=None,
    device_digest=digest_of("device"),
    paired_at=NOON - TICK,
)

SOURCE_ACCESS: Final = SourceAccess(user_id=ANN, source="app", last_accessed_at=NOON)

DEVICE_TOKEN: Final = DeviceToken(
    id=601,
    tenant_id=MAIN,
    digest=digest_of("device"),
    device_id="Zoë's phone",
    issued_at=NOON - _DAY,
    last_used_at=NOON - TICK,
)

LIMITED_USE_TOKEN: Final = LimitedUseToken(
    user_id=ANN,
    digest=digest_of("limited use"),
    kind=TokenKind.LOGIN,
    issued_at=NOON - TICK,
    valid_from=NOON,
    expires_at=NOON + timedelta(minutes=5),
    max_uses=1,
    uses=0,
    address="ann@example.com",
    generation=4,
    redeemed_at=None,
    revoked_at=None,
)

API_TOKEN: Final = ApiToken(
    id=601,
    tenant_id=MAIN,
    digest=digest_of("api"),
    name="Nightly export",
    active=True,
    resources=("orders.read", "úsers.read"),
    addresses=("192.0.2.0/24", "2001:db8::/32"),
    issued_at=NOON - _DAY,
    created_by="operator:Zoë",
    expires_at=NOON + _DAY,
    last_used_at=NOON - TICK,
    revoked_at=None,
    change_no=2,
)

REGISTRATION_LINK: Final = RegistrationLink(
    id=301,
    tenant_id=MAIN,
    email="new@example.com",
    language="en",
    source="spring",
    referer="https://example.com/",
    digest=digest_of("link"),
    requested_at=NOON,
    expires_at=NOON + _DAY,
    completed_at=None,
    refusals=3,
    change_no=2,
)

ATTEMPT: Final = Attempt(
    user_id=ANN,
    id=401,
    tenant_id=MAIN,
    login="Ann",
    status=AttemptStatus.WRONG_PASS,
    authenticator="password",
    source="app",
    ip="192.0.2.7",
    user_agent="curl/8.5.0",
    at=NOON,
)

REGISTRATION_ATTEMPT: Final = RegistrationAttempt(
    user_id=ANN,
    id=501,
    tenant_id=MAIN,
    login="ann@example.com",
    status=RegistrationStatus.TAKEN_EMAIL,
    source="app",
    ip="192.0.2.7",
    user_agent="curl/8.5.0",
    at=NOON,
)

ENTRY: Final = Entry(
    subject_id=ANN,
    subject=Subject.USER,
    change_no=2,
    position=0,
    tenant_id=MAIN,
    kind="user.updated",
    at=NOON,
    actor="operator:Zoë",
    ip="192.0.2.7",
    source="app",
    old_text='{"first_name":"An"}',
    new_text='{"first_name":"Ann"}',
)

ACTION: Final = Action(
    user_id=ANN,
    id=701,
    tenant_id=MAIN,
    action="invoice.sent",
    at=NOON,
    actor="operator:Zoë",
    ip="192.0.2.7",
    source="desk",
    params_text='{"to":"Hlavná 1"}',
)

DELIVERY: Final = Delivery(
    subject_id=ANN,
    subject=Subject.USER,
    change_no=2,
    position=0,
    subscriber="mailer",
    tenant_id=MAIN,
    kind="user.updated",
    generation=4,
    ordering_key=0,
    state=DeliveryState.PENDING,
    made_at=NOON,
    due_at=NOON,
    tries=1,
    lease_no=3,
    problem="OSError",
    finished_at=None,
)

CLAIM: Final = Claim(tenant_id=MAIN, space=KeySpace.LOGIN, key="ann", holder_id=ANN, uses=int(KeyUse.USERNAME))

EMAIL_CHANGE: Final = EmailChange(
    user_id=ANN,
    number=2,
    tenant_id=MAIN,
    state=EmailChangeState.MADE,
    old_email="ann@example.com",
    old_verified_at=NOON - _DAY,
    old_external_id="17",
    old_access_ids=("a-1", None, None, "a-4"),
    new_email="lee@example.com",
    requested_at=NOON - TICK,
    made_at=NOON,
    open_until=NOON + 7 * _DAY,
)

a_user: Final = partial(evolve, USER)
a_tenant: Final = partial(evolve, TENANT)
a_role: Final = partial(evolve, ROLE)
a_role_assignment: Final = partial(evolve, ROLE_ASSIGNMENT)
a_credential: Final = partial(evolve, CREDENTIAL)
an_access_token: Final = partial(evolve, ACCESS_TOKEN)
a_device_token: Final = partial(evolve, DEVICE_TOKEN)
a_limited_use_token: Final = partial(evolve, LIMITED_USE_TOKEN)
an_api_token: Final = partial(evolve, API_TOKEN)
a_registration_link: Final = partial(evolve, REGISTRATION_LINK)
an_attempt: Final = partial(evolve, ATTEMPT)
a_registration_attempt: Final = partial(evolve, REGISTRATION_ATTEMPT)
an_entry: Final = partial(evolve, ENTRY)
an_action: Final = partial(evolve, ACTION)
a_delivery: Final = partial(evolve, DELIVERY)
a_claim: Final = partial(evolve, CLAIM)
an_email_change: Final = partial(evolve, EMAIL_CHANGE)
"""Return the sample with other values in the named fields: ``a_user(id=5, email=None)``."""


def claims_for(user: User) -> list[Claim]:
    """Return the claims that the user's identifiers need."""
    return [
        Claim(tenant_id=user.tenant_id, space=space, key=key, holder_id=user.id, uses=int(uses))
        for (space, key), uses in claims_of(user).items()
    ]
