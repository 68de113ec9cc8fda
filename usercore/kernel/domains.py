"""Domain names in policies: in one spelling, and compared with all their subdomains."""

from collections.abc import Iterable

from usercore.kernel.text import check_type


def clean_domains(domains: Iterable[str]) -> frozenset[str]:
    """Return the domain names in their IDNA form in lower case.

    Raises:
        TypeError: it is one text, or one of the names is not text.
        ValueError: one of the names is no domain name.
    """
    if isinstance(domains, str):
        msg = f"domains must be a set of domain names, not one text: {domains!r}"
        raise TypeError(msg)
    return frozenset(_clean_domain(check_type(domain, str, name="a domain")) for domain in domains)


def _clean_domain(domain: str) -> str:
    import idna  # noqa: PLC0415 - few policies name domains

    try:
        return idna.encode(domain.strip(), uts46=True).decode("ascii")
    except ValueError as error:  # IDNA's errors are ValueErrors
        msg = f"{domain!r} is no domain name; expected one such as 'example.com': {error}"
        raise ValueError(msg) from None


def is_within(domain: str, domains: frozenset[str]) -> bool:
    """Return whether a domain in its IDNA form is one of ``domains`` or a subdomain of one."""
    if not domains:
        return False
    labels = domain.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))
