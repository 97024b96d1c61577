"""The grid of a sweep: its axes, their points, and the combinations of values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from itertools import product
from typing import Annotated, Any

from pydantic import Field

from lazyrich.networks import activations
from lazyrich.networks.data import DATA
from lazyrich.networks.recipe import Point
from lazyrich.networks.starts import DEFAULTS
from lazyrich.sweep.axes import Axis, Integer, scalar
from lazyrich.sweep.schema import (
    Conditions,
    Dask,
    Figures,
    Network,
    Phases,
    Problem,
    Record,
    Refine,
    Section,
    Training,
    bare,
    sweepable,
)

AxisGroup = Annotated[tuple[str, ...], Field(min_length=2)]


class Grid(Section):
    """The keys of a sweep file, each valid alone; `checks` decides whether they make sense together."""

    title: str = Field("", description="shown on the report page and in the index")
    description: str = Field("", description="one or a few sentences for the report page")
    problem: Problem = Field(description="inputs and targets")
    network: Network = Field(Network(), description="width, activation, initial scales")
    training: Training = Field(description="rate, length, loss")
    record: Record = Field(Record(), description="what is kept")
    replicates: Annotated[Any, scalar(Integer(1, 10**6))] = Field(1, description="networks per grid cell")
    seed: Annotated[Any, scalar(Integer(0))] = Field(0, description="of every random stream")
    zip: tuple[AxisGroup, ...] = Field((), description="lists of axes that advance together")
    phases: Phases = Field(Phases(), description="thresholds between phases")
    conditions: Conditions = Field(Conditions(), description="constants of Assumption 4.1, and the form of its (6)")
    figures: Figures = Field(Figures(), description="what to draw beside the data")
    refine: Refine | None = Field(None, description="train only near a boundary")
    dask: Dask | None = Field(None, description="where the analysis runs; changes no number")

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Every sweepable key that is given or has a default: key -> value or Axis, in the file format's order."""
        defaults: dict[str, Any] = {}
        if self.problem.source in DATA:
            defaults |= {"inputs": "raw", "targets": "labels"}
        else:
            defaults |= {"spectrum": "isotropic", "noise_std": 0.0}
        if self.network.laziness is not None and self.network.start != "balanced_neurons":
            defaults |= {"balance": 1.0}
        parameters = {}
        for section in (self.problem, self.network, self.training):
            for name in sweepable(type(section)):
                value = getattr(section, name)
                value = defaults.get(name) if value is None else value
                # These keys came later: with their defaults a sweep is the one that never had them.
                if value is not None and value != DEFAULTS.get(name):
                    parameters[name] = value
        return parameters

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """Keys with one value for the whole sweep."""
        return {name: value for name, value in self.parameters.items() if not isinstance(value, Axis)}

    @cached_property
    def dims(self) -> dict[tuple[str, ...], list[Point]]:
        """Grid dimensions: names of the keys that advance together -> their values point by point.

        Numbers of one axis are in rising order, whatever the file's, so that they can be a coordinate.
        """
        axes = {name: value for name, value in self.parameters.items() if isinstance(value, Axis)}
        groups = [tuple(bare(name) for name in group) for group in self.zip]
        dims: dict[tuple[str, ...], list[Point]] = {}
        for name in axes:
            group = next((group for group in groups if name in group), (name,))
            if group not in dims:
                points = list(zip(*(axes[member].values for member in group), strict=True))
                dims[group] = sorted(points) if len(group) == 1 and not isinstance(points[0][0], str) else points
        return dims

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each grid dimension."""
        return tuple(len(points) for points in self.dims.values())

    @property
    def cells(self) -> int:
        """Number of grid cells; each holds `replicates` networks."""
        return math.prod(self.shape)

    @property
    def single(self) -> tuple[str, ...]:
        """Grid dimensions of one key."""
        return tuple(names[0] for names in self.dims if len(names) == 1)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Grid dimensions of one key with numbers."""
        return tuple(name for name in self.single if not isinstance(self.dims[name,][0][0], str))

    @property
    def plane(self) -> tuple[str, ...]:
        """The one or two axes of numbers in which boundaries are drawn: those of `figures.axes`, or the first."""
        first = tuple(name for name in map(bare, self.figures.axes or ()) if name in self.numeric)
        several = [name for name in self.numeric if len(self.dims[name,]) > 1 and name not in first]
        return (*first, *several)[:2]

    @property
    def own_activations(self) -> tuple[str, ...]:
        """The user's own activations, as `file:function`."""
        return tuple(name for (name,) in sorted(self.combinations("activation")) if activations.split(name))

    @property
    def networks(self) -> int:
        """Number of networks."""
        return self.cells * int(self.replicates)

    def combinations(self, *names: str) -> set[Point]:
        """Return the distinct values that the keys `names` take together; a key that is not given counts as None.

        Their number is the product over the keys' axes; use `corners` where only the ends of axes matter.
        """
        return self._together(names, lambda points: points)

    def corners(self, *names: str) -> set[Point]:
        """Return the `combinations` that decide a check which is monotone in each number.

        These are both ends of an axis of numbers that advances alone, and all points of any other. So a grid is checked
        without building it.
        """
        return self._together(names, lambda points: _ends(points) if len(points[0]) == 1 else points)

    def _together(self, names: tuple[str, ...], points_of: Callable[[list[Point]], list[Point]]) -> set[Point]:
        groups = [group for group in self.dims if set(group) & set(names)]
        # Keys that advance with others than `names` may repeat their values: keep each once, before any product.
        parts = []
        for group in groups:
            members = [i for i, name in enumerate(group) if name in names]
            distinct = dict.fromkeys(tuple(point[i] for i in members) for point in points_of(self.dims[group]))
            parts.append([dict(zip((group[i] for i in members), point, strict=True)) for point in distinct])
        result = set()
        for combination in product(*parts):
            values = dict(self.fixed)
            for assignment in combination:
                values |= assignment
            result.add(tuple(values.get(name) for name in names))
        return result


def _ends(points: list[Point]) -> list[Point]:
    """Return the first and the last of points that rise; names have no order, and all are returned."""
    return points if isinstance(points[0][0], str) else [points[0], points[-1]]
