"""What can be wrong with a delivery that an operator names."""

from typing import ClassVar

from usercore.kernel.errors import NotFound


class DeliveryNotFound(NotFound):
    """No delivery that was set aside has this id."""

    code: ClassVar[str] = "outbox.not_found"
