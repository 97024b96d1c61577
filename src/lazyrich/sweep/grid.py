"""The grid of a sweep: its axes, their points, and the combinations of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from itertools import product
from typing import Annotated, Any

from pydantic import Field

from lazyrich.networks import activations
from lazyrich.networks.data import DATA
from lazyrich.networks.formulas import Formula
from lazyrich.networks.losses import LOSSES
from lazyrich.networks.observables import OBSERVABLES
from lazyrich.networks.recipe import Point
from lazyrich.networks.starts import DEFAULTS
from lazyrich.sweep.axes import Axis, Integer, own_axis, scalar
from lazyrich.sweep.dependence import Dependence
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
    dotted,
    sweepable,
)

# Values of formulas are computed one by one, some 10⁵ in a second.
MOST_COMBINATIONS = 200_000

AxisGroup = Annotated[tuple[str, ...], Field(min_length=2)]


class Grid(Section):
    """The keys of a sweep file, each valid alone; `checks` decides whether they make sense together."""

    title: str = Field("", description="shown on the report page and in the index")
    description: str = Field("", description="one or a few sentences for the report page")
    axes: dict[str, Annotated[Any, own_axis()]] = Field(
        {}, description="axes of your own, by name: numbers that keys are formulas of"
    )
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
        """Your own axes, then every sweepable key that is given or has a default, in the file format's order.

        Name -> value, `Axis` or `Formula`.
        """
        defaults: dict[str, Any] = {}
        if self.problem.source in DATA:
            defaults |= {"inputs": "raw", "targets": "labels"}
        else:
            defaults |= {"spectrum": "isotropic", "noise_std": 0.0}
        if self.network.laziness is not None and self.network.start != "balanced_neurons":
            defaults |= {"balance": 1.0}
        parameters = dict(self.axes)
        for section in (self.problem, self.network, self.training):
            for name in sweepable(type(section)):
                value = getattr(section, name)
                value = defaults.get(name) if value is None else value
                # These keys came later: with their defaults a sweep is the one that never had them.
                if value is not None and value != DEFAULTS.get(name):
                    parameters[name] = value
        return parameters

    @cached_property
    def _dependence(self) -> Dependence:
        return Dependence(self.parameters)

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """Keys with one value for the whole sweep, formulas of such keys among them."""
        return self._dependence.fixed

    @property
    def formulas(self) -> dict[str, Formula]:
        """The keys that are formulas of axes, in an order in which each can be evaluated."""
        return self._dependence.formulas

    def axes_of(self, name: str) -> tuple[str, ...]:
        """Return the axes that decide the value of a key: those of its formula, or itself, or none."""
        return self._dependence.axes[name]

    def values_of(self, formula: str) -> dict[Point, Any]:
        """Return the values of a key that is a formula: point of `axes_of` it -> value; ValueError where it has none."""
        return self._evaluated[formula] if formula in self.formulas else {(): self.fixed[formula]}

    @cached_property
    def _evaluated(self) -> dict[str, dict[Point, Any]]:
        """Key that is a formula of axes -> its `values_of`."""
        result: dict[str, dict[Point, Any]] = {}
        for name, formula in self.formulas.items():
            axes = self.axes_of(name)
            cells = []
            for cell in self._cells(axes, lambda points, group: points):
                for used in formula.names:
                    if used in result:
                        cell[used] = result[used][tuple(cell[axis] for axis in self.axes_of(used))]
                cells.append(cell)
            try:
                values = formula.values(cells)
            except ValueError as error:
                raise ValueError(f"{dotted(name)} = {formula.text}: {error}") from None
            points = [tuple(cell[axis] for axis in axes) for cell in cells]
            result[name] = dict(zip(points, values, strict=True))
        return result

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
    def squares(self) -> bool:
        """Whether every network is trained on a square."""
        return all(LOSSES[loss].square for (loss,) in self.combinations("loss"))

    def wants_signs(self, loss: str) -> str:
        """Return what makes sense of targets of 1 and −1 only, beside a loss or that loss itself; empty if nothing does."""
        if LOSSES[loss].targets == "signs":
            return f"training.loss = {loss}"
        named = next((name for name in self.record.observables if OBSERVABLES[name].signs), None)
        return f"record.observables = {named}" if named else ""

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
        formulas = [name for name in names if name in self.formulas]
        # Of a formula the ends of its axes decide nothing.
        inner = {axis for name in formulas for axis in self.axes_of(name)}
        cells = self._cells(
            (*names, *inner), lambda points, group: points if inner.intersection(group) else points_of(points)
        )
        result = set()
        for cell in cells:
            for name in formulas:
                cell[name] = self._evaluated[name][tuple(cell[axis] for axis in self.axes_of(name))]
            result.add(tuple(cell.get(name) for name in names))
        return result

    def _cells(
        self, names: Collection[str], points_of: Callable[[list[Point], tuple[str, ...]], list[Point]]
    ) -> Iterator[dict[str, Any]]:
        """Yield the fixed values with each combination of values that those of `names` that are axes take together.

        `points_of` returns which of a dimension's points count.
        """
        parts = []
        for group, points in self.dims.items():
            # Keys that advance with others than `names` may repeat their values: keep each once, before any product.
            members = [i for i, name in enumerate(group) if name in names]
            if not members:
                continue
            distinct = dict.fromkeys(tuple(point[i] for i in members) for point in points_of(points, group))
            parts.append([dict(zip((group[i] for i in members), point, strict=True)) for point in distinct])
        if (combinations := math.prod(map(len, parts))) > MOST_COMBINATIONS and self.formulas:
            raise ValueError(
                f"axes: formulas are evaluated in {combinations:,} cells, over {MOST_COMBINATIONS:,}; write coarser axes"
            )
        for combination in product(*parts):
            cell = dict(self.fixed)
            for assignment in combination:
                cell |= assignment
            yield cell


def _ends(points: list[Point]) -> list[Point]:
    """Return the first and the last of points that rise; names have no order, and all are returned."""
    return points if isinstance(points[0][0], str) else [points[0], points[-1]]
