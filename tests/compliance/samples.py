"""Samples of the service that checks a core against standards."""

from typing import Final

from tests.samples import Samples, same
from usercore import StoreAccess

SAMPLES: Final = Samples(
    arguments={"skip": same(["pepper"]), "store": same(StoreAccess(files=(("people.db", 0o600),)))},
    nameless=frozenset({"compliance.check"}),  # all tenants, for operators of ``system``
)
