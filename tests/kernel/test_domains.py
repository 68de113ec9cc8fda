"""Domains of a policy: one spelling, and subdomains belong to their domain."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import EmailPolicy, RegistrationPolicy
from usercore.kernel.domains import is_within

pytestmark = pytest.mark.rule("U5")

LABELS = st.text("abcxyz0-", min_size=1, max_size=5).filter(lambda label: label[0] + label[-1] not in ("--", "-"))


def clean_domains(given: Any) -> frozenset[str]:
    """Return the domains of a policy that was made with these."""
    return EmailPolicy(special_domains=given).special_domains


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("spam.example", "spam.example"),
        ("SPAM.Example", "spam.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("local", "local"),
    ],
)
def test_a_domain_has_one_spelling(given: str, kept: str) -> None:
    assert clean_domains([given]) == {kept}
    assert clean_domains(clean_domains([given])) == {kept}


@pytest.mark.parametrize(
    ("domains", "error"),
    [
        ("spam.example", TypeError),
        ([7], TypeError),
        ([b"spam.example"], TypeError),
        (7, TypeError),
        (["@spam.example"], ValueError),
        (["*.spam.example"], ValueError),
        (["spam example"], ValueError),
        ([""], ValueError),
        (["a..b"], ValueError),
        (["spam_.example"], ValueError),
    ],
    ids=str,
)
def test_an_invalid_domain_is_refused_when_the_policy_is_created(domains: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        RegistrationPolicy(blocked_domains=domains)
    with pytest.raises(error):
        EmailPolicy(special_domains=domains)


@given(st.lists(LABELS, min_size=1, max_size=4), st.lists(LABELS, min_size=1, max_size=3))
def test_a_domain_contains_itself_and_its_subdomains_only(sub: list[str], labels: list[str]) -> None:
    domain = ".".join(labels)
    assert is_within(domain, frozenset({domain}))
    assert is_within(".".join([*sub, domain]), frozenset({"other", domain}))
    assert not is_within(f"x{domain}", frozenset({domain}))
    assert not is_within(f"{domain}.com1", frozenset({domain}))
    assert not is_within(domain, frozenset())
