"""Actions on users: what they do, and the reasons that operators give."""

from tests.admin.markup import Page
from tests.admin.world import World, submit
from usercore import UserState
from usercore_web.admin.user_actions import OFFERED


def test_a_reason_is_logged_with_the_action_that_takes_none() -> None:
    world = World()
    submit(world.signed_in(), f"/admin/users/{world.user.id}/deactivate", reason=" left the company ")
    assert world.core.users.get(world.user.id).state is UserState.DEACTIVATED
    (logged,) = world.core.history.actions(world.user.id)
    assert (logged.action, logged.params) == ("users.deactivate", {"reason": "left the company"})
    assert logged.actor == f"user:{world.operator.id}"


def test_a_reason_is_not_logged_if_the_action_is_refused() -> None:
    world = World()
    world.core.users.update(world.user.id, first_name="Anna")
    refused = submit(
        world.signed_in(), f"/admin/users/{world.user.id}/edit", first_name="Eve", version="1", reason="typo"
    )
    assert refused.status == 409
    assert "users.stale_version" in Page(refused.body).text
    assert world.core.users.get(world.user.id).first_name == "Anna"
    assert not world.core.history.actions()


def test_an_erasure_needs_a_reason_and_a_check() -> None:
    world = World()
    target, browser = f"/admin/users/{world.user.id}/erase", world.signed_in()
    for fields in ({"reason": "asked for it"}, {"sure": "on"}, {"sure": "on", "reason": ""}):
        assert submit(browser, target, **fields).status == 422
    assert world.core.users.get(world.user.id) == world.user
    assert submit(browser, target, reason="asked for it", sure="on").status == 303
    (erased, *_) = world.core.history.of_user(world.user.id)
    assert (erased.kind, erased.new["reason"]) == ("user.erased", "asked for it")
    assert "asked for it" in Page(browser.get(f"/admin/users/{world.user.id}/changes").body).text


def test_each_form_asks_for_a_reason() -> None:
    world = World()
    page = Page(world.signed_in().get(f"/admin/users/{world.user.id}").body)
    labels = {one["for"] for one in page.all("label")}
    offered = {one.name for one in OFFERED} - {"activate", "unverify-email", "unlock"}
    assert {f"{name}-reason" for name in offered} <= labels


def test_a_page_offers_the_actions_that_apply() -> None:
    world = World()
    browser = world.signed_in()
    target = f"/admin/users/{world.user.id}"
    before = {one["action"] for one in Page(browser.get(target).body).all("form")}
    world.core.users.deactivate(world.user.id)
    after = {one["action"] for one in Page(browser.get(target).body).all("form")}
    assert before - after == {f"{target}/deactivate"}
    assert after - before == {f"{target}/activate"}


def test_a_note_keeps_its_lines_and_an_empty_field_is_cleared() -> None:
    world = World()
    browser = world.signed_in()
    fields = {"first_name": "", "last_name": "Lee", "note": "\r\none\r\ntwo", "version": str(world.user.version)}
    submit(browser, f"/admin/users/{world.user.id}/edit", **fields)
    user = world.core.users.get(world.user.id)
    assert (user.first_name, user.last_name, user.note) == (None, "Lee", "\none\ntwo")


def test_an_operator_who_deactivates_their_own_account_is_signed_out() -> None:
    world = World()
    browser = world.signed_in()
    answer = submit(browser, f"/admin/users/{world.operator.id}/deactivate")
    after = browser.get(answer.header("Location") or "")
    assert (after.header("Location") or "").startswith("/admin/sign-in")


def test_a_value_is_public_only_if_it_is_checked() -> None:
    world = World()
    browser = world.signed_in()
    target = f"/admin/users/{world.user.id}/store-value"
    submit(browser, target, key="a", value="1", public="on")
    submit(browser, target, key="b", value="2")
    assert [(one.key, one.public) for one in world.core.meta.list(world.user.id)] == [("a", True), ("b", False)]
