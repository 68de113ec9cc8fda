"""An application on Litestar whose users register, sign in and see a page of their own.

Run it by ``uvicorn examples.litestar_app:app``. Browsers send the cookie of the session over TLS only; without TLS, on
your own machine, set ``USERCORE_INSECURE_COOKIE=1``.
"""

import os

from litestar import Litestar, get
from litestar.di import NamedDependency

import usercore
from usercore import Identity
from usercore_web import SESSION_COOKIE, SecretCookie, Site
from usercore_web.litestar import Accounts

STORE = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COOKIE = SecretCookie(name="session", secure=False) if "USERCORE_INSECURE_COOKIE" in os.environ else SESSION_COOKIE

accounts = Accounts(lambda: usercore.open(STORE), site=Site(session_cookie=COOKIE))


@get("/hello")
async def hello(current_user: NamedDependency[Identity]) -> dict[str, str | None]:
    """Greet the user who is signed in."""
    return {"hello": current_user.user.full_name}


app = Litestar([hello], on_app_init=[accounts.init_app])
