"""Errors, named as states of affairs: catch by class and branch by ``code``, never by text.

``str(error)`` is for operators' logs: it contains the code and the fields, never a secret, and is no message for users.
``TypeError`` and ``ValueError`` are not among them: they mean that a call is wrong, which is a programming error.
"""

from datetime import timedelta
from typing import Any, ClassVar

import attrs

from usercore.kernel.values import frozen


class UsercoreError(Exception):
    """The base class of every error that usercore raises on purpose."""

    code: ClassVar[str] = "usercore.error"

    def __str__(self) -> str:
        """Return the code and the fields, without secrets."""
        return " ".join([self.code, *(f"{name}={value!r}" for name, value in self.fields().items())])

    def fields(self) -> dict[str, Any]:
        """Return the error's fields by name, for building responses."""
        return {name: getattr(self, name) for name in getattr(self, "__match_args__", ())}


class Rejected(UsercoreError):
    """A rule does not allow the call. Only attempt, throttle and last-use records changed."""

    code: ClassVar[str] = "usercore.rejected"


class NotFound(UsercoreError):
    """The call refers to something that does not exist, or not in this tenant."""

    code: ClassVar[str] = "usercore.not_found"


class Conflict(UsercoreError):
    """The call conflicts with another one that came first."""

    code: ClassVar[str] = "usercore.conflict"


class StorageError(UsercoreError):
    """The storage could not complete the operation."""

    code: ClassVar[str] = "storage.error"
    reason: str | None = None
    """Details for operators: the folder, file or server, and the reason that the system or the driver gave where it is
    safe to show. Never a credential and never a stored value. It is not among ``fields()``, which may reach users."""

    def __init__(self, reason: str | None = None) -> None:
        """Create the error, with the reason if one is known."""
        super().__init__(*([] if reason is None else [reason]))
        self.reason = reason

    def __str__(self) -> str:
        """Return the code and the fields, followed by the reason."""
        text = super().__str__()
        return text if self.reason is None else f"{text}: {self.reason}"


@frozen
class FieldError:
    """One thing that is wrong with one field."""

    field: str
    reason: str


@attrs.frozen
class Invalid(Rejected):
    """One or more values are invalid; every error is listed, by field."""

    code: ClassVar[str] = "input.invalid"
    errors: tuple[FieldError, ...]


@attrs.frozen
class NotAllowed(Rejected):
    """The actor of this core may not do this; ``action`` is the name of the action, such as ``meta.write``."""

    code: ClassVar[str] = "actors.not_allowed"
    action: str


@attrs.frozen
class WrongState(Rejected):
    """This transition is not possible from the present state."""

    code: ClassVar[str] = "users.wrong_state"
    state: str


@attrs.frozen
class RateLimited(Rejected):
    """Too many tries. Try again after ``retry_after``, which is the same for known and unknown accounts."""

    code: ClassVar[str] = "attempts.rate_limited"
    retry_after: timedelta


class UserNotFound(NotFound):
    """There is no such user in this tenant, or it was erased."""

    code: ClassVar[str] = "users.not_found"


class TenantNotFound(NotFound):
    """There is no such tenant."""

    code: ClassVar[str] = "tenants.not_found"


@attrs.frozen
class Taken(Conflict):
    """Another holder has this value of ``field`` in the named space."""

    code: ClassVar[str] = "users.taken"
    space: str
    field: str


@attrs.frozen
class StaleVersion(Conflict):
    """The row was changed since the version that the caller read."""

    code: ClassVar[str] = "users.stale_version"
    current: int


class LostRace(Conflict):
    """Concurrent calls changed the same data in every run of this call; nothing was stored. Call again."""

    code: ClassVar[str] = "usercore.lost_race"


class Overloaded(UsercoreError):
    """Too many passwords are being hashed at once, or the machine has no memory for another hash. Try again later."""

    code: ClassVar[str] = "passwords.overloaded"


class Busy(StorageError):
    """Another process held the storage for longer than the waiting time."""

    code: ClassVar[str] = "storage.busy"


class Full(StorageError):
    """No space is left for the storage; the unit was rolled back."""

    code: ClassVar[str] = "storage.full"


class Corrupt(StorageError):
    """The file is damaged, or is not a store."""

    code: ClassVar[str] = "storage.corrupt"


class ForeignFile(StorageError):
    """The database has tables of another application and none of usercore's."""

    code: ClassVar[str] = "storage.foreign_file"


class TargetNotEmpty(StorageError):
    """The store that a copy is to fill has rows, or is an unfinished copy of another store."""

    code: ClassVar[str] = "storage.target_not_empty"


@attrs.frozen
class NewerSchema(StorageError):
    """The store was made by a newer usercore."""

    code: ClassVar[str] = "storage.newer_schema"
    found: int
    known: int


class Unsupported(StorageError):
    """The server cannot do what the URL or the call asks for."""

    code: ClassVar[str] = "storage.unsupported"


class ReadOnly(StorageError):
    """The store may not be written."""

    code: ClassVar[str] = "storage.read_only"


class Unavailable(StorageError):
    """The store cannot be opened or reached."""

    code: ClassVar[str] = "storage.unavailable"


class StoreMoved(StorageError):
    """The store's file is no longer at its path, or has further names, so that writes may be lost.

    A write that raises this is stored in the file that moved, or not at all. Close the store, and open it again.
    """

    code: ClassVar[str] = "storage.moved"


class Indeterminate(StorageError):
    """The answer to a commit was lost: either all of the unit is stored or none of it."""

    code: ClassVar[str] = "storage.indeterminate"


class RunAgain(Exception):
    """A race was lost; the storage runs the unit again, a bounded number of times."""
