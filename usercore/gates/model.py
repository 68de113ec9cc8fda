"""What a gate is asked about."""

from usercore.kernel.context import Context
from usercore.kernel.entity import entity


@entity
class RegistrationRequest:
    """What a gate of the host is shown of a registration. ``channel`` is the method that was called."""

    email: str | None
    username: str | None
    external_id: str | None
    channel: str
    context: Context
