"""The numbers of tokens: lifetimes, uses and limits, with their sources."""

from datetime import timedelta
from typing import Final

from usercore.kernel.bounds import part, span, whole
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class AccessTokenPolicy:
    """How long access tokens are valid, and how often their last use is written."""

    idle_lifetime: timedelta = span(timedelta(days=90), least=timedelta(seconds=1))
    lifetime: timedelta = span(timedelta(days=365), least=timedelta(seconds=1))
    """Source: spec K2."""

    write_use_every: timedelta = span(timedelta(minutes=1), least=timedelta(0), most=timedelta(days=1))
    """Last use is collected in memory and written this often. Source: spec K2."""


NIST_AAL1: Final = AccessTokenPolicy(idle_lifetime=timedelta(days=30), lifetime=timedelta(days=30))
"""Sign in again after 30 days. Source: NIST SP 800-63B-4, 2.1.3."""


@frozen(kw_only=True)
class LoginTokenPolicy:
    """How long login tokens are valid, and how many can be issued in one call."""

    lifetime: timedelta = span(timedelta(minutes=5), least=timedelta(seconds=1))
    """Source: spec K3; plenigo."""

    max_at_once: int = whole(100, least=1, most=10_000, unit="tokens")
    """Source: spec K3."""


@frozen(kw_only=True)
class AutologinTokenPolicy:
    """How long autologin tokens can be valid, and how often one can sign its user in."""

    max_lifetime: timedelta = span(timedelta(days=365), least=timedelta(seconds=1))
    """The longest time from the issue to ``valid_to``. Source: usercore, as the lifetime of access tokens."""

    max_uses: int = whole(1000, least=1, most=1_000_000, unit="uses")
    """Source: spec K4."""


@frozen(kw_only=True)
class ApiTokenPolicy:
    """How many resources an API token can be granted, and to how many addresses it can be limited."""

    max_resources: int = whole(200, least=1, most=1000, unit="resources")
    max_addresses: int = whole(200, least=1, most=1000, unit="addresses")
    """All of them are in the token's row, which each call reads. Source: usercore."""


@frozen(kw_only=True)
class RevocationPolicy:
    """Which events revoke no tokens, against the table of spec K9. Source: spec K9; REMP CRM."""

    keep_at_password_change: bool = part(default=False)
    """Tokens stay valid when users change their password themselves; a password that is set or reset revokes them."""

    keep_at_deactivation: bool = part(default=False)
    """Tokens stay stored when a user is deactivated. They are refused until the user is active again."""


@frozen(kw_only=True)
class DeviceTokenPolicy:
    """How long device tokens are stored."""

    unpaired_retention: timedelta = span(timedelta(days=365), least=timedelta(0))
    """How long one is stored after every access token that was paired with it has expired. Source: usercore: an app
    that is opened once a year keeps its token."""


@frozen(kw_only=True)
class LinkPolicy:
    """How long mailed links are valid. Source: spec K7."""

    registration_lifetime: timedelta = span(timedelta(hours=24), least=timedelta(seconds=1))
    """Source: OWASP asks for short-lived links; a day leaves time for greylisting and a night."""

    reset_lifetime: timedelta = span(timedelta(hours=5), least=timedelta(seconds=1))
    confirmation_lifetime: timedelta = span(timedelta(days=3), least=timedelta(seconds=1))
    email_change_lifetime: timedelta = span(timedelta(days=3), least=timedelta(seconds=1))
    undo_lifetime: timedelta = span(timedelta(days=7), least=timedelta(seconds=1))
    """How long an email change can be undone, and the former address stays held for its user. Source: spec E3."""

    registration_refusals: int = whole(10, least=1, most=1000, unit="refusals")
    """A registration link is used up after this many, so that it cannot be used to list usernames. Source: spec K7."""


@frozen(kw_only=True)
class ChallengePolicy:
    """How long the challenges of passkeys are valid."""

    lifetime: timedelta = span(timedelta(minutes=10), least=timedelta(seconds=1), most=timedelta(minutes=10))
    """Source: WebAuthn Level 3, 15.1 recommends 5 to 10 minutes."""
