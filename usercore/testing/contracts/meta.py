"""What every storage must do for meta."""

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.meta.model import KeyUser, StoredMeta
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, add_users, assert_same, write_and_fail
from usercore.testing.contracts.rows import OF_ACME, UserRows, check_pages, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB
from usercore.testing.strategies import entities


def value(
    text: str = "42", *, user_id: UserId = ANN, tenant_id: TenantId = MAIN, key: str = "shoe size", public: bool = True
) -> StoredMeta:
    """Return a value."""
    return StoredMeta(
        user_id=user_id,
        tenant_id=tenant_id,
        key=key,
        value=text,
        public=public,
        created_at=NOON - TICK,
        modified_at=NOON,
    )


ROWS = UserRows(
    name="meta",
    rules=("M1",),
    repository=lambda unit: unit.meta,
    key="key",
    sample=value(),
    other=value("43", public=False),
    edges=[
        value("", key=" "),
        value("x" * 65_536, key="k" * 255, public=False),
        value("\u202e\r\n\t\x01\uffff\U0010ffff", key="'\"%_\\"),
        StoredMeta(
            user_id=ANN,
            tenant_id=MAIN,
            key="time",
            value="",
            public=False,
            created_at=FIRST,
            modified_at=LAST - TICK,
        ),
    ],
    drawn=entities(StoredMeta),
    keys=("A", "B", "a", "a ", "aa", "é", "中", "\uffee", "😀"),
)
CROWD = [UserId(number) for number in range(201, 208)]


def holders(
    units: Units[Unit], key: str = "shoe size", text: str | None = None, *, public_only: bool = False
) -> list[UserId]:
    """Return the ids of those who have the key, or the value, in pages of different sizes."""
    rows = units.read(lambda unit: unit.meta.list_by_key(key, text, public_only=public_only, after=None, limit=1000))
    check_pages(
        units,
        lambda unit, after, limit: unit.meta.list_by_key(key, text, public_only=public_only, after=after, limit=limit),
        place_of=lambda row: row.user_id,
        expected=rows,
    )
    return [row.user_id for row in rows]


@row_cases(ROWS)
class MetaRepositoryContract(Contract):
    """One case a promise of ``MetaRepository``."""

    @pytest.mark.rule("M4")
    def test_users_with_a_key_or_a_value_are_found_by_id_in_pages(self, people: Units[Unit]) -> None:
        add_users(people, MAIN, *CROWD)
        texts = ["42", "", "0", "42", "43", "42", "42 "]
        for user_id, text in reversed([*zip(CROWD, texts, strict=True)]):
            ROWS.put(people, value(text, user_id=user_id, public=user_id % 2 == 0))
        ROWS.put(people, value(key="shoe"), value(key="Shoe size"))
        assert holders(people) == CROWD
        assert holders(people, text="42") == [CROWD[0], CROWD[3], CROWD[5]]
        assert [holders(people, text=text) for text in ("", "0", "44")] == [[CROWD[1]], [CROWD[2]], []]
        assert holders(people, public_only=True) == [user_id for user_id in CROWD if user_id % 2 == 0]
        assert holders(people, text="42", public_only=True) == [CROWD[3], CROWD[5]]
        assert holders(people, "size") == []

    @pytest.mark.rule("M4")
    def test_a_user_is_returned_with_the_value_and_the_flag(self, people: Units[Unit]) -> None:
        ROWS.put(people, ROWS.sample)
        for text in (None, "42"):
            (found,) = people.read(
                lambda unit: unit.meta.list_by_key("shoe size", text, public_only=True, after=None, limit=2)  # noqa: B023
            )
            assert_same(found, KeyUser(user_id=ANN, value="42", public=True))

    @pytest.mark.rule("M4")
    def test_changed_and_removed_values_are_found_no_more(self, people: Units[Unit]) -> None:
        ROWS.put(people, value(), value(user_id=BOB))
        ROWS.put(people, value("43", public=False))
        people.write(lambda unit: ROWS.remove_in(unit, value(user_id=BOB)))
        assert (holders(people), holders(people, text="43")) == ([ANN], [ANN])
        assert (holders(people, text="42"), holders(people, public_only=True)) == ([], [])

    @pytest.mark.rule("M4")
    def test_a_unit_that_fails_changes_nothing_that_is_found(self, people: Units[Unit]) -> None:
        ROWS.put(people, value())
        write_and_fail(people, lambda unit: ROWS.put_in(unit, value("43", public=False)))
        write_and_fail(people, lambda unit: ROWS.put_in(unit, value(user_id=BOB)))
        write_and_fail(people, lambda unit: ROWS.remove_in(unit, value()))
        assert (holders(people, text="42", public_only=True), holders(people, text="43")) == ([ANN], [])

    @pytest.mark.rule("M4", "T2")
    def test_only_users_of_the_tenant_are_found(self, people: Units[Unit], acme: Units[Unit]) -> None:
        add_users(acme, ACME, OF_ACME)
        ROWS.put(people, value())
        ROWS.put(acme, value(user_id=OF_ACME, tenant_id=ACME))
        assert (holders(people), holders(acme)) == ([ANN], [OF_ACME])
        assert (holders(people, text="42"), holders(acme, text="42")) == ([ANN], [OF_ACME])

    @pytest.mark.rule("M3", "X8")
    def test_a_users_values_or_the_public_ones_are_listed_page_by_page(self, people: Units[Unit]) -> None:
        several = [value(key=key, public=key != "a") for key in ROWS.keys]
        ROWS.put(people, *several[::2], value(user_id=BOB), *several[1::2])
        for public_only, expected in ((False, several), (True, [row for row in several if row.public])):
            check_pages(
                people,
                lambda unit, after, size: unit.meta.list_from(ANN, after, public_only=public_only, limit=size),  # noqa: B023 - used at once
                place_of=lambda row: row.key,
                expected=expected,
            )
