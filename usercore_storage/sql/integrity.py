"""Find rows that belong to nothing and claims that do not agree with identifiers, page by page.

Rows may outlive what they name in two cases only: the history of a registration outlives its link, which cleanup
removes, and an attempt may name no user at all. Users and tenants are never removed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from usercore.kernel.changes import Subject
from usercore.kernel.values import frozen
from usercore.passwords.imported_hashes import check_hash
from usercore.passwords.model import PasswordPolicy
from usercore.passwords.stored_hash import UnusableHash
from usercore.users.identifiers import claims_for, claims_of, field_of
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import IDENTIFIERS, Claim, User
from usercore.users.words import stored_words
from usercore_storage.check_report import Finding, FindingKind
from usercore_storage.sql.digests import digest_of_key
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.strict_rows import READERS, Unreadable
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.tables import ALL, CLAIMS, CREDENTIALS, DELIVERIES, USERS
from usercore_storage.sql.users import FIND_CLAIMS

OWNERS: Final = {size: f"SELECT id, tenant_id FROM usercore_users WHERE id IN ({marks(size)})" for size in SIZES}
HOLDERS: Final = {
    size: f"SELECT id, {', '.join(IDENTIFIERS)} FROM usercore_users WHERE id IN ({marks(size)})" for size in SIZES
}
INDEXED_WORDS: Final = {
    size: f"SELECT user_id, word FROM usercore_user_words WHERE user_id IN ({marks(size)})" for size in SIZES
}
EXISTING_TENANTS: Final = {size: f"SELECT id FROM usercore_tenants WHERE id IN ({marks(size)})" for size in SIZES}

TENANTS_OF: Final = {
    table: {size: f"SELECT id, tenant_id FROM {table} WHERE id IN ({marks(size)})" for size in SIZES}
    for table in sorted({name for one in ALL for name in one.refers.values()})
}

TEXTS_THERE: Final = {
    table: {size: f"SELECT digest FROM {table} WHERE digest IN ({marks(size)})" for size in SIZES}
    for table in {column.once.table for one in ALL for column in one.columns if column.once is not None}
}

_KEY: Final = ", ".join(f"d.{column}" for column in DELIVERIES.key)
_SAME: Final = " AND ".join(
    f"h.{column} = d.{column}" for column in ("subject_id", "subject", "change_no", "position", "tenant_id")
)
WITHOUT_ENTRY: Final = (
    f"SELECT {_KEY} FROM usercore_deliveries AS d WHERE ({_KEY}) > ({marks(5)}) AND ({_KEY}) <= ({marks(5)})"
    f" AND NOT EXISTS (SELECT 1 FROM usercore_history AS h WHERE {_SAME})"
)

_PASSWORDS: Final = PasswordPolicy()
_OF_THE_HOST: Final = frozenset({"unsupported", "not_allowed", "no_key", "too_long"})

Read = tuple[Row, Any]
"""A row and the entity read from it."""


@frozen
class Names:
    """The user and the tenants that a row names. The first tenant is its own."""

    user: int | None = None
    tenants: tuple[int, ...] = ()


def _names_in(table: Table[Any], entity: object) -> Names:
    """Return the user and the tenants that a row of the table names, in the columns that it declares."""
    user = None if table.user is None else getattr(entity, table.user)
    tenants = () if table.tenant is None else (getattr(entity, table.tenant),)
    if table.by_subject is not None:
        subject, number = getattr(entity, table.by_subject.subject), getattr(entity, table.by_subject.subject_id)
        user = number if subject is Subject.USER else user
        tenants += (number,) if subject is Subject.TENANT else ()
    return Names(user, tenants)


def orphans_in(run: Executor, table: Table[Any], page: Sequence[Read]) -> Iterator[Finding]:
    """Find the rows whose user or tenant does not exist, or whose user belongs to another tenant."""
    named = [(row, _names_in(table, entity)) for row, entity in page]
    owners: dict[int, int] = dict(_found(run, OWNERS, [names.user for _, names in named if names.user is not None]))
    existing = {
        number for (number,) in _found(run, EXISTING_TENANTS, [one for _, names in named for one in names.tenants])
    }
    for row, names in named:
        for tenant in set(names.tenants) - existing:
            yield _finding(FindingKind.ORPHAN, table.name, row, f"tenant {tenant} is not there")
        if names.user is not None and names.user not in owners:
            yield _finding(FindingKind.ORPHAN, table.name, row, f"user {names.user} is not there")
        elif names.user is not None and names.tenants and owners[names.user] != names.tenants[0]:
            yield _finding(FindingKind.MISMATCH, table.name, row, f"user {names.user} belongs to another tenant")


def unusable_hashes(page: Sequence[Read]) -> Iterator[Finding]:
    """Find the credentials whose hash cannot be verified under the default policy.

    Hashes that only the host's hasher or the host's policy can decide on are left out.
    """
    for row, credential in page:
        try:
            check_hash(credential.hash, _PASSWORDS)
        except UnusableHash as unusable:
            if unusable.error.reason not in _OF_THE_HOST:
                problem = f"its hash cannot be used: {unusable.problem}"
                yield _finding(FindingKind.UNUSABLE, CREDENTIALS.name, row, problem)


def references_missing(run: Executor, table: Table[Any], page: Sequence[Read]) -> Iterator[Finding]:
    """Find the rows that refer to a row which does not exist or belongs to another tenant."""
    for column, referred in table.refers.items():
        named = [(row, getattr(entity, column), entity) for row, entity in page]
        tenants: dict[int, int] = dict(_found(run, TENANTS_OF[referred], [number for _, number, _ in named]))
        what = column.removesuffix("_id")
        for row, number, entity in named:
            if number not in tenants:
                yield _finding(FindingKind.ORPHAN, table.name, row, f"{what} {number} is not there")
            elif tenants[number] != entity.tenant_id:
                problem = f"{what} {number} belongs to another tenant"
                yield _finding(FindingKind.MISMATCH, table.name, row, problem)


def texts_missing(run: Executor, table: Table[Any], page: Sequence[Read]) -> Iterator[Finding]:
    """Yield the rows with the digest of a text that is not stored; here their fields have the digests themselves."""
    for column in table.columns:
        if column.once is not None:
            named = [(row, digest) for row, entity in page if (digest := getattr(entity, column.name)) is not None]
            stored = {bytes(key) for (key,) in _found(run, TEXTS_THERE[column.once.table], [key for _, key in named])}
            problem = f"the text of its {column.name} is not there"
            yield from (
                _finding(FindingKind.ORPHAN, table.name, row, problem) for row, key in named if bytes(key) not in stored
            )


def deliveries_without_entry(run: Executor, after: Row, last: Row) -> Iterator[Finding]:
    """Find the deliveries after ``after`` and up to ``last`` whose history entry does not exist."""
    for key in run(WITHOUT_ENTRY, (*after, *last)):
        name = " ".join(f"{column}={value}" for column, value in zip(DELIVERIES.key, key, strict=True))
        problem = "its entry of history is not there"
        yield Finding(kind=FindingKind.ORPHAN, table=DELIVERIES.name, key=name, problem=problem)


def mismatches_in(run: Executor, table: Table[Any], page: Sequence[Read]) -> Iterator[Finding]:
    """Find identifiers and claims that do not agree, and derived columns that differ from their source."""
    yield from _wrongly_derived(table, page)
    if table is USERS:
        yield from _unclaimed(run, page)
        yield from _wrongly_indexed(run, page)
    elif table is CLAIMS:
        yield from _unused(run, page)


def _wrongly_derived(table: Table[Any], page: Sequence[Read]) -> Iterator[Finding]:
    if not table.derived:
        return
    for row, entity in page:
        for (name, derived), stored in zip(table.derived.items(), READERS[table.name].extra_of(row), strict=True):
            if stored != derived.of(entity):
                problem = f"its {name} is not that of its {derived.source}"
                yield _finding(FindingKind.MISMATCH, table.name, row, problem)


def _unclaimed(run: Executor, page: Sequence[Read]) -> Iterator[Finding]:
    """Find the users whose identifiers are not claimed as they should be."""
    wanted = [(row, user, _needs_of(user)) for row, user in page]
    stored_claims = _claims_on(run, [(user.tenant_id, name) for _, user, claims in wanted for name in claims or ()])
    for row, user, claims in wanted:
        if claims is None:
            yield _finding(FindingKind.UNREADABLE, USERS.name, row, "its identifiers make no keys")
        for name, uses in (claims or {}).items():
            claim = stored_claims.get((user.tenant_id, *name))
            if claim is None or claim.holder_id != user.id:
                whose = "is not claimed" if claim is None else f"is claimed by user {claim.holder_id}"
                yield _finding(FindingKind.MISMATCH, USERS.name, row, f"its {field_of(uses)} {whose}")
            elif claim.uses != uses:
                problem = f"the claim on its {field_of(uses)} has the uses {claim.uses}, not {int(uses)}"
                yield _finding(FindingKind.MISMATCH, USERS.name, row, problem)


def _wrongly_indexed(run: Executor, page: Sequence[Read]) -> Iterator[Finding]:
    """Find the users who would not be found by their words, or would be by others."""
    indexed = defaultdict[int, set[object]](set)
    for user_id, word in _found(run, INDEXED_WORDS, [user.id for _, user in page]):
        indexed[user_id].add(word)
    for row, user in page:
        if indexed[user.id] != set(stored_words(user)):
            yield _finding(FindingKind.MISMATCH, USERS.name, row, "its words in the index of words are others")


def _needs_of(user: User) -> dict[tuple[KeySpace, str], KeyUse] | None:
    try:
        return claims_of(user)
    except ValueError:  # an invalid email, which usercore itself never stores
        return None


def needs_of_holder(row: Sequence[object]) -> dict[tuple[KeySpace, str], KeyUse] | None:
    """Return the keys that the ``IDENTIFIERS`` of a user need, with their uses; None if they cannot be read."""
    try:
        return claims_for(**READERS[USERS.name].read_some(IDENTIFIERS, tuple(row)))
    except (Unreadable, ValueError):  # reported where users are read
        return None


def _claims_on(
    run: Executor, names: Sequence[tuple[int, tuple[KeySpace, str]]]
) -> dict[tuple[int, KeySpace, str], Claim]:
    """Return the claims on these keys by tenant, space and key; unreadable ones are left out."""
    stored_claims = {}
    for tenant in {tenant for tenant, _ in names}:
        digests = [digest_of_key(*name) for of_tenant, name in names if of_tenant == tenant]
        for some in in_sizes(digests):
            for row in run(FIND_CLAIMS[len(some)], (tenant, *some)):
                with suppress(Unreadable):  # reported where claims are read
                    claim = READERS[CLAIMS.name].read((b"", *row))
                    stored_claims[tenant, claim.space, claim.key] = claim
    return stored_claims


def _unused(run: Executor, page: Sequence[Read]) -> Iterator[Finding]:
    """Find the claims that their holders do not need."""
    holders = _found(run, HOLDERS, [claim.holder_id for _, claim in page])
    needs = {number: needs_of_holder(row) for number, *row in holders}
    for row, claim in page:
        needed = needs.get(claim.holder_id)
        is_held = claim.uses == 0 and claim.held_until is not None
        if needed is not None and not is_held and (claim.space, claim.key) not in needed:
            problem = f"user {claim.holder_id} has no such {_field_of_claim(claim)}"
            yield _finding(FindingKind.MISMATCH, CLAIMS.name, row, problem)


def _field_of_claim(claim: Claim) -> str:
    known = KeyUse(claim.uses) if 0 < claim.uses < 2 * KeyUse.UUID else None
    return "identifier" if known is None else field_of(known)


def _found(run: Executor, statements: Mapping[int, str], keys: Sequence[int | bytes]) -> Iterator[Row]:
    for some in in_sizes(keys):
        yield from run(statements[len(some)], some)


def _finding(kind: FindingKind, table: str, row: Row, problem: str) -> Finding:
    return Finding(kind=kind, table=table, key=READERS[table].name_of(row), problem=problem)
