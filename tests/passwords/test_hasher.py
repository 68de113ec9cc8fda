"""Argon2 in bounded slots: one hash for every attempt, and none that demands too much."""

import subprocess
import sys
from typing import Any, Final, Literal

import argon2
import bcrypt
import pytest
from argon2.exceptions import VerifyMismatchError
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.errors import Overloaded
from usercore.passwords.hasher import Argon2Hasher
from usercore.passwords.model import OWASP, RFC_9106_HIGH, RFC_9106_LOW, Credential, HashProfile, PasswordPolicy, Pepper
from usercore.testing.samples import a_credential

CHEAP = HashProfile(name="cheap", memory_kib=8, passes=1, lanes=1, source="as little as argon2 takes")
OLDER = HashProfile(name="older", memory_kib=16, passes=2, lanes=2, source="another cheap one")
PASSWORD = "violet tram 7 sleeps"
OLD_PEPPER, NEW_PEPPER = Pepper(id="old", key=b"o" * 16), Pepper(id="new", key=b"n" * 32)


class CountingArgon2(argon2.PasswordHasher):
    """Records the memory in KiB of each hash that was computed."""

    def __init__(self, profile: HashProfile) -> None:
        super().__init__(time_cost=profile.passes, memory_cost=profile.memory_kib, parallelism=profile.lanes)
        self.computed: list[int] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        made = super().hash(password, salt=salt)
        self.computed.append(argon2.extract_parameters(made).memory_cost)
        return made

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the name in argon2-cffi
        memory = argon2.extract_parameters(str(hash)).memory_cost
        try:
            is_right = super().verify(hash, password)
        except VerifyMismatchError:
            self.computed.append(memory)
            raise
        self.computed.append(memory)
        return is_right


class CountingHasher(Argon2Hasher):
    """A hasher with a cheap profile that records the computed hashes."""

    def __init__(self, **policy: Any) -> None:
        made = PasswordPolicy(**{"profile": CHEAP} | policy)
        super().__init__(made)
        self.counter = self._argon2 = CountingArgon2(made.profile)

    @property
    def computed(self) -> list[int]:
        """The memory in KiB of each computed hash."""
        return self.counter.computed


def credential_by(hasher: Argon2Hasher, password: str = PASSWORD) -> Credential:
    """Return a credential whose hash this hasher computed."""
    kept, pepper_id = hasher.hash(password)
    return a_credential(hash=kept, pepper_id=pepper_id)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.mark.rule("P1")
def test_a_password_is_hashed_by_argon2id_with_a_unique_salt(hasher: CountingHasher) -> None:
    one, other = hasher.hash(PASSWORD), hasher.hash(PASSWORD)
    assert one != other
    assert one[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert one[1] is None


@pytest.mark.rule("P1")
def test_the_default_profile_is_owasps() -> None:
    kept, _ = Argon2Hasher(PasswordPolicy()).hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.rule("P1")
@pytest.mark.parametrize("profile", [OWASP, RFC_9106_LOW, RFC_9106_HIGH, CHEAP, OLDER])
def test_a_profile_names_its_source(profile: HashProfile) -> None:
    assert profile.source


@pytest.mark.rule("P1")
def test_a_stored_hash_may_demand_256_mib_and_10_passes() -> None:
    policy = PasswordPolicy()
    assert (policy.max_memory_kib, policy.max_passes) == (256 * 1024, 10)


@pytest.mark.rule("P1")
@pytest.mark.parametrize("profile", [OWASP, RFC_9106_LOW, CHEAP, OLDER])
def test_a_profile_within_the_bounds_is_accepted(profile: HashProfile) -> None:
    assert PasswordPolicy(profile=profile).profile is profile


@pytest.mark.rule("P1")
def test_a_profile_above_the_bounds_is_accepted_only_with_raised_bounds() -> None:
    with pytest.raises(ValueError, match=r"profile must not demand more than max_memory_kib"):
        PasswordPolicy(profile=RFC_9106_HIGH)
    assert PasswordPolicy(profile=RFC_9106_HIGH, max_memory_kib=RFC_9106_HIGH.memory_kib).profile is RFC_9106_HIGH


@pytest.mark.rule("P1", "P2")
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)
def test_the_whole_password_is_verified_and_no_other_is_accepted(password: str, other: str) -> None:
    hasher = CountingHasher()
    credential = credential_by(hasher, password)
    assert hasher.verify(credential, password)
    assert hasher.verify(credential, other) == (other == password)
    assert not hasher.verify(credential, password + "x")


@pytest.mark.rule("P1")
def test_an_older_profile_is_verified_and_not_current(hasher: CountingHasher) -> None:
    older = credential_by(Argon2Hasher(PasswordPolicy(profile=OLDER)))
    assert hasher.verify(older, PASSWORD)
    assert not hasher.verify(older, PASSWORD + "x")
    assert not hasher.is_current(older)
    assert hasher.is_current(credential_by(hasher))


@pytest.mark.rule("P1")
@pytest.mark.parametrize(("field", "size"), [("salt_len", 8), ("hash_len", 16)])
def test_a_hash_with_a_shorter_salt_or_digest_is_verified_and_not_current(
    hasher: CountingHasher, field: str, size: int
) -> None:
    size_of: dict[str, Any] = {field: size}
    other = argon2.PasswordHasher(
        time_cost=CHEAP.passes, memory_cost=CHEAP.memory_kib, parallelism=CHEAP.lanes, **size_of
    )
    shorter = a_credential(hash=other.hash(PASSWORD), pepper_id=None)
    assert (hasher.verify(shorter, PASSWORD), hasher.is_current(shorter)) == (True, False)


@pytest.mark.rule("P1")
@pytest.mark.parametrize(("bound", "most"), [("max_memory_kib", 16), ("max_passes", 2), ("max_lanes", 2)])
def test_the_cost_of_verifying_a_stored_hash_is_bounded(bound: str, most: int) -> None:
    older = credential_by(Argon2Hasher(PasswordPolicy(profile=OLDER)))
    exact, below = CountingHasher(**{bound: most}), CountingHasher(**{bound: most - 1})
    assert (exact.is_usable(older), below.is_usable(older)) == (True, False)
    assert exact.verify(older, PASSWORD)
    assert exact.computed == [OLDER.memory_kib]
    assert not below.verify(older, PASSWORD)
    assert below.computed == [CHEAP.memory_kib]


@pytest.mark.rule("P1")
def test_a_peppered_hash_cannot_be_verified_without_the_pepper() -> None:
    hasher = CountingHasher(peppers=(OLD_PEPPER,))
    credential = credential_by(hasher)
    assert credential.pepper_id == "old"
    assert hasher.verify(credential, PASSWORD)
    assert not CountingHasher().verify(credential, PASSWORD)
    assert not CountingHasher(peppers=(Pepper(id="old", key=b"x" * 16),)).verify(credential, PASSWORD)
    assert not CountingHasher().verify(a_credential(hash=credential.hash, pepper_id=None), PASSWORD)


@pytest.mark.rule("P1")
def test_a_rotated_pepper_still_verifies_and_is_not_current() -> None:
    older = credential_by(CountingHasher(peppers=(OLD_PEPPER,)))
    hasher = CountingHasher(peppers=(NEW_PEPPER, OLD_PEPPER))
    newer = credential_by(hasher)
    assert (hasher.verify(older, PASSWORD), hasher.is_current(older)) == (True, False)
    assert (hasher.verify(newer, PASSWORD), hasher.is_current(newer)) == (True, True)
    assert newer.pepper_id == "new"


@pytest.mark.rule("P1")
def test_a_hash_without_a_pepper_is_verified_and_not_current_if_the_policy_has_one(hasher: CountingHasher) -> None:
    plain, peppered = credential_by(hasher), CountingHasher(peppers=(NEW_PEPPER,))
    assert (peppered.verify(plain, PASSWORD), peppered.is_current(plain)) == (True, False)


@pytest.mark.rule("P1")
def test_a_pepper_shorter_than_16_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Pepper\.key must have 16 bytes or more"):
        Pepper(id="a", key=b"x" * 15)


@pytest.mark.rule("P1")
def test_two_peppers_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match=r"PasswordPolicy\.peppers must have ids of their own"):
        PasswordPolicy(peppers=(OLD_PEPPER, Pepper(id="old", key=b"x" * 16)))


@pytest.mark.rule("P1")
def test_a_pepper_is_not_shown() -> None:
    shown = repr(PasswordPolicy(peppers=(OLD_PEPPER, NEW_PEPPER)))
    assert "oooo" not in shown
    assert "nnnn" not in shown


def of_another_type(kind: argon2.Type) -> Credential:
    """Make a credential of the right password that is not argon2id's."""
    maker = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=kind)
    return a_credential(hash=maker.hash(PASSWORD), pepper_id=None)


RIGHT = credential_by(Argon2Hasher(PasswordPolicy(profile=CHEAP)))
HASH = RIGHT.hash

STORED: dict[str, Credential | None] = {
    "nobody": None,
    "another password": credential_by(Argon2Hasher(PasswordPolicy(profile=CHEAP)), "another"),
    "a lost pepper": a_credential(hash=HASH, pepper_id="lost"),
    "too much memory": a_credential(hash=HASH.replace("m=8", "m=4194304"), pepper_id=None),
    "too many passes": a_credential(hash=HASH.replace("t=1", "t=1000000"), pepper_id=None),
    "too many lanes": a_credential(hash=HASH.replace("p=1", "p=1000"), pepper_id=None),
    "too little memory": a_credential(hash=HASH.replace("m=8", "m=1"), pepper_id=None),
    "no passes": a_credential(hash=HASH.replace("t=1", "t=0"), pepper_id=None),
    "an imported hash with a pepper": a_credential(hash=of_another_type(argon2.Type.I).hash, pepper_id="lost"),
    "bcrypt that is too costly": a_credential(hash="$2b$31$" + "." * 53, pepper_id=None),
    "bcrypt that is damaged": a_credential(hash="$2b$12$" + "x" * 53, pepper_id=None),
    "MD5 without a salt": a_credential(hash="5f4dcc3b5aa765d61d8327deb882cf99", pepper_id=None),
    "nothing": a_credential(hash="", pepper_id=None),
    "half a hash": a_credential(hash=HASH[:40], pepper_id=None),
    "a broken salt": a_credential(hash=HASH.replace("p=1$", "p=1$***"), pepper_id=None),
    "no numbers": a_credential(hash=HASH.replace("m=8", "m=x"), pepper_id=None),
    "no ASCII": a_credential(hash=HASH + "é", pepper_id=None),
    "not Unicode": a_credential(hash=HASH + "\ud800", pepper_id=None),
}


@pytest.mark.rule("P3")
@pytest.mark.parametrize("password", [PASSWORD, "", None], ids=["shown", "empty", "impossible"])
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_one_hash_of_the_current_profile_is_computed_for_every_failure(
    hasher: CountingHasher, stored: Credential | None, password: str | None
) -> None:
    assert not hasher.verify(stored, password)
    assert hasher.computed == [CHEAP.memory_kib]


@pytest.mark.rule("P1")
@pytest.mark.parametrize(
    "credential", [stored for name, stored in STORED.items() if name not in ("nobody", "another password")]
)
def test_a_hash_that_cannot_be_verified_is_unusable(hasher: CountingHasher, credential: Credential) -> None:
    assert not hasher.is_usable(credential)
    assert hasher.computed == []


IMPORTED = {
    "argon2i": of_another_type(argon2.Type.I),
    "argon2d": of_another_type(argon2.Type.D),
    "argon2id of Django": a_credential(hash="argon2" + HASH, pepper_id=None),
    "bcrypt": a_credential(hash=bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(), pepper_id=None),
}


@pytest.mark.rule("P8", "P3")
@pytest.mark.parametrize("stored", IMPORTED.values(), ids=IMPORTED)
@pytest.mark.parametrize(("password", "is_right"), [(PASSWORD, True), ("wrong", False), ("", False), (None, False)])
def test_an_imported_hash_costs_one_hash_of_the_current_profile_beside_it_right_or_wrong(
    hasher: CountingHasher,
    stored: Credential,
    password: str | None,
    is_right: bool,  # noqa: FBT001 - an outcome
) -> None:
    assert hasher.verify(stored, password) is is_right
    assert hasher.computed == [CHEAP.memory_kib]


@pytest.mark.rule("P8")
@pytest.mark.parametrize("stored", IMPORTED.values(), ids=IMPORTED)
def test_an_imported_hash_is_usable_and_never_current(hasher: CountingHasher, stored: Credential) -> None:
    assert hasher.is_usable(stored)
    assert not hasher.is_current(stored)
    assert hasher.computed == []


@pytest.mark.rule("P8")
def test_an_imported_hash_does_not_depend_on_the_pepper() -> None:
    hasher = CountingHasher(peppers=(NEW_PEPPER,))
    assert all(hasher.verify(stored, PASSWORD) for stored in IMPORTED.values())


@pytest.mark.rule("P1")
def test_a_hash_of_another_password_is_usable(hasher: CountingHasher) -> None:
    assert hasher.is_usable(credential_by(hasher, "another"))


@pytest.mark.rule("P3")
@pytest.mark.parametrize(("password", "is_right"), [(PASSWORD, True), ("wrong", False), ("", False), (None, False)])
def test_right_and_wrong_passwords_cost_the_same(hasher: CountingHasher, password: str | None, is_right: bool) -> None:  # noqa: FBT001 - an outcome
    assert hasher.verify(RIGHT, password) is is_right
    assert hasher.computed == [CHEAP.memory_kib]


@pytest.mark.rule("P4")
def test_a_hasher_has_the_slots_of_its_policy() -> None:
    hasher = CountingHasher(hashes_at_once=1, max_waiting=0)
    with hasher.hold_slot(), pytest.raises(Overloaded), hasher.hold_slot():
        pass
    with hasher.hold_slot():
        assert hasher.computed == []


WITHOUT_MEMORY: Final = """
import resource
from datetime import UTC, datetime
from pathlib import Path
from usercore.kernel.errors import Overloaded
from usercore.passwords.hasher import Argon2Hasher
from usercore.passwords.model import Credential, PasswordChange, PasswordPolicy

def credential(text):
    return Credential(user_id=1, hash=text, version=1, set_at=datetime.now(UTC), reason=PasswordChange.RESET)

hasher = Argon2Hasher(PasswordPolicy())
own = credential("$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43)
scrypt = credential("scrypt$32768$salt$8$1$" + "A" * 86 + "==")
assert hasher.is_usable(own) and hasher.is_usable(scrypt)
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 4 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
calls = [lambda: hasher.hash("right"), *(lambda c=c: hasher.verify(c, "right") for c in (None, own, scrypt))]
for call in calls:
    try:
        print(call())
    except Overloaded:
        print("overloaded")
"""


@pytest.mark.rule("P4", "ERR")
def test_a_machine_without_memory_for_a_hash_is_overloaded() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT_MEMORY], capture_output=True, text=True, check=False)
    assert (ran.stdout.split(), ran.stderr) == (["overloaded"] * 4, "")
