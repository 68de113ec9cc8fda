"""The user of the peer: Django's own, with an email that is nobody else's."""

from django.contrib.auth.models import AbstractUser
from django.db.models import EmailField


class Account(AbstractUser):  # type: ignore[misc]  # Django is untyped
    """A user."""

    email = EmailField(unique=True)
