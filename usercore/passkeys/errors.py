"""Why a passkey was not registered or not removed."""

from typing import ClassVar

from usercore.kernel.errors import Conflict, NotFound, Rejected


class PasskeyRejected(Rejected):
    """The browser's response cannot be verified. ``__cause__`` has the reason, for the host's log."""

    code: ClassVar[str] = "passkeys.rejected"


class PasskeyTaken(Conflict):
    """A user of this tenant has a passkey with this credential id already."""

    code: ClassVar[str] = "passkeys.taken"


class TooManyPasskeys(Conflict):
    """The user has as many passkeys as the policy allows."""

    code: ClassVar[str] = "passkeys.too_many"


class PasskeyNotFound(NotFound):
    """The user has no passkey with this id."""

    code: ClassVar[str] = "passkeys.not_found"
