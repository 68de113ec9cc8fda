"""What all parts of the demonstration share: the core, a clock that they advance, and the mails that were sent."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email import policy as email_policy
from pathlib import Path
from typing import Final

from usercore import Context, Email, FactorKey, Links, Reference, SignInRefused, User, UserCore, UsercoreError

EXAMPLES: Final = Path(__file__).parent.parent

LINKS: Final = Links(
    sign_in="https://app.example.com/in",
    registration="https://app.example.com/join#{secret}",
    reset="https://app.example.com/reset#{secret}",
    confirmation="https://app.example.com/confirm#{secret}",
    email_change="https://app.example.com/email#{secret}",
    undo="https://app.example.com/undo#{secret}",
)

KEY: Final = FactorKey(id="demo", key=bytes(range(32)))
"""The key by which secrets of second factors are stored. Keep yours secret, and outside of the store."""

PAUSE: Final = timedelta(seconds=5)
"""How long an email cannot be registered again."""


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
    """A core, its clock, and the folder that its mails are written into."""

    def __init__(self, core: UserCore, clock: DemoClock, mails: Path) -> None:
        """Run on this core."""
        self.core, self.clock, self.mails = core, clock, mails

    def wait(self, span: timedelta = PAUSE) -> None:
        """Advance the clock."""
        self.clock.now += span

    def mail(self, kind: str) -> str:
        """Deliver the mails, and return the text of the one mail of this kind."""
        self.core.outbox.deliver()
        (file,) = self.mails.glob(f"{kind}-*.eml")
        text = message_from_bytes(file.read_bytes(), policy=email_policy.default).get_content()
        file.unlink()
        return str(text)

    def mailed_secret(self, kind: str) -> str:
        """Deliver the mails, and return the secret in the link of the one mail of this kind."""
        return self.mail(kind).partition("#")[2].split()[0]

    def refused(
        self, what: str, call: Callable[[], object], whose: Reference | None = None, *, is_stored: bool = True
    ) -> str:
        """Make a call that must be refused, and report the reason; for a sign-in only the attempt has it, if any."""
        try:
            call()
        except SignInRefused as refusal:
            if not is_stored:
                return f"refused: {what}: {refusal}; it is counted, not stored"
            (attempt,) = self.core.history.attempts(whose, limit=1).rows
            return f"refused: {what}: {refusal}; operators see: {attempt.status}"
        except UsercoreError as refusal:
            return f"refused: {what}: {refusal}"
        except TypeError as refusal:
            return f"refused: {what}: TypeError: {refusal}"
        return f"NOT REFUSED: {what}"
