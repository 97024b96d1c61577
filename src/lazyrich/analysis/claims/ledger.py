"""All claims together, as rows and as a dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lazyrich.analysis.claims import (
    appendix,
    clock,
    edges,
    end_kernel,
    equations,
    family,
    figure_1,
    kernel_change,
    lemmas,
    real,
    scales,
    theorem,
)
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.row import Row
from lazyrich.analysis.claims.verdicts import Verdict
from lazyrich.planning.rules import source
from lazyrich.shards import archive

TOPICS = (
    theorem,
    lemmas,
    equations,
    appendix,
    figure_1,
    end_kernel,
    clock,
    kernel_change,
    edges,
    scales,
    family,
    real,
)


def rows(data: Data) -> Iterator[Row]:
    """Yield every row of the ledger, in the paper's order."""
    for topic in TOPICS:
        yield from topic.rows(data)


VARIABLES = {
    "claim": ("name of the claim, also of its figure's file", ""),
    "source": ("where the statement stands", ""),
    "statement": ("statement", ""),
    "quantity": ("what was measured", ""),
    "setting": ("networks on which it was measured", ""),
    "measured": ("median of what was measured", ""),
    "low": ("smallest value of what was measured", ""),
    "high": ("largest value of what was measured", ""),
    "expected": ("what the statement expects or allows", ""),
    "verdict": ("verdict", ""),
    "verdict_text": ("verdict in words, with its numbers", ""),
    "x_label": ("horizontal axis of the figure", ""),
    "y_label": ("vertical axis of the figure", ""),
    "log_x": ("whether the horizontal axis is logarithmic", ""),
    "log_y": ("whether the vertical axis is logarithmic", ""),
    "point_claim": ("number of the claim that the point belongs to", ""),
    "point_series": ("number of the series that the point belongs to", ""),
    "point_x": ("point along the figure's horizontal axis", ""),
    "point_y": ("point along the figure's vertical axis", ""),
    "series": ("what a series of points is", ""),
    "is_curve": ("whether a series is a curve (of theory, or a bound) rather than measured points", ""),
}


def dataset(found: list[Row]) -> xr.Dataset:
    """Return the rows as a CF dataset: an entry on `row` for each, and the points of their figures in sequence on `point`."""
    judged = {name: [getattr(row.judged, name) for row in found] for name in ("measured", "low", "high", "expected")}
    data = xr.Dataset(
        {
            "claim": ("row", [row.name for row in found]),
            **{
                name: ("row", [getattr(row, name) for row in found])
                for name in ("source", "statement", "quantity", "setting")
            },
            **{name: ("row", np.array(values, dtype=float)) for name, values in judged.items()},
            "verdict": ("row", [int(row.judged.verdict) for row in found]),
            "verdict_text": ("row", [row.judged.text for row in found]),
            "x_label": ("row", [row.picture.x for row in found]),
            "y_label": ("row", [row.picture.y for row in found]),
            "log_x": ("row", [int(row.picture.log_x) for row in found]),
            "log_y": ("row", [int(row.picture.log_y) for row in found]),
        }
    )
    names: list[str] = []
    curves: list[int] = []
    claims: list[np.ndarray] = []
    series: list[np.ndarray] = []
    xs: list[np.ndarray] = []
    ys: list[np.ndarray] = []
    for number, row in enumerate(found):
        for is_curve, lines in ((0, row.picture.points), (1, row.picture.curves)):
            for name, (x, y) in lines.items():
                claims.append(np.full(len(x), number))
                series.append(np.full(len(x), len(names)))
                xs.append(np.asarray(x, dtype=float))
                ys.append(np.asarray(y, dtype=float))
                names.append(name)
                curves.append(is_curve)
    data["series"] = ("of_series", names)
    data["is_curve"] = ("of_series", curves)
    for name, values in (("point_claim", claims), ("point_series", series), ("point_x", xs), ("point_y", ys)):
        data[name] = ("point", np.concatenate(values))
    for name in map(str, data.variables):
        archive.describe(data, name, *VARIABLES[name], Verdict if name == "verdict" else None)
    data.attrs = {
        "Conventions": archive.CONVENTIONS,
        "title": "Every claim measured: the ledger",
        "institution": "lazyrich",
        "references": archive.REFERENCE,
        "comment": "Verdicts follow from the numbers beside them by the rules in lazyrich.analysis.claims.verdicts.",
        **archive.provenance(source("measure_claims")),
    }
    return data
