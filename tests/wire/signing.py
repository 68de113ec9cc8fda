"""Tokens as plenigo's SDKs sign them, by the standard library alone."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import uuid4

from usercore.kernel.time import system_clock

COMPANY: Final = "12NuCmdZUTRRkQiCqP2Q"
SECRET: Final = "QrrDfmzRQcQie3Pp3twzNP8LHsV78TngrY5TTvj"
"""The company and the secret of the document's samples."""

CHECKOUT_COMPANY: Final = "6hpZhjEgxMa9dAJFDxab"
CHECKOUT_SECRET: Final = "Tiiqfmpb9XuQUcnAcRdQhQZYq0inmiaSRv4zTFCm"
"""Those of its sample of a checkout."""

FIVE_MINUTES: Final = timedelta(minutes=5)


def claims_of(company: str = COMPANY, *, valid_for: timedelta = FIVE_MINUTES) -> dict[str, object]:
    """Return the claims of a new token."""
    expires_at = int((system_clock() + valid_for).timestamp())
    return {"jti": uuid4().hex, "aud": "plenigo", "exp": expires_at, "companyId": company}


def signed(claims: object, secret: str = SECRET, *, algorithm: str = "HS256") -> str:
    """Return a token with the header that the SDKs write."""
    payload = f"{_encoded({'alg': algorithm})}.{_encoded(claims)}"
    mac = hmac.digest(secret.encode(), payload.encode(), sha256)
    return f"{payload}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()
