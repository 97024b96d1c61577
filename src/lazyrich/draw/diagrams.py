"""Which maps a sweep has: what each shows, what is laid over it and how it is explained; the planes they are drawn over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import holoviews as hv
import xarray as xr

from lazyrich.analysis.fields import median
from lazyrich.draw import maps
from lazyrich.sweep.sweep import Sweep

# Boundaries that each kind of map shows.
LAZY_RICH = ("lazy_rich_measured", "lazy_rich_predicted")
EDGES = (
    *LAZY_RICH,
    "convergence_measured",
    "flow_stability_predicted",
    "no_stable_solution_predicted",
    "lazy_divergence_predicted",
)
ASSUMPTION = ("conclusions_measured", "assumption_predicted", "lazy_rich_predicted")
# Numbers of a summary that are shown beside the diagrams with a caption of their own: variable -> heading.
NUMBERS = {
    "alignment": "Alignment at the end",
    "weight_change": "Change of the first layer",
    "ntk_target_error": "Distance of the end kernel to T",
    "ntk_end_error": "Distance of the end kernel to Θ∞",
    "loss_growth": "Largest loss",
    "sharpness_change": "Change of sharpness",
    "end_step": "End of training",
    "best_theory_error": "Error of the best theory",
    "period": "Period of the loss",
    "laziness": "Laziness",
    "growth_per_step": "Growth per step",
    "stability_fraction": "Share of the largest stable step",
}


@dataclass(frozen=True)
class Diagram:
    """A map of one variable; `figure` says whether it is also written as a figure of its own."""

    name: str
    heading: str
    variable: str
    codes: maps.Codes | None
    lines: tuple[str, ...]
    caption: str
    figure: bool = True

    def draw(self, plane: xr.Dataset, x: str, y: str, backend: str, title: str, **options: Any) -> hv.Overlay:
        """The map over one plane; `options` as in `maps.code_map`."""
        if self.codes is not None:
            return maps.code_map(plane, x, y, self.codes, backend, title, self.lines, **options)
        return maps.value_map(plane, x, y, self.variable, backend, title, self.lines, **options)


def most(replicates: int) -> str:
    """Whose code a map shows, as its caption says it."""
    return f"of most of {replicates} replicates in each cell" if replicates > 1 else "of the one network in each cell"


def at_quantile(quantile: float, replicates: int) -> str:
    """Which number of a cell's networks a map shows, as its caption says it."""
    which = "median" if quantile == 0.5 else f"{quantile:.0%} quantile"
    return f"{which} of {replicates} replicates" if replicates > 1 else "one network a cell"


def diagrams(sweep: Sweep, summary: xr.Dataset) -> list[Diagram]:
    """The maps that suit a summary with two numeric axes, phases first."""
    cell, middle = most(sweep.replicates), at_quantile(0.5, sweep.replicates)
    level = sweep.phases
    found = [
        Diagram("phase_diagram", "Phases", "phase", maps.PHASES, EDGES, f"Phase {cell}."),
        Diagram(
            "kernel_change",
            "Change of the kernel",
            "kernel_change",
            None,
            LAZY_RICH,
            f"Relative change of the neural tangent kernel at the end of training, {middle}; grey: no value (diverged)"
            f"{_white(summary, 'kernel_change')}.",
        ),
        Diagram(
            "onset_step",
            "Onset of learning",
            "onset_step",
            None,
            LAZY_RICH[1:],
            f"Step at which the loss has fallen by the onset share, {middle}; grey: no value (diverged, or not reached)"
            f"{_white(summary, 'onset_step')}.",
        ),
    ]
    if "test_loss" in summary:
        found.append(
            Diagram(
                "test_loss",
                "Test loss",
                "test_loss",
                None,
                LAZY_RICH,
                f"Loss of {sweep.problem.test_samples} held-out samples at the end of training, {middle}; grey: no value "
                f"(diverged){_white(summary, 'test_loss')}.",
            )
        )
    recorded = [name for name in ("alignment", "weight_change") if name in summary]
    if recorded:
        found.append(
            Diagram(
                "order_parameters",
                "Rich by which order parameter",
                "rich_votes",
                maps.VOTES,
                LAZY_RICH,
                f"Which order parameters call a network rich at its end, {cell}: the kernel's change (κ_c), the alignment rms "
                f"ρ_r/(√γ rms v_r) (from {level.alignment:.2g}), the first layer's relative change (from "
                f"{level.weight_change:.2g}){'' if len(recorded) == 2 else f'; recorded: kernel, {recorded[0]}'}. Where they "
                "disagree, lazy or rich depends on what one looks at.",
            )
        )
    if "best_theory" in summary:
        found.append(
            Diagram(
                "validity",
                "Which theory describes it best",
                "best_theory",
                maps.THEORIES,
                ASSUMPTION,
                f"Theory whose target overlap stays closest to the simulated one over the whole run, {cell}; none: all are off "
                f"by more than {level.theory_error:.2g} of the targets.",
            )
        )
    if sweep.replicates > 1:
        found.append(
            Diagram(
                "agreement",
                "Replicates that agree on the phase",
                "agreement",
                None,
                EDGES,
                f"Share of {sweep.replicates} replicates in the phase that most of them are in"
                f"{_white(summary, 'agreement')}.",
            )
        )
    cells = summary["phase"].dims
    found += [
        Diagram(
            name,
            heading,
            name,
            None,
            LAZY_RICH,
            f"{summary[name].attrs.get('long_name', name).capitalize()}, {middle}; grey: no value{_white(summary, name)}.",
            figure=False,
        )
        for name, heading in NUMBERS.items()
        if name in summary and set(median(summary[name]).dims) == set(cells)
    ]
    return found


def _white(summary: xr.Dataset, name: str) -> str:
    """What a map's caption says where some of its cells were not run."""
    if not (summary["networks"] == 0).any() or not maps.not_run(summary, name).any():
        return ""
    return "; white: not run" + (", nor between cells with a value" if "refine_level" in summary else "")


def slices(summary: xr.Dataset, x: str, y: str) -> Iterator[tuple[xr.Dataset, str]]:
    """The planes of a summary over its other axes, the last one fastest, each with its name."""
    others = [dim for dim in summary["phase"].dims if dim not in (x, y)]
    for place in product(*(range(summary.sizes[dim]) for dim in others)):
        plane = summary.isel(dict(zip(others, place, strict=True)))
        yield plane, point(plane, others)


def point(summary: xr.Dataset, dims: Sequence[str]) -> str:
    """The values of a summary's coordinates at one point of the dimensions `dims`, which were indexed away."""
    parts = []
    for name, value in summary.coords.items():
        if value.ndim == 0 and name != "quantile" and dims:
            shown = f"{value.item():.4g}" if value.dtype.kind in "fiu" else str(value.item())
            parts.append(f"{value.attrs.get('symbol') or name} = {shown}")
    return ", ".join(parts)
