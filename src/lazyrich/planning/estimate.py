"""The cost of the rest of a sweep, and the check against the configuration's budget."""

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
    """Return the cost of the shards that are not `done`, by the cost model with these constants."""
    recipes = [shard for name, shard in shards.items() if name not in done]
    jobs = [work.of_job("simulate_shard", shard, gpu=gpu) for shard in recipes]
    return Estimate(
        sum(shard.networks for shard in recipes),
        len(recipes),
        sum(work.cost(job, constants, "seconds") for job in jobs) / 3600,
        sum(work.cost(job, constants, "disk") for job in jobs),
        max((work.cost(job, constants, "memory") for job in jobs), default=0.0),
    )


def check_whole(
    sweep: Sweep, shards: dict[str, Recipe], constants: work.Amounts, budget: Budget, name: str, *, gpu: bool
) -> None:
    """Refuse a sweep that is far over budget before its shards are counted, since counting many takes minutes.

    Fewer than `FEW_SHARDS` are counted in a second, and shown. The cost of the sweep less that of its planned `shards`,
    estimated from a few cells, is wrong by at most a half: a sweep below twice the budget is left to `check`.

    Raises
    ------
    ValueError
        with file, key, number and fix.
    """
    first = first_cells(sweep)
    share = sum(first) / len(first) if first else 1.0
    total = estimate({"": whole(sweep)}, (), constants, gpu=gpu)
    existing = estimate(shards, (), constants, gpu=gpu)
    remaining = total._replace(
        networks=max(0, int(share * total.networks) - existing.networks),
        hours=share * total.hours - existing.hours,
        disk=share * total.disk - existing.disk,
    )
    shard_count = max(
        3600 * remaining.hours / SHARD_SECONDS, remaining.disk / SHARD_DISK, remaining.networks / shard_networks()
    )
    if shard_count < FEW_SHARDS:
        return
    if remaining.hours > 2 * budget.core_hours or remaining.disk > 2e9 * budget.disk_gb:
        check(remaining, budget, name)


def check(remaining: Estimate, budget: Budget, name: str) -> None:
    """Refuse to train the remaining networks if they are over budget.

    Raises
    ------
    ValueError
        with file, key, number and fix.
    """
    for key, unit, amount, limit in (
        ("core_hours", "hours of one core or GPU", remaining.hours, budget.core_hours),
        ("disk_gb", "GB on disk", remaining.disk / 1e9, budget.disk_gb),
    ):
        if amount > limit:
            raise LazyrichError(
                f"{name}: the {counted(remaining.networks, 'network')} still to train take about {amount:,.3g} {unit}, and "
                f"budget.{key} = {limit:g} in config/config.yaml; write a coarser sweep, or raise the budget"
            )
