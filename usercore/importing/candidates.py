"""From records to batches: each record is cleaned, and as many are gathered as one unit stores."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from usercore.importing.model import ImportLine
from usercore.importing.records import DEFAULT_RULES, ImportRecord, RecordRules, clean_record
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.values import frozen

BATCH: Final = 1000
"""Records that one unit stores. Source: usercore: others wait for tens of milliseconds, and a commit costs little."""

BATCH_CHARACTERS: Final = 1_000_000
"""Characters of notes after which a batch ends, so that long notes do not use up the memory."""


@frozen
class Candidate:
    """A line that was read: its record or, for a bad one, its errors. ``admitted`` if it may create a user."""

    line: int
    record: ImportRecord | None = None
    errors: tuple[FieldError, ...] = ()
    admitted: bool = False


def candidates(records: Iterable[object], rules: RecordRules = DEFAULT_RULES) -> Iterator[Candidate]:
    """Clean records one by one; those that are not lines of a file are numbered from 1."""
    for place, given in enumerate(records, start=1):
        if isinstance(given, ImportLine):
            yield _cleaned(given.number, given.values, rules, given.errors)
        else:
            yield _cleaned(place, given, rules)


def _cleaned(line: int, values: object, rules: RecordRules, errors: tuple[FieldError, ...] = ()) -> Candidate:
    if errors:
        return Candidate(line, errors=errors)
    if not isinstance(values, (dict, Mapping)):  # the check is fast for a dict and slow for other mappings
        return Candidate(line, errors=(FieldError("record", "wrong_type"),))
    try:
        return Candidate(line, clean_record(values, rules))
    except Invalid as refusal:
        return Candidate(line, errors=refusal.errors)


def batches(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Iterate over the records that one unit stores."""
    batch: list[Candidate] = []
    characters = 0
    for candidate in candidates:
        batch.append(candidate)
        characters += len(candidate.record.fields.get("note") or "") if candidate.record else 0
        if len(batch) == BATCH or characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
