"""The outbox: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.outbox.model import DeliveryPolicy
from usercore.outbox.ports import OutboxUnit

CAPABILITY: Final = Capability(
    name="outbox",
    unit=OutboxUnit,
    policies=(DeliveryPolicy,),
    public=(
        "Delivery",
        "DeliveryNotFound",
        "DeliveryPolicy",
        "DeliveryState",
    ),
)
