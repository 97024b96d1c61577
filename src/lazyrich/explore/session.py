"""One visitor's choices and what follows from them: which part of which sweep is shown, and how. No widgets here."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import xarray as xr

from lazyrich.draw.diagrams import Diagram, at_quantile, point
from lazyrich.explore import exports
from lazyrich.explore.coordinates import Curved, Straight, pairs
from lazyrich.explore.dimensionless import FIELDS, NUMBERS
from lazyrich.explore.launch import Launcher
from lazyrich.explore.map import Lines
from lazyrich.explore.moments import DURING, Moments
from lazyrich.explore.source import Source, Sources
from lazyrich.explore.state import OWN, State
from lazyrich.planning.command import explore_command, snakemake_command
from lazyrich.sweep.words import setting

DIGITS = 6  # of the ends of the visible part: a thousandth of a pixel


class Session:
    """The choices of one visitor in a results folder.

    They live in `state` only: widgets and the address write there, and everything drawn follows from it.

    Attributes
    ----------
    source
        the chosen sweep.
    pairs
        dimensionless coordinates that the map can have.
    where
        the coordinates that it has.
    moments
        the numbers of a map during training; None at its end.
    settling
        whether the state is being adapted to the sources, so that its changes are not a visitor's choices.
    """

    def __init__(self, sources: Sources, launcher: Launcher | None = None) -> None:
        self.sources, self.launcher = sources, launcher
        self.state = State(sweep=sources.readable())
        self.source: Source
        self.where: Straight
        self.pairs: list[tuple[str, str]] = []
        self.moments: Moments | None = None
        self.settling = False
        self._made: dict[str, Any] = {}

    def changed(self, part: str, *of: object) -> bool:
        """Return whether the inputs of a part of the page differ from those of the last time."""
        if self._made.get(part) == of:
            return False
        self._made[part] = of
        return True

    def settle(self) -> None:
        """Adapt the state to the sources: a sweep that can be read, diagrams and axes that it has, a part inside its map."""
        name = self.sources.readable(self.state.sweep)
        if name != self.state.sweep:
            self.state.choose("sweep", name)
        self.source = self.sources.get(name)
        self.state.param.update(**self.state.allowed(self.source))
        self._choose_coordinates()
        self.state.part = self._inside(self.state.part)

    def find_moments(self) -> None:
        """Read the numbers of a map during training."""
        if self.time is None:
            self.moments = None
        elif self.moments is None or not self.moments.is_of(self.source, self.diagram):
            self.moments = self.source.moments(self.diagram)

    def take(self, values: dict[str, Any]) -> None:
        """Take the valid values of an address, and ignore the others."""
        for name, value in values.items():
            with suppress(ValueError, TypeError):  # a text for a number, say
                setattr(self.state, name, value)

    def run(self) -> None:
        """Train the selected part in more detail.

        Raises
        ------
        ValueError
            where another run has not ended, or the part is over budget.
        """
        assert self.launcher is not None  # without one the page has no button that runs a part
        self.launcher.start(self.finer().read(), self.source.name)

    @property
    def diagram(self) -> Diagram:
        """The chosen diagram."""
        return next(each for each in self.source.diagrams if each.name == self.state.show)

    @property
    def others(self) -> list[str]:
        """Dimensions other than the axes of the map."""
        return [str(dim) for dim in self.source.summary["phase"].dims if dim not in (self.state.x, self.state.y)]

    @property
    def place(self) -> dict[str, int]:
        """The place of the map along the other dimensions."""
        return dict(self.state.slices)

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """The part of the plane that is seen alone, name of axis -> (lowest, highest); empty for all of it."""
        if not self.state.part:
            return {}
        left, right, low, high = self.state.part
        return self.where.part((left, right), (low, high)) or {}

    @property
    def time(self) -> float | None:
        """τ of a diagram during training."""
        return float(self.source.times[self.state.moment]) if self.state.show.startswith(DURING) else None

    def plane(self) -> xr.Dataset:
        """Return what the map shows: the summary's fields at the chosen slices, or those of a time of training.

        Values at the chosen quantile stand where a median is drawn.
        """
        names = ["phase", "networks", "stability_fraction", self.diagram.variable]
        if self.time is None:
            return self.at_quantile(self.source.fields(names).isel(self.place))
        assert self.moments is not None  # `find_moments` comes first
        plane = self.source.fields(names[:-1]).isel(self.place)
        return plane.assign(
            {self.diagram.variable: self.moments.plane(self.place, self.state.moment, self.state.quantile)}
        )

    def at_quantile(self, data: xr.Dataset) -> xr.Dataset:
        """Return every number at the chosen quantile, in place of the median that diagrams draw."""
        wide = [name for name, values in data.data_vars.items() if "quantile" in values.dims]
        if self.state.quantile == 0.5 or not wide:
            return data
        chosen = data[wide].sel(quantile=[self.state.quantile]).assign_coords(quantile=[0.5])
        return data.drop_dims("quantile").merge(chosen)

    def whole(self) -> xr.Dataset:
        """Return the dataset that sets the colours of the map: all slices and all times."""
        if self.time is not None:
            assert self.moments is not None  # `find_moments` comes first
            return self.moments.whole
        return self.at_quantile(self.source.fields([self.diagram.variable]))

    def lines(self) -> Lines:
        """Return the map's boundaries, in units of the plane's axes."""
        if not self.state.lines:
            return {}
        return self.source.lines(self.diagram.lines, self.state.x, self.state.y, tuple(self.place.items()))

    def _numbers(self) -> xr.Dataset:
        return self.source.fields(FIELDS).isel(self.place)

    def _choose_coordinates(self) -> None:
        """Take the coordinates of the state if they tell the map's cells apart, else the sweep's own axes."""
        state, place = self.state, tuple(self.place.items())
        if self.changed("pairs", self.source, state.x, state.y):
            self.pairs = pairs(self._numbers(), state.x, state.y)
        curved = (state.coordinates, place) if state.coordinates != OWN else ()  # cells lie elsewhere on each slice
        if not self.changed("where", self.source, state.x, state.y, curved):
            return
        if state.coordinates != OWN:
            try:
                horizontal, vertical = state.coordinates.split()
                self.where = Curved(self._numbers(), state.x, state.y, (horizontal, vertical))
                return
            except (KeyError, ValueError):
                state.coordinates = OWN
        self.where = Straight(self.source.grid.isel(self.place), state.x, state.y)

    def _inside(self, part: list[float]) -> list[float]:
        """Return the part of the map in a rectangle (left, right, lowest, highest); empty for all of it and for nothing."""
        if not part:
            return []
        frame = self.where.frame
        ends = np.clip(np.sort(np.reshape(part, (2, 2))), frame[:, :1], frame[:, 1:])
        # All but what differs by rounding, as after the tool that goes back to the whole map.
        whole = np.isclose(ends, frame, rtol=10**-DIGITS, atol=10**-DIGITS * np.ptp(frame, axis=1, keepdims=True)).all()
        return (
            [] if whole or not (ends[:, 0] < ends[:, 1]).all() else [float(f"{end:.{DIGITS}g}") for end in ends.ravel()]
        )

    def running(self) -> str:
        """Return the progress of an unfinished sweep in words; empty for a finished one."""
        source = self.source
        return "" if source.complete else f" {len(source.there)} of {len(source.shards)} shards are there."

    def title(self) -> str:
        """Return what the map shows, in words."""
        data = self.source.summary if self.time is None else self.source.recorded
        symbol = "" if self.diagram.codes else data[self.diagram.variable].attrs.get("symbol", "")
        heading = f"{self.diagram.heading}: {symbol}" if symbol else self.diagram.heading
        if self.state.quantile != 0.5 and not self.diagram.codes:
            heading += f", {self.state.quantile:.0%} quantile"
        return heading if self.time is None else heading.replace("time τ", f"τ = {self.time:.3g}")

    def choose(self, at: tuple[int, int]) -> None:
        """Choose the cell (column, row) of the map."""
        self.state.cell = self.source.cell({**self.place, self.state.x: at[0], self.state.y: at[1]})

    def keep(self, *_: object) -> None:
        """Keep the cell for comparison with the next one."""
        self.state.other = self.state.cell

    def see(self, part: list[float]) -> None:
        """Show only a rectangle of the map (left, right, lowest, highest), of which there is a sweep file then."""
        self.state.part = self._inside(part)

    def finer(self) -> io.StringIO:
        """Return the sweep file of the selected part."""
        return io.StringIO(exports.part(self.source, self.region))

    def heading(self) -> str:
        """Return what the map shows, and at which slice."""
        return ", ".join(filter(None, [self.title(), point(self.source.grid.isel(self.place), self.others)]))

    def caption(self) -> str:
        """Return what the map shows in a few sentences, with its networks."""
        replicates = self.source.sweep.replicates
        middle, number = (at_quantile(quantile, replicates) for quantile in (0.5, self.state.quantile))
        text = self.diagram.caption.replace(middle, number)
        text = text if self.time is None else text.replace("time τ", f"τ = {self.time:.3g}")
        part = f"Part of the map: {self.part()}. " if self.state.part else ""
        return f"{self.heading()}. {part}{text} {setting(self.source.sweep)}{self.running()}"

    def part(self) -> str:
        """Return the visible part of the map in words; empty for all of it."""
        grid, ends = self.source.grid, np.reshape(self.state.part, (-1, 2))
        symbols = (NUMBERS[n].symbol if n in NUMBERS else grid[n].attrs.get("symbol") or n for n in self.where.names)
        return ", ".join(f"{s} from {low:.6g} to {high:.6g}" for s, (low, high) in zip(symbols, ends, strict=False))

    def file_name(self) -> str:
        """Return the name, without its ending, of a file of the visible part."""
        pieces = [self.source.name, self.state.show, *([] if self.time is None else [f"tau-{self.time:.6g}"])]
        quantile = 0.5 if self.diagram.codes else self.state.quantile
        axes = self.source.axes[0], self.source.axes[1]
        return exports.name(pieces, self.source.grid.isel(self.place), self.where, self.state.part, axes, quantile)

    def command(self) -> str:
        """Return the commands that make the map again."""
        results = self.source.home.parent
        analyse = snakemake_command(self.source.home / "summary.nc", results)
        return f"{analyse}; {explore_command(results)}, at /{self.state.query}"

    def picture(self, kind: str) -> io.BytesIO:
        """Return the map as `svg` or `png`."""
        drawn = self.diagram, self.where, self.plane(), self.whole(), self.lines()
        description = f"{self.caption()} Made by: {self.command()}"
        return exports.picture(kind, *drawn, self.heading(), self.state.part, description)

    def data(self, kind: str) -> io.BytesIO:
        """Return the visible part of the plane as netCDF (`nc`), or its cells as `csv`."""
        if self.time is None:
            plane = self.source.plane(self.place)
        else:
            plane = exports.at_moment(self.plane(), self.diagram, self.time, self.state.quantile)
        sweep = self.source.sweep
        attributes = {
            "title": f"{sweep.title or self.source.name}: {self.heading()}",
            "description": sweep.description,
            "shown": self.caption(),
            "command": self.command(),
        }
        if self.state.part:
            attributes["part"] = f"cells that are seen, in whole or in part, where the map shows {self.part()}"
        plane = exports.within(plane, self.where, self.state.part)
        return exports.numbers(kind, plane, self.state.quantile, attributes)
