"""All claims together, as rows and as a dataset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lazyrich.analysis.claims import (
    assumption,
    clock,
    concentration,
    edges,
    end_kernel,
    end_times,
    equations,
    family,
    figure_1,
    figures_2_3,
    kernel_change,
    kernel_stages,
    largest_start,
    lemma_5_2,
    lemma_5_3,
    literal_time,
    proxy,
    real,
    scales,
    stage_one,
    stage_one_loss,
    theorem,
)
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.row import Row
from lazyrich.analysis.claims.standing import Standing, standing
from lazyrich.analysis.claims.verdicts import Severity, Verdict
from lazyrich.planning.rules import source
from lazyrich.shards import archive
from lazyrich.theory.conditions import NAMES

TOPICS = (
    theorem,
    assumption,
    literal_time,
    largest_start,
    stage_one_loss,
    end_times,
    concentration,
    stage_one,
    lemma_5_2,
    lemma_5_3,
    proxy,
    kernel_stages,
    equations,
    figure_1,
    figures_2_3,
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
    "whose": ("who makes the statement", ""),
    "source": ("where the statement stands: section, equation or lemma", ""),
    "page": ("page of the proceedings, PMLR 280; missing where the ledger does not know it", ""),
    "statement": ("statement", ""),
    "quantity": ("what was measured", ""),
    "setting": ("networks on which it was measured", ""),
    "remark": ("what to bear in mind", ""),
    "measured": ("median of what was measured", ""),
    "low": ("smallest value of what was measured", ""),
    "high": ("largest value of what was measured", ""),
    "expected": ("what the statement expects or allows", ""),
    "verdict": ("verdict", ""),
    "verdict_text": ("verdict in words, with its numbers", ""),
    "standing": ("where the statement stands after all", ""),
    "severity": ("how badly it fails", ""),
    "power": ("deviation from the statement that would have been noticed", ""),
    "small_sigma_verdict": ("verdict over the networks with sigma_0 << v_0 only", ""),
    "small_sigma_text": ("verdict over the networks with sigma_0 << v_0 only, in words; empty where they are all", ""),
    "condition": ("condition of Assumption 4.1", ""),
    "margin_low": ("smallest margin of the setting's networks: allowed over actual value", ""),
    "margin_high": ("largest margin of the setting's networks: allowed over actual value", ""),
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


FLAGS = {"verdict": Verdict, "small_sigma_verdict": Verdict, "severity": Severity, "standing": Standing}


def _margins(row: Row, at: int) -> list[float]:
    return [row.setting.margins.get(name, (np.nan, np.nan))[at] for name in NAMES]


def _small_sigma(row: Row) -> str:
    """Return what holds of networks with a small first layer, where the statement fails with the others; else nothing."""
    if row.judged_small_sigma is None or row.judged.verdict != Verdict.fails:
        return ""
    return f"Among networks with {row.small_sigma} alone: {row.judged_small_sigma.text}"


def dataset(found: list[Row]) -> xr.Dataset:
    """Return the rows as a CF dataset: an entry on `row` for each, and the points of their figures in sequence on `point`."""
    judged = {name: [getattr(row.judged, name) for row in found] for name in ("measured", "low", "high", "expected")}
    data = xr.Dataset(
        {
            "claim": ("row", [row.name for row in found]),
            "whose": ("row", [str(row.place.whose) for row in found]),
            "source": ("row", [row.place.where for row in found]),
            "page": ("row", [float(row.place.printed or np.nan) for row in found]),
            **{name: ("row", [getattr(row, name) for row in found]) for name in ("statement", "quantity", "remark")},
            "setting": ("row", [row.setting.words for row in found]),
            "condition": ("of_condition", list(NAMES)),
            **{
                f"margin_{end}": (("row", "of_condition"), [_margins(row, at) for row in found])
                for at, end in enumerate(("low", "high"))
            },
            **{name: ("row", np.array(values, dtype=float)) for name, values in judged.items()},
            "verdict": ("row", [int(row.judged.verdict) for row in found]),
            "verdict_text": ("row", [row.judged.text for row in found]),
            "standing": ("row", [int(standing(row.judged, row.judged_small_sigma)) for row in found]),
            "severity": ("row", [int(row.judged.severity) for row in found]),
            "power": ("row", [row.judged.power for row in found]),
            "small_sigma_verdict": ("row", [int((row.judged_small_sigma or row.judged).verdict) for row in found]),
            "small_sigma_text": ("row", [_small_sigma(row) for row in found]),
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
        archive.describe(data, name, *VARIABLES[name], FLAGS.get(name))
    data.attrs = {
        "Conventions": archive.CONVENTIONS,
        "title": "Every claim measured: the ledger",
        "institution": "lazyrich",
        "references": archive.REFERENCE,
        "comment": "Verdicts follow from the numbers beside them by the rules in lazyrich.analysis.claims.verdicts.",
        **archive.provenance(source("measure_claims")),
    }
    return data
