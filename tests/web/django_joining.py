"""What holds on each database of Django whose transactions usercore joins; run by tests of web and of PostgreSQL."""

from contextlib import suppress
from typing import ClassVar

import pytest
from django.db import transaction

from tests.web.django_project import Group
from usercore import Invalid, UserCore
from usercore_web.django import joined


class DjangoJoiningCases:
    """A subclass names the database, and has a fixture ``shared``: a core whose store is in it."""

    alias: ClassVar[str]

    def store(self, core: UserCore, name: str) -> None:
        """Store a row of each in the open transaction."""
        joined(core, using=self.alias).registration.register_external(f"{name}@example.com")
        Group.objects.using(self.alias).create(name=name)

    def stored(self, core: UserCore) -> tuple[set[str], set[str]]:
        """Return the names that are stored in usercore and in Django."""
        users = {str(user.email).partition("@")[0] for user in core.users.list()}
        return users, {group.name for group in Group.objects.using(self.alias)}

    def test_rows_of_both_are_stored_together(self, shared: UserCore) -> None:
        with transaction.atomic(using=self.alias):
            self.store(shared, "ann")
        assert self.stored(shared) == ({"ann"}, {"ann"})

    def test_a_rollback_undoes_rows_of_both(self, shared: UserCore) -> None:
        with suppress(ZeroDivisionError), transaction.atomic(using=self.alias):
            self.store(shared, "ann")
            raise ZeroDivisionError
        assert self.stored(shared) == (set(), set())

    def test_a_rollback_to_a_savepoint_undoes_rows_of_both(self, shared: UserCore) -> None:
        with transaction.atomic(using=self.alias):
            self.store(shared, "ann")
            with suppress(ZeroDivisionError), transaction.atomic(using=self.alias):
                self.store(shared, "bob")
                raise ZeroDivisionError
            self.store(shared, "eve")
        assert self.stored(shared) == ({"ann", "eve"}, {"ann", "eve"})

    def test_a_call_that_is_refused_leaves_the_transaction_as_it_was(self, shared: UserCore) -> None:
        with transaction.atomic(using=self.alias):
            self.store(shared, "ann")
            with pytest.raises(Invalid):
                joined(shared, using=self.alias).registration.register_external("no email")
            self.store(shared, "bob")
        assert self.stored(shared) == ({"ann", "bob"}, {"ann", "bob"})

    def test_joining_needs_an_open_transaction(self, shared: UserCore) -> None:
        with pytest.raises(ValueError, match="atomic"):
            joined(shared, using=self.alias)
