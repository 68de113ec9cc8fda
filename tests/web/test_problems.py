"""Errors as responses."""

import json
from datetime import timedelta
from http import HTTPStatus

from usercore import FieldError, Invalid, RateLimited, SignInRefused, TokenUnknown, Unavailable, forms
from usercore_web import BodyTooLarge, errors, problem_of
from usercore_web.problems import STATUSES


def test_an_error_is_a_problem_with_code_and_fields() -> None:
    problem = problem_of(Invalid((FieldError("email", "malformed"),)))
    assert problem.status == 422
    assert ("Content-Type", "application/problem+json") in problem.headers
    assert json.loads(problem.body) == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase,  # Python 3.13 has a newer one
        "status": 422,
        "code": "input.invalid",
        "fields": {"errors": [{"field": "email", "reason": "malformed"}]},
    }


def test_the_type_of_a_problem_leads_to_the_pages_of_the_application() -> None:
    problem = problem_of(SignInRefused(), type_base="https://example.com/errors#")
    assert json.loads(problem.body)["type"] == "https://example.com/errors#sign_in.refused"


def test_the_reason_of_a_storage_is_for_operators() -> None:
    error = Unavailable("no such folder")
    assert b"folder" not in problem_of(error).body
    assert json.loads(problem_of(error, "operator").body)["reason"] == "no such folder"


def test_a_wait_is_in_the_header_and_in_the_body() -> None:
    problem = problem_of(RateLimited(timedelta(seconds=9.2)))
    assert (problem.status, dict(problem.headers)["Retry-After"]) == (429, "10")
    assert json.loads(problem.body)["fields"] == {"retry_after": 10}


def test_a_status_of_401_says_how_to_authenticate() -> None:
    assert dict(problem_of(SignInRefused()).headers)["WWW-Authenticate"] == "Bearer"
    assert dict(problem_of(TokenUnknown()).headers)["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_every_error_of_a_request_has_a_status_and_a_code() -> None:
    own = [kind for kind in vars(errors).values() if getattr(kind, "__module__", "") == errors.__name__]
    assert set(own) == STATUSES.keys()
    assert all(400 <= STATUSES[kind] < 500 and kind.code.startswith("request.") for kind in own)


def test_the_status_in_the_body_is_that_of_the_response() -> None:
    problem = problem_of(BodyTooLarge(10))
    assert problem.status == json.loads(problem.body)["status"] == 413
    assert forms.http_status(BodyTooLarge) == 422  # what a host sees that does not ask usercore_web
