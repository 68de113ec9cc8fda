"""The plot of growth: two curves for each workload, usercore and raw, in units of raw with the fewest users."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.figures import Ratio
from benchmarks.growth import Growth, Point

_SIDES: Final = (("usercore", "#0b6e99", "o"), ("raw", "#c8641a", "s"))
"""Colours that colour-blind readers can distinguish; the shapes of the points differ, too."""

_LABELS: Final = {"usercore": "usercore", "raw": "raw: sqlite3 by hand"}
_STYLE: Final = {"font.size": 11, "svg.hashsalt": "usercore", "svg.fonttype": "none"}
_MILLION: Final = 1_000_000
_PANEL: Final = (4.2, 4.4)
"""Inches."""


def draw(growths: Sequence[Growth], folder: Path) -> None:
    """Draw ``growth.png`` and ``growth.svg``."""
    with mpl.rc_context(_STYLE):
        width, height = _PANEL
        figure = Figure(figsize=(width * len(growths), height), layout="constrained")
        panels = figure.subplots(1, len(growths), sharey=True, squeeze=False)[0]
        for panel, growth in zip(panels, growths, strict=True):
            _draw_panel(panel, growth)
        panels[0].set_ylim(bottom=0)  # after all are drawn: it fixes the top, which they share
        least = growths[0].points[0].users
        panels[0].set_ylabel(f"CPU of one operation\n(1 = raw with {_short(least)} users)")
        panels[0].legend(loc="lower right", frameon=False)
        figure.savefig(folder / "growth.png", dpi=150)
        figure.savefig(folder / "growth.svg", metadata={"Date": None})  # the same figures give the same file


def _draw_panel(panel: Any, growth: Growth) -> None:  # noqa: ANN401 - matplotlib has no types of its own
    users = [point.users for point in growth.points]
    for side, colour, shape in _SIDES:
        costs = [_of(point, side) for point in growth.points]
        medians = [cost.median for cost in costs]
        panel.fill_between(
            users, [cost.least for cost in costs], [cost.most for cost in costs], color=colour, alpha=0.15, linewidth=0
        )
        panel.plot(users, medians, color=colour, marker=shape, label=_LABELS[side])
    panel.set_title(f"{growth.id}: {growth.title}", fontsize=11, pad=12)
    panel.set_xscale("log")
    panel.set_xticks(users)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("users")
    panel.margins(x=0.08)
    panel.grid(axis="y", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


def _of(point: Point, side: str) -> Ratio:
    return point.usercore if side == "usercore" else point.raw


def _short(users: float) -> str:
    return f"{users / _MILLION:g}M" if users >= _MILLION else f"{users / 1000:g}k"
