"""A sweep file for a part of a map, in more detail."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Real

from lazyrich.draw.style import edges
from lazyrich.networks.digits import rounded
from lazyrich.sweep.reader import load_yaml
from lazyrich.sweep.schema import SECTION_OF


def finer(file: Path, axes: dict[str, dict[str, Any]]) -> str:
    """Return the sweep file `file` with other axes (key -> as in a sweep file)."""
    data = load_yaml(file)
    for name, axis in axes.items():
        data.setdefault(SECTION_OF.get(name, "axes"), {})[name] = axis
    data["title"] = f"{data.get('title', file.stem)}, a part of it"
    data.pop("refine", None)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def axis_within(values: Real[np.ndarray, " points"], low: float, high: float) -> dict[str, Any]:
    """Return the part of an axis (rising `values`) from `low` to `high`, in as many points as the whole, as in a sweep file.

    The part ends at the outermost values, although their cells reach further: numbers beyond those of a valid sweep file may be
    invalid (a size below zero, more samples than the data have). A part that holds no valid number lies within one cell, and
    has the value of the cell.
    """
    whole = values.dtype.kind in "iu"
    ends = (
        max(values[0].item(), math.ceil(low) if whole else low),
        min(values[-1].item(), math.floor(high) if whole else high),
    )
    first, last = ends if whole else map(rounded, ends)
    if first < last:
        return {"log" if edges(values)[1] else "linear": [first, last], "points": len(values)}
    if first == last:
        return {"values": [first]}
    cell = np.searchsorted(edges(values)[0][1:-1], (low + high) / 2, side="right")
    return {"values": [values[cell].item()]}
