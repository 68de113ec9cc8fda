"""The cores of the services' tests, and a store with people in it."""

from tests.services.conftest import clock, core, hasher, kept_in, mailer, storage

__all__ = ["clock", "core", "hasher", "kept_in", "mailer", "storage"]
