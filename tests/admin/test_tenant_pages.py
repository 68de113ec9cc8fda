"""Pages about a tenant: requests of addresses, groups, roles, API tokens, the log, and tenants themselves."""

import pytest

from tests.admin.markup import Page
from tests.admin.sample_requests import address_request, api_token, group, role, tenant
from tests.admin.world import World, csrf_in, submit
from usercore import ChangeRequestState, UserState


def test_a_request_shows_what_it_changes_and_whose_it_is() -> None:
    world = World()
    address_request(world)
    page = Page(world.signed_in().get("/admin/requests").body)
    assert "cityBratislavaKošice" in page.text
    assert "country" not in page.text
    assert f"/admin/users/{world.user.id}" in [one["href"] for one in page.all("a")]
    assert "Ann" in page.text


def test_a_request_is_accepted_with_a_reason() -> None:
    world = World()
    sample = address_request(world)
    request_id = int(str(sample.values["request_id"]))
    submit(world.signed_in(), f"/admin/requests/{world.user.id}/{request_id}/accept", reason="has moved")
    (decided,) = (one for one in world.core.addresses.requests(world.user.id) if one.id == request_id)
    assert (decided.state, decided.reason) == (ChangeRequestState.ACCEPTED, "has moved")
    assert decided.decided_by == f"user:{world.operator.id}"
    assert [one.city for one in world.core.addresses.list(world.user.id)] == ["Košice"]


def test_a_request_is_rejected_and_is_not_open_any_more() -> None:
    world = World()
    sample = address_request(world)
    browser = world.signed_in()
    target = f"/admin/requests/{world.user.id}/{sample.values['request_id']}/reject"
    assert submit(browser, target).status == 303
    assert submit(browser, target).status == 409
    assert "No request is open." in Page(browser.get("/admin/requests").body).text
    assert [one.city for one in world.core.addresses.list(world.user.id)] == ["Bratislava"]


def test_a_group_shows_its_members_and_changes() -> None:
    world = World()
    group_id = group(world).values["group_id"]
    browser = world.signed_in()
    assert "Ann" in Page(browser.get(f"/admin/groups/{group_id}").body).text
    assert submit(browser, f"/admin/groups/{group_id}", name="Authors", sorting="-2", version="1").status == 303
    (changed,) = world.core.groups.list()
    assert (changed.name, changed.sorting) == ("Authors", -2)
    for sorting in ("", "x", "--2", "1.5"):
        refused = submit(browser, f"/admin/groups/{group_id}", name="Authors", sorting=sorting, version="2")
        assert refused.status == 422


def test_a_group_with_members_is_deleted_only_if_that_is_checked() -> None:
    world = World()
    group_id = group(world).values["group_id"]
    browser = world.signed_in()
    assert submit(browser, f"/admin/groups/{group_id}/delete").status == 409
    assert submit(browser, f"/admin/groups/{group_id}/delete", force="on").status == 303
    assert not world.core.groups.list()


def test_the_form_of_a_role_replaces_all_of_it() -> None:
    world = World()
    sample = role(world)
    submit(world.signed_in(), f"/admin/roles/{sample.values['role_id']}", **sample.fields)
    changed = world.core.roles.get(int(str(sample.values["role_id"])))
    assert (changed.name, changed.permissions) == ("Authors", ("posts.read", "posts.write"))
    assert (changed.active, changed.privileged) == (False, False)


def test_the_form_of_a_role_shows_what_it_is() -> None:
    world = World()
    page = Page(world.signed_in().get(f"/admin/roles/{world.core.roles.get('Operators').id}").body)
    checked = [one["name"] for one in page.all("input") if "checked" in one]
    assert checked == ["active", "privileged"]
    assert "users.manage" in page.text


def test_an_api_token_is_deactivated_and_revoked() -> None:
    world = World()
    public_id = api_token(world).values["public_id"]
    browser = world.signed_in()
    submit(browser, f"/admin/api-tokens/{public_id}/deactivate")
    assert "deactivated" in Page(browser.get("/admin/api-tokens").body).text
    assert submit(browser, f"/admin/api-tokens/{public_id}/revoke").status == 303
    assert submit(browser, f"/admin/api-tokens/{public_id}/revoke").status == 404
    assert not world.core.api_tokens.list()


def test_the_log_shows_one_action_or_all() -> None:
    world = World()
    world.core.history.log_action("called", world.user.id, params={"minutes": 4})
    world.core.history.log_action("printed")
    browser = world.signed_in()
    everything, one = (Page(browser.get(f"/admin/log{query}").body) for query in ("", "?q=printed"))
    assert "minutes: 4" in everything.text
    assert "minutes: 4" not in one.text
    assert [option["value"] for option in one.all("option") if "selected" in option] == ["printed"]


def test_attempts_that_found_no_user_are_listed() -> None:
    world = World()
    world.core.sign_in.verify_password("eve@example.com", "wrong horse battery staple")
    assert "eve@example.com" in Page(world.signed_in().get("/admin/log/attempts").body).text


def test_a_tenant_is_created_changed_and_deactivated() -> None:
    world = World(admin=True)
    sample = tenant(world)
    browser, target = world.signed_in(), f"/admin/tenants/{sample.values['tenant_uuid']}"
    assert submit(browser, target, **sample.fields).status == 303
    assert submit(browser, f"{target}/deactivate").status == 303
    changed = world.core.tenants.get("a shop/1")
    assert (changed.name, changed.time_zone, changed.country, changed.active) == (
        "The shop",
        "Europe/Bratislava",
        "SK",
        False,
    )
    assert browser.get("/admin/tenants/nothing").status == 404


def test_an_admin_works_on_another_tenant_and_stays_there() -> None:
    world = World(admin=True)
    main = world.core.tenant("main")
    zoe = main.registration.register("zoe@example.com", send_email=False).user
    base = f"/admin/in/{world.core.tenants.get('main').uuid}"
    browser = world.signed_in()
    page = Page(browser.get(f"{base}/users/{zoe.id}").body)
    links = {one["href"] for one in page.all("a")} | {one["action"] for one in page.all("form")}
    others = {one for one in links if not one.startswith(f"{base}/")}
    assert others == {"#content", "/admin/tenants", "/admin/sign-out"}
    assert (
        browser.submit(f"{base}/users/{zoe.id}/deactivate", {"csrf": csrf_in(browser.get(f"{base}/users"))}).status
        == 303
    )
    assert main.users.get(zoe.id).state is UserState.DEACTIVATED
    assert main.history.of_user(zoe.id).rows[0].actor == f"user:{world.operator.id}"


def test_a_tenant_has_no_users_of_others() -> None:
    world = World(admin=True)
    base = f"/admin/in/{world.core.tenants.get('main').uuid}"
    browser = world.signed_in()
    assert browser.get(f"{base}/users/{world.user.id}").status == 404
    assert browser.get(f"/admin/users/{world.user.id}").status == 200


@pytest.mark.parametrize("tenant", ["7", "00000000-0000-0000-0000-000000000000", "main"])
def test_a_tenant_that_is_not_there_is_a_page_that_says_so(tenant: str) -> None:
    assert World(admin=True).signed_in().get(f"/admin/in/{tenant}/users").status == 404


def test_only_admins_work_on_other_tenants() -> None:
    world = World()
    uuid = world.core.tenant("system").tenants.create("shop", "Shop").uuid
    assert world.signed_in().get(f"/admin/in/{uuid}/users").status == 403
    assert world.browser().get(f"/admin/in/{uuid}/users").status == 303
