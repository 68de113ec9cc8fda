"""Errors as responses: problem details by RFC 9457."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from usercore import TokenInvalid, UsercoreError, forms
from usercore.forms import Audience
from usercore_web import errors
from usercore_web.responses import Response

STATUSES: Final[Mapping[type[UsercoreError], int]] = {
    errors.BodyMalformed: 400,
    errors.BodyTooLarge: 413,
    errors.CrossOrigin: 403,
    errors.CsrfTokenWrong: 403,
    errors.HostUnknown: 421,
    errors.MediaTypeUnsupported: 415,
    errors.MethodNotAllowed: 405,
    errors.RouteUnknown: 404,
}
"""The status of each error of a request. Source: RFC 9110, 15.5."""


def problem_of(error: UsercoreError, audience: Audience = "user", *, type_base: str | None = None) -> Response:
    """Return the response for an error: no sentence for end users, and no secret but the challenge of a second factor.

    The body has ``type``, ``title`` and ``status`` of RFC 9457, the ``code`` of the error and its ``fields``. ``type``
    is ``about:blank``, or ``type_base`` followed by the code, if the application has pages about its errors.
    """
    status = status_of(error)
    form = forms.error(error, audience)
    details = {
        "type": "about:blank" if type_base is None else f"{type_base}{error.code}",
        "title": HTTPStatus(status).phrase,
        **form,
        "status": status,
    }
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    if status == HTTPStatus.UNAUTHORIZED:
        detail = ' error="invalid_token"' if isinstance(error, TokenInvalid) else ""
        headers.append(("WWW-Authenticate", f"Bearer{detail}"))
    body = json.dumps(details, separators=(",", ":")).encode()
    return Response(status, (*headers, *error_headers(error)), body)


def status_of(error: UsercoreError) -> int:
    """Return the status that fits an error of usercore or of a request."""
    return STATUSES.get(type(error)) or forms.http_status(error)


def error_headers(error: UsercoreError) -> tuple[tuple[str, str], ...]:
    """Return the headers by which an error says what to do, whatever the form of its body: Allow and Retry-After."""
    headers = []
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.allowed)))
    fields = forms.error(error, "user")["fields"]
    if "retry_after" in fields:
        headers.append(("Retry-After", str(fields["retry_after"])))
    return tuple(headers)
