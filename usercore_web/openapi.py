"""Descriptions of routes by OpenAPI 3.1, made from the routes and the signatures of what they call."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from usercore import UserCore, forms
from usercore_web.routing import Route, available

_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "fields": {"type": "object"},
    },
    "required": ["type", "title", "status", "code", "fields"],
}
"""What ``problem_of`` answers. Source: RFC 9457, 3."""

_PAGE: Final = {"text/html": {"schema": {"type": "string"}}}
"""Forms of pages are answered by pages."""

_RESPONSES: Final = {
    "2XX": {"description": "done", "content": {"application/json": {}, **_PAGE}},
    "default": {"description": "refused", "content": {"application/problem+json": {"schema": _PROBLEM}, **_PAGE}},
}


def describe(
    core: UserCore, routes: Iterable[Route], *, prefix: str = "", title: str = "Accounts", version: str = "1"
) -> dict[str, Any]:
    """Return a document that describes these routes, mounted below ``prefix``, as plain JSON data.

    The use-cases of ``core`` have the types of the fields, and routes that it cannot answer are left out. ``title`` and
    ``version`` are those of the API.

    Raises:
        TypeError: a route has a field that is no parameter of its use-case, or one that JSON cannot express.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in available(core, routes):
        paths.setdefault(f"{prefix}{route.path}", {})[route.method.lower()] = _operation(core, route)
    return {"openapi": "3.1.1", "info": {"title": title, "version": version}, "paths": paths}


def _operation(core: UserCore, route: Route) -> dict[str, Any]:
    called = route.signature or _method_of(core, route.use_case)
    operation = {
        "summary": (inspect.getdoc(route.handle) or route.use_case).partition("\n")[0],
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}"),
        "parameters": [
            *_parameters("path", _path_schema(route)),
            *_parameters("query", forms.schema(called, route.query)),
        ],
        "responses": _RESPONSES,
    }
    if route.fields:
        content = {"application/json": {"schema": forms.schema(called, route.fields)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_schema(route: Route) -> forms.Schema:
    names = route.parameters
    return {"properties": {name: {"type": "string"} for name in names}, "required": names}


def _parameters(place: str, schema: forms.Schema) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": place, "required": name in schema["required"], "schema": one}
        for name, one in schema["properties"].items()
    ]


def _method_of(core: UserCore, use_case: str) -> Any:  # noqa: ANN401 - a method of any type
    service, _, method = use_case.partition(".")
    return getattr(getattr(core, service), method)
