"""What of a sweep file decides its summary. Without numpy, for Snakemake reads it in every job."""

from __future__ import annotations

from lazyrich.planning.plan import canonical, whole
from lazyrich.sweep.sweep import Sweep


def analysed(sweep: Sweep) -> str:
    """The recipe, thresholds, constants, axes and refinement in one text, so that a new title does not analyse it again."""
    parts = [
        whole(sweep).recipe,
        sweep.phases.model_dump(),
        sweep.conditions.model_dump(),
        sweep.figures.model_dump(),
        *([sweep.refine.model_dump()] if sweep.refine else []),
    ]
    return canonical(parts)
