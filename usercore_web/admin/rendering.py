"""Pages: templates of Jinja, and the headers of every page."""

from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from usercore_web.admin.changes import differences
from usercore_web.responses import Response

STYLE: Final = files("usercore_web.admin").joinpath("static", "admin.css").read_bytes()
"""The stylesheet of all pages."""

STYLE_PATH: Final = f"/admin-{sha256(STYLE).hexdigest()[:16]}.css"
"""Another stylesheet has another path, so browsers may store it for ever."""

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", _POLICY),
)


def render(template: str, *headers: tuple[str, str], status: int = 200, **values: object) -> Response:
    """Return a page made of a template and what it shows."""
    shown = {"style_path": STYLE_PATH, "sections": SECTIONS, "operator": None, **values}
    body = _TEMPLATES.get_template(template).render(shown).encode()
    return Response(status, (*HEADERS, *headers), body)


def redirect(target: str, *headers: tuple[str, str]) -> Response:
    """Return a redirection to a page, which the browser gets by GET. Source: RFC 9110, 15.4.4."""
    return Response(303, (HEADERS[0], ("Location", target), *headers), b"")


def instant(value: datetime, zone: str) -> Markup:
    """Return an instant in a time zone, to the minute, with the exact one for programs."""
    local = value.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), local.strftime("%Y-%m-%d %H:%M"))


def words(name: str) -> str:
    """Return the name of a state, kind or field as words: ``wrong_pass`` as ``wrong pass``."""
    return name.replace("_", " ")


SECTIONS: Final = (
    ("", "Dashboard"),
    ("users", "Users"),
    ("requests", "Address requests"),
    ("groups", "Groups"),
    ("roles", "Roles"),
    ("api-tokens", "API tokens"),
    ("log", "Log"),
    ("tenants", "Tenants"),
)
"""The pages of the navigation: the path below the prefix, and the label."""

_TEMPLATES: Final = Environment(
    loader=PackageLoader("usercore_web.admin"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.filters |= {
    "differences": lambda entry: differences(entry.old, entry.new),
    "instant": instant,
    "words": words,
}
_TEMPLATES.globals |= {"differences": differences}
