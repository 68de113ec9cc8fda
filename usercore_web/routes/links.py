"""What links in mails lead to: a page by GET, which redeems nothing, and a POST, which does.

Programs that scan mails open links, and some users click twice, so opening one must not use it up.
"""

from collections.abc import Callable

from usercore import FieldError, Invalid
from usercore_web.csrf import csrf_token
from usercore_web.pages import form_page, problem_page
from usercore_web.responses import Response
from usercore_web.routing import Call, Route
from usercore_web.site import CSRF_FIELD


def link_routes(
    path: str,
    use_case: str,
    redeem: Callable[[Call], Response],
    *,
    fields: tuple[str, ...] = ("secret",),
    title: str,
    submit: str,
    shown: tuple[str, ...] = (),
) -> tuple[Route, Route]:
    """Return the routes of a link that ends with ``?secret=...``: the page with a form, and what the form sends."""

    def show(call: Call) -> Response:
        """Show a page with a button, which redeems the link."""
        redeemed = call.request.query.get("secret")
        if not redeemed:
            return problem_page(Invalid((FieldError("secret", "missing"),)))
        secret, headers = call.site.csrf_secret(call.request)
        hidden = {"secret": redeemed, CSRF_FIELD: csrf_token(secret)}
        return form_page(title, *headers, hidden=hidden, shown=shown, submit=submit)

    page = Route("GET", path, use_case, show, query=("secret",))
    return page, Route("POST", path, use_case, redeem, fields=fields)
