"""Changes that services record; the storage's unit turns them into history rows and deliveries."""

from enum import StrEnum

from usercore.kernel.entity import entity
from usercore.kernel.values import frozen


class Subject(StrEnum):
    """The kind of thing that a change is about; the changes of each subject are numbered."""

    USER = "user"
    TENANT = "tenant"
    REGISTRATION = "registration"
    ROLE = "role"
    GROUP = "group"
    UNKNOWN_LOGIN = "unknown_login"
    """A login that no user has. Each change of this kind has a subject of its own, which needs no lock."""
    API_TOKEN = "api_token"  # noqa: S105 - a kind of subject, not a password
    DEVICE_TOKEN = "device_token"  # noqa: S105 - a subject, not a password


@frozen
class ChangeKind:
    """A kind of change, declared once in its capability's ``model.py``.

    ``fields`` names the attributes of old and new that history stores, each a JSON value or an instant;
    ``personal`` are those of them that erasure and clean-up remove. ``operator_only`` fields are stored in history
    for operators and are left out of events and of every answer meant for the user. Only ``public`` kinds can be
    subscribed to.

    ``always`` fields are stored even if they did not change or are empty: they name the part of the subject that
    changed. ``shown_if`` names a boolean field of old and new, which is always stored: events show the other fields of
    a side only if it is true, so that private values reach operators only.
    """

    name: str
    fields: tuple[str, ...] = ()
    personal: frozenset[str] = frozenset()
    public: bool = False
    subject: Subject = Subject.USER
    operator_only: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    shown_if: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check that the marked fields are fields of the kind.

        Raises:
            ValueError: a marked field is not a field of the kind, or ``shown_if`` is not always stored.
        """
        marked = self.operator_only | self.always
        unknown = marked.difference(self.fields)
        if unknown:
            msg = f"{self.name} has no field {min(unknown)!r} to mark"
            raise ValueError(msg)
        if self.shown_if is not None and self.shown_if not in self.always:
            msg = f"{self.name} must always store the field {self.shown_if!r}, by which events are shown"
            raise ValueError(msg)


@entity
class Change:
    """One change of one subject. ``old`` and ``new`` are the entity before and after, or None.

    ``recipient`` is the address to which a mail about it goes, if it is known: mails to another address do not wait for
    that mail. It is not stored.

    ``generation`` is copied to the deliveries: a subscriber ignores one whose generation is no longer current.
    """

    kind: ChangeKind
    subject_id: int
    old: object = None
    new: object = None
    generation: int | None = None
    recipient: str | None = None
