"""Requests that are refused before usercore is called."""

from typing import ClassVar

import attrs

from usercore import Rejected


class BodyMalformed(Rejected):
    """The body of the request is not what its media type says."""

    code: ClassVar[str] = "request.malformed_body"


@attrs.frozen
class BodyTooLarge(Rejected):
    """The body of the request has more than ``max_bytes``."""

    code: ClassVar[str] = "request.body_too_large"
    max_bytes: int


@attrs.frozen
class MediaTypeUnsupported(Rejected):
    """The body of the request is not of the media type ``expected``."""

    code: ClassVar[str] = "request.unsupported_media_type"
    expected: str


class HostUnknown(Rejected):
    """The request names a host that this application does not serve."""

    code: ClassVar[str] = "request.unknown_host"


class RouteUnknown(Rejected):
    """No route has this path."""

    code: ClassVar[str] = "request.unknown_route"


@attrs.frozen
class MethodNotAllowed(Rejected):
    """The path has routes for the ``allowed`` methods only."""

    code: ClassVar[str] = "request.method_not_allowed"
    allowed: tuple[str, ...]


class CrossOrigin(Rejected):
    """A page of another origin sent this request."""

    code: ClassVar[str] = "request.cross_origin"


class CsrfTokenWrong(Rejected):
    """The form has no CSRF token, or one of another session."""

    code: ClassVar[str] = "request.csrf_token_wrong"
