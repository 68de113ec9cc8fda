"""Errors of deliveries that an operator selects by id."""

from typing import ClassVar

from usercore.kernel.errors import NotFound


class DeliveryNotFound(NotFound):
    """No delivery that was set aside has this id."""

    code: ClassVar[str] = "outbox.not_found"
