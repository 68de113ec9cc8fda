"""The contract of device tokens, and of the access tokens that are paired with them."""

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.secret import Digest, digest_of, generate_secret
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.access_tokens import add as add_access_tokens
from usercore.testing.contracts.access_tokens import get as get_access_token
from usercore.testing.contracts.access_tokens import numbered
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_runs_again,
    check_stored_completely,
    digests,
    store,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.fakes import NOON, TICK, FakeRandomness
from usercore.testing.samples import ACCESS_TOKEN, ACME, ANN, BOB, DEVICE_TOKEN, a_device_token, an_access_token
from usercore.testing.strategies import device_tokens
from usercore.tokens.kinds import DEVICE
from usercore.tokens.model import AccessToken, DeviceToken
from usercore.tokens.pairing import get_device, lock_device, pair

SECRET, ANOTHER_SECRET = (generate_secret(DEVICE, None, FakeRandomness(name)) for name in ("a device", "another"))
DIGEST = DEVICE_TOKEN.digest
ANOTHER = digest_of("another device")
CARL = UserId(99)


def add(units: Units[Unit], *tokens: DeviceToken) -> None:
    """Store device tokens."""
    store(units, lambda unit: unit.device_tokens.add, *tokens)


def get(units: Units[Unit], digest: Digest = DIGEST) -> DeviceToken | None:
    """Return a device token as it is now, or None."""
    return units.read(lambda unit: unit.device_tokens.get(digest))


def a_numbered_device(number: int, **fields: object) -> DeviceToken:
    """Return a token with its own id and digest."""
    return a_device_token(id=number, digest=Digest(number.to_bytes(32, "big")), **fields)


def of_device(number: int, user_id: UserId = ANN, **fields: object) -> AccessToken:
    """Return an access token that is paired with the device unless ``fields`` says otherwise."""
    return numbered(number, user_id=user_id, **({"device_digest": DIGEST, "paired_at": NOON} | fields))


def without_device(token: AccessToken) -> AccessToken:
    """Return the token as it is once it is unpaired."""
    return evolve(token, device_digest=None, paired_at=None)


class DeviceTokenRepositoryContract(Contract):
    """One case for each promise of ``DeviceTokenRepository``."""

    @pytest.mark.rule("K5")
    def test_device_tokens_are_stored_completely(self, main: Units[Unit]) -> None:
        check_stored_completely(
            main,
            with_unique(device_tokens(), "digest", digests()),
            add=lambda unit, token: unit.device_tokens.add(token),
            get=lambda unit, token: unit.device_tokens.get(token.digest),
        )

    @pytest.mark.rule("K5")
    def test_device_tokens_with_boundary_values_are_stored(self, main: Units[Unit]) -> None:
        edges = [
            a_numbered_device(1, device_id="", issued_at=FIRST, last_used_at=FIRST),
            a_device_token(id=LIMIT - 1, digest=Digest(b"\xff" * 32), device_id="😀" * 255, last_used_at=LAST - TICK),
        ]
        add(main, *edges)
        for token in edges:
            assert_same(get(main, token.digest), token)

    @pytest.mark.rule("K1")
    def test_a_device_tokens_digest_in_use_runs_the_unit_again(self, main: Units[Unit]) -> None:
        def draw(unit: Unit, digest: Digest) -> None:
            unit.device_tokens.add(a_device_token(digest=digest, device_id="second"))

        add(main, DEVICE_TOKEN)
        check_runs_again(main, draw, taken=DIGEST, free=ANOTHER)
        assert get(main) == DEVICE_TOKEN
        assert get(main, ANOTHER) == a_device_token(digest=ANOTHER, device_id="second")

    @pytest.mark.rule("T2")
    def test_a_missing_device_token_and_another_tenants_are_none(self, main: Units[Unit], acme: Units[Unit]) -> None:
        add(main, DEVICE_TOKEN)
        assert get(main, ANOTHER) is None
        assert get(acme) is None
        assert acme.read(lambda unit: unit.device_tokens.get_many([DIGEST])) == []
        assert [units.write(lambda unit: unit.device_tokens.lock(ANOTHER, at=NOON)) for units in (main, acme)] == [
            None,
            None,
        ]
        assert acme.write(lambda unit: unit.device_tokens.lock(DIGEST, at=NOON)) is None
        assert get(main) == DEVICE_TOKEN

    @pytest.mark.rule("K5")
    def test_many_device_tokens_are_found_by_their_digests(self, main: Units[Unit]) -> None:
        tokens = [a_numbered_device(number) for number in range(1, 12)]
        add(main, *tokens)
        asked = [token.digest for token in (*tokens[1:], tokens[1])] + [ANOTHER]
        found = main.read(lambda unit: unit.device_tokens.get_many(asked))
        assert sorted(found, key=lambda token: token.id) == tokens[1:]
        assert main.read(lambda unit: unit.device_tokens.get_many([])) == []

    @pytest.mark.rule("K5")
    def test_locking_moves_last_use_forward_only(self, main: Units[Unit]) -> None:
        add(main, DEVICE_TOKEN, a_numbered_device(1))
        for at, last in ((NOON, NOON), (NOON - TICK, NOON), (NOON + TICK, NOON + TICK), (FIRST, NOON + TICK)):
            locked = main.write(lambda unit: unit.device_tokens.lock(DIGEST, at=at))  # noqa: B023 - used at once
            assert_same(locked, evolve(DEVICE_TOKEN, last_used_at=last))
            assert get(main) == locked
        assert get(main, a_numbered_device(1).digest) == a_numbered_device(1)

    @pytest.mark.rule("K5")
    def test_a_unit_that_fails_stores_no_device_and_no_use(self, main: Units[Unit]) -> None:
        add(main, DEVICE_TOKEN)
        write_and_fail(main, lambda unit: unit.device_tokens.lock(DIGEST, at=NOON))
        write_and_fail(main, lambda unit: unit.device_tokens.add(a_numbered_device(1)))
        assert get(main) == DEVICE_TOKEN
        assert get(main, a_numbered_device(1).digest) is None

    @pytest.mark.rule("K8")
    def test_device_tokens_of_all_tenants_that_were_used_earlier_are_removed(
        self, main: Units[Unit], acme: Units[Unit]
    ) -> None:
        gone, stays = a_numbered_device(1, last_used_at=NOON - TICK), a_numbered_device(2, last_used_at=NOON)
        theirs = a_numbered_device(3, tenant_id=ACME, last_used_at=FIRST)
        add(main, gone, stays)
        add(acme, theirs)
        assert main.write(lambda unit: unit.device_tokens.remove_unused(NOON, limit=9)) == 2
        assert [get(main, gone.digest), get(main, stays.digest), get(acme, theirs.digest)] == [None, stays, None]

    @pytest.mark.rule("K8")
    def test_at_most_limit_device_tokens_are_removed_those_unused_for_longest_first(self, main: Units[Unit]) -> None:
        tokens = [a_numbered_device(number, last_used_at=FIRST + number * TICK) for number in range(1, 6)]
        add(main, *tokens)
        assert main.write(lambda unit: unit.device_tokens.remove_unused(NOON, limit=2)) == 2
        assert [get(main, token.digest) for token in tokens] == [None, None, *tokens[2:]]
        counts = [main.write(lambda unit: unit.device_tokens.remove_unused(NOON, limit=2)) for _ in range(3)]
        assert counts == [2, 1, 0]

    @pytest.mark.rule("K8")
    def test_a_device_token_that_is_used_meanwhile_is_not_removed(self, main: Units[Unit]) -> None:
        def use_or_remove(unit: Unit, number: int, meet: Meet) -> bool:
            assert unit.device_tokens.get(DIGEST)
            if number == 0:
                locked = unit.device_tokens.lock(DIGEST, at=NOON)
                meet()
                return locked is not None
            meet()
            return unit.device_tokens.remove_unused(NOON, limit=9) == 1

        add(main, DEVICE_TOKEN)
        was_used, was_removed = overlap(main, use_or_remove)
        assert was_used is not was_removed
        assert (get(main) is None) == was_removed


class PairingContract(Contract):
    """One case for each promise of ``AccessTokenRepository`` about devices."""

    @pytest.mark.rule("K5")
    def test_a_token_is_paired_with_one_device_instead_of_another(self, people: Units[Unit]) -> None:
        add_access_tokens(people, ACCESS_TOKEN, numbered(1))
        paired = people.write(lambda unit: unit.access_tokens.pair(ANN, ACCESS_TOKEN.digest, ANOTHER, at=NOON + TICK))
        assert_same(paired, evolve(ACCESS_TOKEN, device_digest=ANOTHER, paired_at=NOON + TICK))
        assert get_access_token(people) == paired
        assert get_access_token(people, numbered(1)) == numbered(1)
        assert people.read(lambda unit: unit.access_tokens.users_of_device(ANOTHER)) == [ANN]

    @pytest.mark.rule("K5")
    def test_a_token_is_unpaired(self, people: Units[Unit]) -> None:
        add_access_tokens(people, ACCESS_TOKEN)
        unpaired = people.write(lambda unit: unit.access_tokens.unpair(ANN, ACCESS_TOKEN.digest))
        assert_same(unpaired, without_device(ACCESS_TOKEN))
        assert get_access_token(people) == unpaired
        assert people.read(lambda unit: unit.access_tokens.users_of_device(DIGEST)) == []

    @pytest.mark.rule("K5")
    def test_a_revoked_or_missing_token_is_neither_paired_nor_unpaired(self, people: Units[Unit]) -> None:
        revoked = an_access_token(revoked_at=NOON)
        add_access_tokens(people, revoked)
        for digest in (revoked.digest, ANOTHER):
            assert people.write(lambda unit: unit.access_tokens.pair(ANN, digest, ANOTHER, at=NOON)) is None  # noqa: B023 - used at once
            assert people.write(lambda unit: unit.access_tokens.unpair(ANN, digest)) is None  # noqa: B023 - used at once
        assert people.write(lambda unit: unit.access_tokens.pair(BOB, revoked.digest, ANOTHER, at=NOON)) is None
        assert get_access_token(people) == revoked

    @pytest.mark.rule("K5")
    def test_the_users_of_a_device_have_tokens_that_are_not_revoked(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        add_users(people, DEVICE_TOKEN.tenant_id, CARL)
        add_users(acme, ACME, 98)
        add_access_tokens(
            people,
            *(of_device(number, BOB) for number in range(3)),
            of_device(3, expires_at=FIRST),
            of_device(4, CARL, revoked_at=NOON),
            of_device(5, CARL, device_digest=ANOTHER),
            of_device(6, UserId(98)),
        )
        assert people.read(lambda unit: unit.access_tokens.users_of_device(DIGEST)) == [98, ANN, BOB]
        assert people.read(lambda unit: unit.access_tokens.users_of_device(digest_of("unknown"))) == []

    @pytest.mark.rule("K5")
    def test_a_revoked_token_leaves_its_device(self, people: Units[Unit]) -> None:
        add_access_tokens(people, ACCESS_TOKEN)
        people.write(lambda unit: unit.access_tokens.revoke(ANN, ACCESS_TOKEN.digest, at=NOON))
        assert people.read(lambda unit: unit.access_tokens.users_of_device(DIGEST)) == []

    @pytest.mark.rule("K5")
    def test_one_users_tokens_are_unpaired_from_one_device(self, people: Units[Unit]) -> None:
        gone = [of_device(1), of_device(2)]
        stay = [of_device(3, device_digest=ANOTHER), of_device(4, revoked_at=NOON), of_device(5, BOB)]
        add_access_tokens(people, *gone, *stay)
        assert people.write(lambda unit: unit.access_tokens.unpair_device(ANN, DIGEST)) == 2
        assert [get_access_token(people, token) for token in gone] == list(map(without_device, gone))
        assert [get_access_token(people, token) for token in stay] == stay
        assert people.write(lambda unit: unit.access_tokens.unpair_device(ANN, DIGEST)) == 0

    @pytest.mark.rule("K9")
    def test_all_tokens_of_a_user_are_unpaired_or_those_that_were_paired_since(self, people: Units[Unit]) -> None:
        before, since = of_device(1, paired_at=NOON - TICK), of_device(2, device_digest=ANOTHER, paired_at=NOON)
        stay = [of_device(4, revoked_at=NOON), of_device(5, BOB), without_device(numbered(6))]
        add_access_tokens(people, before, since, *stay)
        assert people.write(lambda unit: unit.access_tokens.unpair_all(ANN, since=NOON)) == 1
        assert [get_access_token(people, token) for token in (before, since)] == [before, without_device(since)]
        assert people.write(lambda unit: unit.access_tokens.unpair_all(ANN)) == 1
        assert get_access_token(people, before) == without_device(before)
        assert [get_access_token(people, token) for token in stay] == stay

    @pytest.mark.rule("K5")
    def test_a_unit_that_fails_pairs_nothing(self, people: Units[Unit]) -> None:
        add_access_tokens(people, ACCESS_TOKEN)
        write_and_fail(people, lambda unit: unit.access_tokens.pair(ANN, ACCESS_TOKEN.digest, ANOTHER, at=NOON))
        write_and_fail(people, lambda unit: unit.access_tokens.unpair_all(ANN))
        assert get_access_token(people) == ACCESS_TOKEN
        assert people.read(lambda unit: unit.access_tokens.users_of_device(DIGEST)) == [ANN]
        assert people.read(lambda unit: unit.access_tokens.users_of_device(ANOTHER)) == []

    @pytest.mark.rule("K8")
    def test_a_removed_token_leaves_its_device(self, people: Units[Unit]) -> None:
        add_access_tokens(people, of_device(1, expires_at=FIRST))
        people.write(lambda unit: unit.access_tokens.remove_expired(NOON, limit=9))
        assert people.read(lambda unit: unit.access_tokens.users_of_device(DIGEST)) == []

    @pytest.mark.rule("K5")
    def test_of_two_open_units_that_pair_users_with_a_device_the_later_one_unpairs_the_other(
        self, people: Units[Unit]
    ) -> None:
        tokens = [without_device(numbered(1)), without_device(numbered(2, user_id=BOB))]

        def pair_one(unit: Unit, number: int, meet: Meet) -> None:
            get_device(unit, SECRET)
            meet()
            pair(unit, tokens[number], lock_device(unit, SECRET, tokens[number].user_id, at=NOON))

        add(people, a_device_token(digest=digest_of(SECRET)))
        add_access_tokens(people, *tokens)
        overlap(people, pair_one)
        devices = [token.device_digest for token in (get_access_token(people, one) for one in tokens) if token]
        assert sorted(devices, key=repr) == [None, digest_of(SECRET)]
        assert len(people.read(lambda unit: unit.access_tokens.users_of_device(digest_of(SECRET)))) == 1

    @pytest.mark.rule("K5")
    def test_two_open_units_that_pair_two_users_with_each_others_devices_both_succeed(
        self, people: Units[Unit]
    ) -> None:
        secrets = [SECRET, ANOTHER_SECRET]
        tokens = [
            of_device(1, ANN, device_digest=digest_of(ANOTHER_SECRET)),
            of_device(2, BOB, device_digest=digest_of(SECRET)),
        ]

        def pair_one(unit: Unit, number: int, meet: Meet) -> None:
            token = unit.access_tokens.get(tokens[number].user_id, tokens[number].digest)
            meet()
            device = lock_device(unit, secrets[number], tokens[number].user_id, at=NOON)
            token = unit.access_tokens.get(tokens[number].user_id, tokens[number].digest)
            assert token
            pair(unit, token, device)

        add(people, *(a_device_token(id=number, digest=digest_of(one)) for number, one in enumerate(secrets, start=1)))
        add_access_tokens(people, *tokens)
        overlap(people, pair_one)
        now = [get_access_token(people, one) for one in tokens]
        assert [token.device_digest for token in now if token] == list(map(digest_of, secrets))

    @pytest.mark.rule("K5")
    def test_a_token_that_is_paired_and_revoked_in_two_open_units_is_revoked(self, people: Units[Unit]) -> None:
        def pair_or_revoke(unit: Unit, number: int, meet: Meet) -> None:
            token = unit.access_tokens.get(ANN, numbered(1).digest)
            meet()
            if number == 1:
                unit.lock(ANN)
                unit.access_tokens.revoke(ANN, numbered(1).digest, at=NOON)
                return
            device = lock_device(unit, SECRET, ANN, at=NOON)
            token = unit.access_tokens.get(ANN, numbered(1).digest)
            if token is not None and token.revoked_at is None:
                pair(unit, token, device)

        add(people, a_device_token(digest=digest_of(SECRET)))
        add_access_tokens(people, without_device(numbered(1)))
        overlap(people, pair_or_revoke)
        token = get_access_token(people, numbered(1))
        assert token
        assert token.revoked_at == NOON
        assert people.read(lambda unit: unit.access_tokens.users_of_device(digest_of(SECRET))) == []
