"""Password hashes come along with users: they are stored, verified, and rehashed at the first sign-in."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import argon2
import bcrypt
import pytest

import usercore
import usercore_storage
from tests.importing.helpers import ANN, BOB, Record, counts, imported, shown
from tests.services.helpers import credential_of, opens, over, sign_in, unchanged
from usercore import (
    Email,
    HashProfile,
    PasswordChange,
    PasswordPolicy,
    RateLimited,
    SignInRefused,
    User,
    UserCore,
    Username,
)
from usercore.importing import candidates
from usercore.importing.files import read_csv, read_json_lines
from usercore.importing.plan import Plan
from usercore.importing.unit import find_known, store_steps
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.errors import LostRace
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.passwords.hasher import Argon2Hasher
from usercore.testing import NOON, FakeClock, MemoryMailer
from usercore_storage import FindingKind

pytestmark = pytest.mark.rule("P8", "R7")

CHEAP = HashProfile(name="cheap", memory_kib=8, passes=1, lanes=1, source="as little as argon2 takes")
SHORT = "secret"  # the policy of new passwords would refuse it


def bcrypt_of(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


HASH = bcrypt_of(SHORT)
WITH_HASH: Record = {**ANN, "password_hash": HASH}


@pytest.fixture
def core(core: UserCore) -> UserCore:
    """Return a core with a real hasher."""
    return over(core, hasher=Argon2Hasher(PasswordPolicy(profile=CHEAP)))


@pytest.fixture
def ann(core: UserCore, clock: FakeClock) -> User:
    """Return Ann, who was imported with a hash a day ago."""
    assert counts(imported(core, WITH_HASH)) == (1, 0, 0, 0)
    clock.advance(timedelta(days=1))
    return core.users.get(Email("ann@example.com"))


def stored(core: UserCore, user: User) -> str:
    credential = credential_of(core, user.id)
    assert credential is not None
    return credential.hash


def with_password(core: UserCore, password: str = SHORT) -> Secret:
    return core.sign_in.with_password("ann@example.com", password).access_token


def test_the_first_sign_in_rehashes_an_imported_hash_as_argon2id(core: UserCore, ann: User) -> None:
    assert stored(core, ann) == HASH
    with_password(core)
    rehashed = credential_of(core, ann.id)
    assert rehashed is not None
    assert rehashed.hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert (rehashed.version, rehashed.reason) == (1, PasswordChange.IMPORT)
    with_password(core)
    assert stored(core, ann) == rehashed.hash


def test_a_wrong_password_of_an_imported_hash_is_refused_and_throttled(core: UserCore, ann: User) -> None:
    for _ in range(10):
        with pytest.raises(SignInRefused):
            with_password(core, "wrong")
    with pytest.raises(RateLimited):
        with_password(core)
    assert stored(core, ann) == HASH
    assert core.users.status(ann.id).failures_in_a_row == 10


def test_an_import_leaves_a_row_without_the_hash_and_mails_nothing(
    core: UserCore, ann: User, mailer: MemoryMailer
) -> None:
    entries = core.history.of_user(ann.id).rows
    assert sorted(entry.kind for entry in entries) == ["password.set", "user.imported"]
    entry = next(entry for entry in entries if entry.kind == "password.set")
    assert entry.new["reason"] == "import"
    assert HASH not in repr(entries)
    core.outbox.deliver()
    assert mailer.sent == []


def test_the_same_records_again_change_nothing_before_and_after_the_first_sign_in(core: UserCore, ann: User) -> None:
    with unchanged(core):
        assert counts(imported(core, WITH_HASH)) == (0, 0, 1, 0)
    with_password(core)
    rehashed = stored(core, ann)
    with unchanged(core):
        assert counts(imported(core, WITH_HASH)) == (0, 0, 1, 0)
    assert stored(core, ann) == rehashed


def test_an_import_replaces_no_password_that_was_used_or_chosen(core: UserCore, ann: User) -> None:
    newer: Record = {**ANN, "password_hash": bcrypt_of("newer")}
    with_password(core)
    with unchanged(core):
        assert counts(imported(core, newer)) == (0, 0, 1, 0)
    core.passwords.set(ann.id, "correct horse battery staple")
    with unchanged(core):
        assert counts(imported(core, newer, WITH_HASH)) == (0, 0, 2, 0)
    with_password(core, "correct horse battery staple")


def test_an_import_replaces_a_hash_that_was_not_used_and_revokes_the_tokens(core: UserCore, ann: User) -> None:
    token = sign_in(core, ann)
    assert counts(imported(core, {**ANN, "password_hash": bcrypt_of("newer")})) == (0, 1, 0, 0)
    assert not opens(core, token)
    with pytest.raises(SignInRefused):
        with_password(core)
    with_password(core, "newer")
    assert core.users.get(ann.id).version == ann.version  # the user's own fields are as before
    credential = credential_of(core, ann.id)
    assert credential is not None
    assert credential.version == 2


def test_a_user_without_a_password_gets_the_hash_and_keeps_tokens(core: UserCore) -> None:
    imported(core, ANN)
    user = core.users.get(Email("ann@example.com"))
    token = sign_in(core, user)
    assert counts(imported(core, {**WITH_HASH, "first_name": "Anna"})) == (0, 1, 0, 0)
    assert opens(core, token)
    with_password(core)
    assert core.users.get(user.id).first_name == "Anna"


def test_later_records_of_a_batch_see_the_hash_of_earlier_ones(core: UserCore) -> None:
    newer: Record = {**ANN, "password_hash": bcrypt_of("newer")}
    assert counts(imported(core, WITH_HASH, WITH_HASH, newer, newer, ANN)) == (1, 1, 3, 0)
    with_password(core, "newer")


def test_argon2id_hashes_are_imported_too_and_never_overwritten(core: UserCore) -> None:
    own = argon2.PasswordHasher(1, 16, 1).hash(SHORT)
    assert counts(imported(core, {**ANN, "password_hash": own})) == (1, 0, 0, 0)
    with unchanged(core):
        assert counts(imported(core, {**ANN, "password_hash": own}, WITH_HASH)) == (0, 0, 2, 0)
    with_password(core)


@pytest.mark.parametrize("value", [None, "", "!", "!Hzl0YZyqkrBFtZ4eRPMu7vNWuHmJHtPwl1vzRhVb"])
def test_none_an_empty_text_and_djangos_unusable_password_are_no_password(
    core: UserCore, ann: User, value: str | None
) -> None:
    with unchanged(core):
        assert counts(imported(core, {**ANN, "password_hash": value})) == (0, 0, 1, 0)
    assert counts(imported(core, {**BOB, "password_hash": value})) == (1, 0, 0, 0)
    assert credential_of(core, core.users.get(Email("bob@example.com")).id) is None
    assert stored(core, ann) == HASH


BAD: dict[str, tuple[object, str]] = {
    "a password": ("correct horse", "unsupported"),
    "half a hash": ("$2b$12$abc", "malformed"),
    "a dear one": ("$2b$31$" + "." * 53, "too_costly"),
    "a digest": ("sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8", "not_allowed"),
    "Firebase's": ("$firescrypt$ln=14,r=8,p=1$AAAA$AAAA", "no_key"),
    "a long text": ("$6$" + "x" * 1_000_000, "too_long"),
    "a number": (7, "wrong_type"),
    "bytes": (b"$2b$", "wrong_type"),
    "a line end": (HASH + "\n", "malformed"),
}


@pytest.mark.parametrize(("value", "reason"), BAD.values(), ids=BAD)
def test_a_hash_that_cannot_be_verified_makes_the_record_bad_and_the_rest_goes_on(
    core: UserCore, value: object, reason: str
) -> None:
    report = imported(core, {**ANN, "password_hash": value}, BOB)
    assert counts(report) == (1, 0, 0, 1)
    assert shown(report.bad) == [f"line 1: password_hash: {reason}"]
    assert core.users.find(Email("ann@example.com")) is None


def test_all_errors_of_a_record_are_reported_together(core: UserCore) -> None:
    report = imported(core, {"email": "no email", "password_hash": "x"})
    assert shown(report.bad) == ["line 1: email: malformed; password_hash: unsupported"]


def test_all_or_nothing_stores_hashes_in_one_unit_or_none(core: UserCore) -> None:
    bad: Record = {**BOB, "password_hash": "x"}
    with unchanged(core):
        assert core.registration.import_users([WITH_HASH, bad], all_or_nothing=True).bad_count == 1
    assert core.registration.import_users([WITH_HASH, BOB], all_or_nothing=True).created == 2
    with_password(core)


def chosen_since(core: UserCore) -> str:
    password = "correct horse battery staple"
    core.passwords.set(Email("ann@example.com"), password)
    return password


def used_since(core: UserCore) -> str:
    with_password(core)
    return SHORT


@pytest.mark.parametrize("change", [used_since, chosen_since])
def test_a_password_that_was_used_or_chosen_between_plan_and_storing_is_not_replaced(
    core: UserCore, ann: User, change: Callable[[UserCore], str]
) -> None:
    batch = list(candidates.candidates([{**ANN, "password_hash": bcrypt_of("newer")}]))
    known = core._service.units.read(lambda unit: find_known(unit, batch, at=NOON))
    plan = Plan(known, blank=evolve(ann, id=UserId(0)), new_id=core._service.new_id, admit=lambda _, __: None)
    steps = [plan.step(candidate) for candidate in batch]
    password = change(core)
    with pytest.raises(LostRace):
        core._service.units.write(lambda unit: store_steps(unit, MAIN, known, steps))
    with_password(core, password)


def test_files_have_hashes_in_a_column_of_any_name(core: UserCore, tmp_path: Path) -> None:
    csv, lines = tmp_path / "people.csv", tmp_path / "people.jsonl"
    csv.write_text(f"email,password_hash\nann@example.com,{HASH}\nbob@example.com,\n")
    lines.write_text(f'{{"email": "cid@example.com", "password_hash": "{HASH}"}}\n')
    with csv.open("rb") as first, lines.open("rb") as second:
        assert counts(core.registration.import_users([*read_csv(first), *read_json_lines(second)])) == (3, 0, 0, 0)
    with_password(core)


def test_a_store_with_a_hash_whose_package_is_missing_refuses_it_and_explains(
    core: UserCore, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    assert core.history.explain(ann.id) == ("unusable_hash", "extra_not_installed")
    with pytest.raises(SignInRefused):
        with_password(core)
    assert shown(imported(core, {**BOB, "password_hash": HASH}).bad) == ["line 1: password_hash: extra_not_installed"]
    monkeypatch.undo()
    assert core.history.explain(ann.id) == ()
    with_password(core)


def test_a_username_is_a_login_for_an_imported_hash(core: UserCore) -> None:
    imported(core, {**WITH_HASH, "username": "ann"})
    assert core.sign_in.with_password("ann", SHORT).user.id == core.users.get(Username("ann")).id


def test_check_names_the_extra_that_a_stored_hash_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/people.db"
    with usercore.open(url) as core:
        imported(core, WITH_HASH)
    assert usercore_storage.check(url).findings == ()
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    (finding,) = usercore_storage.check(url).findings
    assert finding.kind is FindingKind.UNUSABLE
    assert finding.problem == "its hash cannot be used: the extra usercore[imported-hashes] is not installed"
