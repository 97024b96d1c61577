"""What is taken home from the explorer: the map as a picture, its numbers, a sweep file of a part of it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import holoviews as hv
import matplotlib.pyplot as plt
import xarray as xr

from lazyrich import archive
from lazyrich.draw import style
from lazyrich.draw.diagrams import Diagram
from lazyrich.explore.coordinates import Straight
from lazyrich.explore.map import Lines
from lazyrich.explore.region import axis_within, finer
from lazyrich.explore.source import Source
from lazyrich.table import key

DOTS = 150  # per inch


def picture(
    kind: str,
    diagram: Diagram,
    where: Straight,
    plane: xr.Dataset,
    whole: xr.Dataset,
    lines: Lines,
    title: str,
    part: list[float],
) -> io.BytesIO:
    """A map as `svg` or `png`, by matplotlib: what is seen of it (left, right, lowest, highest; empty for all of it)."""
    hv.Store.current_backend = "matplotlib"
    try:
        overlay = diagram.draw(
            where.drawn(plane), *where.axes, "matplotlib", title, whole=whole, drawn=where.lines(lines)
        )
        drawn = style.matplotlib_figure(overlay)
        if part:
            drawn.axes[0].set(xlim=part[:2], ylim=part[2:])
    finally:
        hv.Store.current_backend = "bokeh"
    file = io.BytesIO()
    drawn.savefig(file, format=kind, dpi=DOTS, bbox_inches="tight")
    plt.close(drawn)
    file.seek(0)
    return file


def numbers(kind: str, plane: xr.Dataset, quantile: float) -> io.BytesIO:
    """A plane of a summary as netCDF (`nc`), or its cells at a quantile as `csv`."""
    if kind == "nc":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plane.nc"
            archive.write(plane, path)
            return io.BytesIO(path.read_bytes())
    cells = plane.drop_dims("vertex", errors="ignore")
    cells = cells.sel(quantile=quantile) if "quantile" in cells.dims else cells
    return io.BytesIO(cells.to_dataframe().reset_index().to_csv(index=False).encode())


def part(source: Source, region: dict[str, tuple[float, float]]) -> str:
    """The sweep file of a part of a source's map, with as many points along each axis as the whole has."""
    return finer(
        source.file, {key(name): axis_within(source.summary[name].values, *ends) for name, ends in region.items()}
    )
