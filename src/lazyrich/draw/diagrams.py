"""Which maps a sweep has: what each shows, its boundaries and its caption; and the planes over which maps are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import holoviews as hv
import xarray as xr

from lazyrich.analysis.codes import Codes
from lazyrich.analysis.fields import median
from lazyrich.analysis.phases import PHASES, RICH_VOTES
from lazyrich.analysis.theories import BEST_THEORY
from lazyrich.draw import maps
from lazyrich.draw.map_frame import MapFrame
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
# Numbers of a summary whose maps need no caption of their own: variable -> heading.
NUMBERS = {
    "accuracy": "Accuracy at the end",
    "test_accuracy": "Test accuracy at the end",
    "margin": "Smallest margin at the end",
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
    codes: Codes | None
    lines: tuple[str, ...]
    caption: str
    figure: bool = True

    def draw(self, plane: xr.Dataset, x: str, y: str, backend: str, title: str, **options: Any) -> hv.Overlay:
        """Draw the map over one plane; `options` are further fields of `MapFrame`."""
        frame = MapFrame(plane, x, y, backend, title, self.lines, **options)
        return maps.value_map(frame, self.variable) if self.codes is None else maps.code_map(frame, self.codes)


def most(replicates: int) -> str:
    """Return the words of a caption that say whose code a map shows."""
    return f"of most of {replicates} replicates in each cell" if replicates > 1 else "of the one network in each cell"


def at_quantile(quantile: float, replicates: int) -> str:
    """Return the words of a caption that say which number of a cell's networks a map shows."""
    which = "median" if quantile == 0.5 else f"{quantile:.0%} quantile"
    return f"{which} of {replicates} replicates" if replicates > 1 else "one network a cell"


def _phases(sweep: Sweep, summary: xr.Dataset) -> Diagram:
    return Diagram("phase_diagram", "Phases", "phase", PHASES, EDGES, f"Phase {most(sweep.replicates)}.")


def _kernel_change(sweep: Sweep, summary: xr.Dataset) -> Diagram:
    return Diagram(
        "kernel_change",
        "Change of the kernel",
        "kernel_change",
        None,
        LAZY_RICH,
        "Relative change of the neural tangent kernel at the end of training, "
        f"{at_quantile(0.5, sweep.replicates)}; grey: no value (diverged){_white(summary, 'kernel_change')}.",
    )


def _onset(sweep: Sweep, summary: xr.Dataset) -> Diagram:
    return Diagram(
        "onset_step",
        "Onset of learning",
        "onset_step",
        None,
        LAZY_RICH[1:],
        f"Step at which the loss has fallen by the onset share, {at_quantile(0.5, sweep.replicates)}; grey: no value "
        f"(diverged, or not reached){_white(summary, 'onset_step')}.",
    )


def _test_loss(sweep: Sweep, summary: xr.Dataset) -> Diagram | None:
    if "test_loss" not in summary:
        return None
    return Diagram(
        "test_loss",
        "Test loss",
        "test_loss",
        None,
        LAZY_RICH,
        f"Loss of {sweep.problem.test_samples} held-out samples at the end of training, "
        f"{at_quantile(0.5, sweep.replicates)}; grey: no value (diverged){_white(summary, 'test_loss')}.",
    )


def _order_parameters(sweep: Sweep, summary: xr.Dataset) -> Diagram | None:
    recorded = [name for name in ("alignment", "weight_change") if name in summary]
    if not recorded:
        return None
    level = sweep.phases
    return Diagram(
        "order_parameters",
        "Rich by which order parameter",
        "rich_votes",
        RICH_VOTES,
        LAZY_RICH,
        f"Which order parameters call a network rich at its end, {most(sweep.replicates)}: the kernel's change (κ_c), the "
        f"alignment rms ρ_r/(√γ rms v_r) (from {level.alignment:.2g}), the first layer's relative change (from "
        f"{level.weight_change:.2g}){'' if len(recorded) == 2 else f'; recorded: kernel, {recorded[0]}'}. Where they "
        "disagree, lazy or rich depends on what one looks at.",
    )


def _validity(sweep: Sweep, summary: xr.Dataset) -> Diagram | None:
    if "best_theory" not in summary:
        return None
    return Diagram(
        "validity",
        "Which theory describes it best",
        "best_theory",
        BEST_THEORY,
        ASSUMPTION,
        f"Theory whose target overlap stays closest to the simulated one over the whole run, {most(sweep.replicates)}; none: "
        f"all are off by more than {sweep.phases.theory_error:.2g} of the targets.",
    )


def _agreement(sweep: Sweep, summary: xr.Dataset) -> Diagram | None:
    if sweep.replicates == 1:
        return None
    return Diagram(
        "agreement",
        "Replicates that agree on the phase",
        "agreement",
        None,
        EDGES,
        f"Share of {sweep.replicates} replicates in the phase that most of them are in{_white(summary, 'agreement')}.",
    )


# To add a map, write a function of a sweep and its summary that returns it (or None) and name it here. A number of a summary
# whose `long_name` is caption enough only needs a line in `NUMBERS`.
DIAGRAMS: tuple[Callable[[Sweep, xr.Dataset], Diagram | None], ...] = (
    _phases,
    _kernel_change,
    _onset,
    _test_loss,
    _order_parameters,
    _validity,
    _agreement,
)


def diagrams(sweep: Sweep, summary: xr.Dataset) -> list[Diagram]:
    """Return the maps that suit a summary with two numeric axes, phases first."""
    main = [diagram for make in DIAGRAMS if (diagram := make(sweep, summary)) is not None]
    middle, cells = at_quantile(0.5, sweep.replicates), summary["phase"].dims
    return main + [
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


def _white(summary: xr.Dataset, name: str) -> str:
    """Return what a map's caption says where some of its cells were not run."""
    if not (summary["networks"] == 0).any() or not maps.not_run(summary, name).any():
        return ""
    return "; white: not run" + (", nor between cells with a value" if "refine_level" in summary else "")


def slices(summary: xr.Dataset, x: str, y: str) -> Iterator[tuple[xr.Dataset, str]]:
    """Yield the planes of a summary over its other axes, the last one fastest, each with its name."""
    others = [str(dim) for dim in summary["phase"].dims if dim not in (x, y)]
    for place in product(*(range(summary.sizes[dim]) for dim in others)):
        plane = summary.isel(dict(zip(others, place, strict=True)))
        yield plane, point(plane, others)


def point(summary: xr.Dataset, dims: Sequence[str]) -> str:
    """Return the values of a summary's coordinates on the dimensions `dims`, which were indexed away, in words."""
    parts = []
    for name, value in summary.coords.items():
        if value.ndim == 0 and name != "quantile" and dims:
            text = f"{value.item():.4g}" if value.dtype.kind in "fiu" else str(value.item())
            parts.append(f"{value.attrs.get('symbol') or name} = {text}")
    return ", ".join(parts)
