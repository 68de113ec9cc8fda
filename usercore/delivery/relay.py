"""The relay: a thread that delivers in the background during a ``with`` block. usercore starts no other thread."""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from usercore.delivery.dispatcher import Outbox
from usercore.kernel.log import log


class Relay:
    """Makes the deliveries that are due, then waits until a change is recorded or the pause is over.

    Several processes may run one each: deliveries are leased.
    """

    def __init__(self, outbox: Outbox, pause: timedelta) -> None:
        """Create a relay that delivers after each pause at the latest; entering the context starts it."""
        self._outbox = outbox
        self._pause = pause.total_seconds()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="usercore-relay", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the deliveries that are due, and stop the thread."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """End the current pause."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                self._outbox.deliver()
            except BaseException:  # noqa: BLE001 - a relay that ends silently is worse than one that fails again
                log().warning("the relay could not deliver now and tries again", exc_info=True)
            self._wake.wait(self._pause)
