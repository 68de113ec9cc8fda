"""The peer's argon2, with the parameters that the others have."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from benchmarks.passwords import LEAST


class LeastArgon2(Argon2PasswordHasher):
    """The least that argon2 can do."""

    time_cost = LEAST.passes
    memory_cost = LEAST.memory_kib
    parallelism = LEAST.lanes
