"""Fixtures: the cores of the tests of services, and a store that contains users."""

from tests.services.conftest import clock, core, hasher, kept_in, mailer, storage

__all__ = ["clock", "core", "hasher", "kept_in", "mailer", "storage"]
