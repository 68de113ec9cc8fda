"""Passkeys: the relying party, what is stored of a passkey, and the changes that are recorded."""

import re
from datetime import datetime
from typing import Final
from uuid import UUID

import attrs

from usercore.kernel.bounds import check_line, each, optional_part, whole
from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen

NAME_LIMIT: Final = 100
"""Characters of a passkey's name, which its user chooses. Source: usercore."""

REASON_LIMIT: Final = 1000
"""Characters of the reason of a removal. Source: usercore."""

CREDENTIAL_ID_LIMIT: Final = 1023
"""Bytes of a credential id. Source: WebAuthn Level 3, 4 (Credential ID)."""

TRANSPORTS: Final = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})
"""The transports that are stored; others that a browser names are left out. Source: WebAuthn Level 3, 5.8.4."""

_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_ADDRESS: Final = re.compile(r"(.*\.)?[0-9]+")
"""A host that ends in a number is an IP address, for which there are no passkeys. Source: WHATWG URL, host parsing."""

_WEB_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?")
_MOST_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""Browsers leave these ports out of origins."""

_APP_ORIGIN: Final = re.compile(r"(android:apk-key-hash(-sha256)?|ios:bundle-id):[A-Za-z0-9_.-]+")


@frozen(kw_only=True)
class RelyingParty:
    """The site that passkeys are made for.

    ``id`` is its domain, such as ``example.com``: a passkey works for this domain and its subdomains, and for no other,
    so it can never be changed. ``name`` is what the browser shows. ``origins`` are those of the pages that may use
    passkeys, such as ``https://login.example.com``; ``http`` is for ``localhost`` only.
    """

    id: str
    name: str
    origins: tuple[str, ...] = each((), str)

    def __attrs_post_init__(self) -> None:
        """Check the relying party.

        Raises:
            TypeError: a field has another type.
            ValueError: the id is not a domain in lower case, or an origin is missing or cannot use passkeys of this id.
        """
        if not _is_domain(check_line(self.id, name="RelyingParty.id")):
            msg = f"RelyingParty.id must be a domain in lower case, such as example.com, not {self.id!r}"
            raise ValueError(msg)
        check_line(self.name, name="RelyingParty.name", most=NAME_LIMIT)
        if not self.origins:
            raise ValueError("RelyingParty.origins must have at least one origin, such as https://example.com")
        for origin in self.origins:
            if not self._may_use(origin):
                msg = f"RelyingParty.origins: {origin!r} is not an origin of {self.id}, such as https://{self.id}"
                raise ValueError(msg)

    def _may_use(self, origin: str) -> bool:
        web = _WEB_ORIGIN.fullmatch(origin)
        if web is None:
            return _APP_ORIGIN.fullmatch(origin) is not None
        scheme, host, port = web[1], web[2], None if web[3] is None else int(web[3])
        if port is not None and (port > _MOST_PORT or port == _DEFAULT_PORTS[scheme]):
            return False
        is_ours = _is_domain(host) and (host == self.id or host.endswith(f".{self.id}"))
        return is_ours and (scheme == "https" or host == "localhost" or host.endswith(".localhost"))


def _is_domain(host: str) -> bool:
    return _DOMAIN.fullmatch(host) is not None and _ADDRESS.fullmatch(host) is None


@frozen(kw_only=True)
class PasskeyPolicy:
    """Who passkeys are made for, and how many a user may have."""

    relying_party: RelyingParty | None = optional_part(RelyingParty)
    """Without one, the calls of passkeys are refused."""

    max_per_user: int = whole(20, least=1, most=100, unit="passkeys")
    """Source: usercore: several of each kind of device, and the lists that browsers are sent stay short."""


@entity
class Passkey:
    """A passkey of a user: a public key, which verifies signatures, and what the authenticator said of itself.

    ``id`` names it in calls. ``sign_count`` is the authenticator's counter, 0 for those without one. ``aaguid`` is the
    authenticator's model, zero if the browser does not say. ``backed_up`` says whether it is synced at present.
    ``transports`` are those of ``TRANSPORTS`` that the browser named, with blanks between them.
    """

    user_id: UserId
    tenant_id: TenantId
    credential_id: bytes
    id: int
    name: str
    public_key: bytes = attrs.field(repr=False)
    sign_count: int
    aaguid: UUID
    transports: str
    backup_eligible: bool
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None = None


@entity
class PasskeyRemoval:
    """Why a passkey was removed. The name is that of the passkey."""

    id: int
    name: str
    removal_reason: str | None


ADDED: Final = ChangeKind("passkey.added", ("id", "name"), frozenset({"name"}), public=True)
REMOVED: Final = ChangeKind(
    "passkey.removed",
    ("id", "name", "removal_reason"),
    frozenset({"name", "removal_reason"}),
    public=True,
    operator_only=frozenset({"removal_reason"}),
)

KINDS: Final = (ADDED, REMOVED)

ROWS: Final = (
    Rows(
        entity=Passkey,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="passkeys",
        personal="name",
        secret="credential_id public_key",  # noqa: S106 - names of columns
        plain="user_id tenant_id id sign_count aaguid transports backup_eligible backed_up created_at last_used_at",
    ),
)
