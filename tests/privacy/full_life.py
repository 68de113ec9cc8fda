"""A user with something in every personal column: each text has the same mark, so that what is left can be searched."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import attrs

from tests.email_change.undo_races import mailed
from tests.faults.filled_stores import RELYING_PARTY
from tests.services.factors import KEY, App
from tests.services.helpers import PASSWORD, over
from tests.services.passkey_helpers import add
from usercore import (
    Actor,
    MailKind,
    PasskeyPolicy,
    SecondFactorPolicy,
    SecondFactorRequired,
    User,
    UserCore,
    UsercoreError,
)
from usercore.addresses.model import FIELDS as ADDRESS_FIELDS
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import FakeClock, MemoryMailer
from usercore.testing.passkeys import SoftwareAuthenticator
from usercore.testing.samples import an_attempt

MARK: Final = "zqmark"
ADDRESS: Final = "2001:db8:7a71::77"
OF_USER: Final = UUID("7a717a71-7a71-4a71-8a71-7a717a717a71")
MARKS: Final = (MARK, ADDRESS, str(OF_USER))
"""What must not be found after an erasure, in any case."""

FIRST_EMAIL: Final = f"{MARK}.first@example.com"
EMAIL: Final = f"{MARK}@example.com"
LOGIN: Final = f"  {EMAIL.upper()}"
DAY: Final = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Lives:
    """The core, the user who is erased, and one who stays."""

    core: UserCore
    user: User
    bob: User


def live(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> Lives:
    """Do as a user everything of which something personal is stored."""
    core = _with_policy(core)
    own = core.bind(ip=ADDRESS, user_agent=f"{MARK} browser", source="shop")
    _fail(own, FIRST_EMAIL)  # no user has it yet
    own.registration.request(FIRST_EMAIL, referer=f"https://{MARK}.example.com/")
    clock.advance(timedelta(minutes=1))
    own.registration.request(FIRST_EMAIL.upper(), referer=f"https://{MARK}.example.com/")
    core.outbox.deliver()
    link = mailer.sent[-1].text.split("/join/")[1].split()[0]
    registered = own.registration.complete(link, password=PASSWORD, username=f"{MARK}name", first_name=f"{MARK} First")
    user = registered.user
    assert registered.access_token is not None
    _fill_fields(core, user)
    bob = core.registration.register("bob@example.com", password=PASSWORD, send_email=False, sign_in=False).user
    _change_emails(own, user, mailer)
    login_of_another(core, bob, FIRST_EMAIL)
    _fill_rows(core, own, user)
    _prove_twice(own, user, clock)
    add(core, user, SoftwareAuthenticator(), name=f"{MARK} passkey")
    _fail(own, LOGIN)
    clock.advance(DAY)  # or the registration is limited before it is refused as taken
    for email in (EMAIL, f"{MARK}.second@example.com"):
        with_refusal(lambda email=email: own.registration.register(email))
    core.passwords.request_reset(EMAIL)
    core.outbox.deliver()
    core.passwords.request_reset(FIRST_EMAIL)
    _act(own, user, bob)
    core.bind(actor=Actor.user(user.id)).api_tokens.issue("script")
    core.login_tokens.issue(user.id)
    return Lives(core=core, user=core.users.get(user.id), bob=bob)


def _act(own: UserCore, user: User, bob: User) -> None:
    acting = own.bind(actor=Actor.user(user.id))
    acting.meta.upsert(bob.id, "friend", "yes")
    acting.history.log_action("greeted", bob.id)
    own.history.log_action("called", user.id, params={"by": f"{MARK} 7"})


def with_refusal(call: Any) -> None:
    """Run a call that is refused."""
    try:
        call()
    except UsercoreError:
        return
    raise AssertionError("it was not refused")


def _with_policy(core: UserCore) -> UserCore:
    policy = attrs.evolve(
        core.policy,
        passkeys=PasskeyPolicy(relying_party=RELYING_PARTY),
        second_factors=SecondFactorPolicy(keys=(KEY,), remember_device_for=timedelta(days=30)),
    )
    return over(core, policy=policy)


def _fail(core: UserCore, login: str) -> None:
    with_refusal(lambda: core.sign_in.with_password(login, "a wrong password"))


def _fill_fields(core: UserCore, user: User) -> None:
    record = {
        "email": FIRST_EMAIL,
        "uuid": str(OF_USER),
        "external_id": f"{MARK}-1",
        "access_ids": [f"{MARK}-2", None, None, f"{MARK}-3"],
        "last_name": f"{MARK} Last",
        "public_name": f"{MARK} Public",
        "institution_name": f"{MARK} Institution",
        "referer": f"https://{MARK}.example.com/",
        "note": f"{MARK}\nnote",
    }
    assert core.registration.import_users([record]).updated == 1
    core.emails.set_verified(user.id, verified=True)


def login_of_another(core: UserCore, user: User, login: str) -> None:
    """Store an attempt of another user by a login, as if that user had had the email once."""
    attempt = an_attempt(user_id=user.id, id=7, login=login, ip=None, user_agent=None)
    units: Units[Unit] = core._service.units
    units.write(lambda unit: unit.attempts.add(attempt))


def _change_emails(own: UserCore, user: User, mailer: MemoryMailer) -> None:
    """Change the email twice, so that the second one is held, and request a third one."""
    own.emails.change(user.id, f"{MARK}.second@example.com")
    own.emails.set_verified(user.id, verified=True)
    own.emails.request_change(user.id, EMAIL)
    own.emails.confirm_change(mailed(own, mailer, EMAIL, MailKind.EMAIL_CHANGE))
    mailed(own, mailer, f"{MARK}.second@example.com", MailKind.EMAIL_CHANGED_UNDO)
    own.emails.request_change(user.id, f"{MARK}.third@example.com")
    own.outbox.deliver()


def _fill_rows(core: UserCore, own: UserCore, user: User) -> None:
    for number in range(20):
        own.meta.upsert(user.id, f"key {number}", f"{MARK} {number} " * 40)
    core.groups.add(user.id, core.groups.create("Readers").id)
    core.roles.give(user.id, core.roles.create("Subscriber").id)
    core.products.grant(user.id, ["weekly"])
    core.addresses.declare_type("invoice")
    values: Any = {name: f"{MARK} {name}" for name in ADDRESS_FIELDS} | {"country": "SK", "phone": f"{MARK}1"}
    address = core.addresses.add(user.id, "invoice", **values)
    request = core.addresses.request_change(user.id, "invoice", street=f"{MARK} Street")
    core.addresses.reject(user.id, request.id, reason=f"{MARK} reason")
    core.addresses.request_change(user.id, address.id, city=f"{MARK} City")


def _prove_twice(own: UserCore, user: User, clock: FakeClock) -> None:
    """Enroll a second factor, remember a device, and leave a challenge unanswered."""
    app = App(own.second_factors.begin(user.id, name=f"{MARK} phone"), clock)
    own.second_factors.confirm(user.id, app.code())
    own.second_factors.recovery_codes(user.id)
    phone = own.device_tokens.issue("a phone")
    for code in (1, None):
        try:
            own.sign_in.with_password(EMAIL, PASSWORD)
        except SecondFactorRequired as required:
            if code is not None:
                own.sign_in.with_second_factor(
                    required.challenge, app.code(code), device_token=phone, remember_device=True
                )
