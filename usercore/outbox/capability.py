"""The outbox: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.outbox.model import ROWS, DeliveryPolicy
from usercore.outbox.ports import OutboxUnit

CAPABILITY: Final = Capability(
    name="outbox",
    unit=OutboxUnit,
    rows=ROWS,
    policies=(DeliveryPolicy,),
    public=(
        "Delivery",
        "DeliveryNotFound",
        "DeliveryPolicy",
        "DeliveryState",
    ),
)
