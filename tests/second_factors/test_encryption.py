"""Encryption of secrets: a vector of the specification, and ciphertexts that were changed or moved."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from usercore import FactorKey, NoFactorKey
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.second_factors.encryption import NONCE_BYTES, FactorCipher
from usercore.second_factors.model import StoredFactor
from usercore.testing.contracts.second_factors import FACTOR

OLD, NEW = FactorKey(id="old", key=bytes(range(32))), FactorKey(id="new", key=bytes(32))
SECRET = b"12345678901234567890"


def encrypted(*keys: FactorKey, nonce: bytes = b"n" * NONCE_BYTES, user_id: UserId = FACTOR.user_id) -> StoredFactor:
    """Return a factor whose secret was encrypted by the first of these keys."""
    cipher = FactorCipher(keys)
    text = cipher.encrypt(SECRET, user_id=user_id, factor_id=FACTOR.id, randomness=lambda count: nonce[:count])
    return evolve(FACTOR, user_id=user_id, key_id=cipher.key_id, encrypted=text)


@pytest.mark.rule("F5")
def test_the_cipher_is_that_of_the_specification() -> None:
    """Test case 16 of the proposal of GCM: AES-256 with associated data."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = AESGCM(key).encrypt(
        bytes.fromhex("cafebabefacedbaddecaf888"), plain, bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    )
    assert sealed.hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )


@pytest.mark.rule("F5")
def test_a_secret_is_sealed_by_the_first_key_with_the_given_nonce_and_bound_to_its_row() -> None:
    factor = encrypted(OLD, NEW)
    assert factor.encrypted[:NONCE_BYTES] == b"n" * NONCE_BYTES
    bound_to = f"usercore second factor\0old\0{FACTOR.user_id}\0{FACTOR.id}".encode()
    assert AESGCM(OLD.key.reveal()).decrypt(b"n" * NONCE_BYTES, factor.encrypted[NONCE_BYTES:], bound_to) == SECRET


@pytest.mark.rule("F5")
@given(st.binary(min_size=1, max_size=64), st.binary(min_size=12, max_size=12))
def test_what_was_encrypted_is_decrypted(secret: bytes, nonce: bytes) -> None:
    cipher = FactorCipher((OLD,))
    text = cipher.encrypt(secret, user_id=FACTOR.user_id, factor_id=FACTOR.id, randomness=lambda _: nonce)
    assert cipher.decrypt(evolve(FACTOR, key_id="old", encrypted=text)) == secret
    assert len(text) == NONCE_BYTES + len(secret) + 16, "a nonce before it, a tag behind it"


@pytest.mark.rule("F5")
def test_older_keys_decrypt_and_a_key_that_is_gone_does_not() -> None:
    factor = encrypted(OLD)
    assert FactorCipher((NEW, OLD)).decrypt(factor) == SECRET
    assert FactorCipher((NEW,)).decrypt(factor) is None
    assert FactorCipher((FactorKey(id="old", key=bytes(32)),)).decrypt(factor) is None


@pytest.mark.rule("F5")
def test_a_row_that_was_moved_or_changed_is_not_decrypted() -> None:
    cipher, factor = FactorCipher((OLD,)), encrypted(OLD)
    text = factor.encrypted
    for moved in (
        evolve(factor, user_id=UserId(factor.user_id + 1)),
        evolve(factor, id=factor.id + 1),
        *(evolve(factor, encrypted=text[:cut]) for cut in range(len(text))),
        *(evolve(factor, encrypted=bytes([*text[:n], text[n] ^ 1, *text[n + 1 :]])) for n in range(len(text))),
        evolve(factor, encrypted=text + b"\0"),
    ):
        assert cipher.decrypt(moved) is None


@pytest.mark.rule("F5")
def test_without_a_key_nothing_is_encrypted() -> None:
    with pytest.raises(NoFactorKey):
        encrypted()
    with pytest.raises(NoFactorKey):
        FactorCipher(()).encrypt(SECRET, user_id=FACTOR.user_id, factor_id=1, randomness=bytes)
