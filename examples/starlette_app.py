"""An application on Starlette whose users register, sign in and see a page of their own.

Run it by ``uvicorn examples.starlette_app:app``. Browsers send the cookie of the session over TLS only; without TLS, on
your own machine, set ``USERCORE_INSECURE_COOKIE=1``.
"""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import usercore
from usercore import UsercoreError
from usercore_web import SESSION_COOKIE, SecretCookie, Site
from usercore_web.starlette import Accounts

STORE = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COOKIE = SecretCookie(name="session", secure=False) if "USERCORE_INSECURE_COOKIE" in os.environ else SESSION_COOKIE

accounts = Accounts(lambda: usercore.open(STORE), site=Site(session_cookie=COOKIE))


async def hello(request: Request) -> JSONResponse:
    """Greet the user who is signed in."""
    identity = await accounts.identity(request)
    return JSONResponse({"hello": identity.user.full_name})


app = Starlette(
    routes=[Route("/hello", hello), Mount("/account", app=accounts.app)],
    lifespan=accounts.lifespan,
    exception_handlers={UsercoreError: accounts.answer_error},
)
