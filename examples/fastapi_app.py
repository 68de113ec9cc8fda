"""An application on FastAPI whose users register, sign in and see a page of their own.

Run it by ``uvicorn examples.fastapi_app:app``. Browsers send the cookie of the session over TLS only; without TLS, on
your own machine, set ``USERCORE_INSECURE_COOKIE=1``.
"""

import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI

import usercore
from usercore import Identity, UsercoreError
from usercore_web import SESSION_COOKIE, SecretCookie, Site
from usercore_web.starlette import Accounts

STORE = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COOKIE = SecretCookie(name="session", secure=False) if "USERCORE_INSECURE_COOKIE" in os.environ else SESSION_COOKIE

accounts = Accounts(lambda: usercore.open(STORE), site=Site(session_cookie=COOKIE))
app = FastAPI(lifespan=accounts.lifespan)
app.mount("/account", accounts.app)
app.add_exception_handler(UsercoreError, accounts.answer_error)


def openapi() -> dict[str, Any]:
    """Describe the routes of accounts beside those below."""
    document = FastAPI.openapi(app)
    return document | {"paths": document["paths"] | accounts.openapi("/account")["paths"]}


app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI says


@app.get("/hello")
async def hello(identity: Annotated[Identity, Depends(accounts.identity)]) -> dict[str, str | None]:
    """Greet the user who is signed in."""
    return {"hello": identity.user.full_name}
