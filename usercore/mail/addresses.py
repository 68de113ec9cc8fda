"""Addresses for SMTP: the domain in A-labels, and a sender with or without a name. Pure."""

import re
from typing import Final, NamedTuple

from usercore.kernel.bounds import check_line
from usercore.kernel.domains import ascii_domain

_SENDER: Final = re.compile(r"(?:(?P<name>[^<>]*)<(?P<inner>[^<>]*)>|(?P<plain>[^<>]*))")
_LOCAL: Final = re.compile(r"[^\s@<>()\[\]:;,\\\"]+")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Sender(NamedTuple):
    """The sender of a mail: an address whose domain is in A-labels, and a name, which may be empty."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]


def envelope_address(address: str) -> str:
    """Return an address with its domain in A-labels, as servers without SMTPUTF8 accept it. Source: RFC 5890, 2.3.2.1.

    Raises:
        ValueError: it is not an address.
    """
    local, _, domain = address.rpartition("@")
    encoded = domain.lower() if domain.isascii() else ascii_domain(domain)
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(encoded) or ".." in encoded:
        msg = f"{address!r} is no email address"
        raise ValueError(msg)
    return f"{local}@{encoded}"


def parse_sender(text: object) -> Sender:
    """Return the parts of ``shop@example.com`` or ``The Shop <shop@example.com>``.

    Raises:
        TypeError: it is not text.
        ValueError: it has another form, or a line end.
    """
    sender = check_line(text, name="sender", most=512)
    found = _SENDER.fullmatch(sender)
    name, inner, plain = ("", None, "") if found is None else found.group("name", "inner", "plain")
    try:
        address = envelope_address((plain if inner is None else inner).strip())
    except ValueError:
        msg = f"sender must be an address such as shop@example.com or The Shop <shop@example.com>, not {sender!r}"
        raise ValueError(msg) from None
    return Sender(_unquoted((name or "").strip()), address)


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if is_quoted else name
