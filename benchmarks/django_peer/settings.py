"""How the peer is set up: one connection that lives long, WAL, commits that survive a power cut, writers that queue."""

from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

_VALIDATORS = (
    "UserAttributeSimilarityValidator",
    "MinimumLengthValidator",
    "CommonPasswordValidator",
    "NumericPasswordValidator",
)
"""Those of a new project. Source: Django's ``startproject``."""

_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
}


def use(path: Path) -> None:
    """Configure Django for this file, which is created with its tables if it is missing."""
    if not settings.configured:
        _configure(path)
    connection.close()
    connection.settings_dict["NAME"] = str(path)
    if not path.exists():
        call_command("migrate", run_syncdb=True, verbosity=0)


def _configure(path: Path) -> None:
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": _OPTIONS,
    }
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "rest_framework.authtoken",
            "benchmarks.django_peer",
        ],
        SECRET_KEY="known to all",
        AUTH_PASSWORD_VALIDATORS=[{"NAME": f"django.contrib.auth.password_validation.{name}"} for name in _VALIDATORS],
        PASSWORD_HASHERS=["benchmarks.django_peer.hashers.LeastArgon2"],
        AUTH_USER_MODEL="django_peer.Account",
        MIGRATION_MODULES={"contenttypes": None, "auth": None, "sessions": None, "authtoken": None},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DEBUG=False,
    )
    django.setup()
