"""Samples of the service of deliveries."""

from typing import Final

from tests.samples import Samples

SAMPLES: Final = Samples(
    arguments={"delivery_id": lambda filled: filled.failed_delivery},
    calls={
        "outbox.discard": lambda core, names: core.outbox.discard(names.delivery_id),
        "outbox.retry": lambda core, names: core.outbox.retry(names.delivery_id),
    },
)
