"""usercore in projects on Django, with the extra ``django``.

The setting ``USERCORE`` is an ``Accounts``. ``usercore_web.django.middleware.AccountsMiddleware`` belongs to
``MIDDLEWARE``, ``usercore_web.django.urls`` has the routes, and ``usercore_web.django.backend.AccountsBackend`` belongs
to ``AUTHENTICATION_BACKENDS``.
"""

from usercore_web.django.accounts import Accounts, get_accounts
from usercore_web.django.database import database_url, joined
from usercore_web.django.views import current_user, login_required, mounted

__all__ = ["Accounts", "current_user", "database_url", "get_accounts", "joined", "login_required", "mounted"]
