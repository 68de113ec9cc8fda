"""A relay: a thread that delivers in the background, while a ``with`` block lasts. Nothing else runs unasked."""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from usercore.delivery.dispatcher import Outbox
from usercore.kernel.log import log


class Relay:
    """Delivers what is due, then rests until something was recorded or the pause is over.

    Several processes may run one each: deliveries are leased.
    """

    def __init__(self, outbox: Outbox, pause: timedelta) -> None:
        """Deliver by this service, at the latest after each pause."""
        self._outbox = outbox
        self._pause = pause.total_seconds()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="usercore-relay", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is due, and stop."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                self._outbox.deliver()
            except BaseException:  # noqa: BLE001 - a relay that ends silently is worse than one that tries in vain
                log().warning("the relay could not deliver now and tries again", exc_info=True)
            self._wake.wait(self._pause)
