"""Domain names: normalization, and matching of subdomains."""

from collections.abc import Iterable
from functools import lru_cache

import attrs

from usercore.kernel.bounds import Each
from usercore.kernel.text import check_type


def domains() -> frozenset[str]:
    """Declare a field of domain names, none by default, stored in their IDNA form in lower case."""
    converter = attrs.Converter(_clean_domains, takes_field=True)
    field: frozenset[str] = attrs.field(default=frozenset(), converter=converter, validator=Each(frozenset, str))
    return field


def _clean_domains(given: Iterable[str], field: "attrs.Attribute[frozenset[str]]") -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        msg = f"{field.name} must be a set of domain names, not {type(given).__name__}"
        raise TypeError(msg)
    return frozenset(_clean_domain(check_type(one, str, name=f"each of {field.name}"), field.name) for one in given)


def _clean_domain(domain: str, name: str) -> str:
    import idna  # noqa: PLC0415 - few policies name domains

    try:
        return idna.encode(domain.strip(), uts46=True).decode("ascii")
    except ValueError as error:  # the errors of idna are ValueErrors
        msg = f"{name} must hold domain names such as 'example.com', not {domain!r}: {error}"
        raise ValueError(msg) from None


def is_within(domain: str, domains: frozenset[str]) -> bool:
    """Return whether a domain in its IDNA form is one of ``domains`` or a subdomain of one."""
    if not domains:
        return False
    labels = domain.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


@lru_cache(maxsize=1024)
def ascii_domain(domain: str) -> str:
    """Return a domain in A-labels (IDNA 2008).

    Raises:
        ValueError: it is not a domain.
    """
    import idna  # noqa: PLC0415 - few domains need it

    return idna.encode(domain, uts46=True).decode("ascii")  # at least 20 us; most emails share a few domains
