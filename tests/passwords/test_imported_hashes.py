"""Hashes of other systems: the published vectors of each format, bounds, and texts that are none."""

import hashlib
import importlib
import sys
from base64 import b64encode
from collections.abc import Callable
from hmac import digest as hmac_of
from typing import Any

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.secret import Secret
from usercore.passwords.imported_hashes import hash_problem, read_hash
from usercore.passwords.model import FirebaseKey, HashProfile, ImportedHashes, PasswordPolicy
from usercore.passwords.stored_hash import UnusableHash

pytestmark = pytest.mark.rule("P8")

CHEAP = HashProfile(name="cheap", memory_kib=8, passes=1, lanes=1, source="as little as argon2 takes")

# Source: the README of github.com/firebase/scrypt.
FIREBASE = FirebaseKey(
    signer_key="jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    salt_separator="Bw==",
)
POLICY = PasswordPolicy(
    profile=CHEAP,
    imported_hashes=ImportedHashes(digests=True, firebase_key=FIREBASE, devise_pepper=Secret("pepper of Devise")),
)

VECTORS = {
    # Openwall's crypt_blowfish, wrapper.c
    "bcrypt 2a": ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    "bcrypt 2b": ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
    "bcrypt 2y": ("$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
    # Django, tests/auth_tests/test_hashers.py
    "Django PBKDF2": ("pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", "lètmein"),
    "Django scrypt": (
        "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
        "lètmein",
    ),
    "Django argon2i": ("argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q", "secret"),
    "Django argon2i of version 16": (
        "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg",
        "secret",
    ),
    "Django argon2id": ("argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw", "secret"),
    "Django salted SHA-1": ("sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8", "lètmein"),
    "Django salted MD5": ("md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "lètmein"),
    # firebase/scrypt, README
    "Firebase": (
        "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        "user1password",
    ),
    # Openwall's phpass, test.php, and phpBB
    "phpass": ("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"),
    "phpBB": ("$H$9aaaaaSXBjgypwqm.JsMssPLiS8YQ00", "test1"),
    # Ulrich Drepper, Unix crypt using SHA-256 and SHA-512
    "SHA-256-crypt": ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    "SHA-512-crypt": (
        "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
        "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    ),
    # passlib's documentation of pbkdf2_sha256, scrypt, bcrypt_sha256 and ldap_salted_sha1
    "passlib PBKDF2": (
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "password",
    ),
    "passlib scrypt": (
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "password",
    ),
    "passlib bcrypt_sha256": (
        "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
        "password",
    ),
    "LDAP": ("{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ", "password"),
}


def by_bcrypt(prepared: bytes) -> str:
    return bcrypt.hashpw(prepared, bcrypt.gensalt(4)).decode()


# Made by the formula that each system documents, around a bcrypt of its own.
MADE = {
    "Django bcrypt": ("bcrypt$" + by_bcrypt(b"a password"), "a password"),
    "Django bcrypt_sha256": (
        "bcrypt_sha256$" + by_bcrypt(hashlib.sha256(b"a password").hexdigest().encode()),
        "a password",
    ),
    "WordPress 6.8": ("$wp" + by_bcrypt(b64encode(hmac_of(b"wp-sha384", b"a password", "sha384"))), "a password"),
    "Devise with a pepper": ("$devise" + by_bcrypt(b"a passwordpepper of Devise"), "a password"),
    "Auth0 and Devise": (by_bcrypt(b"a password"), "a password"),
    "argon2d": (argon2.PasswordHasher(1, 8, 1, type=argon2.Type.D).hash("a password"), "a password"),
    "Django PBKDF2 with SHA-1": (
        "pbkdf2_sha1$3$salt$" + b64encode(hashlib.pbkdf2_hmac("sha1", b"a password", b"salt", 3)).decode(),
        "a password",
    ),
}
ALL = VECTORS | MADE


def unusable(text: str, **policy: Any) -> tuple[str, str]:
    """Return the reason and the problem of a hash that cannot be verified."""
    with pytest.raises(UnusableHash) as raised:
        read_hash(text, PasswordPolicy(profile=CHEAP, **policy))
    assert text not in str(raised.value)
    assert raised.value.error.field == "password_hash"
    return raised.value.error.reason, raised.value.problem


@pytest.mark.parametrize(("text", "password"), ALL.values(), ids=ALL)
def test_the_password_of_a_hash_is_right_and_others_are_wrong(text: str, password: str) -> None:
    verify = read_hash(text, POLICY)
    assert verify(password)
    for wrong in (password + "x", password[:-1], ""):
        assert not verify(wrong)


@pytest.mark.parametrize("text", [text for text, _ in ALL.values()], ids=ALL)
def test_a_hash_with_another_last_character_is_not_that_of_the_password(text: str) -> None:
    password = next(password for other, password in ALL.values() if other == text)
    other = text[:-3] + ("11" if text[-3:-1] == "00" else "00") + text[-1]
    try:
        assert not read_hash(other, POLICY)(password)
    except UnusableHash as unusable:
        assert unusable.error.reason == "malformed"  # noqa: PT017 - some formats leave these bits unused


def test_only_the_first_72_bytes_count_for_bcrypt_as_in_the_systems_it_comes_from() -> None:
    verify = read_hash(by_bcrypt(b"x" * 72), POLICY)
    assert verify("x" * 72)
    assert verify("x" * 72 + "other")
    assert not verify("x" * 71)


def test_all_bytes_count_where_a_digest_goes_before_bcrypt() -> None:
    long = "x" * 100
    for text in (
        "bcrypt_sha256$" + by_bcrypt(hashlib.sha256(long.encode()).hexdigest().encode()),
        "$wp" + by_bcrypt(b64encode(hmac_of(b"wp-sha384", long.encode(), "sha384"))),
    ):
        assert read_hash(text, POLICY)(long)
        assert not read_hash(text, POLICY)(long + "x")


TOO_COSTLY = {
    "bcrypt": ("$2b$15$" + "." * 53, "it demands 15 as the cost, not 4 to 14"),
    "the most expensive bcrypt": ("$2b$31$" + "." * 53, "it demands 31 as the cost, not 4 to 14"),
    "WordPress": ("$wp$2y$31$" + "." * 53, "it demands 31 as the cost, not 4 to 14"),
    "bcrypt_sha256 of passlib": (
        "$bcrypt-sha256$v=2,t=2b,r=31$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
        "it demands 31 as the cost, not 4 to 14",
    ),
    "PBKDF2": (
        "pbkdf2_sha256$2000001$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
        "it demands 2000001 iterations, not 1 to 2000000",
    ),
    "SHA-crypt": ("$6$rounds=1000001$salt$" + "." * 86, "it demands 1000001 rounds, not 1000 to 1000000"),
    "phpass": ("$P$I" + "." * 30, "it demands 20 as the cost, not 7 to 19"),
    "Django's scrypt in memory": (
        "scrypt$524288$seasalt$8$1$" + "A" * 86 + "==",
        "it demands 524288 KiB in all lanes, not 1 to 262144",
    ),
    "Django's scrypt in lanes": ("scrypt$2$seasalt$1$17$" + "A" * 86 + "==", "it demands 17 lanes, not 1 to 16"),
    "passlib's scrypt": (
        "$scrypt$ln=31,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "it demands 2147483648 KiB in all lanes, not 1 to 262144",
    ),
    "Firebase": ("$firescrypt$ln=19,r=8,p=1$AAAA$AAAA", "it demands 524288 KiB in all lanes, not 1 to 262144"),
    "argon2i": ("$argon2i$v=19$m=8,t=11,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q", "it demands 11 passes, not 1 to 10"),
    "argon2 of Django": (
        "argon2$argon2id$v=19$m=262145,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
        "it demands 262145 KiB, not 8 to 262144",
    ),
}


@pytest.mark.parametrize(("text", "problem"), TOO_COSTLY.values(), ids=TOO_COSTLY)
def test_a_hash_that_costs_more_than_the_policy_allows_is_refused_at_once(text: str, problem: str) -> None:
    assert unusable(text) == ("too_costly", problem)


EXACT: dict[str, tuple[str, str, int]] = {
    "bcrypt": ("max_bcrypt_cost", MADE["Auth0 and Devise"][0].replace("$04$", "$05$"), 5),
    "PBKDF2": ("max_pbkdf2_iterations", VECTORS["Django PBKDF2"][0], 390_000),
    "SHA-crypt": ("max_sha_crypt_rounds", VECTORS["SHA-512-crypt"][0], 1400),
    "phpass": ("max_phpass_cost", VECTORS["phpass"][0], 11),
}


@pytest.mark.parametrize(("bound", "text", "most"), EXACT.values(), ids=EXACT)
def test_a_bound_allows_what_it_names_and_no_more(bound: str, text: str, most: int) -> None:
    for value, problem in ((most, None), (most - 1, "too_costly")):
        limits: dict[str, Any] = {bound: value}
        policy = PasswordPolicy(imported_hashes=ImportedHashes(**limits))
        assert hash_problem(text, policy) == problem


@pytest.mark.parametrize("text", [text for text, _ in ALL.values() if text.startswith(("sha1$", "md5$", "{"))])
def test_digests_are_verified_on_request_only(text: str) -> None:
    assert hash_problem(text, PasswordPolicy()) == "not_allowed"
    assert hash_problem(text, POLICY) is None


def test_firebase_and_devise_take_a_key_of_the_policy() -> None:
    reason, problem = unusable(VECTORS["Firebase"][0])
    assert (reason, problem) == ("no_key", "the policy has no ImportedHashes.firebase_key")
    reason, problem = unusable(MADE["Devise with a pepper"][0])
    assert (reason, problem) == ("no_key", "the policy has no ImportedHashes.devise_pepper")


def test_firebases_alphabet_for_urls_is_read_too() -> None:
    text, password = VECTORS["Firebase"]
    assert read_hash(text.replace("+", "-").replace("/", "_"), POLICY)(password)


@pytest.mark.parametrize(("signer_key", "says"), [("****", "must be Base64"), ("Bw==", "must have 16 bytes or more")])
def test_a_signer_key_that_cannot_be_one_is_refused_when_the_policy_is_made(signer_key: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FirebaseKey(signer_key=signer_key, salt_separator="Bw==")


def test_keys_are_not_shown() -> None:
    shown = repr(POLICY)
    assert "pepper of Devise" not in shown
    assert str(FIREBASE.signer_key.reveal()) not in shown


UNKNOWN = [
    "x",
    "plain text",
    "$7$abc",
    "$1$abc$def",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "{CLEARTEXT}secret",
    "fake$1$2",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_a_hash_of_an_unknown_kind_is_unsupported(text: str) -> None:
    assert unusable(text) == ("unsupported", "its kind is unknown")


def test_a_hash_has_at_most_512_characters() -> None:
    assert unusable("$6$" + "." * 510) == ("too_long", "it has more than 512 characters")


MALFORMED = [
    "$2b$12$short",
    "$2b$12$" + "x" * 53,  # bits that are not used are set
    "$2x$12$" + "." * 53,
    "$2b$03$" + "." * 53,
    "$2b$12$" + "." * 52 + "é",
    "$2b$12$" + "." * 52 + "\ud800",
    "$2b$12$" + "." * 53 + "\n",
    "pbkdf2_sha256$1000$$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
    "pbkdf2_sha256$1000$seasalt$",
    "pbkdf2_sha256$" + "9" * 400 + "$salt$8xBlGd3jVgvJ",
    "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw",
    "sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700x",
    "scrypt$3$seasalt$8$1$" + "A" * 86 + "==",
    "scrypt$16384$seasalt$0$1$" + "A" * 86 + "==",
    "scrypt$65536$seasalt$1$1$" + "A" * 86 + "==",  # RFC 7914, 2: N is below 2^(128 * r / 8)
    "$firescrypt$ln=0,r=8,p=1$AAAA$AAAA",
    "$firescrypt$ln=14,r=8,p=1$A$AAAA",
    "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
    "$argon2x$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
    "$6$rounds=1000$salt$",
    "$scrypt$0ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    "$P$9IQRaTwmf",
    "scrypt$16384$s\ud800$8$1$" + "A" * 86 + "==",
    "$firescrypt$ln=1\u0664,r=8,p=1$AAAA$AAAA",  # a digit, but not of ASCII
    "$wp$2y$10$",
    "argon2$",
]


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_a_damaged_hash_is_malformed(text: str) -> None:
    policy = PasswordPolicy(profile=CHEAP, imported_hashes=ImportedHashes(digests=True, firebase_key=FIREBASE))
    assert hash_problem(text, policy) == "malformed"


def damaged_texts() -> st.SearchStrategy[str]:
    """Generate known hashes with a part cut out and another text put in, and prefixes with any text behind."""

    def cut(text: str, start: int, end: int, inserted: str) -> str:
        first, last = sorted((start % len(text), end % len(text)))
        return text[:first] + inserted + text[last:]

    known = st.sampled_from([text for text, _ in ALL.values()])
    inserted = st.text(max_size=8) | st.text("$0123456789=,", max_size=8)
    starts = ["$2b$", "$5$", "$6$rounds=", "$P$", "$argon2i$", "pbkdf2_sha256$", "$scrypt$ln=", "{SSHA}"]
    return st.builds(cut, known, st.integers(0, 200), st.integers(0, 200), inserted) | st.builds(
        str.__add__, st.sampled_from(starts), st.text(max_size=60)
    )


LEAST = PasswordPolicy(
    profile=CHEAP,
    max_memory_kib=64,
    max_passes=1,
    imported_hashes=ImportedHashes(
        max_bcrypt_cost=4,
        max_pbkdf2_iterations=10,
        max_sha_crypt_rounds=1000,
        max_phpass_cost=7,
        digests=True,
        firebase_key=FIREBASE,
        devise_pepper=Secret("pepper"),
    ),
)
REASONS = {"malformed", "too_costly", "unsupported", "too_long"}


@given(damaged_texts(), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=100))
def test_no_text_raises_anything_but_a_clean_refusal(text: str, password: str) -> None:
    try:
        verify = read_hash(text, LEAST)
    except UnusableHash as unusable:
        assert unusable.error.reason in REASONS  # noqa: PT017 - either outcome is right
    else:
        assert verify(password) in {True, False}


@given(st.text(max_size=600))
def test_any_text_is_a_hash_or_refused(text: str) -> None:
    assert hash_problem(text, LEAST) in REASONS | {None}


NEEDS = {
    "bcrypt": MADE["Auth0 and Devise"][0],
    "passlib.hash": VECTORS["phpass"][0],
    "cryptography.hazmat.primitives.ciphers": VECTORS["Firebase"][0],
}


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes a package impossible to import."""

    def remove(name: str) -> None:
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError):
            importlib.import_module(name)

    return remove


@pytest.mark.parametrize(("package", "text"), NEEDS.items(), ids=NEEDS)
def test_a_missing_package_makes_the_hash_unusable_and_the_problem_names_the_extra(
    package: str, text: str, without_package: Callable[[str], None]
) -> None:
    without_package(package)
    with pytest.raises(UnusableHash, match=r"usercore\[imported-hashes\] is not installed") as raised:
        read_hash(text, POLICY)
    assert raised.value.error.reason == "extra_not_installed"


@pytest.mark.parametrize("name", ["Django argon2i", "Django scrypt"])
def test_what_the_standard_library_and_argon2_verify_takes_no_extra(
    name: str, without_package: Callable[[str], None]
) -> None:
    for package in NEEDS:
        without_package(package)
    text, password = ALL[name]
    assert read_hash(text, POLICY)(password)
