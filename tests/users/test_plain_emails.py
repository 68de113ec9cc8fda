"""The fast path for plain emails has the same results as the validator."""

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from usercore import Invalid
from usercore.testing import strategies
from usercore.users.emails import clean_email
from usercore.users.keys import email_key

pytestmark = pytest.mark.rule("U5")

LOCALS = st.text(st.sampled_from("ab.AB+_-'\"@ é1\u0301"), max_size=8) | st.sampled_from(["info", "a" * 64, "a" * 65])
DOMAINS = st.sampled_from(["b.eu", "B.EU", "bücher.de", "xn--bcher-kva.de", "b", "b.test", "-b.eu", "[192.0.2.1]"])
DOMAINS |= st.text(st.sampled_from("ab.-@ü\u0301。"), max_size=8)
LONG_DOMAINS = st.integers(40, 50).map(lambda length: f"{'post.' * 37}{'x' * (length - 40)}.eu")


def checked(text: str) -> str | None:
    """Return what the validator makes of an email without white space around it, or None; it counts no octets."""
    try:
        email = validate_email(text.strip(), check_deliverability=False, strict=True).normalized
        email_key(email)
    except ValueError:
        return None
    return email if len(email.rpartition("@")[0].encode()) <= 64 else None


def cleaned(text: str) -> str | None:
    """Return the normalised form of an email, or None."""
    try:
        return clean_email(text)
    except Invalid:
        return None


@given(strategies.emails() | st.builds("{}@{}".format, LOCALS, DOMAINS | LONG_DOMAINS))
@example(f"{'a' * 63}@{'post.' * 37}xx.eu")
@example(f"{'a' * 64}@{'post.' * 37}xx.eu")
@example(f"{'a' * 64}@{'ü' * 20}.{'é' * 20}.eu")
@example("info@b.eu")
@example("INFO@b.eu")
def test_an_email_is_accepted_or_refused_as_the_validator_decides(text: str) -> None:
    assert cleaned(text) == checked(text)
