"""Each mail is defined once: a text with its link, a secret only in its place, and the change that asks for it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.secret import Secret
from usercore.mail.model import Links, Mail, MailKind, MailPolicy
from usercore.mail.rules import compose_mail
from usercore.notifications.mails import CHANGES, MAILS, MailDefinition, mail_for
from usercore.notifications.mails import LINKS as NEEDED
from usercore.storage import KINDS
from usercore.testing import NOON
from usercore.testing.samples import ENTRY

PAGE = Path(__file__).parents[2] / "docs/how-to/send-mail.md"
SIGN_IN = "https://example.com/sign-in"
LINKS = Links(
    sign_in=SIGN_IN,
    registration="https://example.com/register?token={secret}&from=mail",
    reset="https://example.com/reset#{secret}",
    confirmation="https://example.com/confirm#{secret}",
    email_change="https://example.com/email#{secret}",
    undo="https://example.com/undo#{secret}",
)
POLICY = MailPolicy(links=LINKS, product="The Daily Example")
SECRET = Secret("ucr_0123")
GENERATED = (MailKind.SUSPICIOUS_PASSWORD, MailKind.WELCOME_PASSWORD)
WITH_SECRET = (
    MailKind.CONFIRMATION,
    MailKind.EMAIL_CHANGE,
    MailKind.EMAIL_CHANGED_UNDO,
    MailKind.EMAIL_RESTORED,
    MailKind.PASSWORD_RESET,
    MailKind.REGISTRATION,
    *GENERATED,
)


def definition_of(kind: MailKind) -> MailDefinition:
    (definition,) = (definition for definition in MAILS if definition.kind is kind)
    return definition


def composed(kind: MailKind, policy: MailPolicy = POLICY) -> Mail:
    """Return a mail of this kind, with a secret if it carries one."""
    secret = SECRET if kind in WITH_SECRET else None
    template, lifetime = definition_of(kind).template, timedelta(days=14)
    return compose_mail(
        kind, template, "ann@example.com", policy, mail_id="id", at=NOON, secret=secret, lifetime=lifetime
    )


@pytest.mark.parametrize("kind", MailKind)
def test_each_kind_of_mail_is_defined_once(kind: MailKind) -> None:
    assert definition_of(kind).kind is kind


@pytest.mark.parametrize("kind", MailKind)
def test_the_page_lists_each_kind_of_mail_with_its_link(kind: MailKind) -> None:
    (row,) = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if kind.value in kinds_in(line))
    link = definition_of(kind).template.link
    assert row.endswith("| none |" if link is None else f"| `{link}` |")


def kinds_in(line: str) -> list[str]:
    """Return the kinds of mails in the first cell of a row."""
    return re.findall(r"`(\w+)`", line.split("|")[1]) if line.startswith("| `") else []


@pytest.mark.rule("X3")
@pytest.mark.parametrize("definition", MAILS, ids=lambda definition: definition.kind)
def test_each_mail_is_asked_for_by_a_change_that_can_be_subscribed_to(definition: MailDefinition) -> None:
    assert KINDS[definition.change.name] is definition.change
    assert definition.change.public
    assert definition.change.name in CHANGES


@pytest.mark.parametrize("definition", MAILS, ids=lambda definition: definition.kind)
def test_each_mail_names_a_link_that_a_host_can_set(definition: MailDefinition) -> None:
    fields: Any = attrs.fields(Links)
    assert definition.template.link in {None, *(field.name for field in fields)}
    assert ("{link}" in definition.template.text) == (definition.template.link is not None)


ENTRIES = [
    pytest.param(evolve(ENTRY, kind=kind, new_text=new_text), id=f"{kind} {new_text}")
    for kind in sorted(CHANGES)
    for new_text in (None, "{}", '{"with_password":true}', '{"with_password":false}')
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_change_that_is_subscribed_to_asks_for_exactly_one_mail(entry: Any) -> None:
    (definition,) = (one for one in MAILS if one.change.name == entry.kind and one.when(entry))
    assert mail_for(entry) is definition


def test_other_changes_ask_for_no_mail() -> None:
    assert mail_for(ENTRY) is None


@pytest.mark.rule("R6", "P7")
@pytest.mark.parametrize(
    ("change", "text", "kind"),
    [
        ("user.welcomed", '{"with_password":true}', MailKind.WELCOME_PASSWORD),
        ("user.welcomed", None, MailKind.WELCOME),
        ("password.suspected", '{"with_password":true}', MailKind.SUSPICIOUS_PASSWORD),
        ("password.suspected", None, MailKind.SUSPICIOUS),
    ],
)
def test_a_mail_has_a_password_if_the_change_says_so(change: str, text: str | None, kind: MailKind) -> None:
    definition = mail_for(evolve(ENTRY, kind=change, new_text=text))
    assert definition is not None
    assert definition.kind is kind


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_every_mail_is_addressed_names_the_product_and_leaves_no_gap(kind: MailKind) -> None:
    mail = composed(kind)
    assert (mail.kind, mail.to) == (kind, "ann@example.com")
    assert "The Daily Example" in mail.subject
    assert "\n" not in mail.subject
    assert mail.text.endswith("\n")
    assert not set("{}") & set(mail.subject + mail.text)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", NEEDED)
def test_a_mail_has_the_link_that_it_needs(kind: MailKind) -> None:
    link = getattr(LINKS, NEEDED[kind]).replace("{secret}", "ucr_0123")
    assert composed(kind).text.count(link) == 1


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_a_secret_appears_once_where_it_belongs(kind: MailKind) -> None:
    mail = composed(kind)
    assert mail.text.count("ucr_0123") == (kind in WITH_SECRET)
    assert "ucr_0123" not in mail.subject
    if kind is MailKind.REGISTRATION:
        assert "https://example.com/register?token=ucr_0123&from=mail\n" in mail.text
    if kind in GENERATED:
        assert "password: ucr_0123\n" in mail.text


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", GENERATED)
def test_a_generated_password_says_how_long_it_works(kind: MailKind) -> None:
    assert "It works for 14 days." in composed(kind).text


@pytest.mark.rule("E1")
def test_the_old_address_is_not_told_the_new_one_nor_given_a_link() -> None:
    text = composed(MailKind.EMAIL_CHANGED).text
    assert "@" not in text
    assert "http" not in text


@pytest.mark.rule("R6")
@pytest.mark.parametrize("kind", MailKind)
def test_braces_in_the_hosts_values_are_left_as_they_are(kind: MailKind) -> None:
    links = Links(
        sign_in=SIGN_IN + "/{days}",
        registration="https://example.com/{product}/{secret}",
        reset="https://example.com/{text}/{secret}",
        confirmation="https://example.com/{days}/{secret}",
        email_change="https://example.com/{link}/{secret}",
        undo="https://example.com/{subject}/{secret}",
    )
    mail = composed(kind, MailPolicy(links=links, product="{secret} & {link}"))
    assert "{secret} & {link}" in mail.subject
    assert mail.text.count("ucr_0123") == (kind in WITH_SECRET)


@pytest.mark.rule("K1")
@pytest.mark.parametrize("kind", WITH_SECRET)
def test_the_repr_of_a_mail_hides_its_text(kind: MailKind) -> None:
    assert "ucr_0123" not in repr(composed(kind))
