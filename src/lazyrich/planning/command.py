"""Commands that pages and messages show: to make a file, to explore it, and to replay a stored network."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from lazyrich.planning.describe import is_own
from lazyrich.sweep.sweep import Sweep


def named(sweep: Sweep) -> list[list[str]]:
    """Return `axis=value` for `--cell`, for each point along each grid dimension, with the values of the sweep file."""
    return [
        [" ".join(shlex.quote(f"{n}={_spelled(v)}") for n, v in zip(names, point, strict=True)) for point in points]
        for names, points in sweep.dims.items()
    ]


def snakemake_command(target: Path, results: Path) -> str:
    """Return the `snakemake` command for a file in a results folder."""
    elsewhere = [] if is_own(results) else ["--config", f"results={results}", "--"]
    return shlex.join(["snakemake", "--cores", "all", *elsewhere, str(target)])


def explore_command(results: Path) -> str:
    """Return the `lazyrich explore` command for a results folder."""
    return shlex.join(["lazyrich", "explore", *([] if is_own(results) else [str(results)])])


def replay_command(name: str, cell: str, results: Path, replicate: int) -> str:
    """Return the `lazyrich replay` command for a network of the sweep `name` in a results folder, `cell` as for `--cell`."""
    folder = "" if is_own(results) else f" --results {shlex.quote(str(results))}"
    return f"lazyrich replay {shlex.quote(name)}{folder} --cell {cell} --replicate {replicate}"


def _spelled(value: Any) -> str:
    """Return a value in the digits that a sweep keeps."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
