"""Time and memory of this workflow's jobs, from Snakemake's benchmark files, and cost constants fitted to them.

The shipped constants are the prior. Each may be off by its own factor: a few jobs of one kind change it little, many fit it to
this machine under its usual load.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cost.work import SHIPPED, Amounts, cost, of_job
from lazyrich.planning.folder import known_shards
from lazyrich.planning.plan import whole
from lazyrich.sweep.sweep import Sweep

MOST_FILES = 200  # of a sweep: more would teach nothing and take time in every job
SPREAD = 0.3  # of a job's time about its model, relative: other jobs, caches, clocks
DOUBT = 1.0  # of a shipped constant, relative
LEAST = 0.05  # no kind of work gets cheaper than this share of its shipped constant


class Measured(NamedTuple):
    """One job that ended: its work, threads, time and memory."""

    amounts: Amounts
    threads: int
    seconds: float
    memory: float | None  # bytes, None if the job was too short to measure


def of_sweeps(results: Path, sweeps: dict[str, Sweep]) -> list[Measured]:
    """Return the jobs of these sweeps, name -> sweep, that ended in a folder of results."""
    jobs = []
    for name, sweep in sorted(sweeps.items()):
        recipes = known_shards(results / name)
        # An analysis on a cluster does its work elsewhere, and one of a refined sweep does not do all of it.
        leave = ("analyse_sweep",) if sweep.dask or sweep.refine else ()
        jobs += read(results / name, recipes, whole(sweep), leave=leave)
    return jobs


def read(home: Path, shards: Mapping[str, Recipe], whole: Recipe, *, leave: tuple[str, ...] = ()) -> list[Measured]:
    """Return the jobs with benchmark files in a sweep's folder `home`, except rules in `leave`.

    `shards`: name -> recipe; `whole`: the sweep's recipe.
    """
    jobs = []
    files = sorted((home / "benchmarks").glob("*.tsv")) + sorted((home / "benchmarks/simulate_shard").glob("*.tsv"))
    for path in files[:MOST_FILES]:
        of_shard = path.parent.name == "simulate_shard"
        recipe = shards.get(path.stem) if of_shard else whole
        if recipe is None or path.stem in leave:
            continue
        try:
            with path.open(encoding="utf-8", newline="") as file:
                row = next(csv.DictReader(file, delimiter="\t"))
            seconds, threads = float(row["s"]), int(row["threads"])
            memory = None if row["max_rss"] == "NA" else float(row["max_rss"]) * 2**20
            gpu = "'gpu': 1" in row["resources"]
        except (StopIteration, KeyError, TypeError, ValueError):
            continue  # half written, or by a Snakemake without --benchmark-extended
        amounts = of_job("simulate_shard" if of_shard else path.stem, recipe, gpu=gpu)
        jobs.append(Measured(amounts, threads, seconds, memory))
    return jobs


def fit(jobs: Iterable[Measured]) -> Amounts:
    """Return the constants that explain the jobs best without going far from the shipped ones.

    With u the ratios of the constants to the shipped ones and w a job's shares of its predicted cost, the least of
    Σ (w·u − measured/predicted)²/SPREAD² + Σ (u − 1)²/DOUBT².
    """
    constants = Amounts(SHIPPED)
    jobs = list(jobs)
    for quantity in ("seconds", "memory"):
        rows, values = [], []
        for job in jobs:
            value = job.seconds if quantity == "seconds" else job.memory
            if value is None:
                continue
            parts = {
                kind: cost(Amounts({kind: amount}), SHIPPED, quantity, job.threads)
                for kind, amount in job.amounts.items()
            }
            predicted = sum(parts.values())
            if not predicted:  # a rule without a model
                continue
            rows.append({kind: part / predicted for kind, part in parts.items() if part})
            values.append(value / predicted)
        for kind, ratio in _ratios(rows, values).items():
            constants[kind] = SHIPPED[kind] * max(LEAST, ratio)
    return constants


def _ratios(rows: list[dict[Any, float]], values: list[float]) -> dict[Any, float]:
    """Return the minimiser u of `fit`, by its normal equations (a dozen unknowns: Gauss, without numpy)."""
    kinds = sorted({kind for row in rows for kind in row})
    matrix = [[float(i == j) / DOUBT**2 for j in range(len(kinds))] + [1 / DOUBT**2] for i in range(len(kinds))]
    for row, value in zip(rows, values, strict=True):
        weights = [row.get(kind, 0.0) for kind in kinds]
        for i, a in enumerate(weights):
            if a:
                for j, b in enumerate([*weights, value]):
                    matrix[i][j] += a * b / SPREAD**2
    # Symmetric and positive definite: no pivoting is needed.
    for i, pivot in enumerate(matrix):
        for lower in matrix[i + 1 :]:
            factor = lower[i] / pivot[i]
            for j in range(i, len(kinds) + 1):
                lower[j] -= factor * pivot[j]
    solution = [0.0] * len(kinds)
    for i in reversed(range(len(kinds))):
        partial_sum = sum(matrix[i][j] * solution[j] for j in range(i + 1, len(kinds)))
        solution[i] = (matrix[i][-1] - partial_sum) / matrix[i][i]
    return dict(zip(kinds, solution, strict=True))
