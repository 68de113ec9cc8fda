"""Changes: what a service says it did. History and deliveries are made of them, by the storage's unit."""

from enum import StrEnum

from usercore.kernel.entity import entity
from usercore.kernel.values import frozen


class Subject(StrEnum):
    """What a change is about; each has its own count of changes."""

    USER = "user"
    TENANT = "tenant"
    REGISTRATION = "registration"


@frozen
class ChangeKind:
    """A kind of change, declared once in its capability's ``model.py``.

    ``fields`` names the attributes of old and new that history keeps, each a value that JSON knows or an instant;
    ``personal`` those of them that erasing takes out. ``operator_only`` fields are stored in history for operators and
    are left out of events and of every answer meant for the user. Only ``public`` kinds can be subscribed to.
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
    """One change of one subject. ``old`` and ``new`` are what was and what is, or None.

    ``generation`` goes with the deliveries: a subscriber drops one whose generation is no longer current.
    """

    kind: ChangeKind
    subject_id: int
    old: object = None
    new: object = None
    generation: int | None = None
