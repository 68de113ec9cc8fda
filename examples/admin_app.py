"""The admin page as an application of its own, and a command that registers an operator.

``python -m examples.admin_app operator@example.com`` asks for a password and registers one. Without an argument it
serves http://localhost:8000/admin/. Chromium and Firefox send its cookies to localhost without TLS, too.
"""

import os
import sys
from getpass import getpass
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import usercore
from usercore_web.admin import admin_router
from usercore_web.wsgi import WsgiApp

core = usercore.open(os.environ.get("USERCORE_STORE", "sqlite:///people.db"))
application = WsgiApp(admin_router(core))


class Server(ThreadingMixIn, WSGIServer):
    """Answers each connection on a thread of its own."""


def register_operator(email: str, password: str) -> None:
    """Register a user with a privileged role, which is created if need be."""
    roles = {role.name for role in core.roles.list()}
    if "Operators" not in roles:
        core.roles.create("Operators", privileged=True)
    core.roles.give(core.registration.register(email, password=password).user.id, "Operators")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        register_operator(sys.argv[1], getpass())
    else:
        make_server("localhost", 8000, application, server_class=Server).serve_forever()
