"""The plan of the next level of a refined sweep, from the shards of the levels below."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lazyrich.analysis.refine import cells
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.planning.cost.work import SHIPPED
from lazyrich.planning.estimate import check, estimate
from lazyrich.planning.folder import known_shards, write_plan
from lazyrich.planning.plan import plan
from lazyrich.shards.integrity import verify
from lazyrich.sweep.config import Configuration
from lazyrich.sweep.schema import Figures
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.device import likely_device


def choose(
    sweep: Sweep, shards: Iterable[str | Path], path: Path, configuration: Configuration, *, threads: int = 1
) -> None:
    """Write the plan of a level, `levels/<level>.json` in the sweep's folder, from all shards of the levels below.

    Raises
    ------
    ValueError
        for shards that are damaged, which were moved aside, and for a level over the budget.
    """
    home, level = path.parents[1], int(path.stem)
    verify(shards, threads)
    # The trained cells only: without filling in, and without published curves.
    unrefined = sweep.model_copy(update={"figures": Figures(), "refine": None})
    level_cells = cells(sweep, summarise_sweep(unrefined, shards, threads=threads), level)
    level_shards = plan(sweep, known_shards(home), level_cells)
    remaining = estimate(level_shards, (), SHIPPED, gpu=likely_device(configuration.device) == "cuda")
    check(remaining, configuration.budget, f"level {level} of {home.name}")
    write_plan(path, level_shards)
