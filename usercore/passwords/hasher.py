"""Argon2id in a bounded number of slots, with an optional pepper, and exactly one hash for every attempt.

Calling ``PasswordHasher`` directly would answer faster for unknown users, let 40 parallel sign-ins use up the machine's
memory, and let a manipulated hash demand any amount of memory.
"""

import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from queue import Empty, SimpleQueue
from typing import Final

import argon2
from argon2.exceptions import Argon2Error, HashingError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from usercore.kernel.errors import Overloaded
from usercore.kernel.forks import reset_in_child
from usercore.passwords.imported_hashes import hash_problem, read_hash
from usercore.passwords.model import OWN_PREFIX, Credential, HashProfile, PasswordPolicy
from usercore.passwords.ports import Hasher

_DECOY_SALT: Final = b"0" * 16


class HashSlots:
    """A bounded number of slots with a bounded queue of waiting callers. Safe to share between threads."""

    def __init__(self, policy: PasswordPolicy) -> None:
        """Create the slots with the bounds of the policy."""
        self._policy = policy
        self._longest_wait = policy.max_wait.total_seconds()
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Release all slots; see ``forks``."""
        self._mutex = threading.Lock()
        self._callers = 0
        self._free = SimpleQueue[None]()  # a semaphore of ``threading`` takes ten times the instructions
        for _ in range(self._policy.hashes_at_once):
            self._free.put(None)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a slot.

        Raises:
            Overloaded: the queue is full, or the wait took too long.
        """
        with self._mutex:
            if self._callers == self._policy.hashes_at_once + self._policy.max_waiting:
                raise Overloaded
            self._callers += 1
        try:
            self._acquire()
            try:
                yield
            finally:
                self._free.put(None)
        finally:
            with self._mutex:
                self._callers -= 1

    def _acquire(self) -> None:
        try:
            self._free.get(timeout=self._longest_wait)
        except Empty:
            raise Overloaded from None


class Argon2Hasher(Hasher):
    """Hashes with argon2-cffi. Safe to share between threads; argon2 releases the GIL while it hashes."""

    def __init__(self, policy: PasswordPolicy) -> None:
        """Create a hasher with the policy's profile and its first pepper."""
        self._policy = policy
        self._slots = HashSlots(policy)
        self._argon2 = _hasher_of(policy.profile)
        self._is_of_profile = _form_of(self._argon2).fullmatch
        self._peppers = {pepper.id: pepper.key for pepper in policy.peppers}

    def hold_slot(self) -> AbstractContextManager[None]:
        """Hold one of the slots in which hashes are computed.

        Raises:
            Overloaded: too many callers wait already, or the wait took too long.
        """
        return self._slots.hold()

    def hash(self, password: str) -> tuple[str, str | None]:
        """Return the hash of a prepared password by the current profile and pepper, and the pepper's id or None."""
        pepper_id = self._policy.peppers[0].id if self._policy.peppers else None
        return self._compute(self._seasoned(password, pepper_id)), pepper_id

    def verify(self, credential: Credential | None, password: str | None) -> bool:
        """Return whether the password matches the credential; one hash is computed in every case.

        For an imported hash that is one of the current profile beside it, whether the password is right or wrong.
        """
        if credential is None or password is None or not self.is_usable(credential):
            return self._refuse(password or "")
        if not credential.hash.startswith(OWN_PREFIX):
            is_right = read_hash(credential.hash, self._policy)(password)
            return self._refuse(password) or is_right
        try:
            return self._argon2.verify(credential.hash, self._seasoned(password, credential.pepper_id))
        except VerifyMismatchError:
            return False
        except (Argon2Error, ValueError):  # argon2 refuses a damaged hash before it computes anything
            return self._refuse(password)

    def is_current(self, credential: Credential) -> bool:
        """Return whether the hash was made with the current profile and pepper."""
        pepper_id = self._policy.peppers[0].id if self._policy.peppers else None
        return credential.pepper_id == pepper_id and self._is_of_profile(credential.hash) is not None

    def is_usable(self, credential: Credential) -> bool:
        """Return whether the pepper is known and the hash demands no more than the policy allows."""
        is_own = credential.hash.startswith(OWN_PREFIX)
        is_known = credential.pepper_id is None or (is_own and credential.pepper_id in self._peppers)
        return is_known and (self._is_of_profile(credential.hash) is not None or not self.problem_of(credential.hash))

    def problem_of(self, text: str) -> str | None:
        """Return why a hash cannot be verified, as a reason of ``FieldError``, or None."""
        return hash_problem(text, self._policy)

    def _refuse(self, password: str) -> bool:
        self._compute(password, salt=_DECOY_SALT)
        return False

    def _compute(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Compute a hash by the current profile.

        Raises:
            Overloaded: the machine has no memory for it.
        """
        try:
            return self._argon2.hash(password, salt=salt)
        except HashingError as error:
            raise Overloaded from error

    def _seasoned(self, password: str, pepper_id: str | None) -> bytes:
        if pepper_id is None:
            return password.encode()
        return hmac.digest(self._peppers[pepper_id].reveal(), password.encode(), sha256)


def _form_of(hasher: argon2.PasswordHasher) -> re.Pattern[str]:
    """Return the form of the hashes that the hasher computes: no parameters need be parsed of one that has it."""
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (f"[A-Za-z0-9+/]{{{-(-size * 4 // 3)}}}" for size in (hasher.salt_len, hasher.hash_len))
    return re.compile(rf"{re.escape(f'{OWN_PREFIX}v={ARGON2_VERSION}${costs}$')}{salt}\${digest}")


def _hasher_of(profile: HashProfile) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(
        time_cost=profile.passes, memory_cost=profile.memory_kib, parallelism=profile.lanes, type=argon2.Type.ID
    )
