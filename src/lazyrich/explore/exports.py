"""What is taken home from the explorer: the map as a picture, its numbers, a sweep file of a part of it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

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


def picture(
    kind: str,
    diagram: Diagram,
    where: Straight,
    plane: xr.Dataset,
    whole: xr.Dataset,
    lines: Lines,
    title: str,
    part: list[float],
    said: str,
) -> io.BytesIO:
    """A map as `svg` or `png`, by matplotlib: what is seen of it (left, right, lowest, highest; empty for all of it).

    What is `said` of it lies in its metadata.
    """
    from lazyrich.draw.pictures import defaults, save  # only now, for it takes half a second

    file = io.BytesIO()
    with defaults():
        overlay = diagram.draw(
            where.drawn(plane), *where.axes, "matplotlib", title, whole=whole, drawn=where.lines(lines)
        )
        if part:  # as options, so that ticks are chosen for what is seen
            overlay = overlay.opts(backend="matplotlib", xlim=tuple(part[:2]), ylim=tuple(part[2:]))
        save(overlay, said, {kind: file})
    file.seek(0)
    return file


def at_moment(plane: xr.Dataset, diagram: Diagram, time: float, quantile: float) -> xr.Dataset:
    """The numbers of a diagram during training alone, under the diagram's name, with their time τ and their quantile."""
    data = plane[[diagram.variable]].rename({diagram.variable: diagram.name})
    data = data.assign_coords(training_time=time, quantile=quantile)
    archive.describe(data, "training_time", *TRAINING_TIME)
    archive.describe(data, "quantile", *archive.SUMMARY_VARIABLES["quantile"])
    if diagram.codes:
        archive.describe(data, diagram.name, "stage of training of most replicates", "", Stage)
    return data


def numbers(kind: str, plane: xr.Dataset, quantile: float, attributes: dict[str, str]) -> io.BytesIO:
    """A plane of a summary as netCDF (`nc`) with these global attributes, or its cells at a quantile as `csv`."""
    plane = plane.drop_dims("vertex", errors="ignore")  # boundaries of the first plane, whichever this is
    if kind == "nc":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plane.nc"
            with archive.LOCK:
                archive.write(plane.assign_attrs(attributes), path)
            return io.BytesIO(path.read_bytes())
    cells = plane.sel(quantile=quantile) if "quantile" in plane.dims else plane
    return io.BytesIO(cells.to_dataframe().reset_index().to_csv(index=False).encode())


def part(source: Source, region: dict[str, tuple[float, float]]) -> str:
    """The sweep file of a part of a source's map, with as many points along each axis as the whole has."""
    return finer(
        source.file, {key(name): axis_within(source.grid[name].values, *ends) for name, ends in region.items()}
    )
