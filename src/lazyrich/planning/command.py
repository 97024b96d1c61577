"""Commands that pages and messages show: what makes a file, looks at it, and replays a stored network."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from lazyrich.planning.describe import is_own
from lazyrich.sweep.sweep import Sweep


def named(sweep: Sweep) -> list[list[str]]:
    """What `--cell` takes for each point along each dimension of the grid, `axis=value` with the values of the sweep file."""
    return [
        [" ".join(shlex.quote(f"{n}={_spelled(v)}") for n, v in zip(names, point, strict=True)) for point in points]
        for names, points in sweep.dims.items()
    ]


def snakemake_command(target: Path, results: Path) -> str:
    """`snakemake` of a file in a results folder."""
    elsewhere = [] if is_own(results) else ["--config", f"results={results}", "--"]
    return shlex.join(["snakemake", "--cores", "all", *elsewhere, str(target)])


def explore_command(results: Path) -> str:
    """`lazyrich explore` of a results folder."""
    return shlex.join(["lazyrich", "explore", *([] if is_own(results) else [str(results)])])


def replay_command(name: str, cell: str, results: Path, replicate: int) -> str:
    """`lazyrich replay` of a network of the sweep `name` in a results folder; `cell` is what `--cell` takes."""
    folder = "" if is_own(results) else f" --results {shlex.quote(str(results))}"
    return f"lazyrich replay {shlex.quote(name)}{folder} --cell {cell} --replicate {replicate}"


def _spelled(value: Any) -> str:
    """A value in the digits that a sweep keeps."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
