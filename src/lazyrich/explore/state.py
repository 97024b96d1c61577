"""The state of a view, in the page's address: a link restores it, and is checked like any other input."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode

import param
from panel.io.location import Location
from panel.util import parse_query
from tornado.httputil import HTTPServerRequest

from lazyrich.analysis.quantiles import QUANTILES
from lazyrich.explore.dimensionless import PAIRS
from lazyrich.explore.source import Source

OWN = ""  # coordinates: the sweep's own axes
# Name -> the values that lose their meaning when it changes.
BELONGING = {
    "sweep": ("part", "slices", "cell", "other"),
    "x": ("part",),
    "y": ("part",),
    "coordinates": ("part",),
}


class State(param.Parameterized):
    """The choices of a view: texts, numbers and switches only, which fit an address; empty if nothing is chosen."""

    sweep = param.String()
    x = param.String()
    y = param.String()
    coordinates = param.String(OWN, doc="a pair of dimensionless numbers, joined by a space")
    part = param.List([], doc="of the map that is seen: left, right, lowest, highest; empty for all of it")
    show = param.String()
    lines = param.Boolean(True, doc="whether boundaries are drawn")
    quantile = param.Number(0.5)
    moment = param.Integer(0, doc="number of the time τ, of diagrams during training")
    slices = param.Dict({}, doc="position along each further dimension")
    cell = param.Integer(-1, doc="the cell whose trajectories are shown, flat in grid order; -1 for none")
    other = param.Integer(-1, doc="the cell that it is compared with")

    @property
    def query(self) -> str:
        """The query of an address that restores this view."""
        values = {name: getattr(self, name) for name in LINKED}
        changed = {name: value for name, value in values.items() if value != self.param[name].default}
        return "?" + urlencode({n: v if isinstance(v, str) else json.dumps(v) for n, v in changed.items()})

    def choose(self, name: str, value: Any) -> None:
        """Set a value, and reset those that belong to its former value: a part of one map means nothing on another."""
        self.param.update(**{name: value, **{each: self.param[each].default for each in BELONGING.get(name, ())}})

    def allowed(self, source: Source) -> dict[str, Any]:
        """Return the values that the source has, and the defaults of a new page for the others."""
        summary = source.summary
        axes = source.axes
        x = self.x if self.x in axes else axes[0]
        y = self.y if self.y in axes and self.y != x else next(name for name in axes if name != x)
        cells = summary["phase"].size
        cell, other = (each if -1 <= each < cells else -1 for each in (self.cell, self.other))
        # A dimension that was an axis until now gets the slice with the chosen cell.
        places = {**source.place(max(cell, 0)), **{k: v for k, v in self.slices.items() if type(v) is int}}
        names = [diagram.name for diagram in source.diagrams]
        return {
            "x": x,
            "y": y,
            # Drawing shows later whether a pair tells the plane's cells apart, and whether the part lies on the map.
            "coordinates": self.coordinates if tuple(self.coordinates.split()) in PAIRS else OWN,
            "part": self.part if _is_part(self.part) else [],
            "show": self.show if self.show in names else names[0],
            "quantile": self.quantile if self.quantile in QUANTILES else 0.5,
            "moment": _within(self.moment, len(source.times)),
            "slices": {str(dim): _within(places[dim], n) for dim, n in source.grid_sizes.items() if dim not in (x, y)},
            "cell": cell,
            "other": other,
        }


LINKED = tuple(name for name in State.param if name != "name")


def _within(place: int, length: int) -> int:
    return min(max(place, 0), length - 1)


def _is_part(part: list[Any]) -> bool:
    return len(part) == 4 and all(type(end) in (int, float) and abs(end) <= sys.float_info.max for end in part)


class Address(Location):
    """The address of a page; it reads the valid values of its query, where Panel's own would fail for one wrong value."""

    @classmethod
    def from_request(cls, request: HTTPServerRequest) -> Address:
        """Return the address with the query of a request; the browser says the rest.

        Panel's own fails where the host is `[::1]`, or where the query holds a second question mark.
        """
        _, mark, query = request.uri.partition("?")
        return cls(search=mark + query)

    @property
    def query_params(self) -> dict[str, Any]:
        """Name -> value, as Panel reads them."""
        read: dict[str, Any] = {}
        for pair in parse_qsl(self.search.removeprefix("?")):
            with suppress(ValueError):  # of digits that are none of 0 to 9, say
                read |= parse_query(f"?{urlencode([pair])}")
        return read
