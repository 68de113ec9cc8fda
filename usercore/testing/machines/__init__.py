"""Lives: any sequence of calls, time moves included, agrees with a dict. Bind one by ``open_storage`` and run it.

``LIVES`` has those of all files in this folder.
"""

import pkgutil
from importlib import import_module
from typing import Final

from usercore.testing.machines.base import StateMachine, run_machine
from usercore.testing.machines.identifiers import IdentifierMachine
from usercore.testing.machines.login_tokens import LoginTokenMachine
from usercore.testing.machines.sign_in import SignInMachine

__all__ = ["LIVES", "IdentifierMachine", "LoginTokenMachine", "SignInMachine", "StateMachine", "run_machine"]


def _machines() -> tuple[type[StateMachine], ...]:
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
    return tuple(life for life in StateMachine.__subclasses__() if life.__module__.startswith(__name__))


LIVES: Final = _machines()
