"""The admin page in a real browser: how it looks, what it allows, and that a person can use it by the keyboard."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.admin.chromium import PATIENCE, chromium, console_of, served, show_as, sign_in, violations_in, width_of
from tests.admin.sample_requests import SAMPLES
from tests.admin.world import World
from tests.profiles import some
from usercore import UserState
from usercore_web.admin.operators import AdminRoute
from usercore_web.admin.router import PAGES

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

PHONE, DESKTOP = 360, 1280
READ = [one for one in PAGES if one.method == "GET"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def world_for(route: AdminRoute) -> World:
    return World(admin=route.path.startswith("/tenants"))


@pytest.mark.parametrize("route", [*some(READ, 6)], ids=lambda route: route.path)
def test_a_page_is_accessible_and_fits_in_light_and_dark(route: AdminRoute, browser: Chrome) -> None:
    world = world_for(route)
    path = route.path.format(**SAMPLES["GET", route.path](world).values)
    with served(world) as address:
        sign_in(browser, address)
        for width, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
            show_as(browser, width=width, scheme=scheme)
            browser.get(address + path)
            assert browser.current_url == address + path
            browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert (width, violations_in(browser)) == (width, [])
            assert width_of(browser) <= width
        assert console_of(browser) == []


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_an_operator_finds_a_user_and_deactivates_the_account(width: int, scheme: str, browser: Chrome) -> None:
    world = World()
    show_as(browser, width=width, scheme=scheme)
    with served(world) as address:
        browser.get(f"{address}/users")
        assert violations_in(browser) == []  # of the sign-in, which is shown first
        sign_in(browser, address)
        browser.find_element("link text", "Users").click()
        browser.find_element("id", "q").send_keys("ann@", Keys.ENTER)
        WebDriverWait(browser, PATIENCE).until(lambda here: "q=ann" in here.current_url)
        browser.find_element("link text", "Ann").click()
        browser.find_element("xpath", "//summary[text()='Deactivate']").click()
        browser.find_element("id", "deactivate-reason").send_keys("left the company")
        browser.find_element("xpath", "//button[text()='Deactivate']").click()
        assert browser.find_element("css selector", "[role=status]").text == "The user is deactivated."
        assert world.core.users.get(world.user.id).state is UserState.DEACTIVATED
        assert [one.params for one in world.core.history.actions()] == [{"reason": "left the company"}]
        assert console_of(browser) == []


def test_the_keyboard_reaches_the_content_first_and_sees_where_it_is(browser: Chrome) -> None:
    show_as(browser, width=DESKTOP, scheme="light")
    with served(World()) as address:
        sign_in(browser, address)
        browser.get(f"{address}/groups")
        browser.switch_to.active_element.send_keys(Keys.TAB)
        skip = browser.switch_to.active_element
        assert skip.text == "Skip to the content"
        assert skip.value_of_css_property("outline-style") == "solid"
        assert skip.rect["x"] >= 0
        skip.send_keys(Keys.ENTER)
        assert browser.switch_to.active_element.get_attribute("id") == "content"
        browser.switch_to.active_element.send_keys(Keys.TAB)
        assert browser.switch_to.active_element.get_attribute("id") == "name"


def test_chromium_refuses_styles_and_scripts_that_get_into_a_page(browser: Chrome) -> None:
    with served(World()) as address:
        sign_in(browser, address)
        assert console_of(browser) == []
        browser.execute_script(
            "document.querySelector('main').innerHTML ="
            ' \'<p id="bad" style="color: red">x</p><img src="data:," onerror="document.title = 1">\''
        )
        refused = WebDriverWait(browser, PATIENCE).until(lambda here: (found := console_of(here)) and found)
        assert any("Content Security Policy" in one for one in refused)
        assert browser.find_element("id", "bad").value_of_css_property("color") != "rgba(255, 0, 0, 1)"
        assert browser.title != "1"
