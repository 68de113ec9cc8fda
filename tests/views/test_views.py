"""Views of a user: the sources that the user came from, and everything in one call."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.services.helpers import PASSWORD, add_tenant, recorded, refused, register, sign_in
from usercore import Invalid, Page, User, UserCore, UserNotFound, UserOverview, forms
from usercore.testing import NOON, FakeClock, WatchedStorage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

MOST_CALLS = 21
"""Calls of repositories by ``detail``; each is one statement, and most are one for a list."""


def sources(core: UserCore, user: User) -> list[tuple[str, timedelta]]:
    return [(one.source, one.last_accessed_at - NOON) for one in core.history.source_accesses(user.id)]


@pytest.mark.rule("X4")
def test_signing_in_from_a_source_is_an_access_at_once(core: UserCore, clock: FakeClock) -> None:
    user = core.bind(source="web").registration.register("ann@example.com", password=PASSWORD, sign_in=True).user
    assert sources(core, user) == [("web", timedelta(0))]
    clock.advance(MINUTE)
    core.sign_in.with_password("ann@example.com", PASSWORD, source="app")
    clock.advance(MINUTE)
    core.sign_in.with_password("ann@example.com", PASSWORD)
    assert sources(core, user) == [("app", MINUTE), ("web", timedelta(0))]
    core.bind(source="web").sign_in.with_login_token(core.login_tokens.issue(user.id))
    assert sources(core, user) == [("web", 2 * MINUTE), ("app", MINUTE)]


@pytest.mark.rule("X4")
def test_signing_in_by_an_access_token_is_an_access_from_the_source_of_the_sign_in(
    core: UserCore, clock: FakeClock
) -> None:
    user = register(core)
    token = core.sign_in.trusted(user.id, source="app").access_token
    clock.advance(MINUTE)
    core.sign_in.with_access_token(token, source="shop")
    core.sign_in.with_access_token(token)
    assert sources(core, user) == [("shop", MINUTE), ("app", timedelta(0))]


@pytest.mark.rule("X4")
def test_a_refused_sign_in_is_no_access(core: UserCore) -> None:
    user = core.registration.register("ann@example.com", password=PASSWORD).user
    core.users.deactivate(user.id)
    assert not core.bind(source="app").sign_in.verify_password("ann@example.com", PASSWORD)
    assert sources(core, user) == []


@pytest.mark.rule("X4", "K2")
def test_the_use_of_a_token_is_gathered_and_written_with_its_last_use(
    core: UserCore, clock: FakeClock, storage: WatchedStorage
) -> None:
    user = register(core)
    app, bare = core.sign_in.trusted(user.id, source="app").access_token, sign_in(core, user)
    for _ in range(3):
        clock.advance(MINUTE / 4)
        reads, writes = storage.reads, storage.writes
        for token in (app, bare):
            core.bind(source="elsewhere").sign_in.identify(token)
        assert (storage.reads, storage.writes) == (reads + 2, writes)
    assert sources(core, user) == [("app", timedelta(0))]
    clock.advance(MINUTE)
    core.sign_in.identify(bare)
    assert sources(core, user) == [("app", MINUTE * 3 / 4)]


@pytest.mark.rule("X4")
def test_the_sources_of_a_user_are_the_tenants_own(core: UserCore) -> None:
    add_tenant(core)
    user = register(core)
    with refused(core, UserNotFound, but=()):
        core.tenant("acme").history.source_accesses(user.id)


def fill(core: UserCore, clock: FakeClock, *, times: int) -> User:
    """Return a user with this many rows of each kind."""
    user = core.registration.register("ann@example.com", password=PASSWORD, send_email=False).user
    core.addresses.declare_type("invoice")
    for number in range(times):
        clock.tick()
        core.meta.upsert(user.id, f"key {number}", "text")
        core.addresses.add(user.id, "invoice", city=f"city {number}")
        core.groups.add(user.id, core.groups.create(f"group {number}").id)
        core.roles.give(user.id, core.roles.create(f"role {number}").id)
        core.products.grant(user.id, [f"product {number}"])
        core.passwords.set(user.id, f"{PASSWORD} {number}")
    for number in range(times):
        clock.tick()
        core.sign_in.trusted(user.id, source=f"source {number}")
        core.autologin_tokens.issue(user.id, valid_to=clock.now + DAY)
        core.history.log_action(f"action {number}", user.id, params={"number": number})
    return core.users.get(user.id)


@pytest.mark.rule("X8")
def test_a_detail_has_what_the_calls_for_each_list_return(core: UserCore, clock: FakeClock) -> None:
    ann = fill(core, clock, times=3)
    detail = core.history.detail(ann.id)
    assert detail == UserOverview(
        user=ann,
        status=core.users.status(ann.id),
        groups=core.groups.of_user(ann.id),
        roles=core.roles.of_user(ann.id),
        products=core.products.list(ann.id),
        addresses=core.addresses.list(ann.id),
        meta=core.meta.list(ann.id),
        access_tokens=core.access_tokens.list(ann.id),
        autologin_tokens=core.autologin_tokens.list(ann.id),
        source_accesses=core.history.source_accesses(ann.id),
        attempts=core.history.attempts(ann.id),
        changes=core.history.of_user(ann.id),
        password_changes=core.history.password_changes(ann.id),
        actions=core.history.actions(ann.id),
    )
    lists = {name: getattr(detail, name) for name in UserOverview.__annotations__.keys() - {"user", "status"}}
    assert {name for name, rows in lists.items() if len(rows) < 3} == set()


@pytest.mark.rule("X4", "X8")
def test_every_page_of_a_detail_goes_on_in_the_call_for_its_list(core: UserCore, clock: FakeClock) -> None:
    ann = fill(core, clock, times=2)
    detail = core.history.detail(ann.id, limit=1)
    calls: dict[str, Callable[..., Page[Any]]] = {
        "addresses": core.addresses.list,
        "meta": core.meta.list,
        "access_tokens": core.access_tokens.list,
        "autologin_tokens": core.autologin_tokens.list,
        "source_accesses": core.history.source_accesses,
        "attempts": core.history.attempts,
        "changes": core.history.of_user,
        "password_changes": core.history.password_changes,
        "actions": core.history.actions,
    }
    pages = {name for name in UserOverview.__annotations__ if isinstance(getattr(detail, name), Page)}
    assert pages == calls.keys()
    for name, call in calls.items():
        page, rows = getattr(detail, name), []
        while True:
            assert len(page) == 1, name
            rows += page.rows
            if page.cursor is None:
                break
            page = call(ann.id, cursor=page.cursor, limit=1)
        assert tuple(rows) == call(ann.id).rows, name
        assert len(rows) > 1, name
        for wrong in ({"limit": 0}, {"limit": 1001}, {"cursor": "?"}, {"cursor": "WyJ4IiwgInkiLCAxXQ=="}):
            with refused(core, Invalid, but=()):
                call(ann.id, **wrong)


@pytest.mark.rule("X8")
def test_a_detail_is_read_in_one_unit_by_as_many_statements_however_much_there_is(
    core: UserCore, clock: FakeClock, storage: WatchedStorage
) -> None:
    watched, recorder = recorded(core)
    bob = register(core, "bob")
    core.meta.upsert(bob.id, "key", "text")
    ann = fill(core, clock, times=2)
    counts = []
    for user in (bob, ann):
        reads, writes = storage.reads, storage.writes
        counts.append(len(recorder.names_of(lambda: watched.history.detail(user.id))))  # noqa: B023 - used at once
        assert (storage.reads, storage.writes) == (reads + 1, writes)
    assert counts[1] - counts[0] <= 3
    assert counts[1] <= MOST_CALLS


@pytest.mark.rule("X8", "T2")
def test_a_user_who_is_not_there_has_no_detail(core: UserCore) -> None:
    add_tenant(core)
    user = register(core)
    for tenant, ref in ((core.tenant("acme"), user.id), (core, 999)):
        with refused(core, UserNotFound, but=()):
            tenant.history.detail(ref)
    for limit in (0, 1001):
        with refused(core, Invalid, but=()):
            core.history.detail(user.id, limit=limit)


@pytest.mark.rule("X8", "Y2")
def test_the_form_of_a_detail_has_the_forms_of_its_parts_and_is_for_operators_only(
    core: UserCore, clock: FakeClock
) -> None:
    ann = fill(core, clock, times=2)
    detail = core.history.detail(ann.id, limit=1)
    form = forms.user_overview(detail, "operator")
    assert form["user"] == forms.user(ann, "operator")
    assert form["access_tokens"] == forms.access_token.page(detail.access_tokens, "operator")
    assert form["meta"]["rows"][0]["value"] == "text"
    assert form["actions"]["rows"][0]["params"] == {"number": 1}
    for refuse in (lambda: forms.user_overview(detail, "user"), lambda: forms.action.page(detail.actions, "user")):  # type: ignore[arg-type]  # what is tested
        with pytest.raises(ValueError, match="operator"):
            refuse()
