"""Coordinates of a map: the sweep's own axes, or dimensionless numbers of its cells, in which the map's cells are curved.

A curved map is an even grid of pixels. Each pixel lies in one cell or in none: the nearest by the cells' middles, between which
both numbers are linear. So everything that a plane shows can be shown on a curved map, exact to a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from matplotlib.tri import Triangulation
from scipy.ndimage import map_coordinates

from lazyrich.analysis.boundaries import coordinate
from lazyrich.analysis.fields import median
from lazyrich.analysis.phases import Phase
from lazyrich.draw import style
from lazyrich.explore.dimensionless import NUMBERS, PAIRS, number
from lazyrich.system.errors import LazyrichError

PIXELS = 512  # of a curved map, along each axis
PATCHES = 64  # at most, along each axis, within which a curved map is linear
FLATTEST = 1e-3  # area of a cell over that of its share of the frame; below it two numbers are one
SPAN = 10.0  # numbers that span more are on a logarithmic axis


class Straight:
    """A plane's cells between edges of its two axes."""

    def __init__(self, plane: xr.Dataset, x: str, y: str) -> None:
        self.x, self.y = x, y
        self.x_values, self.y_values = (plane[name].values.astype(float) for name in (x, y))
        self.x_edges, x_log = style.edges(self.x_values)
        self.y_edges, y_log = style.edges(self.y_values)
        self.log = [x_log, y_log]
        self.axes = x, y  # names of the drawn plane's
        self.names = x, y  # of what lies along these

    @property
    def frame(self) -> Float[np.ndarray, "2 2"]:
        """(lowest, highest) of the whole map along both axes."""
        return np.array([[edges[0], edges[-1]] for edges in (self.x_edges, self.y_edges)])

    def drawn(self, plane: xr.Dataset) -> xr.Dataset:
        """Return a dataset over the plane as it is drawn."""
        return plane

    def lines(self, lines: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
        """Return lines in units of the plane's axes as they are drawn."""
        return lines

    def lines_within(self, lines: dict[str, list[np.ndarray]], part: Sequence[float]) -> dict[str, list[np.ndarray]]:
        """Return the lines that a rectangle of the map shows at least a part of, in units of the plane's axes as drawn."""

        def spaced(points: np.ndarray) -> np.ndarray:
            return np.stack([self._transformed(points[:, axis], axis) for axis in (0, 1)], axis=1)

        box = Bbox(spaced(np.reshape(part, (2, 2)).T))
        return {
            name: pieces
            for name, pieces in lines.items()
            if any(Path(spaced(line)).intersects_bbox(box, filled=False) for line in pieces)
        }

    def _transformed(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Return values along an axis in the coordinate in which the map is drawn."""
        return np.log10(values) if self.log[axis] else values

    def seen(self, part: Sequence[float]) -> Bool[np.ndarray, "y x"]:
        """Return which cells a rectangle of the map (left, right, lowest, highest) shows, in whole or in part."""
        columns, rows = (
            (edges[1:] > low) & (edges[:-1] < high)
            for edges, (low, high) in zip((self.x_edges, self.y_edges), np.reshape(part, (2, 2)), strict=True)
        )
        return np.outer(rows, columns)

    def cell(self, u: float, v: float) -> tuple[int, int] | None:
        """Return (column, row) of the cell at a point of the map; None outside of all cells."""
        places = [
            int(np.searchsorted(edges, at, side="right")) - 1 for edges, at in ((self.x_edges, u), (self.y_edges, v))
        ]
        inside = 0 <= places[0] < len(self.x_values) and 0 <= places[1] < len(self.y_values)
        return (places[0], places[1]) if inside else None

    def outline(self, column: int, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of a cell on the map, (4,) and (4,)."""
        left, right = self.x_edges[column : column + 2]
        bottom, top = self.y_edges[row : row + 2]
        return np.array([left, right, right, left]), np.array([bottom, bottom, top, top])

    def part(self, u: tuple[float, float], v: tuple[float, float]) -> dict[str, tuple[float, float]] | None:
        """Return the part of the plane, axis -> (lowest, highest), that a rectangle of the map covers; None for none."""
        region = {}
        for name, edges, ends in ((self.x, self.x_edges, u), (self.y, self.y_edges, v)):
            low, high = np.clip(sorted(ends), edges[0], edges[-1])
            if not low < high:
                return None
            region[name] = float(low), float(high)
        return region


class Curved(Straight):
    """A plane's cells in two other numbers.

    Raises
    ------
    ValueError
        where these two do not tell the plane's cells apart.
    """

    def __init__(self, plane: xr.Dataset, x: str, y: str, pair: tuple[str, str]) -> None:
        super().__init__(plane, x, y)
        self.names = pair
        self.axes = "horizontal", "vertical"
        fields = [number(plane, name).broadcast_like(plane["phase"]).transpose(y, x).values for name in pair]
        if not all(np.isfinite(field).all() for field in fields):
            raise LazyrichError("some cells have no such number")
        self.log = [bool((field > 0).all() and field.max() > SPAN * field.min()) for field in fields]
        self.middles = np.stack(
            [_wider(np.log10(field) if log else field) for field, log in zip(fields, self.log, strict=True)], axis=-1
        )
        m = self.middles
        self.corners = (m[1:, 1:] + m[1:, :-1] + m[:-1, 1:] + m[:-1, :-1]) / 4
        self._check()

    def _check(self) -> None:
        """Raise an error unless all cells have the same orientation and none is flat."""
        m = self.middles
        low, high = m.min(axis=(0, 1)), m.max(axis=(0, 1))
        (a, b), (c, d) = (np.moveaxis(each, -1, 0) for each in (m[1:, 1:] - m[:-1, :-1], m[1:, :-1] - m[:-1, 1:]))
        with np.errstate(divide="ignore", invalid="ignore"):
            areas = (a * d - b * c) / 2
            share = areas / np.prod(high - low) * areas.size
        if not ((share > FLATTEST).all() or (share < -FLATTEST).all()):
            raise LazyrichError("these numbers do not tell cells apart")

    @cached_property
    def pixels(self) -> Int[np.ndarray, "v u"]:
        """The cell (flat, row by row) at each pixel, −1 outside."""
        rows, columns = (_some(n) for n in self.middles.shape[:2])
        some = self.middles[np.ix_(rows, columns)].reshape(-1, 2)
        number = np.arange(len(some)).reshape(len(rows), len(columns))
        a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
        mesh = Triangulation(some[:, 0], some[:, 1], np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))
        grid = np.meshgrid(*(self._transformed(values, i) for i, values in enumerate((self.u, self.v))))
        triangle = np.asarray(mesh.get_trifinder()(*grid))
        column, row = (
            self._at(mesh.calculate_plane_coefficients(index.ravel().astype(float))[triangle], grid)
            for index in np.meshgrid(columns - 1, rows - 1)
        )
        inside = (triangle >= 0) & (column >= 0) & (column < len(self.x_values))
        inside &= (row >= 0) & (row < len(self.y_values))
        return np.where(inside, row * len(self.x_values) + column, -1)

    @staticmethod
    def _at(plane: np.ndarray, grid: Sequence[np.ndarray]) -> np.ndarray:
        """Return the whole number nearest to the plane (its three coefficients) at each pixel."""
        return np.floor(plane[..., 0] * grid[0] + plane[..., 1] * grid[1] + plane[..., 2] + 0.5).astype(int)

    @cached_property
    def u(self) -> Float[np.ndarray, " pixels"]:
        """Pixels' centres along the horizontal axis."""
        return self._centres(0)

    @cached_property
    def v(self) -> Float[np.ndarray, " pixels"]:
        """Pixels' centres along the vertical axis."""
        return self._centres(1)

    @cached_property
    def ends(self) -> list[tuple[float, float]]:
        """(lowest, highest) along both axes, as logarithms where these are logarithmic."""
        return [(float(self.corners[..., axis].min()), float(self.corners[..., axis].max())) for axis in (0, 1)]

    @property
    def frame(self) -> Float[np.ndarray, "2 2"]:
        """(lowest, highest) of the whole map along both axes."""
        return np.array([10 ** np.array(ends) if log else ends for ends, log in zip(self.ends, self.log, strict=True)])

    def _centres(self, axis: int) -> np.ndarray:
        low, high = self.ends[axis]
        centres = low + (high - low) * (np.arange(PIXELS) + 0.5) / PIXELS
        return 10**centres if self.log[axis] else centres

    def seen(self, part: Sequence[float]) -> Bool[np.ndarray, "y x"]:
        """Return which cells a rectangle of the map (left, right, lowest, highest) shows: a pixel or the middle of each."""
        left, right, bottom, top = part
        u, v = (10**each if log else each for each, log in zip(np.moveaxis(self.middles, -1, 0), self.log, strict=True))
        mask = ((u >= left) & (u <= right) & (v >= bottom) & (v <= top))[1:-1, 1:-1]
        cells = self.pixels[np.ix_((self.v >= bottom) & (self.v <= top), (self.u >= left) & (self.u <= right))]
        mask.ravel()[cells[cells >= 0]] = True
        return mask

    def drawn(self, plane: xr.Dataset) -> xr.Dataset:
        """Return a dataset over the plane as it is drawn: pixels outside of all cells are not run."""
        outside = self.pixels < 0
        fields = {}
        for name, field in plane.data_vars.items():
            if not {self.x, self.y} <= set(field.dims):
                continue
            values = median(field).transpose(self.y, self.x).values.ravel()[self.pixels]
            nothing: float | None = Phase.not_run if name == "phase" else 0 if name == "networks" else None
            if nothing is None and field.dtype.kind == "f":
                nothing = np.nan
            fields[name] = (
                ("vertical", "horizontal"),
                values if nothing is None else np.where(outside, nothing, values),
                field.attrs,
            )
        data = xr.Dataset(fields, {"horizontal": self.u, "vertical": self.v})
        for axis, name in zip(self.axes, self.names, strict=True):
            data[axis].attrs = {"symbol": NUMBERS[name].symbol, "long_name": NUMBERS[name].long_name}
        return data

    def lines(self, lines: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
        """Return lines in units of the plane's axes as they are drawn."""
        return {name: [self._line(line) for line in some] for name, some in lines.items()}

    def _line(self, line: Float[np.ndarray, "vertices 2"]) -> Float[np.ndarray, "vertices 2"]:
        place = [
            np.interp(_spaced(at, values), _spaced(values, values), np.arange(len(values))) + 1
            for at, values in zip(line.T, (self.x_values, self.y_values), strict=True)
        ]
        columns = [map_coordinates(self.middles[..., axis], place[::-1], order=1) for axis in (0, 1)]
        return np.column_stack([10**each if log else each for each, log in zip(columns, self.log, strict=True)])

    def cell(self, u: float, v: float) -> tuple[int, int] | None:
        """Return (column, row) of the cell at a point of the map; None outside of all cells."""
        place = []
        for axis, value in enumerate((u, v)):
            if self.log[axis] and value <= 0:
                return None
            low, high = self.ends[axis]
            place.append(int(np.floor((self._transformed(np.asarray(value), axis) - low) / (high - low) * PIXELS)))
        if not all(0 <= i < PIXELS for i in place) or self.pixels[place[1], place[0]] < 0:
            return None
        row, column = divmod(int(self.pixels[place[1], place[0]]), len(self.x_values))
        return column, row

    def outline(self, column: int, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of a cell on the map, (4,) and (4,)."""
        corners = self.corners[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
        u, v = (10**each if log else each for each, log in zip(corners.T, self.log, strict=True))
        return u, v

    def part(self, u: tuple[float, float], v: tuple[float, float]) -> dict[str, tuple[float, float]] | None:
        """Return the part of the plane from the first to the last cell whose pixels a rectangle covers; None for none."""
        (left, right), (bottom, top) = sorted(u), sorted(v)
        cells = self.pixels[np.ix_((self.v >= bottom) & (self.v <= top), (self.u >= left) & (self.u <= right))]
        cells = cells[cells >= 0]
        if not len(cells):
            return None
        rows, columns = np.divmod(cells, len(self.x_values))
        return {
            self.x: (float(self.x_edges[columns.min()]), float(self.x_edges[columns.max() + 1])),
            self.y: (float(self.y_edges[rows.min()]), float(self.y_edges[rows.max() + 1])),
        }


def _spaced(values: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return values in the coordinate in which an axis is evenly spaced."""
    return np.log10(values) if coordinate(axis)[1] else values


def _wider(field: Float[np.ndarray, "ny nx"]) -> Float[np.ndarray, "ny+2 nx+2"]:
    """Return a field with one more cell on every side, continued linearly."""
    for axis in (0, 1):
        field = np.moveaxis(field, axis, 0)
        field = np.concatenate([[2 * field[0] - field[1]], field, [2 * field[-1] - field[-2]]])
        field = np.moveaxis(field, 0, axis)
    return field


def _some(total: int) -> np.ndarray:
    """Return at most `PATCHES` + 1 places along an axis of `total`, the outermost two at both ends among them."""
    inner = np.linspace(1, total - 2, min(total - 2, PATCHES - 1)).round().astype(int)
    return np.unique([0, *inner, total - 1])


def pairs(plane: xr.Dataset, x: str, y: str) -> list[tuple[str, str]]:
    """Return the pairs of dimensionless numbers that tell the cells of a plane apart, without the pair of its own axes."""
    some = {axis: slice(None, None, max(1, plane.sizes[axis] // PATCHES)) for axis in (x, y)}
    usable = []
    for pair in PAIRS:
        if set(pair) == {x, y}:
            continue
        try:
            Curved(plane.isel(some), x, y, pair)
        except (KeyError, ValueError):
            continue
        usable.append(pair)
    return usable
