"""Running an import: batch by batch, each in a unit of its own, so that memory stays flat and locks are short."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Final

import attrs

from usercore.gates.errors import Vetoed
from usercore.gates.service import RegistrationGates
from usercore.importing.candidates import Candidate, batches, candidates
from usercore.importing.model import BAD_KEPT, BadRecord, ImportReport
from usercore.importing.plan import Admit, Creation, Known, Outcome, Plan, RejectedRecord, Step
from usercore.importing.ports import ImportUnit
from usercore.importing.records import RecordRules
from usercore.importing.unit import find_known, store_steps
from usercore.kernel.errors import LostRace
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.users.model import User

ROUNDS: Final = 3
"""How often the host is asked again when other units change what it was asked about. Source: usercore."""

Batch = Sequence[Candidate]


class _Unasked(Exception):
    """A user would be created that the host was not asked about."""


@attrs.define
class _Tally:
    """Counts the outcomes of records."""

    counts: Counter[Outcome] = attrs.field(factory=Counter)
    bad: list[BadRecord] = attrs.field(factory=list)

    def add(self, steps: Iterable[Step]) -> list[BadRecord]:
        """Count steps; return the bad records among them."""
        self.counts.update(step.outcome for step in steps)
        bad = [BadRecord(step.line, step.errors) for step in steps if isinstance(step, RejectedRecord)]
        self.bad += bad
        return bad

    def report(self) -> ImportReport:
        """Return the report for the caller."""
        return ImportReport(
            created=self.counts[Outcome.CREATED],
            updated=self.counts[Outcome.UPDATED],
            unchanged=self.counts[Outcome.UNCHANGED],
            bad_count=self.counts[Outcome.BAD],
            bad=tuple(self.bad[:BAD_KEPT]),
        )


@attrs.frozen
class _RolledBack(Exception):
    """A record is bad, so the unit stores nothing."""

    tally: _Tally


@frozen(kw_only=True)
class Importer:
    """One call of ``import_users``."""

    _service: ServiceContext[ImportUnit]
    _gates: RegistrationGates
    _rules: RecordRules
    _on_progress: Callable[[int], object]
    _on_bad: Callable[[BadRecord], object]

    def run(self, records: Iterable[object]) -> ImportReport:
        """Store batch after batch; see ``Registrations.import_users``."""
        tally = _Tally()
        for batch in batches(candidates(records, self._rules)):
            bad_ones = tally.add(self._store(batch))
            del tally.bad[BAD_KEPT:]
            self._on_progress(tally.counts.total())
            for bad in bad_ones:
                self._on_bad(bad)
        return tally.report()

    def run_whole(self, records: Iterable[object]) -> ImportReport:
        """Store all batches in one unit, or none; they are spooled to a file, because the unit may run again."""
        done = 0
        with TemporaryFile() as spool:
            for batch in batches(candidates(records, self._rules)):
                pickle.dump(self._ask_host(batch), spool)
                done += len(batch)
                self._on_progress(done)
            tally = self._store_whole(spool)
        for bad in tally.bad:
            self._on_bad(bad)
        return tally.report()

    def _store_whole(self, spool: IO[bytes]) -> _Tally:
        def store(unit: ImportUnit) -> _Tally:
            tally = _Tally()
            for batch in _spooled(spool):
                tally.add(self._apply(unit, batch))
            if tally.bad:
                raise _RolledBack(tally)
            return tally

        try:
            return self._service.units.write(store)
        except _RolledBack as rolled_back:
            return _Tally(Counter({Outcome.BAD: len(rolled_back.tally.bad)}), rolled_back.tally.bad)
        except _Unasked:
            raise LostRace from None

    def _store(self, batch: Batch) -> Sequence[Step]:
        try:
            return self._store_together(batch)
        except LostRace:
            if self._service.joined:
                raise  # it would lose again in the host's transaction; only a new one sees the changes of others
            middle = len(batch) // 2
            if not middle:
                raise
            return [*self._store(batch[:middle]), *self._store(batch[middle:])]  # a shorter unit loses fewer races

    def _store_together(self, batch: Batch) -> Sequence[Step]:
        for _ in range(ROUNDS):
            asked = self._ask_host(batch)
            with suppress(_Unasked):
                return self._service.units.write(lambda unit: self._apply(unit, asked))  # noqa: B023 - runs before the next round
        raise LostRace

    def _ask_host(self, batch: Batch) -> Batch:
        """Ask gates and email checks about the users that would be created. Outside any unit."""
        if self._gates.are_open:
            return batch
        known = self._service.units.read(lambda unit: find_known(unit, batch, at=self._service.clock()))
        plan = self._plan(known, self._ask_about)
        return [_answered(candidate, plan.step(candidate)) for candidate in batch]

    def _admit(self, batch: Batch) -> Admit:
        if self._gates.are_open:
            return _admit_all
        admitted = {candidate.line for candidate in batch if candidate.admitted}

        def check_admitted(line: int, _: User) -> None:
            if line not in admitted:
                raise _Unasked

        return check_admitted

    def _ask_about(self, _: int, user: User) -> None:
        try:
            self._gates.check(
                self._service.context,
                "import_users",
                email=user.email,
                username=user.username,
                external_id=user.external_id,
            )
        except Vetoed as veto:
            refuse(veto.gate, "vetoed")

    def _apply(self, unit: ImportUnit, batch: Batch) -> Sequence[Step]:
        known = find_known(unit, batch, at=self._service.clock())
        plan = self._plan(known, self._admit(batch))
        steps = [plan.step(candidate) for candidate in batch]
        store_steps(unit, self._service.context.tenant_id, known, steps)
        return steps

    def _plan(self, known: Known, admit: Admit) -> Plan:
        context, now = self._service.context, self._service.clock()
        blank = User(
            id=UserId(0),
            tenant_id=context.tenant_id,
            source=context.source or "unknown",
            registered_at=now,
            created_at=now,
            created_by=str(context.actor),
            modified_at=now,
            modified_by=str(context.actor),
        )
        return Plan(known, blank=blank, new_id=self._service.new_id, admit=admit)


def _admit_all(_: int, __: User) -> None:
    """Admit every new user: there is nothing to ask."""


def _spooled(spool: IO[bytes]) -> Iterator[Batch]:
    spool.seek(0)
    with suppress(EOFError):
        while True:
            yield pickle.load(spool)  # noqa: S301 - this process wrote it, into a file without a name


def _answered(candidate: Candidate, step: Step) -> Candidate:
    if isinstance(step, RejectedRecord):
        return Candidate(candidate.line, errors=step.errors)
    return attrs.evolve(candidate, admitted=True) if isinstance(step, Creation) else candidate
