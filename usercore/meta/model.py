"""Meta: one text value a user and key, and the rules that a host declares for keys."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from usercore.kernel.bounds import check_line, each, whole
from usercore.kernel.changes import ChangeKind
from usercore.kernel.context import ActorKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.text import check_text, check_type
from usercore.kernel.values import frozen

KEY_LIMIT: Final = 255
"""Characters of a key. Source: spec M1."""


@entity
class StoredMeta:
    """A value as it is stored."""

    user_id: UserId
    tenant_id: TenantId
    key: str
    value: str
    public: bool
    created_at: datetime
    modified_at: datetime


@entity
class MetaValue:
    """A user's value under a key.

    ``breaks`` is the reason if the value was stored before the rule that it breaks was declared, else None.
    """

    user_id: UserId
    key: str
    value: str
    public: bool
    created_at: datetime
    modified_at: datetime
    breaks: str | None = None


@entity
class KeyUser:
    """A user who has a key, with the value and whether it is public."""

    user_id: UserId
    value: str
    public: bool


class MetaType(StrEnum):
    """What the text of a value must be."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    ONE_OF = "one_of"
    JSON = "json"


@frozen(kw_only=True)
class MetaRule:
    """What holds for the values of one key, in all tenants.

    ``choices`` are the values of ``MetaType.ONE_OF``. ``public`` is stored whatever a call passes; None leaves it to
    the calls. ``writers`` are the kinds of actors that may write and delete; None is all of them. ``personal`` says
    whether the values are personal data, ``label`` what forms show.
    """

    key: str
    type: MetaType = MetaType.TEXT
    choices: tuple[str, ...] = each((), str)
    public: bool | None = None
    writers: frozenset[ActorKind] | None = None
    personal: bool = True
    label: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check the rule.

        Raises:
            TypeError: a field has another type.
            ValueError: the key cannot exist, or there are choices without ``ONE_OF``, or none with it.
        """
        check_line(self.key, name="MetaRule.key", most=KEY_LIMIT)
        if check_text(self.key, field="key", most=KEY_LIMIT) != self.key:
            raise ValueError("MetaRule.key must be in NFC")
        check_type(self.type, MetaType, name="MetaRule.type")
        check_type(self.personal, bool, name="MetaRule.personal")
        for name, kind in (("public", bool), ("writers", frozenset), ("label", str)):
            if getattr(self, name) is not None:
                check_type(getattr(self, name), kind, name=f"MetaRule.{name}")
        for writer in self.writers or ():
            check_type(writer, ActorKind, name="each of MetaRule.writers")
        if bool(self.choices) != (self.type is MetaType.ONE_OF):
            raise ValueError("MetaRule.choices must be there exactly if the type is MetaType.ONE_OF")


@frozen(kw_only=True)
class MetaPolicy:
    """How long values may be, and the rules of keys; keys without a rule take any text."""

    max_bytes: int = whole(65_536, least=1, most=65_536, unit="bytes")
    """Bytes of a value in UTF-8. Source: spec M1."""

    rules: tuple[MetaRule, ...] = each((), MetaRule)
    """One for each declared key. Source: spec M7."""

    def __attrs_post_init__(self) -> None:
        """Check that each key is declared once.

        Raises:
            ValueError: two rules have one key.
        """
        if len({rule.key for rule in self.rules}) < len(self.rules):
            raise ValueError("MetaPolicy.rules must have keys of their own")


_FIELDS: Final = ("key", "value", "public")
_ALWAYS: Final = frozenset({"key", "public"})
_PERSONAL: Final = frozenset({"value"})

SET: Final = ChangeKind("meta.set", _FIELDS, _PERSONAL, public=True, always=_ALWAYS, shown_if="public")
DELETED: Final = ChangeKind("meta.deleted", _FIELDS, _PERSONAL, public=True, always=_ALWAYS, shown_if="public")
"""Events show the values of public meta only; of private meta they name the key. Source: spec M6."""

KINDS: Final = (SET, DELETED)

ROWS: Final = (
    Rows(
        entity=StoredMeta,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="meta",
        personal="value",
        plain="user_id tenant_id key public created_at modified_at",
    ),
)
