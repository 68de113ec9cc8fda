"""What web applications need around usercore: requests to contexts, cookies, CSRF tokens, errors to responses.

Pure functions and values without a framework: they take the texts of headers and return the texts of headers.
"""

from usercore_web.bearer import read_bearer
from usercore_web.bodies import read_form, read_json
from usercore_web.client_ip import TrustedProxies
from usercore_web.cookies import CSRF_COOKIE, SESSION_COOKIE, SecretCookie
from usercore_web.csrf import check_csrf_token, check_same_origin, csrf_token
from usercore_web.errors import (
    BodyMalformed,
    BodyTooLarge,
    CrossOrigin,
    CsrfTokenWrong,
    HostUnknown,
    MediaTypeUnsupported,
    MethodNotAllowed,
    RouteUnknown,
)
from usercore_web.fields import check_present, read_flag, read_number
from usercore_web.hosts import TenantHosts
from usercore_web.paging import every_row, read_page_arguments
from usercore_web.problems import error_headers, problem_of
from usercore_web.redirects import local_target
from usercore_web.requests import Request
from usercore_web.responses import Response, json_response
from usercore_web.routing import Call, Route, Router
from usercore_web.site import Site

__all__ = [
    "CSRF_COOKIE",
    "SESSION_COOKIE",
    "BodyMalformed",
    "BodyTooLarge",
    "Call",
    "CrossOrigin",
    "CsrfTokenWrong",
    "HostUnknown",
    "MediaTypeUnsupported",
    "MethodNotAllowed",
    "Request",
    "Response",
    "Route",
    "RouteUnknown",
    "Router",
    "SecretCookie",
    "Site",
    "TenantHosts",
    "TrustedProxies",
    "check_csrf_token",
    "check_present",
    "check_same_origin",
    "csrf_token",
    "error_headers",
    "every_row",
    "json_response",
    "local_target",
    "problem_of",
    "read_bearer",
    "read_flag",
    "read_form",
    "read_json",
    "read_number",
    "read_page_arguments",
]
