"""Importing users, as hosts call it.

A newcomer would import what does the work up here; it loads cattrs, which is slow, and most processes never import.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usercore.importing.model import BadRecord, ImportLine, ImportReport
from usercore.importing.ports import ImportUnit
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.registration.limits import RegistrationLimits


@frozen(kw_only=True)
class Imports:
    """Importing. Trusted: for the host and its operators. Safe to share between threads."""

    scope: ServiceContext[ImportUnit]
    admission: RegistrationLimits

    def import_users(
        self,
        records: Iterable[Mapping[str, object] | ImportLine],
        *,
        all_or_nothing: bool = False,
        on_progress: Callable[[int], object] | None = None,
        on_bad: Callable[[BadRecord], object] | None = None,
    ) -> ImportReport:
        """Create or update users by records; bad ones are reported, and the rest goes on.

        A record may have: ``id`` (below 2^40 if it makes a user, and in the tenant ``main`` only), ``email``,
        ``email_verified``, ``username``,
        ``external_id``, ``access_ids`` (as ``users.set_access_ids`` takes them) or ``access_id_1`` to ``access_id_4``,
        ``uuid``, ``created_at`` (an aware datetime or RFC 3339 text with a zone) and whatever ``users.update`` takes.
        What it leaves out stays; None empties. It names its user by id, by external id, else by email.

        A thousand records are kept at a time, and the same records again change nothing. With ``all_or_nothing``
        nothing is kept if any record is bad; this one unit needs memory for whatever it changes. Nobody is mailed, no
        attempts are left and no limits counted; the host's gates and email checks are asked about new users.

        Args:
            records: mappings, or lines that a reader of files found.
            all_or_nothing: whether one bad record spoils all.
            on_progress: called with the number of records that are done, or with ``all_or_nothing`` looked at.
            on_bad: called with each bad record, also those that the report no longer keeps.

        Raises:
            TypeError: an argument has the wrong type.
            LostRace: others changed the same users again and again; import again, what is kept stays so.
            StorageError: the storage failed; the batches before are kept.
        """
        if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
            msg = f"records must be an iterable of mappings, not {type(records).__name__}"
            raise TypeError(msg)
        check_type(all_or_nothing, bool, name="all_or_nothing")
        from usercore.importing.batches import Importer  # noqa: PLC0415 - slow, and rarely needed

        importer = Importer(
            scope=self.scope,
            admission=self.admission,
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
