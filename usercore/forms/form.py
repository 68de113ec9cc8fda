"""How a form is made: by the names in a TypedDict, which are attributes of the entity."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar, cast, get_type_hints, overload
from uuid import UUID

from usercore.kernel.days import is_date
from usercore.kernel.paging import NumberedPage, Page

Audience = Literal["user", "operator"]
"""The person themselves, or an operator, who also sees notes, addresses and the actors of changes."""

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""What ``json.dumps`` takes."""

E = TypeVar("E")
U = TypeVar("U")
O = TypeVar("O")  # noqa: E741 - the form for operators
T = TypeVar("T")

Fill = Callable[[Any, Any], object]


class PageForm(TypedDict, Generic[T]):
    """A page: its rows, and the cursor of the next page, or None at the end."""

    rows: list[T]
    cursor: str | None


class NumberedPageForm(TypedDict, Generic[T]):
    """A page of a counted list: its rows, its number from 1, and the numbers of pages and rows of the list."""

    rows: list[T]
    page: int
    total_pages: int
    total_count: int


class Form(Generic[E, U, O]):
    """Makes the plain data of an entity: ``forms.user(user, "operator")``.

    ``special`` computes the fields that are not attributes, or not as they are, from the entity and the audience.
    """

    def __init__(
        self, user: Callable[..., U], operator: Callable[..., O], special: Mapping[str, Fill] | None = None
    ) -> None:
        """Make forms of these two TypedDicts."""
        self._names: Final = {"user": tuple(get_type_hints(user)), "operator": tuple(get_type_hints(operator))}
        self._special: Final[Mapping[str, Fill]] = special or {}

    @overload
    def __call__(self, value: E, audience: Literal["user"]) -> U: ...
    @overload
    def __call__(self, value: E, audience: Literal["operator"]) -> O: ...
    def __call__(self, value: E, audience: Audience) -> U | O:
        """Return the plain data of an entity for this audience.

        Raises:
            ValueError: there is no such audience.
            TypeError: the host's own extras have a value that JSON does not know.
        """
        form = {name: plain(self._value(value, name, audience)) for name in self._names[check_audience(audience)]}
        return cast("U | O", form)

    @overload
    def numbered_page(self, page: NumberedPage[E], audience: Literal["user"]) -> NumberedPageForm[U]: ...
    @overload
    def numbered_page(self, page: NumberedPage[E], audience: Literal["operator"]) -> NumberedPageForm[O]: ...
    def numbered_page(self, page: NumberedPage[E], audience: Audience) -> NumberedPageForm[U] | NumberedPageForm[O]:
        """Return the plain data of a page of a counted list of such entities.

        Raises:
            ValueError: there is no such audience.
        """
        check_audience(audience)
        rows: list[Any] = [self(row, audience) for row in page.rows]
        return {"rows": rows, "page": page.page, "total_pages": page.total_pages, "total_count": page.total_count}

    def _value(self, value: E, name: str, audience: Audience) -> object:
        fill = self._special.get(name)
        return getattr(value, name) if fill is None else fill(value, audience)

    @overload
    def page(self, page: Page[E], audience: Literal["user"]) -> PageForm[U]: ...
    @overload
    def page(self, page: Page[E], audience: Literal["operator"]) -> PageForm[O]: ...
    def page(self, page: Page[E], audience: Audience) -> PageForm[U] | PageForm[O]:
        """Return the plain data of a page of such entities.

        Raises:
            ValueError: there is no such audience.
        """
        check_audience(audience)
        rows: list[Any] = [self(row, audience) for row in page.rows]
        return {"rows": rows, "cursor": page.cursor}


class OperatorForm(Generic[E, O]):
    """Makes the plain data of what only operators see: ``forms.action(action, "operator")``."""

    def __init__(self, operator: Callable[..., O], special: Mapping[str, Fill] | None = None) -> None:
        """Make forms of this TypedDict."""
        self._form: Final[Form[E, O, O]] = Form(operator, operator, special)

    def __call__(self, value: E, audience: Literal["operator"]) -> O:
        """Return the plain data for operators.

        Raises:
            ValueError: the audience is another one.
        """
        return self._form(value, _check_operator(audience))

    def page(self, page: Page[E], audience: Literal["operator"]) -> PageForm[O]:
        """Return the plain data of a page for operators.

        Raises:
            ValueError: the audience is another one.
        """
        return self._form.page(page, _check_operator(audience))


def _check_operator(audience: Audience) -> Literal["operator"]:
    if audience != "operator":
        msg = f"the audience of this form must be 'operator', not {audience!r}"
        raise ValueError(msg)
    return audience


def check_audience(audience: Audience) -> Audience:
    """Return the audience if it is one.

    Raises:
        ValueError: it is not.
    """
    if audience not in ("user", "operator"):
        msg = f"the audience must be 'user' or 'operator', not {audience!r}"
        raise ValueError(msg)
    return audience


def plain(value: object) -> Json:
    """Return a value as JSON knows it.

    Raises:
        TypeError: JSON does not know it; a secret is never shown.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return {_key(name): plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list | frozenset | set):
        return [plain(part) for part in value]
    return _text(value)


def _key(name: object) -> str:
    if not isinstance(name, str):
        msg = f"the keys of a JSON object are text, not {type(name).__name__}"
        raise TypeError(msg)
    return name


def _text(value: object) -> Json:
    if is_date(value):
        return value.isoformat()
    if isinstance(value, timedelta):
        return math.ceil(value.total_seconds())
    if isinstance(value, UUID):
        return str(value)
    msg = f"JSON has no form of {type(value).__name__}"
    raise TypeError(msg)
