"""Lives: any sequence of calls, time moves included, agrees with a dict. Bind one by ``open_storage`` and run it."""

from usercore.testing.machines.base import Life, run_life
from usercore.testing.machines.identifiers import IdentifierLife
from usercore.testing.machines.login_tokens import LoginTokenLife
from usercore.testing.machines.sign_in import SignInLife

LIVES = (IdentifierLife, LoginTokenLife, SignInLife)

__all__ = ["LIVES", "IdentifierLife", "Life", "LoginTokenLife", "SignInLife", "run_life"]
