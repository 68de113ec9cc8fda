"""Samples of the service of history."""

from typing import Final

from tests.samples import FilledStore, Samples, same


def fill(filled: FilledStore) -> None:
    """Log an action."""
    filled.core.history.log_action("invoice.sent", filled.ann.id, params={"to": "Hlavná 1"})


SAMPLES: Final = Samples(fill=fill, arguments={"params": same({"to": "Main Street", "pages": [1, 2]})})
