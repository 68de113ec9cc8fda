"""Any requests to an application, of any form."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TEXTS: Final = st.text(max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "1",
        "-1",
        "0",
        "true",
        "ann@example.com",
        "\0",
        "é",
        "9" * 17,
        "\U0001f600",
        "[9,10]",
        "[",
        "null",
        "[true]",
    ]
)
SCALARS: Final = TEXTS | st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats()
ANY_JSON: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
MEDIA_TYPES: Final = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "text/plain",
        "application/json; charset=latin-1",
        "",
    ]
)


def bodies(fields: Mapping[str, SearchStrategy[Any]]) -> SearchStrategy[tuple[str, bytes]]:
    """Return media types with bodies: with some of these fields and others, or with any bytes."""
    some = st.fixed_dictionaries({}, optional={**fields, "other": ANY_JSON})
    as_json = some.map(lambda value: ("application/json", json.dumps(value).encode()))
    as_form = some.map(lambda value: ("application/x-www-form-urlencoded", urlencode(value, errors="replace").encode()))
    any_json = ANY_JSON.map(lambda value: ("application/json", json.dumps(value).encode()))
    return as_json | as_form | any_json | st.tuples(MEDIA_TYPES, st.binary(max_size=60))
