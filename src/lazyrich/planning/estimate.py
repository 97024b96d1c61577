"""What is left to train of a sweep, what that takes, and whether it is more than the configuration's budget."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cost import work
from lazyrich.planning.plan import SHARD_DISK, SHARD_SECONDS, first_cells, shard_networks, whole
from lazyrich.sweep.config import Budget
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import counted
from lazyrich.system.errors import LazyrichError

FEW_SHARDS = 1000


class Estimate(NamedTuple):
    """Networks and shards that are not trained yet; hours of one core (or one GPU), bytes on disk, most bytes of one job."""

    networks: int
    shards: int
    hours: float
    disk: float
    memory: float


def estimate(shards: dict[str, Recipe], done: Collection[str], constants: work.Amounts, *, gpu: bool) -> Estimate:
    """Return what the shards that are not `done` take, by the cost model with these constants."""
    left = [shard for name, shard in shards.items() if name not in done]
    jobs = [work.of_job("simulate_shard", shard, gpu=gpu) for shard in left]
    return Estimate(
        sum(shard.networks for shard in left),
        len(left),
        sum(work.cost(job, constants, "seconds") for job in jobs) / 3600,
        sum(work.cost(job, constants, "disk") for job in jobs),
        max((work.cost(job, constants, "memory") for job in jobs), default=0.0),
    )


def check_whole(
    sweep: Sweep, known: dict[str, Recipe], constants: work.Amounts, budget: Budget, name: str, *, gpu: bool
) -> None:
    """Refuse a sweep that is far over budget before its shards are counted, which takes minutes where they are many.

    Less than `FEW_SHARDS` are counted in a second, and shown. The cost of the sweep less that of its `known` shards, judged
    by a few cells, is at most half wrong: less than twice the budget is left to `check` on the shards themselves.

    Raises
    ------
    ValueError
        with file, key, number and fix.
    """
    first = first_cells(sweep)
    share = sum(first) / len(first) if first else 1.0
    all_of_it = estimate({"": whole(sweep)}, (), constants, gpu=gpu)
    there = estimate(known, (), constants, gpu=gpu)
    left = all_of_it._replace(
        networks=max(0, int(share * all_of_it.networks) - there.networks),
        hours=share * all_of_it.hours - there.hours,
        disk=share * all_of_it.disk - there.disk,
    )
    shards = max(3600 * left.hours / SHARD_SECONDS, left.disk / SHARD_DISK, left.networks / shard_networks())
    if shards < FEW_SHARDS:
        return
    if left.hours > 2 * budget.core_hours or left.disk > 2e9 * budget.disk_gb:
        check(left, budget, name)


def check(found: Estimate, budget: Budget, name: str) -> None:
    """Refuse what is over budget.

    Raises
    ------
    ValueError
        with file, key, number and fix.
    """
    for key, unit, asked, most in (
        ("core_hours", "hours of one core or GPU", found.hours, budget.core_hours),
        ("disk_gb", "GB on disk", found.disk / 1e9, budget.disk_gb),
    ):
        if asked > most:
            raise LazyrichError(
                f"{name}: the {counted(found.networks, 'network')} still to train take about {asked:,.3g} {unit}, and "
                f"budget.{key} = {most:g} in config/config.yaml; write a coarser sweep, or raise the budget"
            )
