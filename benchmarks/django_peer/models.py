"""The user of the peer: Django's own, with a unique email."""

from django.contrib.auth.models import AbstractUser
from django.db.models import EmailField


class Account(AbstractUser):
    """A user."""

    email: "EmailField[str, str]" = EmailField(unique=True)
