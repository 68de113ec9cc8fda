"""Reading the responses of browsers: JSON of any shape in, checked bytes out. Pure.

The JSON is that of ``PublicKeyCredential.toJSON()``. Sizes are checked before anything is decoded.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passkeys.errors import PasskeyRejected
from usercore.passkeys.model import CREDENTIAL_ID_LIMIT, TRANSPORTS

TEXT_LIMIT: Final = 16_384
"""Characters of one encoded value. Source: usercore: an attestation object with an RSA key has about 1,500."""

RESPONSE_LIMIT: Final = 8 * TEXT_LIMIT
"""Characters of a response that is passed as text. Source: usercore: more than all values that are read of it."""

Response = Mapping[str, Any] | str
"""What the browser returned: JSON, as text or decoded."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")


@frozen(kw_only=True)
class Attestation:
    """The response of ``navigator.credentials.create()``, decoded and not yet verified."""

    credential_id: bytes
    client_data: bytes
    attestation_object: bytes
    transports: str


@frozen(kw_only=True)
class Assertion:
    """The response of ``navigator.credentials.get()``, decoded and not yet verified."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes


def read_attestation(response: Response) -> Attestation:
    """Read the response of a registration.

    Raises:
        TypeError: it is neither a mapping nor text.
        PasskeyRejected: it has another form.
    """
    credential_id, inner = _read_credential(response)
    return Attestation(
        credential_id=credential_id,
        client_data=_bytes_in(inner, "clientDataJSON"),
        attestation_object=_bytes_in(inner, "attestationObject"),
        transports=_transports_of(inner.get("transports")),
    )


def read_assertion(response: Response) -> Assertion:
    """Read the response of a sign-in.

    Raises:
        TypeError: it is neither a mapping nor text.
        PasskeyRejected: it has another form.
    """
    credential_id, inner = _read_credential(response)
    return Assertion(
        credential_id=credential_id,
        client_data=_bytes_in(inner, "clientDataJSON"),
        authenticator_data=_bytes_in(inner, "authenticatorData"),
        signature=_bytes_in(inner, "signature"),
        user_handle=_bytes_in(inner, "userHandle"),
    )


def check_top_level(client_data: bytes) -> None:
    """Check that the page was not in a frame of another site.

    Raises:
        PasskeyRejected: it was, or the client data is not a JSON object in UTF-8.
    """
    read = _load(client_data.decode("utf-8", "replace"))
    if not isinstance(read, dict) or read.get("crossOrigin", False) is not False or "topOrigin" in read:
        raise PasskeyRejected


def encode(data: bytes) -> str:
    """Return bytes as base64url without padding, as browsers encode them."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _read_credential(response: Response) -> tuple[bytes, Mapping[str, Any]]:
    """Return the credential id, and what is inside the credential."""
    given = _load(_checked_text(response)) if isinstance(response, str) else response
    if not isinstance(response, str):
        check_type(response, Mapping, name="response")  # type: ignore[type-abstract]  # any mapping will do
    inner = given.get("response") if isinstance(given, Mapping) else None
    if not isinstance(inner, Mapping) or given.get("type") != "public-key":
        raise PasskeyRejected
    credential_id = _bytes_in(given, "rawId")
    if not credential_id or len(credential_id) > CREDENTIAL_ID_LIMIT or given.get("id") != encode(credential_id):
        raise PasskeyRejected
    return credential_id, inner


def _checked_text(text: str) -> str:
    if len(text) > RESPONSE_LIMIT:
        raise PasskeyRejected
    return text


def _load(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise PasskeyRejected from error


def _bytes_in(given: Mapping[str, Any], name: str) -> bytes:
    text = given.get(name)
    if not isinstance(text, str) or len(text) > TEXT_LIMIT or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise PasskeyRejected
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _transports_of(given: object) -> str:
    named = given if isinstance(given, list | tuple) else ()
    return " ".join(sorted(TRANSPORTS.intersection(one for one in named if isinstance(one, str))))
