"""Links are absolute URLs with a placeholder for the secret if they need one; mails are made from templates."""

from datetime import timedelta
from typing import Final

import pytest

from usercore.kernel.secret import Secret
from usercore.mail.model import Links, MailKind, MailPolicy, MailTemplate
from usercore.mail.rules import check_links, compose_mail, in_words
from usercore.testing import NOON, TICK

SIGN_IN = "https://example.com/sign-in"
LINKS = Links(sign_in=SIGN_IN, registration="https://example.com/register?token={secret}&from=mail")
NEEDED = {MailKind.WELCOME: "sign_in", MailKind.REGISTRATION: "registration"}


@pytest.mark.rule("R6")
def test_a_policy_with_all_links_is_accepted() -> None:
    check_links(LINKS, NEEDED)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("name", NEEDED.values())
def test_a_missing_link_is_refused_by_name(name: str) -> None:
    links = {"sign_in": LINKS.sign_in, "registration": LINKS.registration} | {name: None}
    with pytest.raises(ValueError, match=f"needs the link '{name}': set it in Policy"):
        check_links(Links(**links), NEEDED)


@pytest.mark.rule("R8")
@pytest.mark.parametrize("path", ["register", "{token}", "{Secret}", "{secret}/{secret}"])
def test_a_link_with_a_secret_needs_exactly_one_placeholder(path: str) -> None:
    with pytest.raises(ValueError, match=r"the link 'registration' needs \{secret\} in it, once"):
        Links(sign_in=SIGN_IN, registration=f"https://example.com/{path}")


@pytest.mark.rule("R6")
def test_a_link_without_a_secret_must_have_no_placeholder() -> None:
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
def test_links_that_no_mail_needs_may_be_missing() -> None:
    check_links(Links(), {})


@pytest.mark.rule("R6")
def test_placeholders_of_a_template_are_filled() -> None:
    template = MailTemplate(subject="{product}!", text="{link} {secret} {lifetime} {product}\n", link="registration")
    policy = MailPolicy(links=LINKS, product="The Shop")
    mail = compose_mail(
        MailKind.REGISTRATION,
        template,
        "a@example.com",
        policy,
        mail_id="id",
        at=NOON,
        secret=Secret("x"),
        lifetime=timedelta(days=3),
    )
    assert (mail.kind, mail.to, mail.id, mail.at) == (MailKind.REGISTRATION, "a@example.com", "id", NOON)
    assert mail.subject == "The Shop!"
    assert mail.text == "https://example.com/register?token=x&from=mail x 3 days The Shop\n"


@pytest.mark.rule("R6")
def test_a_template_without_placeholders_is_not_changed() -> None:
    template = MailTemplate(subject="Hello", text="Hello.\n")
    mail = compose_mail(MailKind.WELCOME, template, "a@example.com", MailPolicy(), mail_id="id", at=NOON)
    assert (mail.subject, mail.text) == ("Hello", "Hello.\n")


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("lifetime", "words"),
    [
        (timedelta(days=14), "14 days"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2) - TICK, "47 hours"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(hours=2) - TICK, "119 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=1), "1 minute"),
    ],
    ids=str,
)
def test_a_lifetime_is_written_in_the_largest_unit_that_fits_twice(lifetime: timedelta, words: str) -> None:
    assert in_words(lifetime) == words
