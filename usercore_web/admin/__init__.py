"""Pages for operators, rendered on the server and without scripts; needs the extra ``admin``."""

from usercore_web.admin.router import admin_router

__all__ = ["admin_router"]
