"""Lives: any sequence of calls, time moves included, agrees with a dict. Bind one by ``open_storage`` and run it."""

from usercore.testing.machines.base import StateMachine, run_machine
from usercore.testing.machines.identifiers import IdentifierMachine
from usercore.testing.machines.login_tokens import LoginTokenMachine
from usercore.testing.machines.sign_in import SignInMachine

LIVES = (IdentifierMachine, LoginTokenMachine, SignInMachine)

__all__ = ["LIVES", "IdentifierMachine", "LoginTokenMachine", "SignInMachine", "StateMachine", "run_machine"]
