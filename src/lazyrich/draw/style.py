"""How diagrams look: colours, names of axes, ticks. The same in both backends.

Matplotlib is imported where it draws (`pictures`): code that only makes pages starts half a second sooner without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr

from lazyrich.analysis.boundaries import coordinate
from lazyrich.analysis.fields import names_along
from lazyrich.analysis.phases import PHASES, Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


class Plot(Protocol):
    """The plot that HoloViews, which has no types, gives a hook: its handles by name, and the figure of the backend."""

    handles: dict[str, Any]
    state: Any


Hook = Callable[[Plot, object], None]  # that HoloViews calls with a plot and its element

# Cells without a number, in maps of numbers: trained, and not.
NO_VALUE = "#9A9A9A"
NOT_RUN = PHASES.colours[Phase.not_run]
CURVES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("#000000", "#D55E00", "#0072B2")  # of theory over measured points
PUBLISHED = "#000000"
NEAREST = "#000000"  # of several networks, to published points
RED_LINE = "#C00000"

# Measured lines are solid and light between dark edges, predicted ones black and broken on top of them, each with its own
# pattern: where prediction and measurement agree both can still be seen, and no colour is needed to tell lines apart.
MEASURED = {"lazy_rich_measured": "#F0E442", "convergence_measured": "#009E73", "conclusions_measured": "#CC79A7"}
MEASURED_EDGE = "#222222"
Dash = tuple[str | list[int], str | tuple[int, tuple[int, ...]]]  # a pattern in Bokeh and in matplotlib
DASHED: Dash = ("dashed", "--")
DOTTED: Dash = ("dotted", ":")
DASHES: dict[str, Dash] = {
    "lazy_rich_predicted": DASHED,
    "flow_stability_predicted": DOTTED,
    "no_stable_solution_predicted": ([1, 4], (0, (1, 3))),
    "lazy_divergence_predicted": ("dotdash", "-."),
    "assumption_predicted": ([8, 3, 2, 3, 2, 3], (0, (6, 2, 1, 2, 1, 2))),
}


# Bokeh places a legend below a frame by its margin too low, so that its end is cut off.
BELOW = (0, 10)
FEW = 100.0  # ratio of the ends of a log axis below which powers of ten are too few ticks
FEWEST_TICKS = 3  # that make a log axis readable


def line(backend: str, width: float, dash: Dash | None = None) -> dict[str, Any]:
    """Return the options of a line in one backend: its width in pixels or points, and its pattern (None: solid)."""
    names, place = (("line_width", "line_dash"), 0) if backend == "bokeh" else (("linewidth", "linestyle"), 1)
    return {names[0]: width} | ({} if dash is None else {names[1]: dash[place]})


def axis_label(data: xr.Dataset, name: str) -> str:
    """Return `symbol, meaning` of a variable, for an axis or a colour bar."""
    attributes = data[name].attrs
    long_name = attributes.get("long_name", name)
    symbol = attributes.get("symbol", "")
    # Formulas in a long name repeat what the symbol says; an axis wants the words.
    words = long_name.split(" (")[0].split(" c eta")[0]
    return f"{symbol}, {words}" if symbol else words


def edges(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return cell edges around axis values, geometric where the axis is spaced in the logarithm, and whether it is."""
    points, log = coordinate(values)
    middle = (points[1:] + points[:-1]) / 2
    all_edges = np.concatenate([[2 * points[0] - middle[0]], middle, [2 * points[-1] - middle[-1]]])
    return (10**all_edges if log else all_edges), log


def evenly_spaced(values: np.ndarray) -> bool:
    """Return whether axis values are evenly spaced in their own coordinate, to the digits that a sweep file keeps."""
    gaps = np.diff(coordinate(values)[0])
    return bool(np.ptp(gaps) <= 1e-9 * np.abs(gaps).max())


def frame(axes: Axes, shape: float) -> None:
    """Make a matplotlib frame `shape` times as high as wide, whatever its units, with ticks that fit its log axes.

    HoloViews' own `aspect` is in units of the data and moves the limits; matplotlib's minor ticks of short log axes collide.
    """
    axes.set_box_aspect(shape)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            log_ticks(axis)


def log_ticks(axis: Axis) -> None:
    """Label powers of ten as plain text; 1, 2 and 5 times these if they are few; round numbers if those are few, too.

    The axis' present limits decide.
    """
    from matplotlib.ticker import AutoLocator, FuncFormatter, Locator, LogLocator, NullFormatter, NullLocator

    low, high = sorted(axis.get_view_interval())
    axis.set_minor_formatter(NullFormatter())
    if high > FEW * low:
        axis.set_major_formatter(FuncFormatter(power_of_ten))
        return
    locator: Locator = LogLocator(subs=(1, 2, 5))
    ticks = np.asarray(locator.tick_values(low, high))
    if ((ticks >= low) & (ticks <= high)).sum() < FEWEST_TICKS:
        locator = AutoLocator()
        axis.set_minor_locator(NullLocator())
    axis.set_major_locator(locator)
    # As many digits as tell neighbouring ticks of a narrow axis apart.
    digits = max(6, int(np.ceil(3 - np.log10(high / low - 1)))) if high > low else 6
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.{digits}g}"))


def name_ticks(data: xr.Dataset, x: str, y: str) -> dict[str, list[tuple[int, str]]]:
    """Return the ticks, (place, name), of those of the axes `x` and `y` that are axes of names: "x" or "y" -> ticks."""
    labels = {which: names_along(data, dim) for which, dim in (("x", x), ("y", y))}
    return {which: list(enumerate(map(str, names.values))) for which, names in labels.items() if names is not None}


def framed(shape: float, ticks: dict[str, list[tuple[int, str]]] | None = None) -> Hook:
    """Return `frame` as a hook of a HoloViews element, with the names that `name_ticks` found."""

    def hook(plot: Plot, element: object) -> None:
        axes = plot.handles["axis"]
        frame(axes, shape)
        for which, places in (ticks or {}).items():
            axis = axes.xaxis if which == "x" else axes.yaxis
            axis.set_ticks(*zip(*places, strict=True), rotation=90 if which == "x" else 0)

    return hook


def colour_bar(label: str = "", words: Sequence[str] = ()) -> Hook:
    """Return a hook: matplotlib's colour bar beside the frame, `words` at 0, 1, ... instead of numbers.

    HoloViews' own draws the whole figure to find its place.
    """

    def hook(plot: Plot, element: object) -> None:
        axes, artist = plot.handles["axis"], plot.handles["artist"]
        bar = axes.figure.colorbar(artist, cax=axes.inset_axes((1.013, 0, 0.05, 1)), extend="neither")
        bar.set_label(label, size=9.5)
        if words:
            bar.set_ticks(range(len(words)), labels=words)
        elif bar.ax.get_yscale() == "log":
            log_ticks(bar.ax.yaxis)

    return hook


def rasterise(plot: Plot, element: object) -> None:
    """Draw cells or points as pixels inside the SVG, where thousands as paths take megabytes; a hook."""
    plot.handles["artist"].set_rasterized(True)


def named(name: str, handle: str = "glyph_renderer") -> Hook:
    """Return a hook that names what Bokeh draws, so that the script of a page finds it."""

    def hook(plot: Plot, element: object) -> None:
        plot.handles[handle].name = name

    return hook


def power_of_ten(value: float, *_: object) -> str:
    """Return a tick of a log axis as text, 10⁻³; empty between powers of ten."""
    exponent = round(np.log10(value)) if value > 0 else 0
    if value <= 0 or abs(value / 10.0**exponent - 1) > 1e-6:
        return ""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
