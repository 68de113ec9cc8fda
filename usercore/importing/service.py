"""Importing users: the arguments are checked here; the rest is loaded when it is needed.

It needs cattrs, which is slow to load, and most processes never import users.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usercore.gates.service import RegistrationGates
from usercore.importing.model import BadRecord, ImportLine, ImportReport
from usercore.importing.ports import ImportUnit
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passwords.ports import Hasher
from usercore.users.model import EmailPolicy


@frozen(kw_only=True)
class Imports:
    """Imports users. Safe to share between threads."""

    _service: ServiceContext[ImportUnit]
    _gates: RegistrationGates
    _emails: EmailPolicy
    _hasher: Hasher

    def import_users(
        self,
        records: Iterable[Mapping[str, object] | ImportLine],
        *,
        all_or_nothing: bool = False,
        on_progress: Callable[[int], object] | None = None,
        on_bad: Callable[[BadRecord], object] | None = None,
    ) -> ImportReport:
        """Create or update users by records; see ``Registrations.import_users``.

        Raises:
            TypeError: an argument has the wrong type.
            LostRace: others changed the same users again and again.
            StorageError: the storage failed; the batches before are stored.
        """
        if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
            msg = f"records must be an iterable of mappings, not {type(records).__name__}"
            raise TypeError(msg)
        check_type(all_or_nothing, bool, name="all_or_nothing")
        from usercore.importing.batches import Importer  # noqa: PLC0415 - slow to load, and rarely needed
        from usercore.importing.records import RecordRules  # noqa: PLC0415 - as above

        importer = Importer(
            service=self._service,
            gates=self._gates,
            rules=RecordRules(emails=self._emails, problem_of=self._hasher.problem_of),
            on_progress=_callable(on_progress, "on_progress"),
            on_bad=_callable(on_bad, "on_bad"),
        )
        return importer.run_whole(records) if all_or_nothing else importer.run(records)


def _callable(call: object, name: str) -> Callable[[Any], object]:
    if call is None:
        return lambda _: None
    if callable(call):
        return call
    msg = f"{name} must be callable, not {type(call).__name__}"
    raise TypeError(msg)
