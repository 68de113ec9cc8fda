"""Authenticators of the host: their order, the credentials they get, their answers, and their extras."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from tests.services.helpers import PASSWORD, Badge, Door, over, refuse, refused, register, sign_in
from usercore import (
    AttemptStatus,
    Email,
    ExternalId,
    LoginTokenCredentials,
    PasswordCredentials,
    RateLimited,
    Reference,
    SignedIn,
    SignInRefused,
    User,
    UserCore,
)
from usercore.testing import WatchedStorage
from usercore.testing.fakes import check_closed


@attrs.define(kw_only=True)
class Annex(Door):
    """An authenticator that adds extras to identities."""

    extra: Callable[[User], Mapping[str, object] | None]


def statuses(core: UserCore, user: User | None = None) -> list[tuple[str | None, AttemptStatus]]:
    rows = core.history.attempts(None if user is None else user.id).rows
    return [(row.authenticator, row.status) for row in reversed(rows)]


@pytest.mark.rule("S1", "S5")
def test_a_host_signs_in_by_its_own_credentials(core: UserCore, storage: WatchedStorage) -> None:
    def look_up() -> Reference:
        check_closed(storage, "an authenticator was asked")
        return ExternalId(17)

    door = Door(answer=look_up)
    core = over(core, authenticators=[door]).bind(ip="192.0.2.1")
    user = register(core, external_id=17)
    identity = core.sign_in.authenticate(Badge(4), source="gate 1")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "door", "gate 1")
    assert isinstance(identity, SignedIn)
    assert core.sign_in.identify(identity.access_token).authenticator == "door"
    assert door.seen == [(Badge(4), attrs.evolve(core.context, source="gate 1"))]
    assert statuses(core, user) == [("door", AttemptStatus.OK)]


@pytest.mark.rule("S1", "S3")
def test_the_highest_priority_is_asked_first_and_the_first_user_wins(core: UserCore) -> None:
    user = register(core)
    low = Door(name="low", priority=1, answer=lambda: user.id)
    top = Door(name="top", priority=3)
    middle = Door(name="middle", priority=2, answer=lambda: user.id)
    assert over(core, authenticators=[low, top, middle]).sign_in.authenticate(Badge(4)).authenticator == "middle"
    assert (len(top.seen), len(middle.seen), len(low.seen)) == (1, 1, 0)
    assert statuses(core, user) == [("middle", AttemptStatus.OK)]


@pytest.mark.rule("S3")
def test_the_next_authenticator_is_asked_after_a_refusal(core: UserCore) -> None:
    user = register(core)
    doors = [Door(name="strict", priority=200, answer=refuse), Door(name="kind", answer=lambda: user.id)]
    core = over(core, authenticators=doors)
    assert core.sign_in.authenticate(Badge(4)).user.id == user.id
    assert statuses(core) == [("strict", AttemptStatus.REFUSED)]


@pytest.mark.rule("S1", "S4", "S6")
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (refuse, AttemptStatus.REFUSED),
        (lambda: 1 / 0, AttemptStatus.AUTHENTICATOR_FAILED),
        (lambda: "ann@example.com", AttemptStatus.AUTHENTICATOR_FAILED),
        (lambda: Email("nobody@example.com"), AttemptStatus.NOT_FOUND),
        (lambda: 7, AttemptStatus.NOT_FOUND),
        (lambda: Email("no address"), AttemptStatus.NOT_FOUND),
        (lambda: ExternalId(b"17"), AttemptStatus.NOT_FOUND),  # type: ignore[arg-type]  # what is tested
        (lambda: None, AttemptStatus.NOT_FOUND),
    ],
    ids=["refuses", "raises", "no reference", "nobody", "no id", "malformed", "wrong type", "not mine"],
)
def test_every_failure_of_an_authenticator_is_a_failed_sign_in(
    core: UserCore, answer: Callable[[], Any], status: AttemptStatus
) -> None:
    core = over(core, authenticators=[Door(answer=answer)])
    with refused(core, SignInRefused) as raised:
        core.sign_in.authenticate(Badge(4))
    assert str(raised.value) == "sign_in.refused"
    assert [kept for _, kept in statuses(core)] == [status]


@pytest.mark.rule("S3")
@pytest.mark.parametrize("state", ["deactivated", "inactive tenant"])
def test_a_user_who_may_not_sign_in_is_refused_although_the_host_authenticated_them(core: UserCore, state: str) -> None:
    user = register(core)
    core = over(core, authenticators=[Door(answer=lambda: user.id)])
    if state == "deactivated":
        core.users.deactivate(user.id)
    else:
        core.tenant("system").tenants.deactivate("main")
    with refused(core, SignInRefused):
        core.sign_in.authenticate(Badge(4))
    assert statuses(core, user) == [("door", AttemptStatus.INACTIVE_USER)]


@pytest.mark.rule("S3")
def test_a_user_who_is_deactivated_during_authentication_is_refused(core: UserCore) -> None:
    user = register(core)
    late = over(core, authenticators=[Door(answer=lambda: core.users.deactivate(user.id).id)])
    with pytest.raises(SignInRefused):
        late.sign_in.authenticate(Badge(4))
    assert core.access_tokens.list(user.id).rows == ()


@pytest.mark.rule("S2")
def test_an_authenticator_gets_only_credentials_of_its_declared_class(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    badges = Door()
    passwords = Door(name="directory", priority=700, credentials=PasswordCredentials)
    core = over(core, authenticators=[badges, passwords])
    assert core.sign_in.with_password("ann@example.com", PASSWORD).authenticator == "password"
    core.sign_in.with_login_token(core.login_tokens.issue(user.id))
    assert badges.seen == []
    assert [seen for seen, _ in passwords.seen] == [PasswordCredentials(login="ann@example.com", password=PASSWORD)]


@pytest.mark.rule("S2")
def test_credentials_that_no_authenticator_accepts_raise_type_error(core: UserCore) -> None:
    for wrong in (Badge(4), "ann", None, object()):
        with refused(core, TypeError, but=()):
            core.sign_in.authenticate(wrong)


@pytest.mark.rule("S2")
def test_the_built_in_authenticators_have_fixed_priorities(core: UserCore) -> None:
    priorities = {way.name: way.priority for way in core.sign_in._authenticators}
    assert priorities == {
        "login_token": 900,
        "autologin_token": 800,
        "passkey": 700,
        "password": 500,
        "access_token": 200,
    }
    assert [way.name for way in core.sign_in._authenticators] == [*priorities]


@pytest.mark.rule("S2")
def test_a_source_that_names_an_authenticator_selects_it(core: UserCore) -> None:
    user = register(core)
    doors = [Door(name="first", priority=200, answer=lambda: user.id), Door(name="second", answer=lambda: user.id)]
    core = over(core, authenticators=doors)
    for source, way in (("second", "second"), ("first", "first"), ("kiosk", "first"), (None, "first")):
        identity = core.sign_in.authenticate(Badge(4), source=source)
        assert (identity.authenticator, identity.source) == (way, source)


@pytest.mark.rule("S2")
def test_a_source_never_selects_an_authenticator_of_other_credentials(core: UserCore) -> None:
    user = register(core)
    door = Door(answer=lambda: user.id)
    core = over(core, authenticators=[door])
    for source in ("door", "trusted", "access_token"):
        with refused(core, SignInRefused):
            core.sign_in.with_password("ann@example.com", "wrong", source=source)
    assert door.seen == []
    token = sign_in(core, user)
    with refused(core, SignInRefused):
        core.sign_in.authenticate(LoginTokenCredentials(secret=token), source="access_token")


@pytest.mark.rule("S3")
def test_no_authenticator_is_asked_after_a_rate_limit(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    late = Door(credentials=PasswordCredentials, answer=lambda: user.id)
    for _ in range(10):
        with pytest.raises(SignInRefused):
            core.sign_in.with_password("ann@example.com", "wrong")
    core = over(core, authenticators=[late])
    with refused(core, RateLimited):
        core.sign_in.with_password("ann@example.com", PASSWORD)
    assert late.seen == []


@pytest.mark.rule("S1", "S5")
def test_extras_are_shown_under_their_authenticators_name(core: UserCore) -> None:
    shown = {"external_id": "baz", "custom_flag": True}
    doors = [
        Annex(name="foo", extra=lambda _: shown),
        Annex(name="empty", extra=lambda _: {}),
        Annex(name="none", extra=lambda _: None),
        Door(name="plain"),
    ]
    core = over(core, authenticators=doors)
    token = sign_in(core, register(core))
    assert core.sign_in.identify(token).extras == {"foo": shown}
    assert core.sign_in.trusted(Email("ann@example.com")).extras == {"foo": shown}


@pytest.mark.rule("S1")
def test_an_extra_that_raises_is_logged_and_left_out(core: UserCore, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: User) -> Mapping[str, object]:
        raise ConnectionError

    doors = [Annex(name="down", extra=fail), Annex(name="up", extra=lambda user: {"id": user.id})]
    core = over(core, authenticators=doors)
    user = register(core)
    with caplog.at_level(logging.ERROR, logger="usercore"):
        assert core.sign_in.identify(sign_in(core, user)).extras == {"up": {"id": user.id}}
    assert "down" in caplog.text


@pytest.mark.rule("S1")
@pytest.mark.parametrize("name", ["", "password", "trusted", "a\nb"])
def test_the_name_of_an_authenticator_must_be_unique(core: UserCore, name: str) -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        over(core, authenticators=[Door(name=name)])
