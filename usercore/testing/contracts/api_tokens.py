"""The contract of API tokens."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from usercore.kernel.changes import Change, Subject
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Storage, Unit
from usercore.storage.lookups import ApiTokenOwner
from usercore.testing.contracts.base import (
    Contract,
    assert_same,
    check_runs_again,
    check_stored_completely,
    digests,
    store,
    units_of,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.contracts.rows import check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, API_TOKEN, a_tenant, an_api_token
from usercore.testing.strategies import api_tokens
from usercore.tokens.changes import API_DEACTIVATED
from usercore.tokens.model import ApiToken

DAY = timedelta(days=1)
NOT_STORED = digest_of("not stored")


def add(units: Units[Unit], *tokens: ApiToken) -> None:
    """Store tokens."""
    store(units, lambda unit: unit.api_tokens.add, *tokens)


def get(units: Units[Unit], token: ApiToken = API_TOKEN) -> ApiToken | None:
    """Return a token as it is now, or None."""
    return units.read(lambda unit: unit.api_tokens.get(token.digest))


def numbered(number: int, **fields: object) -> ApiToken:
    """Return a token with an id and a digest of its own."""
    return evolve(API_TOKEN, id=number, digest=digest_of(str(number)), **fields)


def lock(unit: Unit, token: ApiToken = API_TOKEN) -> ApiToken:
    """Lock a token that is stored, and return it."""
    locked = unit.api_tokens.lock(token.id)
    assert locked
    return locked


def change(units: Units[Unit], token: ApiToken = API_TOKEN, **fields: object) -> None:
    """Store other values of a token in a unit of its own."""
    units.write(lambda unit: unit.api_tokens.replace(evolve(lock(unit, token), **fields)))


def touch(units: Units[Unit], at: datetime, token: ApiToken = API_TOKEN) -> None:
    """Store a use of a token in a unit of its own."""
    units.write(lambda unit: unit.api_tokens.touch([(token.digest, at)]))


class ApiTokenRepositoryContract(Contract):
    """One case for each promise of ``ApiTokenRepository``."""

    @pytest.mark.rule("K6")
    def test_api_tokens_are_stored_completely(self, main: Units[Unit]) -> None:
        check_stored_completely(
            main,
            with_unique(with_unique(api_tokens(), "digest", digests()), "id"),
            add=lambda unit, token: unit.api_tokens.add(token),
            get=lambda unit, token: unit.api_tokens.get(token.digest),
        )

    @pytest.mark.rule("K6")
    def test_api_tokens_with_boundary_values_are_stored(self, main: Units[Unit]) -> None:
        edges = [
            numbered(1, resources=(), addresses=(), expires_at=None, last_used_at=None, name=""),
            numbered(2, resources=("",), addresses=("",), issued_at=FIRST, revoked_at=FIRST),
            numbered(2**53 - 1, resources=("*", '"', "é😀", "a,b", "x" * 255) * 200, expires_at=LAST - TICK),
        ]
        add(main, *edges)
        for token in edges:
            assert_same(get(main, token), token)

    @pytest.mark.rule("K1")
    def test_an_api_tokens_digest_in_use_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def draw(unit: Unit, digest: Digest) -> None:
            unit.api_tokens.add(an_api_token(id=700, digest=digest, name="second"))

        add(main, API_TOKEN)
        check_runs_again(main, draw, taken=API_TOKEN.digest, free=digest_of("free"))
        assert get(main) == API_TOKEN
        assert get(main, an_api_token(digest=digest_of("free")))

    @pytest.mark.rule("K6")
    def test_a_missing_api_token_is_none(self, main: Units[Unit]) -> None:
        add(main, API_TOKEN)
        assert main.read(lambda unit: unit.api_tokens.get(NOT_STORED)) is None
        assert main.write(lambda unit: unit.api_tokens.lock(602)) is None
        assert main.read(lambda unit: unit.authentication.find_api_token(NOT_STORED)) is None

    @pytest.mark.rule("T2", "K6")
    def test_api_tokens_of_another_tenant_are_neither_found_nor_locked_nor_listed(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        add(main, API_TOKEN)
        assert get(acme) is None
        assert acme.write(lambda unit: unit.api_tokens.lock(API_TOKEN.id)) is None
        assert acme.read(lambda unit: unit.api_tokens.list_from(None, limit=9)) == []
        assert acme.read(lambda unit: unit.authentication.find_api_token(API_TOKEN.digest)) is None
        assert get(main) == API_TOKEN

    @pytest.mark.rule("K6")
    def test_locking_counts_a_change_and_returns_the_current_token(self, main: Units[Unit]) -> None:
        add(main, API_TOKEN)
        for number in (3, 4):
            assert_same(main.write(lock), an_api_token(change_no=number))

    @pytest.mark.rule("X2", "K6")
    def test_changes_of_a_token_are_recorded_with_its_number(self, main: Units[Unit]) -> None:
        def change_and_record(unit: Unit) -> None:
            old = lock(unit)
            unit.record(Change(kind=API_DEACTIVATED, subject_id=old.id, old=old, new=evolve(old, active=False)))

        add(main, API_TOKEN)
        main.write(change_and_record)
        (entry,) = main.read(lambda unit: unit.history.list_of(Subject.API_TOKEN, API_TOKEN.id, before=None, limit=9))
        assert (entry.change_no, entry.kind, entry.new) == (3, "api_token.deactivated", {"active": False})

    @pytest.mark.rule("K6")
    def test_replacing_stores_what_operators_change(self, main: Units[Unit]) -> None:
        changes: dict[str, Any] = {
            "name": "another",
            "active": False,
            "resources": ("*",),
            "addresses": (),
            "expires_at": None,
            "revoked_at": NOON,
        }
        other = numbered(1)
        add(main, API_TOKEN, other)
        change(main, **changes)
        assert_same(get(main), an_api_token(change_no=3, **changes))
        assert get(main, other) == other

    @pytest.mark.rule("K6")
    def test_replacing_keeps_the_last_use_and_what_never_changes(self, main: Units[Unit]) -> None:
        add(main, API_TOKEN)

        def replace(unit: Unit) -> None:
            lock(unit)
            unit.api_tokens.touch([(API_TOKEN.digest, NOON)])
            unit.api_tokens.replace(an_api_token(id=9, tenant_id=ACME, change_no=99, name="another"))

        main.write(replace)
        assert get(main) == an_api_token(change_no=3, name="another", last_used_at=NOON)

    @pytest.mark.rule("K6")
    def test_last_use_of_an_api_token_moves_only_forward(self, main: Units[Unit]) -> None:
        never = numbered(1, last_used_at=None)
        add(main, API_TOKEN, never)
        for at, last in ((NOON, NOON), (NOON - DAY, NOON), (NOON + TICK, NOON + TICK)):
            touch(main, at)
            assert_same(get(main), an_api_token(last_used_at=last))
        touch(main, FIRST, never)
        assert_same(get(main, never), evolve(never, last_used_at=FIRST))

    @pytest.mark.rule("K6")
    def test_touch_updates_tokens_of_all_tenants_but_no_revoked_or_missing_ones(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        revoked, theirs = numbered(1, revoked_at=FIRST), numbered(2, tenant_id=ACME)
        add(main, API_TOKEN, revoked)
        add(acme, theirs)
        uses = [(token.digest, NOON) for token in (API_TOKEN, revoked, theirs)]
        main.write(lambda unit: unit.api_tokens.touch(iter([*uses, (NOT_STORED, NOON)])))
        main.write(lambda unit: unit.api_tokens.touch([]))
        assert get(main) == an_api_token(last_used_at=NOON)
        assert get(main, revoked) == revoked
        assert get(acme, theirs) == evolve(theirs, last_used_at=NOON)

    @pytest.mark.rule("K6")
    def test_api_tokens_that_are_not_revoked_are_listed_by_id(self, main: Units[Unit], acme: Units[Unit]) -> None:
        mine = [numbered(number) for number in (5, 7, 9, 2**53 - 1)]
        add(main, *mine[::2], numbered(6, revoked_at=NOON), *mine[1::2])
        add(acme, numbered(8, tenant_id=ACME))
        check_pages(
            main,
            lambda unit, after, limit: unit.api_tokens.list_from(after, limit=limit),
            place_of=lambda token: token.id,
            expected=mine,
        )

    @pytest.mark.rule("K6", "T3")
    @pytest.mark.parametrize("active", [True, False])
    def test_an_api_token_is_found_with_the_state_of_its_tenant(
        self, main: Units[Unit], acme: Units[Unit], *, active: bool
    ) -> None:
        def move(unit: Unit) -> None:
            unit.tenants.lock(ACME)
            unit.tenants.replace(a_tenant(id=ACME, active=active))

        theirs = an_api_token(tenant_id=ACME, revoked_at=FIRST)
        add(acme, theirs)
        main.write(move)
        found = acme.read(lambda unit: unit.authentication.find_api_token(theirs.digest))
        assert found == ApiTokenOwner(theirs, active)
        assert_same(found.token, theirs)
        assert type(found.tenant_active) is bool

    @pytest.mark.rule("K9", "E3")
    def test_api_tokens_that_an_actor_created_since_an_instant_are_revoked_and_locked(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        created = [numbered(number, created_by="user:7", issued_at=NOON) for number in (1, 2)]
        stay = [
            numbered(3, created_by="user:7", issued_at=NOON - TICK),
            numbered(4, created_by="user:77", issued_at=NOON),
            numbered(5, created_by="user:7", issued_at=NOON, revoked_at=NOON),
        ]
        theirs = numbered(6, tenant_id=ACME, created_by="user:7", issued_at=NOON)
        add(main, *created, *stay)
        add(acme, theirs)

        def revoke(unit: Unit) -> list[ApiToken]:
            revoked = unit.api_tokens.revoke_created_by("user:7", since=NOON, at=NOON + TICK)
            for token in revoked:
                unit.record(Change(kind=API_DEACTIVATED, subject_id=token.id, new=token))
            return sorted(revoked, key=lambda token: token.id)

        expected = [evolve(token, revoked_at=NOON + TICK, change_no=token.change_no + 1) for token in created]
        assert main.write(revoke) == expected
        assert [get(main, token) for token in (*created, *stay)] == [*expected, *stay]
        assert get(acme, theirs) == theirs
        assert main.write(revoke) == []

    @pytest.mark.rule("K9", "E3")
    def test_a_unit_of_the_operators_tenant_revokes_what_an_actor_created_in_any_tenant(
        self, main: Units[Unit], acme: Units[Unit], storage: Storage
    ) -> None:
        add(main, numbered(1, created_by="user:7", issued_at=NOON))
        add(acme, numbered(2, tenant_id=ACME, created_by="user:7", issued_at=NOON))

        def revoke(unit: Unit) -> set[int]:
            return {token.id for token in unit.api_tokens.revoke_created_by("user:7", since=NOON, at=NOON + TICK)}

        assert units_of(storage, SYSTEM).write(revoke) == {1, 2}

    @pytest.mark.rule("K8")
    def test_api_tokens_revoked_or_expired_earlier_are_removed(self, main: Units[Unit], acme: Units[Unit]) -> None:
        gone = [
            numbered(1, revoked_at=NOON - TICK),
            numbered(2, expires_at=NOON - TICK),
            numbered(3, expires_at=NOON - TICK, revoked_at=NOON),
            numbered(4, expires_at=None, revoked_at=FIRST),
        ]
        stay = [numbered(5, revoked_at=NOON), numbered(6, expires_at=NOON), numbered(7, expires_at=None, active=False)]
        theirs = numbered(8, tenant_id=ACME, expires_at=FIRST)
        add(main, *gone, *stay)
        add(acme, theirs)
        assert main.write(lambda unit: unit.api_tokens.remove_expired(NOON, limit=9)) == len(gone) + 1
        assert [get(main, token) for token in gone] == [None] * len(gone)
        assert get(acme, theirs) is None
        assert [get(main, token) for token in stay] == stay
        assert main.write(lambda unit: unit.api_tokens.lock(1)) is None
        add(main, *gone)

    @pytest.mark.rule("K8")
    def test_at_most_limit_api_tokens_are_removed(self, main: Units[Unit]) -> None:
        add(main, *(numbered(number, revoked_at=FIRST) for number in range(1, 6)))
        counts = [main.write(lambda unit: unit.api_tokens.remove_expired(NOON, limit=2)) for _ in range(4)]
        assert counts == [2, 2, 1, 0]

    @pytest.mark.rule("K6")
    def test_a_unit_that_fails_changes_no_api_token(self, main: Units[Unit]) -> None:
        add(main, API_TOKEN)
        write_and_fail(main, lambda unit: unit.api_tokens.add(numbered(1)))
        write_and_fail(main, lambda unit: unit.api_tokens.replace(evolve(lock(unit), active=False)))
        write_and_fail(main, lambda unit: unit.api_tokens.touch([(API_TOKEN.digest, NOON)]))
        write_and_fail(main, lambda unit: unit.api_tokens.remove_expired(LAST - TICK, limit=9))
        assert get(main, numbered(1)) is None
        assert get(main) == API_TOKEN
        assert main.write(lock).change_no == API_TOKEN.change_no + 1

    @pytest.mark.rule("K6")
    def test_eight_threads_grant_one_token_resources_and_none_is_lost(self, main: Units[Unit]) -> None:
        def grant(number: int, meet: Meet) -> None:
            assert get(main) == an_api_token(resources=())
            meet()
            main.write(lambda unit: add_resource(unit, number))

        add(main, an_api_token(resources=()))
        race(grant)
        token = get(main)
        assert token
        assert sorted(token.resources) == sorted(map(str, range(THREADS)))

    @pytest.mark.rule("K6")
    def test_two_open_units_grant_one_token_resources_and_none_is_lost(self, main: Units[Unit]) -> None:
        def look_then_grant(unit: Unit, number: int, meet: Meet) -> None:
            assert unit.api_tokens.get(API_TOKEN.digest)
            meet()
            add_resource(unit, number)

        add(main, an_api_token(resources=()))
        overlap(main, look_then_grant)
        token = get(main)
        assert token
        assert sorted(token.resources) == ["0", "1"]


def add_resource(unit: Unit, number: int) -> None:
    """Add a resource to the token, after its lock."""
    locked = lock(unit)
    assert locked.tenant_id == MAIN
    unit.api_tokens.replace(evolve(locked, resources=(*locked.resources, str(number))))
