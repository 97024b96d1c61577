"""Write matplotlib's figures, with a description in their metadata; the same figure has the same bytes each time.

A user's settings do not change figures, and drawing does not change a user's settings: matplotlib's own defaults hold within
`defaults`, and no figure belongs to pyplot, whose backend may be a notebook's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import holoviews as hv
import matplotlib.style
from holoviews.plotting.mpl import MPLPlot, MPLRenderer
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOTS = 150  # per inch
METADATA = {"svg": {"Date": None}, "png": {}}  # without the date, so that the bytes stay the same
LAYOUT = ("fig_inches", "hspace", "vspace")
FRAME = (0.15, 0.15, 0.7, 0.7)  # of a picture alone: left, bottom, width and height in shares of `fig_inches`
SETTINGS = {"svg.hashsalt": "lazyrich"}  # in place of matplotlib's defaults


@contextmanager
def defaults() -> Iterator[None]:
    """Draw with matplotlib's defaults and `SETTINGS`, whatever matplotlibrc, notebook and environment say; restore them after.

    HoloViews draws with matplotlib within.
    """
    backend = hv.Store.current_backend
    # Not `set_current_backend`, which makes the completion of `hv.opts` anew each time, in 50 ms.
    hv.Store.current_backend = "matplotlib"
    try:
        with matplotlib.style.context(SETTINGS, after_reset=True):
            yield
    finally:
        hv.Store.current_backend = backend


@defaults()
def matplotlib_figure(element: hv.core.Dimensioned) -> Figure:
    """Return the matplotlib figure of an element, drawn once.

    `hv.render` draws everything twice, and HoloViews' own layouts twice more to find their height. Here the layout's options
    set the size of frames (`fig_inches`) and their distances (`hspace` and `vspace`, in frames).
    """
    renderer = MPLRenderer.instance()
    renderer.notebook_context = True  # without a notebook HoloViews switches off pyplot's interactive mode, for good
    options = hv.Store.lookup_options("matplotlib", element, "plot").kwargs
    if not isinstance(element, hv.Layout):
        side = options.get("fig_inches", MPLPlot.fig_inches)
        figure = Figure(figsize=(side, side))
        FigureCanvasAgg(figure)
        renderer.get_plot(element, fig=figure, axis=figure.add_axes(FRAME))
        return figure
    side, across, down = (options[key] for key in LAYOUT)
    rows, columns = element.shape
    figure = Figure(figsize=(side * (columns + across * (columns - 1)), side * (rows + down * (rows - 1))))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, columns, left=0, right=1, bottom=0, top=1, wspace=across, hspace=down)
    for number, part in enumerate(element):
        if not isinstance(part, hv.Empty):
            renderer.get_plot(part, fig=figure, axis=figure.add_subplot(grid[number]))
    return figure


@defaults()
def save(element: hv.core.Dimensioned, description: str, files: Mapping[str, Path | BinaryIO]) -> None:
    """Draw an element and write it as `svg` or `png` (kind -> file), with `said` as its description."""
    figure = matplotlib_figure(element)
    # Measured once: savefig's own "tight" draws everything again for each file.
    box = figure.get_tightbbox().padded(0.1)
    for kind, file in files.items():
        metadata = {**METADATA[kind], "Description": description}
        figure.savefig(file, format=kind, dpi=DOTS, bbox_inches=box, metadata=metadata)
