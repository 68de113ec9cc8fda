"""Passkeys: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.passkeys.model import KINDS, ROWS, PasskeyPolicy
from usercore.passkeys.ports import PasskeysUnit

CAPABILITY: Final = Capability(
    name="passkeys",
    unit=PasskeysUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(PasskeyPolicy,),
    public=(
        "Passkey",
        "PasskeyNotFound",
        "PasskeyPolicy",
        "PasskeyRejected",
        "PasskeyTaken",
        "RelyingParty",
        "TooManyPasskeys",
    ),
)
