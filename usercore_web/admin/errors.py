"""Errors as pages."""

import inspect
from collections.abc import Mapping

from usercore import Invalid, UsercoreError, forms
from usercore.forms import Audience
from usercore_web.admin.rendering import render
from usercore_web.problems import error_headers, status_of
from usercore_web.responses import Response


def error_page(error: UsercoreError, audience: Audience, **layout: object) -> Response:
    """Return the page that says what an error means, with its status; for operators with the reason of a storage."""
    form: Mapping[str, object] = forms.error(error, audience)
    return render(
        "error.html",
        *error_headers(error),
        status=status_of(error),
        meaning=meaning_of(error),
        code=error.code,
        fields={} if isinstance(error, Invalid) else form["fields"],
        faults=error.errors if isinstance(error, Invalid) else (),
        reason=form.get("reason"),
        **layout,
    )


def meaning_of(error: UsercoreError) -> str:
    """Return a sentence for operators: the state of affairs that the class of the error is named after.

    Docstrings are missing under ``python -OO``; the page shows the code in any case.
    """
    return (inspect.getdoc(type(error)) or "").partition("\n\n")[0].replace("``", "").replace("\n", " ")
