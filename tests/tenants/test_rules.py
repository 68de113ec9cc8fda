"""A tenant's fields and defaults, and what the built-in tenants refuse."""

from contextlib import nullcontext
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import fault_of
from usercore.kernel.context import MAIN, SYSTEM
from usercore.kernel.countries import clean_country
from usercore.kernel.errors import FieldError
from usercore.kernel.ids import TENANT_KIND, USER_KIND, TenantId, id_of
from usercore.kernel.preferences import DateFormat
from usercore.kernel.text import unique_key
from usercore.tenants.errors import BuiltIn
from usercore.tenants.model import BUILT_IN, DEFAULTS, KINDS, Tenant
from usercore.tenants.rules import (
    CLEAN,
    check_deactivatable,
    check_deletable,
    check_renamable,
    clean_tenant_name,
    clean_time_zone,
)
from usercore.testing.samples import ACME, a_tenant
from usercore.testing.strategies import names, tenants


@pytest.mark.rule("T1")
def test_every_store_has_two_tenants() -> None:
    assert BUILT_IN == {SYSTEM: "system", MAIN: "main"} == {1: "system", 2: "main"}


@pytest.mark.rule("T1")
@pytest.mark.parametrize("tenant_id", [SYSTEM, MAIN, ACME])
def test_a_built_in_tenant_keeps_its_name(tenant_id: TenantId) -> None:
    with pytest.raises(BuiltIn) if tenant_id in BUILT_IN else nullcontext():
        check_renamable(a_tenant(id=tenant_id))


@pytest.mark.rule("T1", "T7")
@pytest.mark.parametrize("tenant_id", [SYSTEM, MAIN, ACME])
def test_a_built_in_tenant_cannot_be_deleted(tenant_id: TenantId) -> None:
    with pytest.raises(BuiltIn) if tenant_id in BUILT_IN else nullcontext():
        check_deletable(a_tenant(id=tenant_id))


@pytest.mark.rule("T1")
@pytest.mark.parametrize("tenant_id", [SYSTEM, MAIN, ACME])
def test_only_the_operators_cannot_be_shut_out(tenant_id: TenantId) -> None:
    with pytest.raises(BuiltIn) if tenant_id == SYSTEM else nullcontext():
        check_deactivatable(a_tenant(id=tenant_id))


@pytest.mark.rule("I2")
@given(tenants(supplied_uuid=st.none()))
def test_a_tenants_uuid_is_made_of_its_id_and_is_no_users(tenant: Tenant) -> None:
    assert id_of(tenant.uuid, TENANT_KIND) == tenant.id
    assert id_of(tenant.uuid, USER_KIND) is None


@pytest.mark.rule("T3")
@given(names())
def test_a_tenant_may_have_a_name_of_any_script(name: str) -> None:
    assert clean_tenant_name(f" {name}\u3000", field="name") == name


@pytest.mark.rule("T3")
@pytest.mark.parametrize("text", ["a", "é" * 256, "A & B (Čadca), s.r.o."], ids=lambda text: text[:9])
def test_a_key_or_name_has_1_to_256_characters(text: str) -> None:
    assert clean_tenant_name(text, field="key") == text


@pytest.mark.rule("T3", "U4")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("a" * 257, "too_long"),
        ("a\u0378", "unassigned"),
        ("a\nb", "control_character"),
        ("a\u202e", "direction_mark"),
    ],
    ids=lambda text: ascii(text[:9]),
)
def test_another_key_or_name_is_refused(text: str, reason: str) -> None:
    assert fault_of(lambda: clean_tenant_name(text, field="key")) == FieldError("key", reason)


@pytest.mark.rule("T3")
@pytest.mark.parametrize("text", ["ACME", "Acme", "ａｃｍｅ"])
def test_names_are_told_apart_without_case_and_width(text: str) -> None:
    assert unique_key(clean_tenant_name(text, field="name")) == "acme"


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Bratislava", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "Etc/GMT+5", "US/Eastern", "CET"],
)
def test_a_time_zone_is_one_of_ianas(zone: str) -> None:
    assert clean_time_zone(zone) == zone


@pytest.mark.rule("T3")
def test_every_zone_of_the_tzdata_package_but_factory_is_accepted() -> None:
    names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    assert len(names) > 500
    for name in {*names} - {"Factory"}:
        assert clean_time_zone(name) == name


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ("", "empty"),
        ("europe/bratislava", "unknown"),
        ("+01:00", "unknown"),
        ("../../etc/passwd", "unknown"),
        ("/UTC", "unknown"),
        *((name, "unknown") for name in ("localtime", "posixrules", "Factory", "posix/UTC", "right/Europe/Bratislava")),
        *((name, "unknown") for name in ("SystemV/EST5", "Mars/Olympus", "Europe", "Europe/", "utc")),
        ("UTC\0", "control_character"),
    ],
    ids=ascii,
)
def test_another_time_zone_is_refused(zone: str, reason: str) -> None:
    assert fault_of(lambda: clean_time_zone(zone)) == FieldError("time_zone", reason)


@pytest.mark.rule("T3")
@pytest.mark.parametrize(("typed", "kept"), [("SK", "SK"), ("sk", "SK"), (" cZ ", "CZ"), (None, None), ("", None)])
def test_a_country_is_kept_in_capitals(typed: str | None, kept: str | None) -> None:
    assert clean_country(typed) == kept


@pytest.mark.rule("T3")
@pytest.mark.parametrize("text", ["S", "SVK", "S1", "ŠK", "ſk", "S K", "４２"])
def test_another_country_is_refused(text: str) -> None:
    assert fault_of(lambda: clean_country(text)) == FieldError("country", "malformed")


@pytest.mark.rule("T3")
def test_the_name_and_each_default_have_a_way_in() -> None:
    assert set(CLEAN) == {"name", *DEFAULTS}
    assert all(set(kind.fields) <= {"key", "active", "supplied_uuid", *CLEAN} for kind in KINDS)


@pytest.mark.rule("T3")
def test_a_new_tenant_is_active_and_has_defaults() -> None:
    fields = {
        name: getattr(a_tenant(), name)
        for name in ("id", "key", "name", "created_at", "created_by", "modified_at", "modified_by")
    }
    tenant = Tenant(**fields)
    assert tenant.active
    assert (tenant.time_zone, tenant.country, tenant.language) == ("UTC", None, "en")
    assert tenant.date_format is DateFormat.YEAR_FIRST
    assert (tenant.timestamp_offset_minutes, tenant.data_offset_minutes) == (0, 0)


@pytest.mark.rule("T3")
@pytest.mark.parametrize("field", ["language", "date_format", "timestamp_offset_minutes", "data_offset_minutes"])
def test_a_default_that_users_fall_back_to_cannot_be_empty(field: str) -> None:
    assert fault_of(lambda: CLEAN[field](None)) == FieldError(field, "empty")


@pytest.mark.rule("T3")
@pytest.mark.parametrize("field", ["description", "country"])
def test_a_description_and_a_country_can_be_empty(field: str) -> None:
    assert CLEAN[field](None) is None
    assert CLEAN[field]("") is None


@pytest.mark.rule("T3")
def test_a_description_may_have_several_lines() -> None:
    assert CLEAN["description"]("one\n\ttwo") == "one\n\ttwo"
    assert CLEAN["description"]("x" * 65_536) == "x" * 65_536
    assert fault_of(lambda: CLEAN["description"]("x" * 65_537)) == FieldError("description", "too_long")


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("name", " Acme ", "Acme"),
        ("language", "sk_sk", "sk-SK"),
        ("date_format", "DD/MM/YYYY", DateFormat.DAY_FIRST),
        ("timestamp_offset_minutes", -840, -840),
        ("data_offset_minutes", 345, 345),
    ],
)
def test_a_default_is_kept_in_its_canonical_form(field: str, typed: object, kept: object) -> None:
    assert CLEAN[field](typed) == kept


@pytest.mark.rule("T3")
@pytest.mark.parametrize("value", [b"x", ["x"], 1.5, True], ids=repr)
@pytest.mark.parametrize("field", CLEAN)
def test_a_field_of_another_type_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(TypeError, match=field):
        CLEAN[field](value)
