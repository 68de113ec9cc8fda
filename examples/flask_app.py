"""An application on Flask whose users register, sign in and see a page of their own.

Run it by ``flask --app examples.flask_app run``. Browsers send the cookie of the session over TLS only; without TLS, on
your own machine, set ``USERCORE_INSECURE_COOKIE=1``.
"""

import os

from flask import Flask

import usercore
from usercore_web import SESSION_COOKIE, SecretCookie, Site
from usercore_web.flask import Accounts, login_required

STORE = os.environ.get("USERCORE_STORE", "sqlite:///people.db")
COOKIE = SecretCookie(name="session", secure=False) if "USERCORE_INSECURE_COOKIE" in os.environ else SESSION_COOKIE

core = usercore.open(STORE)
accounts = Accounts(core, site=Site(session_cookie=COOKIE))
app = Flask(__name__)
accounts.init_app(app)


@app.get("/hello")
@login_required
def hello() -> dict[str, str | None]:
    """Greet the user who is signed in."""
    return {"hello": accounts.identity().user.full_name}
