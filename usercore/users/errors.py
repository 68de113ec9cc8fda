"""What keeps a user from being changed."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Rejected


@attrs.frozen
class WrongState(Rejected):
    """The user is in a state that this move cannot start from."""

    code: ClassVar[str] = "users.wrong_state"
    state: str


class ExternalIdLinked(Rejected):
    """The user has another external id; an operator unlinks it first."""

    code: ClassVar[str] = "users.external_id_linked"
