"""Running an import: batch by batch, each a unit of its own, so that memory stays flat and others come between."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Final

import attrs

from usercore.authenticators.errors import Vetoed
from usercore.importing.candidates import Candidate, batches, candidates
from usercore.importing.model import BAD_KEPT, BadRecord, ImportReport
from usercore.importing.plan import Admit, Creation, Outcome, Plan, RejectedRecord, Step
from usercore.importing.ports import ImportUnit
from usercore.importing.unit import Known, find_known, keep_steps
from usercore.kernel.errors import LostRace
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.registration.limits import RegistrationLimits, RegistrationRequest
from usercore.users.model import User

ROUNDS: Final = 3
"""How often the host is asked anew when others change what it was asked about. Source: design, 3."""

Batch = Sequence[Candidate]


class _Unasked(Exception):
    """Somebody would be made whom the host was not asked about."""


@attrs.define
class _Tally:
    """Counts what becomes of the records."""

    counts: Counter[Outcome] = attrs.field(factory=Counter)
    bad: list[BadRecord] = attrs.field(factory=list)

    def add(self, steps: Iterable[Step]) -> list[BadRecord]:
        """Count steps; give the bad records among them."""
        self.counts.update(step.outcome for step in steps)
        bad = [BadRecord(step.line, step.errors) for step in steps if isinstance(step, RejectedRecord)]
        self.bad += bad
        return bad

    def report(self) -> ImportReport:
        """Give what the caller is told."""
        return ImportReport(
            created=self.counts[Outcome.CREATED],
            updated=self.counts[Outcome.UPDATED],
            unchanged=self.counts[Outcome.UNCHANGED],
            bad_count=self.counts[Outcome.BAD],
            bad=tuple(self.bad[:BAD_KEPT]),
        )


@attrs.frozen
class _Spoilt(Exception):
    """A record is bad, so nothing is to be kept."""

    tally: _Tally


@frozen(kw_only=True)
class Importer:
    """One import of one caller."""

    scope: ServiceContext[ImportUnit]
    admission: RegistrationLimits
    on_progress: Callable[[int], object]
    on_bad: Callable[[BadRecord], object]

    def run(self, records: Iterable[object]) -> ImportReport:
        """Keep batch after batch; see ``Imports.import_users``."""
        tally = _Tally()
        for batch in batches(candidates(records, self.admission.emails)):
            told = tally.add(self._keep(batch))
            del tally.bad[BAD_KEPT:]
            self.on_progress(tally.counts.total())
            for bad in told:
                self.on_bad(bad)
        return tally.report()

    def run_whole(self, records: Iterable[object]) -> ImportReport:
        """Keep all batches in one unit, or none; they wait in a file, because the unit may run again."""
        done = 0
        with TemporaryFile() as spool:
            for batch in batches(candidates(records, self.admission.emails)):
                pickle.dump(self._ask_host(batch), spool)
                done += len(batch)
                self.on_progress(done)
            tally = self._keep_whole(spool)
        for bad in tally.bad:
            self.on_bad(bad)
        return tally.report()

    def _keep_whole(self, spool: IO[bytes]) -> _Tally:
        def keep(unit: ImportUnit) -> _Tally:
            tally = _Tally()
            for batch in _spooled(spool):
                tally.add(self._apply(unit, batch))
            if tally.bad:
                raise _Spoilt(tally)
            return tally

        try:
            return self.scope.units.write(keep)
        except _Spoilt as spoilt:
            return _Tally(Counter({Outcome.BAD: len(spoilt.tally.bad)}), spoilt.tally.bad)
        except _Unasked:
            raise LostRace from None

    def _keep(self, batch: Batch) -> Sequence[Step]:
        try:
            return self._keep_together(batch)
        except LostRace:
            if self.scope.joined:
                raise  # the host's transaction would go on losing; only a new one sees what others did
            middle = len(batch) // 2
            if not middle:
                raise
            return [*self._keep(batch[:middle]), *self._keep(batch[middle:])]  # a shorter unit loses fewer races

    def _keep_together(self, batch: Batch) -> Sequence[Step]:
        for _ in range(ROUNDS):
            asked = self._ask_host(batch)
            with suppress(_Unasked):
                return self.scope.units.write(lambda unit: self._apply(unit, asked))  # noqa: B023 - runs before the next round
        raise LostRace

    def _ask_host(self, batch: Batch) -> Batch:
        """Ask gates and email checks about those who would be made, if there are any. Outside any unit."""
        if not self.admission.asks_host:
            return batch
        known = self.scope.units.read(lambda unit: find_known(unit, batch))
        plan = self._plan(known, self._ask_about)
        return [_answered(candidate, plan.step(candidate)) for candidate in batch]

    def _admit(self, batch: Batch) -> Admit:
        if not self.admission.asks_host:
            return _let_in
        admitted = {candidate.line for candidate in batch if candidate.admitted}

        def check_admitted(line: int, _: User) -> None:
            if line not in admitted:
                raise _Unasked

        return check_admitted

    def _ask_about(self, _: int, user: User) -> None:
        application = RegistrationRequest(
            email=user.email,
            username=user.username,
            external_id=user.external_id,
            channel="import_users",
            context=self.scope.context,
        )
        try:
            self.admission.ask_host(application, validate_email=True)
        except Vetoed as veto:
            refuse(veto.gate, "vetoed")

    def _apply(self, unit: ImportUnit, batch: Batch) -> Sequence[Step]:
        plan = self._plan(find_known(unit, batch), self._admit(batch))
        steps = [plan.step(candidate) for candidate in batch]
        keep_steps(unit, steps)
        return steps

    def _plan(self, known: Known, admit: Admit) -> Plan:
        context, now = self.scope.context, self.scope.clock()
        blank = User(
            id=UserId(0),
            tenant_id=context.tenant_id,
            source=context.source or "unknown",
            created_at=now,
            created_by=str(context.actor),
            modified_at=now,
            modified_by=str(context.actor),
        )
        return Plan(*known, blank=blank, new_id=self.scope.new_id, admit=admit)


def _let_in(_: int, __: User) -> None:
    """Let everybody be made: the host has nothing to say."""


def _spooled(spool: IO[bytes]) -> Iterator[Batch]:
    spool.seek(0)
    with suppress(EOFError):
        while True:
            yield pickle.load(spool)  # noqa: S301 - this process wrote it, into a file without a name


def _answered(candidate: Candidate, step: Step) -> Candidate:
    if isinstance(step, RejectedRecord):
        return Candidate(candidate.line, errors=step.errors)
    return attrs.evolve(candidate, admitted=True) if isinstance(step, Creation) else candidate
