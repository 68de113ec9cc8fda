"""Ready routes: registering, signing in and out, sessions, passwords and emails.

Each is a ``Route`` that an application can replace by one of its own with the same method and path.
"""

from typing import Final

from usercore_web.routes import emails, passwords, registration, sessions, sign_in
from usercore_web.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *registration.ROUTES,
    *sign_in.ROUTES,
    *sessions.ROUTES,
    *passwords.ROUTES,
    *emails.ROUTES,
)
"""All ready routes."""

__all__ = ["ROUTES"]
