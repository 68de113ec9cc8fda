"""The pages that links in mails lead to: plain HTML without scripts, styles or anything from elsewhere."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from usercore import UsercoreError
from usercore_web.problems import problem_of
from usercore_web.responses import Response

_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><main><h1>{title}</h1>
{content}
</main></body>
</html>
"""

_LABELS: Final = {"password": ("New password", "password", "new-password")}


def form_page(
    title: str, *headers: tuple[str, str], hidden: Mapping[str, str], shown: Iterable[str] = (), submit: str
) -> Response:
    """Return a page with a form that sends hidden and shown fields to its own path by POST."""
    inputs = [f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()]
    for name in shown:
        label, kind, complete = _LABELS[name]
        field = f'<input name="{name}" type="{kind}" autocomplete="{complete}" required>'
        inputs.append(f"<p><label>{escape(label)} {field}</label></p>")
    button = f'<p><button type="submit">{escape(submit)}</button></p>'
    return _page(title, '<form method="post">\n' + "\n".join([*inputs, button]) + "\n</form>", headers, 200)


def message_page(title: str, text: str, *headers: tuple[str, str], status: int = 200) -> Response:
    """Return a page with a sentence."""
    return _page(title, f"<p>{escape(text)}</p>", headers, status)


def problem_page(error: UsercoreError) -> Response:
    """Return a page that says that something did not work, with the code of the error."""
    problem = problem_of(error)
    own = tuple(header for header in problem.headers if header[0] != "Content-Type")
    text = f"This did not work. The link may be used up or too old. ({error.code})"
    return message_page("Not done", text, *own, status=problem.status)


def _page(title: str, content: str, headers: tuple[tuple[str, str], ...], status: int) -> Response:
    body = _PAGE.format(title=escape(title), content=content).encode()
    return Response(status, (*_HEADERS, *headers), body)
