"""Recipes: everything that decides the numbers of some networks, as one frozen value. No numpy is needed.

A recipe holds settings, values fixed for all of its networks, and boxes: products of axis values, so that a few lists describe
a million networks. Keys that a sweep file gives as formulas of axes are formulas here too; `table` evaluates them. In a box,
networks are numbered in grid order with the replicate fastest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lazyrich.networks.formulas import Formula
from lazyrich.networks.variables import VARIABLES
from lazyrich.system.errors import LazyrichError

# Version of recipes and shard files. Raise it for a layout that old shards do not follow: then every shard is made anew.
FORMAT = 1

Point = tuple[Any, ...]  # values of the keys that advance together
Box = Mapping[str, tuple[Point, ...]]  # space-joined keys -> points, the replicate last


class _Described(Protocol):
    @property
    def attrs(self) -> Mapping[Any, Any]: ...


class _Json(BaseModel):
    """A recipe as JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")
    format: int
    settings: dict[str, Any]
    fixed: dict[str, Any]
    boxes: list[dict[str, list[list[Any]]]]
    activations: dict[str, str] = {}
    formulas: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, eq=False)
class Recipe:
    """The networks to train and how to record them; two recipes are equal if their texts are."""

    format: int
    settings: Mapping[str, Any]  # what decides the numbers beside the parameters of each network
    fixed: Mapping[str, Any]  # key -> value of all networks
    boxes: tuple[Box, ...]
    activations: Mapping[str, str] = field(default_factory=dict)  # a user's own -> digest of its file
    formulas: Mapping[str, Formula] = field(default_factory=dict)  # key -> formula, in an order to evaluate them in

    def __post_init__(self) -> None:
        for name in ("settings", "fixed", "activations"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        object.__setattr__(self, "formulas", MappingProxyType(dict(self.formulas)))
        # By hand: `_frozen` would descend into each of a million points, which are numbers and names.
        boxes = (
            MappingProxyType({key: tuple(map(tuple, points)) for key, points in box.items()}) for box in self.boxes
        )
        object.__setattr__(self, "boxes", tuple(boxes))

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Return the recipe that JSON data hold.

        Raises
        ------
        ValueError
            for data that are no recipe; the message names the key.
        """
        try:
            _Json.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            raise LazyrichError(f"is no recipe: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        try:
            formulas = {key: Formula(**formula) for key, formula in data.get("formulas", {}).items()}
        except (TypeError, ValueError) as error:
            raise LazyrichError(f"is no recipe: formulas: {error}") from None
        return cls(**{**data, "formulas": formulas})

    @classmethod
    def of(cls, data: _Described) -> Self:
        """Return the recipe of a dataset's networks, by its attribute `recipe`.

        Raises
        ------
        KeyError
            for a dataset without that attribute.
        ValueError
            as `parse`.
        """
        return cls.parse(json.loads(data.attrs["recipe"]))

    @cached_property
    def text(self) -> str:
        """Its canonical JSON. A recipe is always built in the same order, which is also the order of its networks."""
        return canonical(self.plain)

    @cached_property
    def name(self) -> str:
        """The first 16 hex digits of the SHA-256 of `text`."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def plain(self) -> dict[str, Any]:
        """The dictionary that JSON makes of it."""
        boxes = [{key: list(map(list, points)) for key, points in box.items()} for box in self.boxes]
        data = {"format": self.format, "settings": _plain(self.settings), "fixed": _plain(self.fixed), "boxes": boxes}
        data |= {"activations": dict(self.activations)} if self.activations else {}
        formulas = {key: asdict(formula) for key, formula in self.formulas.items()}
        return data | ({"formulas": formulas} if formulas else {})

    @property
    def own_axes(self) -> tuple[str, ...]:
        """The axes of the user's own: names in formulas that are no variables of shards."""
        names = dict.fromkeys(name for formula in self.formulas.values() for name in formula.names)
        return tuple(name for name in names if name not in VARIABLES)

    @property
    def networks(self) -> int:
        """Number of networks."""
        return sum(map(size, self.boxes))

    @property
    def grid(self) -> Box:
        """The one box of a whole sweep.

        Raises
        ------
        ValueError
            for a recipe of pieces of a grid.
        """
        if len(self.boxes) != 1:
            raise LazyrichError(f"this recipe has {len(self.boxes)} pieces of a grid, and not the whole")
        return self.boxes[0]

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only views cannot be sent to another process.
        return Recipe.parse, (self.plain,)


def size(box: Box) -> int:
    """Return the number of networks in a box."""
    return math.prod(map(len, box.values()))


def canonical(data: Any) -> str:
    """Return compact JSON."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def _frozen(value: Any) -> Any:
    """Return the value with read-only mappings and tuples, at every depth."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(inner) for key, inner in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """Return the value with dictionaries and lists, as in JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(map(_plain, value)) if isinstance(value, tuple) else value
