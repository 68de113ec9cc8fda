"""What a host needs to go on with a ceremony."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from usercore.kernel.entity import entity
from usercore.kernel.secret import Secret


@entity
class PasskeyCeremony:
    """A ceremony that has begun.

    ``options`` is the JSON for ``parseCreationOptionsFromJSON`` or ``parseRequestOptionsFromJSON`` in the browser.
    ``secret`` binds the ceremony to this browser: it stays in the session or in a cookie that scripts cannot read, and
    is passed back when the ceremony is finished. From ``expires_at`` on, it cannot be finished.
    """

    secret: Secret
    options: Mapping[str, Any]
    expires_at: datetime
