"""Downloads of the explorer: the map as a picture, its numbers, a sweep file for a part of it."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis.stages import Stage
from lazyrich.draw.diagrams import Diagram
from lazyrich.explore.coordinates import Straight
from lazyrich.explore.map import Lines
from lazyrich.explore.region import axis_within, finer
from lazyrich.explore.source import Source
from lazyrich.networks.table import key
from lazyrich.shards import archive

TRAINING_TIME = ("dimensionless time h t of training", "τ")

LONGEST = 200  # characters of a file's name, of which file systems take 255


def picture(
    kind: str,
    diagram: Diagram,
    where: Straight,
    plane: xr.Dataset,
    whole: xr.Dataset,
    lines: Lines,
    title: str,
    part: list[float],
    description: str,
) -> io.BytesIO:
    """Return the visible `part` of a map (left, right, lowest, highest; empty for all of it) as `svg` or `png`, by matplotlib.

    Its metadata hold the `description`.
    """
    from lazyrich.draw.pictures import defaults, save  # only now, for it takes half a second

    file = io.BytesIO()
    with defaults():
        drawn = where.lines(lines)
        if part:  # a legend names what is seen
            drawn = where.lines_within(drawn, part)
        overlay = diagram.draw(where.drawn(plane), *where.axes, "matplotlib", title, whole=whole, drawn=drawn)
        if part:  # as options, so that ticks are chosen for what is seen
            overlay = overlay.opts(backend="matplotlib", xlim=tuple(part[:2]), ylim=tuple(part[2:]))
        save(overlay, description, {kind: file})
    file.seek(0)
    return file


def at_moment(plane: xr.Dataset, diagram: Diagram, time: float, quantile: float) -> xr.Dataset:
    """Return only the numbers of a diagram during training, under the diagram's name, with their time τ and quantile."""
    data = plane[[diagram.variable]].rename({diagram.variable: diagram.name})
    data = data.assign_coords(training_time=time, quantile=quantile)
    archive.describe(data, "training_time", *TRAINING_TIME)
    archive.describe(data, "quantile", *archive.SUMMARY_VARIABLES["quantile"])
    if diagram.codes:
        archive.describe(data, diagram.name, "stage of training of most replicates", "", Stage)
    return data


def within(plane: xr.Dataset, where: Straight, part: list[float]) -> xr.Dataset:
    """Return the cells of a plane that the part of its map shows, in whole or in part; all where `part` is empty.

    On a curved map these cells need not fill a rectangle of the plane: the variable `seen` marks them.
    """
    if not part:
        return plane
    seen = where.seen(part)
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    plane = plane.isel({where.y: rows, where.x: columns})
    seen = seen[np.ix_(rows, columns)]
    if not seen.all():
        plane = plane.assign(seen=((where.y, where.x), seen.astype(np.int8)))
        archive.describe(plane, "seen", "1 in cells that the selected part of the map shows, 0 in others", "")
    return plane


def name(
    pieces: list[str], fixed: xr.Dataset, where: Straight, part: list[float], axes: tuple[str, str], quantile: float
) -> str:
    """Return a file's name without its ending: `pieces`, then all that distinguishes this view from others.

    These are the `fixed` coordinates of the slice, axes other than the sweep's own `axes`, a quantile other than the median,
    and the part.
    """
    words = list(pieces)
    if tuple(where.names) != tuple(axes):
        words.append("over-" + "-".join(where.names))
    for coordinate, value in fixed.coords.items():
        if value.ndim == 0 and coordinate != "quantile":
            words.append(f"{coordinate}-{value.item() if value.dtype.kind not in 'fiu' else f'{value.item():.6g}'}")
    if quantile != 0.5:
        words.append(f"{quantile:.0%}-quantile")
    for axis, (low, high) in zip(where.names, np.reshape(part, (-1, 2)), strict=False):
        words.append(f"{axis}-{low:.6g}-to-{high:.6g}")
    return re.sub(r"[^\w.+-]", "", "_".join(words), flags=re.ASCII)[:LONGEST]


def numbers(kind: str, plane: xr.Dataset, quantile: float, attributes: dict[str, str]) -> io.BytesIO:
    """Return a plane of a summary as netCDF (`nc`) with these global attributes, or its cells at a quantile as `csv`."""
    plane = plane.drop_dims("vertex", errors="ignore")  # boundaries of the first plane, whichever this is
    if kind == "nc":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plane.nc"
            with archive.LOCK:
                archive.write(plane.assign_attrs(attributes), path)
            return io.BytesIO(path.read_bytes())
    cells = plane.sel(quantile=quantile) if "quantile" in plane.dims else plane
    rows = cells.to_dataframe().reset_index()
    if "seen" in rows:
        rows = rows[rows["seen"] == 1].drop(columns="seen")
    return io.BytesIO(rows.to_csv(index=False).encode())


def part(source: Source, region: dict[str, tuple[float, float]]) -> str:
    """Return the sweep file of a part of a source's map, with as many points along each axis as the whole has."""
    return finer(
        source.file, {key(name): axis_within(source.grid[name].values, *ends) for name, ends in region.items()}
    )
