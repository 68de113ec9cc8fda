"""Changes that services record; the storage's unit makes history and deliveries of them."""

from enum import StrEnum

from usercore.kernel.entity import entity
from usercore.kernel.values import frozen


class Subject(StrEnum):
    """The kind of thing that a change is about; the changes of each subject are numbered."""

    USER = "user"
    TENANT = "tenant"
    REGISTRATION = "registration"


@frozen
class ChangeKind:
    """A kind of change, declared once in its capability's ``model.py``.

    ``fields`` names the attributes of old and new that history stores, each a value that JSON has or an instant;
    ``personal`` are those of them that erasure and clean-up take out. ``operator_only`` fields are stored in history
    for operators and are left out of events and of every answer meant for the user. Only ``public`` kinds can be
    subscribed to.
    """

    name: str
    fields: tuple[str, ...] = ()
    personal: frozenset[str] = frozenset()
    public: bool = False
    subject: Subject = Subject.USER
    operator_only: frozenset[str] = frozenset()

    def __attrs_post_init__(self) -> None:
        """Check the markings.

        Raises:
            ValueError: a field is marked that the kind does not have.
        """
        unknown = self.operator_only.difference(self.fields)
        if unknown:
            msg = f"{self.name} has no field {min(unknown)!r} to mark"
            raise ValueError(msg)


@entity
class Change:
    """One change of one subject. ``old`` and ``new`` are the entity before and after, or None.

    ``generation`` is copied to the deliveries: a subscriber ignores one whose generation is no longer current.
    """

    kind: ChangeKind
    subject_id: int
    old: object = None
    new: object = None
    generation: int | None = None
