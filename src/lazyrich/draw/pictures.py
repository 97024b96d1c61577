"""Writing matplotlib's figures: each says in its metadata what it shows, and is the same to the byte when made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import holoviews as hv
import holoviews.plotting.mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

DOTS = 150  # per inch
METADATA = {"svg": {"Date": None}, "png": {}}  # without the date of the day
LAYOUT = ("fig_inches", "hspace", "vspace")


def matplotlib_figure(element: hv.core.Dimensioned) -> Figure:
    """What HoloViews draws with matplotlib, drawn once.

    `hv.render` draws everything a second time; and HoloViews' own layouts draw it twice more to find their height, where here
    frames are as large and as far apart as the layout's options say: `fig_inches`, and `hspace` and `vspace` in frames.
    """
    renderer = hv.renderer("matplotlib")
    if not isinstance(element, hv.Layout):
        return renderer.get_plot(element).state
    side, across, down = (hv.Store.lookup_options("matplotlib", element, "plot").kwargs[key] for key in LAYOUT)
    rows, columns = element.shape
    figure = plt.figure(figsize=(side * (columns + across * (columns - 1)), side * (rows + down * (rows - 1))))
    grid = figure.add_gridspec(rows, columns, left=0, right=1, bottom=0, top=1, wspace=across, hspace=down)
    for part, place in zip(element, grid, strict=False):
        if not isinstance(part, hv.Empty):
            renderer.get_plot(part, fig=figure, axis=figure.add_subplot(place))
    return figure


def save(figure: Figure, said: str, files: Mapping[str, Path | BinaryIO]) -> None:
    """Write a figure, which is then closed, as `svg` or `png` (kind -> file) with `said` as its description."""
    # Measured once: savefig's own "tight" draws everything again for each file.
    box = figure.get_tightbbox().padded(0.1)
    with plt.rc_context({"svg.hashsalt": "lazyrich"}):
        for kind, file in files.items():
            metadata = {**METADATA[kind], "Description": said}
            figure.savefig(file, format=kind, dpi=DOTS, bbox_inches=box, metadata=metadata)
    plt.close(figure)
