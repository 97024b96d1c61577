"""A sweep's report page: one file that opens without a server or a network, with its diagrams and its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.analysis.boundaries import BOUNDARIES
from lazyrich.analysis.fields import map_axes, placed
from lazyrich.analysis.phases import PHASES
from lazyrich.analysis.published import load_published, plateau, stage_one_plateau
from lazyrich.analysis.theories import BEST_THEORY
from lazyrich.draw.atlas import atlas
from lazyrich.draw.diagrams import diagrams
from lazyrich.draw.kernel_distance import distance_table, kernel_distances
from lazyrich.draw.page import bokeh_scripts, write_page
from lazyrich.draw.recovered import recovered_tables
from lazyrich.planning.command import snakemake_command
from lazyrich.shards import archive
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import source_name, stand_in


def write_report(
    sweep: Sweep, *, name: str, summary: str | Path, shards: Sequence[str], figures: str | Path, page: str | Path
) -> None:
    """Write the page: interactive maps and trajectories if there are two axes, the other figures, and the tables."""
    figures = Path(figures)
    captions = json.loads((figures / "captions.json").read_text(encoding="utf-8"))
    with archive.opened(summary) as data:
        data.load()
    axes = map_axes(data, sweep.figures.axes or ())
    results = Path(page).parent.parent
    explored = None
    if len(axes) >= 2:
        x, y = axes[:2]
        explored = atlas(sweep, name, placed(data, (x, y)), x, y, shards, results)
    maps = {diagram.name for diagram in diagrams(sweep, data)} if explored else set()
    drawn = [
        {
            "name": figure,
            "caption": caption,
            "item": (figures / f"{figure}.json").read_text(encoding="utf-8"),
        }
        for figure, caption in captions.items()
        if figure not in maps
    ]
    write_page(
        page,
        "report.html",
        title=sweep.title,
        description=sweep.description,
        command=snakemake_command(Path(page), results),
        scripts=bokeh_scripts(),
        figures=drawn,
        atlas=explored,
        phases=PHASES.counts(data),
        theories=theory_table(data),
        best=BEST_THEORY.counts(data) if BEST_THEORY.name in data else [],
        scope=scope_table(data),
        starts=scope.start_remark(data),
        kernels=distance_table(kernel_distances(sweep, data, shards), data),
        boundaries=boundary_table(data),
        disagreement=disagreement(data),
        stand_in=stand_in(sweep),
        published=published_table(data, sweep),
        recovered=recovered_tables(sweep, shards),
        cells=sweep.cells,
        networks=int(data["networks"].sum()),
        attributes={key: data.attrs[key] for key in ("lazyrich_version", "commit", "dirty", "history")},
    )


def boundary_table(data: xr.Dataset) -> list[dict[str, str]]:
    """Return each measured boundary of the drawn plane, what it is compared with and its distance from that, in cells."""
    if "boundary_distance" not in data:
        return []
    rows = []
    for name in dict.fromkeys(data["boundary"].values.tolist()):
        apart = data["boundary_distance"].values[data["boundary"].values == name]
        if np.isfinite(apart).all():
            boundary = BOUNDARIES[name]
            against = "; ".join(
                BOUNDARIES[other].called(data) for other in boundary.against if (data["boundary"] == other).any()
            )
            rows.append(
                {
                    "name": boundary.text,
                    "against": against,
                    "median": f"{np.median(apart):.2f}",
                    "largest": f"{apart.max():.2f}",
                }
            )
    return rows


def scope_table(data: xr.Dataset) -> dict[str, Any] | None:
    """Return which networks theory was not derived for, which theory is left out and why, and which is drawn all the same."""
    activations, losses = scope.others(data), scope.no_squares(data)
    if not (activations or losses):
        return None
    kinds = list(product(scope.activations(data), scope.losses(data)))
    predicted = [boundary for boundary in BOUNDARIES.values() if boundary.predicted]
    # Only theory with something to draw or to compare.
    accounts = [account for account in ACCOUNTS if f"{account.name}_error" in data]
    lines = [each for each in predicted if each.field in data and bool(np.isfinite(data[each.field]).any())]
    here = [(each.words, each.holds_for) for each in accounts] + [(each.words, each.holds_for) for each in lines]
    holds = [(words, holds_for(*kind)) for words, holds_for in here for kind in kinds]
    # The parts stand for an account that is made up of others.
    every = [(each.words, each.holds_for) for each in ACCOUNTS if not each.parts]
    every += [(each.words, each.holds_for) for each in predicted]
    held = [words for words, holds_for in every if any(holds_for(*kind).carried for kind in kinds)]
    return {
        "activations": ", ".join(activations),
        "all": not (scope.of_cells(data) == scope.LINEAR).any(),
        "losses": ", ".join(losses),
        "all_losses": len(losses) == len(scope.losses(data)),
        "left_out": [
            {"words": words, "reason": reason}
            for words, reason in dict.fromkeys((words, each.reason) for words, each in holds if not each.compared)
        ],
        "carried": ", ".join(dict.fromkeys(held)) + ", and the kernels T and Θ∞",
    }


def disagreement(data: xr.Dataset) -> str | None:
    """Return the share of the settled networks whose order parameters disagree; None if no cell has one."""
    shares = data["disagreement_share"].values
    return f"{np.nanmean(shares):.1%}" if np.isfinite(shares).any() else None


def theory_table(data: xr.Dataset) -> list[tuple[str, str, list[str]]]:
    """Return (theory, meaning of its error, numbers) of each theory in the summary.

    The numbers are the shares of cells below 1 %, 5 % and 20 %, the median error and the number of cells with one.
    """
    rows = []
    for account in ACCOUNTS:
        name = f"{account.name}_error"
        if not account.row or name not in data:
            continue
        errors = data[name].sel(quantile=0.5).values.ravel()
        errors = errors[~np.isnan(errors)]
        if errors.size:
            shares = [f"{np.mean(errors < bound):.0%}" for bound in (0.01, 0.05, 0.2)]
            holds = [account.holds_for(activation) for activation in scope.activations(data)]
            text = account.row + (scope.OF_LINEAR if any(each.carried for each in holds) else "")
            rows.append((text, data[name].attrs["long_name"], [*shares, f"{np.median(errors):.2g}", str(errors.size)]))
    return rows


def published_table(data: xr.Dataset, sweep: Sweep) -> dict[str, Any] | None:
    """Return distances to the published points, for each cell: settings, median and worst over replicates."""
    if "published_loss_error" not in data or "published_plateau_error" not in data:
        return None
    dims = data["phase"].dims
    names = [name for name in data.coords if data[name].dims and data[name].dims[0] in dims]
    stacked = data.stack(cell=dims, create_index=False) if dims else data.expand_dims("cell")
    rows: list[dict[str, Any]] = []
    for i in range(stacked.sizes["cell"]):
        one = stacked.isel(cell=i)
        rows.append(
            {
                "setting": [_value(one[name].item()) for name in names],
                "loss": f"{float(one['published_loss_error'].sel(quantile=0.5)):.2%}",
                "loss_worst": f"{float(one['published_loss_error_worst']):.2%}",
                "plateau": f"{float(one['published_plateau_error'].sel(quantile=0.5)):.2%}",
                "plateau_worst": f"{float(one['published_plateau_error_worst']):.2%}",
                "replicate": f"{float(one['nearest_replicate']):g}",
                "nearest": float(one["published_loss_error_nearest"]),
                "nearest_ratio": f"{float(one['published_ratio_error_nearest']):.2%}",
                "onset": f"{float(one['onset_step'].sel(quantile=0.5)):g}",
                "k": f"{float(one['growth_per_step'].sel(quantile=0.5)):.4f}",
                "kernel": [
                    f"{float(one[f'kernel_{which}_{place}'].sel(quantile=0.5)):.3g}"
                    for which in ("same", "lagged")
                    for place in ("plateau", "end")
                ]
                if "kernel_same_end" in one
                else None,
            }
        )
    assert sweep.figures.published is not None, "a summary has these distances only where its sweep names points"
    points = load_published(sweep.figures.published)
    steps = points["step"][plateau(points)]
    early = stage_one_plateau(points)
    kernel = {}
    if "kernel_same_end" in data and early.any():
        kernel = {
            "kernel": [f"{np.median(points['ntk_error'][early]):.3g}", f"{points['ntk_error'][-1]:.3g}"],
            "kernel_steps": f"{points['step'][early].min():g} to {points['step'][early].max():g}",
        }
    return {
        "symbols": [data[name].attrs.get("symbol") or name for name in names],
        "rows": rows,
        "best": min(rows, key=lambda row: np.nan_to_num(row["nearest"], nan=np.inf)),
        "source": source_name(sweep.figures.published_source or "") if stand_in(sweep) else "",
        "start": f"{points['loss'][0]:g}",
        "steps": f"{steps.min():g} to {steps.max():g}",
        "last": f"{points['step'][-1]:g}",
        **kernel,
    }


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
