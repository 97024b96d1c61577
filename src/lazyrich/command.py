"""The command that replays a stored network, as pages show it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from lazyrich.describe import is_own
from lazyrich.sweep import Sweep


def named(sweep: Sweep) -> list[list[str]]:
    """What `--cell` takes for each point along each dimension of the grid, `axis=value` with the values of the sweep file."""
    return [
        [" ".join(shlex.quote(f"{n}={_spelled(v)}") for n, v in zip(names, point, strict=True)) for point in points]
        for names, points in sweep.dims.items()
    ]


def replay_command(name: str, cell: str, results: Path, replicate: int) -> str:
    """`lazyrich replay` of a network of the sweep `name` in a results folder; `cell` is what `--cell` takes."""
    folder = "" if is_own(results) else f" --results {shlex.quote(str(results))}"
    return f"lazyrich replay {shlex.quote(name)}{folder} --cell {cell} --replicate {replicate}"


def _spelled(value: Any) -> str:
    """A value in the digits that a sweep keeps."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
