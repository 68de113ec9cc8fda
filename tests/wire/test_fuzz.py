"""Odd requests by Schemathesis to the starter application on FastAPI, as its own OpenAPI document describes them."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.wire.server import Server, serving

SECONDS = int(os.environ.get("USERCORE_FUZZ_SECONDS", "8"))
"""For all runs together; ``make fuzz`` sets it."""

CHECKS = (
    "not_a_server_error",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)
"""Not that statuses are described, as FastAPI describes none of errors; nor their media types, as Starlette itself
answers paths with a line break; nor that all that fits a schema is accepted."""


def session_of(server: Server, email: str) -> str:
    """Register a user; return the cookie of the session."""
    new = {"email": email, "password": "correct horse battery staple"}
    answer = httpx2.post(f"{server.base}/account/register", json=new)
    return str(answer.headers["set-cookie"].partition(";")[0])


@pytest.mark.slow
@pytest.mark.parametrize("signed_in", [False, True], ids=["signed out", "signed in"])
def test_odd_requests_are_answered_as_described(*, signed_in: bool, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/people.db"
    with serving("examples.fastapi_app:app", USERCORE_STORE=store, USERCORE_INSECURE_COOKIE="1") as server:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.base}/openapi.json"]
        command += ["--no-color", f"--max-time={SECONDS // 2}", f"--checks={','.join(CHECKS)}"]
        if signed_in:
            command += [f"--header=Cookie: {session_of(server, 'ann@example.com')}", "--exclude-path=/account/logout"]
        done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: " in done.stdout
