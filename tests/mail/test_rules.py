"""Letters say what they are for, lead where the host says, and carry a secret only in its place."""

from typing import Final

import pytest

from usercore.kernel.secret import Secret
from usercore.mail.model import NEEDED, Links, Mail, MailKind, MailPolicy
from usercore.mail.rules import check_links, compose_mail
from usercore.testing import NOON

SIGN_IN = "https://example.com/sign-in"
LINKS = Links(sign_in=SIGN_IN, registration="https://example.com/register?token={secret}&from=mail")
POLICY = MailPolicy(links=LINKS, product="The Daily Example")
SECRET = Secret("ucr_0123")
WITH_SECRET = (MailKind.REGISTRATION, MailKind.WELCOME_PASSWORD)


def letter(kind: MailKind, policy: MailPolicy = POLICY) -> Mail:
    """Write a letter of this kind, with a secret if it carries one."""
    secret = SECRET if kind in WITH_SECRET else None
    return compose_mail(kind, "ann@example.com", policy, mail_id="id", at=NOON, secret=secret, days=14)


@pytest.mark.rule("R6")
def test_links_that_lead_everywhere_are_taken() -> None:
    check_links(LINKS)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("name", sorted(set(NEEDED.values())))
def test_a_missing_link_is_refused_by_name(name: str) -> None:
    links = {"sign_in": LINKS.sign_in, "registration": LINKS.registration} | {name: None}
    with pytest.raises(ValueError, match=f"needs the link '{name}': give it in Policy"):
        check_links(Links(**links))


@pytest.mark.rule("R8")
@pytest.mark.parametrize("path", ["register", "{token}", "{Secret}", "{secret}/{secret}"])
def test_a_link_without_one_place_for_its_secret_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"the link 'registration' needs \{secret\} in it, once"):
        Links(sign_in=SIGN_IN, registration=f"https://example.com/{path}")


@pytest.mark.rule("R6")
def test_a_link_that_carries_no_secret_has_no_place_for_one() -> None:
    with pytest.raises(ValueError, match=r"Links\.sign_in carries no \{secret\}"):
        Links(sign_in="https://example.com/{secret}")


NOT_ABSOLUTE: Final = [
    "",
    "/sign-in",
    "example.com/sign-in",
    "//example.com/sign-in",
    "https:///sign-in",
    "https://",
    "https://{secret}.example.com/",
    "https://example.com/a b",
    "https://example.com/\n",
    "https://example.com/<x>",
    "https://example.com/\u202e",
]


@pytest.mark.rule("R6")
@pytest.mark.parametrize("name", ["sign_in", "registration"])
@pytest.mark.parametrize("link", NOT_ABSOLUTE, ids=ascii)
def test_a_link_that_is_not_an_absolute_url_is_refused(name: str, link: str) -> None:
    with pytest.raises(ValueError, match=rf"Links\.{name} must be an absolute URL"):
        Links(**{name: link})


@pytest.mark.rule("R6")
@pytest.mark.parametrize("link", ["https://example.com", "http://localhost:8000/x?y#z", "shop.app://sign-in/now"])
def test_an_absolute_url_is_accepted(link: str) -> None:
    assert Links(sign_in=link).sign_in == link


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    "product", ["the Shop\n", "the\r\nShop", "the\u2028Shop", "\ud800", "", " ", "x" * 101], ids=ascii
)
def test_a_product_that_is_not_one_line_is_refused(product: str) -> None:
    with pytest.raises(ValueError, match=r"MailPolicy\.product must"):
        MailPolicy(links=LINKS, product=product)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_every_letter_is_addressed_says_whose_it_is_and_leaves_no_gap(kind: MailKind) -> None:
    mail = letter(kind)
    assert (mail.kind, mail.to) == (kind, "ann@example.com")
    assert "The Daily Example" in mail.subject
    assert "\n" not in mail.subject
    assert mail.text.endswith("\n")
    assert not set("{}") & set(mail.subject + mail.text)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", NEEDED)
def test_a_letter_has_the_link_that_it_needs(kind: MailKind) -> None:
    link = getattr(LINKS, NEEDED[kind]).replace("{secret}", "ucr_0123")
    assert letter(kind).text.count(link) == 1


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_a_secret_stands_once_where_it_belongs(kind: MailKind) -> None:
    mail = letter(kind)
    assert mail.text.count("ucr_0123") == (kind in WITH_SECRET)
    assert "ucr_0123" not in mail.subject
    if kind is MailKind.REGISTRATION:
        assert "https://example.com/register?token=ucr_0123&from=mail\n" in mail.text
    if kind is MailKind.WELCOME_PASSWORD:
        assert "password: ucr_0123\n" in mail.text


@pytest.mark.rule("R6")
def test_a_drawn_password_says_how_long_it_works() -> None:
    assert "It works for 14 days." in letter(MailKind.WELCOME_PASSWORD).text


@pytest.mark.rule("E1")
def test_the_old_address_is_not_told_the_new_one_nor_given_a_link() -> None:
    text = letter(MailKind.EMAIL_CHANGED).text
    assert "@" not in text
    assert "http" not in text


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_braces_of_the_host_stay_as_they_are(kind: MailKind) -> None:
    links = Links(sign_in=SIGN_IN + "/{days}", registration="https://example.com/{product}/{secret}")
    mail = letter(kind, MailPolicy(links=links, product="{secret} & {link}"))
    assert "{secret} & {link}" in mail.subject
    assert mail.text.count("ucr_0123") == (kind in WITH_SECRET)


@pytest.mark.rule("K1")
@pytest.mark.parametrize("kind", WITH_SECRET)
def test_a_letter_does_not_show_its_text(kind: MailKind) -> None:
    assert "ucr_0123" not in repr(letter(kind))
