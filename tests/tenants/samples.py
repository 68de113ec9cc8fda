"""Samples of the service of tenants."""

from typing import Final

from tests.samples import Samples, same

SAMPLES: Final = Samples(arguments={"tenants.activate.key": same("closed"), "tenants.create.key": same("newcomer")})
