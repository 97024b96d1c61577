"""Which keys of a sweep are formulas of which axes, and the values of those that are formulas of none."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lazyrich.networks.formulas import Formula, evaluated
from lazyrich.sweep.axes import Axis
from lazyrich.sweep.schema import dotted


class Dependence:
    """The parameters of a sweep (name -> value, `Axis` or `Formula`), told apart by what decides them.

    Raises
    ------
    ValueError
        for formulas that need their own value, or one that has no value.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        written = _in_order({name: value for name, value in parameters.items() if isinstance(value, Formula)})
        #: Name -> the axes that decide its value.
        self.axes: dict[str, tuple[str, ...]] = {
            name: (name,) if isinstance(value, Axis) else ()
            for name, value in parameters.items()
            if name not in written
        }
        for name, formula in written.items():
            axes = {axis for used in formula.names for axis in self.axes[used]}
            self.axes[name] = tuple(axis for axis in parameters if axis in axes)
        #: Formulas of axes, in an order in which each can be evaluated.
        self.formulas = {name: formula for name, formula in written.items() if self.axes[name]}
        values = {name: value for name, value in parameters.items() if not isinstance(value, (Axis, Formula))}
        for name, formula in written.items():
            if name not in self.formulas:
                try:
                    values = evaluated({name: formula}, values)
                except ValueError as error:
                    raise ValueError(f"{dotted(name)} = {formula.text}: {error}") from None
        #: Name -> the one value of the whole sweep.
        self.fixed = {name: values[name] for name in parameters if name in values}


def _in_order(formulas: Mapping[str, Formula]) -> dict[str, Formula]:
    """Return formulas, each after those that it uses; raise ValueError where one needs its own value."""
    order = TopologicalSorter({name: sorted(formulas.keys() & set(formulas[name].names)) for name in formulas})
    try:
        return {name: formulas[name] for name in order.static_order()}
    except CycleError as error:
        first, *others = error.args[1][:0:-1]
        way = f" by way of {' and '.join(others)}" if others else ""
        raise ValueError(
            f"{dotted(first)} = {formulas[first].text}: needs its own value{way}; write a number for one of them"
        ) from None
