"""Rows of Django and of usercore in one transaction on PostgreSQL."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from psycopg.conninfo import conninfo_to_dict

import usercore
from scripts.postgres_server import Server
from tests.web.django_joining import DjangoJoiningCases
from tests.web.django_project import placed
from usercore import UserCore
from usercore_web.django import database_url


class TestDjango(DjangoJoiningCases):
    alias = "postgres"

    @pytest.fixture
    def shared(self, server: Server, database: str) -> Iterator[UserCore]:
        told = conninfo_to_dict(server.url(database))
        options = {"sslmode": "prefer", "connect_timeout": 3, "prepare_threshold": 5}
        place = {"NAME": database, "HOST": told["host"], "USER": told["user"], "PORT": told["port"], "OPTIONS": options}
        with placed(self.alias, **place):
            call_command("migrate", "auth", database=self.alias, verbosity=0)
            with usercore.open(database_url(self.alias)) as core:
                yield core
