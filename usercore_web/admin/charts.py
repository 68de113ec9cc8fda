"""Charts of bars, as numbers that a template writes as SVG. Pure."""

from collections.abc import Iterable
from typing import Final

from usercore.kernel.values import frozen

HEIGHT: Final = 100
"""The height of a chart, and of its highest bar, in units of its view box; a stylesheet decides on the size."""

_SLOT: Final = 10
_GAP: Final = 1


@frozen
class Point:
    """A number of a chart, and what it counts."""

    label: str
    count: int


@frozen
class Bar:
    """A bar for a point: where it is in the view box, from the upper left."""

    x: int
    y: float
    width: int
    height: float


@frozen
class Chart:
    """A chart of bars: its title, and one point or more, none of them negative."""

    title: str
    points: tuple[Point, ...]

    @property
    def total(self) -> int:
        """The sum of the counts."""
        return sum(point.count for point in self.points)

    @property
    def most(self) -> int:
        """The greatest count."""
        return max(point.count for point in self.points)

    @property
    def width(self) -> int:
        """The width of the view box."""
        return _SLOT * len(self.points)

    @property
    def bars(self) -> Iterable[tuple[Point, Bar]]:
        """Each point with its bar, from left to right. The heights are in proportion to the counts."""
        for number, point in enumerate(self.points):
            height = round(HEIGHT * point.count / (self.most or 1), 2)
            x, width = number * _SLOT + _GAP, _SLOT - 2 * _GAP
            yield point, Bar(x=x, y=round(HEIGHT - height, 2), width=width, height=height)
