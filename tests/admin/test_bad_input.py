"""Whatever a request has in it, the admin page answers with a page."""

from typing import Final
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from tests.admin.markup import Page, problems_of
from tests.admin.sample_requests import SAMPLES
from tests.admin.world import World, csrf_in
from tests.web.browser import FORM
from usercore_web.admin.operators import AdminRoute
from usercore_web.admin.router import PAGES

TEXT: Final = st.one_of(
    st.sampled_from(["", "0", "-1", "9" * 17, "on", "null", "é", "\0", "\ud800", "a" * 300, "../..", "%2f"]),
    st.text(max_size=20),
)
NAMES: Final = st.sampled_from(
    [
        *(
            "name",
            "reason",
            "sure",
            "version",
            "key",
            "value",
            "role_id",
            "group_id",
            "sorting",
            "permissions",
            "force",
        ),
        *("first_name", "language", "note", "time_zone", "country", "required", "public"),
    ]
)

PATH: Final = TEXT.map(lambda text: text.encode("utf-8", "replace").decode().replace("/", "_") or "_")
"""Texts of a path, which servers decode."""


@given(route=st.sampled_from(PAGES), data=st.data())
def test_any_input_is_answered_by_a_page(route: AdminRoute, data: st.DataObject) -> None:
    world = World(admin=route.path.startswith("/tenants"))
    browser = world.signed_in()
    sample = SAMPLES[route.method, route.path](world)
    values = {name: data.draw(st.just(str(value)) | PATH, label=name) for name, value in sample.values.items()}
    target = "/admin" + route.path.format(**values).replace("?", "_")
    if route.method == "GET":
        query = data.draw(st.dictionaries(st.sampled_from(["q", "cursor", "done", "next"]), TEXT), label="query")
        answer = browser.get(f"{target.encode().decode('latin-1')}?{urlencode(query, errors='surrogatepass')}")
    else:
        fields = {**sample.fields, **data.draw(st.dictionaries(NAMES, TEXT), label="fields")}
        body = urlencode({**fields, "csrf": csrf_in(browser.get("/admin/users"))}, errors="surrogatepass").encode()
        headers = {"content-type": FORM, "sec-fetch-site": "same-origin"}
        answer = browser.request("POST", target.encode().decode("latin-1"), headers, body)
    assert answer.status == 303 or 200 <= answer.status < 500
    if answer.status != 303:
        assert [*problems_of(Page(answer.body))] == []
