"""Samples of the service of privacy."""

from typing import Final

from tests.samples import Samples, same

SAMPLES: Final = Samples(
    arguments={"privacy.erase.force": same(value=False)},
    nameless=frozenset({"privacy.purge"}),
)
