"""A demonstration from an import to a token redeemed twice, with the sample data of the three documents.

Prints each step and each refusal with its reason, and fails when an outcome differs from ``demo.expected``. The store
that it creates, ``demo.db``, can be opened with ordinary SQLite tools.
"""

import difflib
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email import policy as email_policy
from pathlib import Path
from typing import Final

import pyotp

import usercore
from usercore import (
    AccessId,
    AnyId,
    BadRecord,
    Context,
    Email,
    ExternalId,
    FactorKey,
    FolderMailer,
    Links,
    MailPolicy,
    Policy,
    Reference,
    SecondFactorPolicy,
    SecondFactorRequired,
    Secret,
    SignInRefused,
    User,
    UserCore,
)
from usercore.importing.files import read_csv

HERE: Final = Path(__file__).parent
STORE: Final = HERE / "demo.db"
EXPECTED: Final = HERE / "demo.expected"

LINKS: Final = Links(
    sign_in="https://app.example.com/in",
    registration="https://app.example.com/join#{secret}",
    reset="https://app.example.com/reset#{secret}",
    confirmation="https://app.example.com/confirm#{secret}",
    email_change="https://app.example.com/email#{secret}",
    undo="https://app.example.com/undo#{secret}",
)

NEW_PASSWORD: Final = "seven pelicans over Trnava"
KEY: Final = FactorKey(id="demo", key=bytes(range(32)))
"""The key by which secrets of second factors are stored. Keep yours secret, and outside of the store."""


class DemoClock:
    """A clock that the demo advances, so that no step has to wait."""

    def __init__(self) -> None:
        """Start at a fixed noon."""
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the instant."""
        return self.now


class FooAuthenticator:
    """The host's own authenticator, for partners who show a badge; it adds what the host knows of a user."""

    name = "foo"
    priority = 600
    credentials = dict

    def authenticate(self, credentials: Mapping[str, str], context: Context) -> Reference | None:  # noqa: ARG002 - not needed
        """Return the user whose badge is shown."""
        return Email(credentials["badge"]) if "badge" in credentials else None

    def extra(self, user: User) -> Mapping[str, object]:  # noqa: ARG002 - the same for all users here
        """Return what ``identify`` shows under ``foo``."""
        return {"external_id": "baz", "custom_flag": True}


class Demo:
    """Runs the steps and yields their output."""

    def __init__(self, core: UserCore, clock: DemoClock, mails: Path) -> None:
        """Run on this core, whose mails are written into a folder."""
        self.core, self.clock, self.mails = core, clock, mails

    def play(self) -> Iterator[str]:
        """Run all steps and yield their output, line by line."""
        yield from self.imports()
        yield from self.plenigo()
        yield from self.remp()
        yield from self.izenda()
        yield from self.outgoing_email()
        yield from self.passwords()
        yield from self.tokens()
        yield from self.devices()
        yield from self.changed_email()
        yield from self.second_factor()

    def imports(self) -> Iterator[str]:
        """Import the customers twice."""
        yield "== Import examples/customers.csv =="
        bad: Sequence[BadRecord] = ()
        for run in ("first", "second"):
            with (HERE / "customers.csv").open("rb") as file:
                report = self.core.registration.import_users(read_csv(file))
            yield (
                f"{run} run: {report.created} created, {report.updated} updated, {report.unchanged} unchanged,"
                f" {report.bad_count} bad"
            )
            bad = report.bad
        yield from (f"refused: {record}" for record in bad[:5])

    def plenigo(self) -> Iterator[str]:
        """Register an external user, sign them in once, change their email, give them more ids."""
        core = self.core
        yield "== plenigo: external user management =="
        new = core.registration.register_external(
            "testAddNewUser@mail.com", language="en", external_id="A1BKAFZZ3H0H", first_name="new", name="user"
        )
        yield f"registered {new.user.email} as {new.user.external_id}: {new.user.full_name}"
        yield self.refused("the same email at once", lambda: core.registration.register_external(new.user.email or ""))
        self.clock.now += timedelta(seconds=5)
        again = core.registration.register_external("TESTADDNEWUSER@mail.com")
        yield f"the same email five seconds later: the same user, created={again.created}"

        secret = core.login_tokens.issue(ExternalId("A1BKAFZZ3H0H"))
        identity = core.sign_in.with_login_token(secret)
        yield f"login token redeemed: {identity.user.full_name} is signed in by {identity.authenticator}"
        yield self.refused("the login token again", lambda: core.sign_in.with_login_token(secret), new.user.id)
        late = core.login_tokens.issue(ExternalId("A1BKAFZZ3H0H"))
        self.clock.now += timedelta(minutes=5)
        yield self.refused("a login token after five minutes", lambda: core.sign_in.with_login_token(late), new.user.id)

        changed = core.emails.change(ExternalId("A1BKAFZZ3H0H"), "testChangeEMail@mail.com")
        yield f"email changed to {changed.email}"
        core.users.set_access_ids(ExternalId("A1BKAFZZ3H0H"), ["12345", "CRM-7"])
        yield f"found by access id: {core.users.get(AccessId('12345')).email}"
        yield f"found by any id: {core.users.get(AnyId('CRM-7')).email}"
        yield self.refused("a text for access ids", lambda: core.users.set_access_ids(changed.id, "12345"))
        yield self.refused("five access ids", lambda: core.users.set_access_ids(changed.id, list("abcde")))
        plain = core.registration.register_external("second@mail.com").user
        yield self.refused("a taken external id", lambda: core.users.link_external_id(plain.id, "12345"))
        yield f"external id linked: {core.users.link_external_id(plain.id, '56202510').external_id}"

    def remp(self) -> Iterator[str]:
        """Create a user, sign in, show the identity."""
        core = self.core.bind(source="api")
        yield "== REMP CRM: users module =="
        made = core.registration.register("user@user.sk", password="a sunny day in Bratislava", first_name="Test")
        yield f"created {made.user.email}, signed in: {made.access_token is not None}"
        yield self.refused("a bare text as reference", lambda: core.users.get("user@user.sk"))  # type: ignore[arg-type]  # the point of this step
        identity = core.sign_in.with_password("USER@user.sk", "a sunny day in Bratislava")
        yield f"login: {identity.user.email}, must change the password: {identity.must_change_password}"
        for what, email, whose in (
            ("a wrong password", "user@user.sk", made.user.id),
            ("an unknown email", "x@user.sk", None),
        ):
            yield self.refused(what, lambda email=email: core.sign_in.with_password(email, "a rainy day"), whose)  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
        assert identity.access_token is not None
        shown = core.sign_in.identify(identity.access_token)
        foo = dict(shown.extras["foo"])
        yield f'user info: {shown.user.email}, "foo": {foo}'
        yield f"by a badge: {core.sign_in.authenticate({'badge': 'user@user.sk'}).authenticator}"
        check = core.registration.check_email("user@user.sk", "a rainy day")
        yield f"email check: {check.status}, password {check.password}"
        core.access_tokens.revoke(identity.access_token)
        token = identity.access_token
        yield self.refused("the token after signing out", lambda: core.sign_in.identify(token))
        for attempt in core.history.attempts(made.user.id).rows:
            yield f"attempt: {attempt.status} as {attempt.login}"

    def izenda(self) -> Iterator[str]:
        """Show that tenants are isolated."""
        yield "== Izenda: tenants =="
        operators = self.core.tenant("system")
        tenant = operators.tenants.create("acme", "Acme", date_format="MM/DD/YYYY", language="en-US")
        acme = self.core.tenant("acme")
        dwebb = acme.registration.register_external("dwebb@example.com", first_name="David", name="Webb").user
        yield f"{dwebb.full_name} of {tenant.name}"
        yield f"seen from main: {self.core.users.find(Email('dwebb@example.com'))}"
        yield self.refused("their id, from main", lambda: self.core.users.get(dwebb.id))
        token = acme.sign_in.trusted(dwebb.id).access_token
        assert token is not None
        operators.tenants.deactivate("acme")
        yield self.refused("their token, in an inactive tenant", lambda: acme.sign_in.identify(token))
        operators.tenants.activate("acme")
        yield f"active again: {acme.sign_in.identify(token).user.full_name}"

    def outgoing_email(self) -> Iterator[str]:
        """Request a registration without an account, and deliver the email."""
        yield "== Mails =="
        self.core.registration.request("guest@example.com")
        self.core.registration.request("user@user.sk")
        yield f"asked for a free and for a taken email; delivered: {self.core.outbox.deliver()}"
        yield f"still to be delivered: {len(self.core.outbox.pending().rows)}"

    def passwords(self) -> Iterator[str]:
        """Reset a forgotten password by a mailed link."""
        core, user = self.core.bind(ip="192.0.2.1"), self.core.users.get(Email("user@user.sk"))
        yield "== A forgotten password =="
        session = core.sign_in.with_password("user@user.sk", "a sunny day in Bratislava").access_token
        for login in ("user@user.sk", "unknown@user.sk"):
            core.passwords.request_reset(login)
            yield f"requested for {login}"
        secret = self.mailed("password_reset")
        yield self.refused("a common password", lambda: core.passwords.reset(secret, "password123password"))
        core.passwords.reset(secret, NEW_PASSWORD)
        yield self.refused("the link again", lambda: core.passwords.reset(secret, "eight pelicans over Trnava"))
        yield self.refused("the session from before", lambda: core.sign_in.identify(session))
        yield self.refused(
            "the former password",
            lambda: core.sign_in.with_password("user@user.sk", "a sunny day in Bratislava"),
            user.id,
        )
        yield f"new password: {core.sign_in.with_password('user@user.sk', NEW_PASSWORD).user.email}"

    def tokens(self) -> Iterator[str]:
        """Use up an autologin token, and authorize a program."""
        core, user = self.core, self.core.users.get(Email("user@user.sk"))
        yield "== Tokens =="
        secret = core.autologin_tokens.issue(user.id, valid_to=self.clock.now + timedelta(days=14), max_uses=2)
        for use in ("first", "second"):
            yield f"autologin token, {use} use: {core.sign_in.with_autologin_token(secret).user.email}"
        yield self.refused("a third use", lambda: core.sign_in.with_autologin_token(secret), user.id)

        issued = core.bind(actor=usercore.Actor.operator("Zoë")).api_tokens.issue("export", addresses=["192.0.2.0/24"])
        core.api_tokens.grant(issued.token.public_id, ["users.read"])
        allowed = core.api_tokens.authorize(issued.secret, "users.read", ip="192.0.2.9")
        yield f"API token of {allowed.created_by}: {allowed.name} may use {', '.join(allowed.resources)}"
        for what, resource, ip in (
            ("a resource that was not granted", "users.write", "192.0.2.9"),
            ("another address", "users.read", "198.51.100.1"),
        ):
            yield self.refused(what, lambda to=resource, ip=ip: core.api_tokens.authorize(issued.secret, to, ip=ip))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults

    def devices(self) -> Iterator[str]:
        """Pair sessions of two users with one device."""
        core = self.core
        yield "== Devices =="
        phone = core.device_tokens.issue("phone 4711")
        core.sign_in.with_password("user@user.sk", NEW_PASSWORD, device_token=phone)
        yield f"the phone is used by {[user.email for user in core.device_tokens.users(phone)]}"
        core.sign_in.trusted(Email("second@mail.com"), device_token=phone)
        yield f"after another user: {[user.email for user in core.device_tokens.users(phone)]}"
        yield self.refused(
            "an unknown device token",
            lambda: core.sign_in.with_password("user@user.sk", NEW_PASSWORD, device_token="unknown"),
            Email("user@user.sk"),
        )

    def changed_email(self) -> Iterator[str]:
        """Undo the takeover of an account by the first link that was mailed."""
        core, user = self.core, self.core.users.get(Email("user@user.sk"))
        yield "== An email changed, and undone =="
        undo = ""
        for email in ("thief@example.com", "thief2@example.com"):
            core.emails.request_change(user.id, email)
            yield f"requested {email}, still {core.users.get(user.id).email}"
            changed = core.emails.confirm_change(self.mailed("email_change"))
            yield f"confirmed {changed.email}, verified: {changed.email_verified}"
            undo = undo or self.mailed("email_changed_undo")
        core.passwords.set(user.id, "the thief chose this one")
        stolen = core.sign_in.with_password("thief2@example.com", "the thief chose this one").access_token
        restored = core.emails.undo_change(undo)
        yield f"undone: {restored.email}, verified: {restored.email_verified}"
        yield self.refused("the intruder's session", lambda: core.sign_in.identify(stolen))
        yield self.refused("the link again", lambda: core.emails.undo_change(undo))
        core.passwords.reset(self.mailed("email_restored"), NEW_PASSWORD)
        yield f"new password: {core.sign_in.with_password('user@user.sk', NEW_PASSWORD).user.email}"

    def second_factor(self) -> Iterator[str]:
        """Enroll an authenticator app, and sign in with its code."""
        core, user = self.core, self.core.users.get(Email("user@user.sk"))
        yield "== A second factor =="
        enrollment = core.second_factors.begin(user.id, name="my phone")
        app = pyotp.TOTP(enrollment.secret.reveal())
        core.second_factors.confirm(user.id, app.at(self.clock.now))
        codes = core.second_factors.recovery_codes(user.id)
        yield f"enrolled: {core.second_factors.list(user.id)[0].name}, with {len(codes)} recovery codes"
        self.clock.now += timedelta(minutes=1)
        challenge = self.challenged()
        yield self.refused("a wrong code", lambda: core.sign_in.with_second_factor(challenge, "000000"), user.id)
        code = app.at(self.clock.now)
        yield f"signed in: {core.sign_in.with_second_factor(challenge, code).user.email}"
        again = self.challenged()
        yield self.refused("the code again", lambda: core.sign_in.with_second_factor(again, code), user.id)
        yield f"by a recovery code: {core.sign_in.with_second_factor(again, codes[0]).user.email}"

    def challenged(self) -> Secret:
        """Sign in by the password only, and return the challenge for the second factor."""
        try:
            self.core.sign_in.with_password("user@user.sk", NEW_PASSWORD)
        except SecondFactorRequired as required:
            return required.challenge
        raise AssertionError("no second factor was required")

    def mailed(self, kind: str) -> str:
        """Deliver the mails, and return the secret in the link of the one mail of this kind."""
        self.core.outbox.deliver()
        (file,) = self.mails.glob(f"{kind}-*.eml")
        text = message_from_bytes(file.read_bytes(), policy=email_policy.default).get_content()
        file.unlink()
        return str(text).partition("#")[2].split()[0]

    def refused(self, what: str, call: Callable[[], object], whose: Reference | None = None) -> str:
        """Make a call that must be refused, and report the reason; for a sign-in only the attempt has it."""
        try:
            call()
        except SignInRefused as refusal:
            (attempt,) = self.core.history.attempts(whose, limit=1).rows
            return f"refused: {what}: {refusal}; operators see: {attempt.status}"
        except usercore.UsercoreError as refusal:
            return f"refused: {what}: {refusal}"
        except TypeError as refusal:
            return f"refused: {what}: TypeError: {refusal}"
        return f"NOT REFUSED: {what}"


def main(store: Path = STORE) -> int:
    """Run the demo on a new store and compare it with the expected output; return 0 if they agree."""
    for path in store.parent.glob(f"{store.name}*"):
        path.unlink()
    clock = DemoClock()
    policy = Policy(mail=MailPolicy(links=LINKS, product="the demo"), second_factors=SecondFactorPolicy(keys=(KEY,)))
    with tempfile.TemporaryDirectory() as folder:
        mailer = FolderMailer(folder=Path(folder))
        url = f"sqlite:///{store}"
        with usercore.open(url, clock=clock, mailer=mailer, policy=policy, authenticators=[FooAuthenticator()]) as core:
            lines = []
            for line in Demo(core, clock, Path(folder)).play():
                print(line)
                lines.append(line)
    with closing(sqlite3.connect(store)) as database:
        (count,) = database.execute("SELECT count(*) FROM usercore_users").fetchone()
    lines.append(f"an ordinary SQLite tool counts {count} users in the store")
    print(lines[-1])
    return _compare(lines)


def _compare(lines: list[str]) -> int:
    expected = EXPECTED.read_text("utf-8").splitlines() if EXPECTED.exists() else []
    if lines == expected:
        print("\nEverything as expected.")
        return 0
    print("\n".join(difflib.unified_diff(expected, lines, "demo.expected", "this run", lineterm="")), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
