"""The user of the peer: Django's own, with a unique email."""

from django.contrib.auth.models import AbstractUser
from django.db.models import EmailField


class Account(AbstractUser):  # type: ignore[misc]  # Django is untyped
    """A user."""

    email = EmailField(unique=True)
