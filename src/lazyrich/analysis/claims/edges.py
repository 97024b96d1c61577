"""The edges of stability: in k for rich starts, in their own clock for lazy ones; one sample makes K = κI exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.boundaries import coordinate
from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import PROJECT, Picture, Row
from lazyrich.analysis.follow import follow
from lazyrich.engines.trajectories import Status
from lazyrich.theory import boundaries


def rows(data: Data) -> Iterator[Row]:
    """Yield thresholds from below: the smallest k, or clock, at which something else happens."""
    yield from _rich(data["rich_edge"])
    yield from _lazy(data["lazy_edge"])
    yield _convergence(data["learning_rate"])


def _rich(trained: Trained) -> Iterator[Row]:
    k = trained.column("growth_per_step")
    status, period = trained.networks["status"].values, trained.networks["period"].values
    levels = np.unique(k)
    spacing = float(np.diff(levels).max())
    rises = _rises(trained)
    seen = {
        "monotone": (
            boundaries.MONOTONE_FROM_SMALL,
            f"from a small start, whatever its size, the loss falls monotonically up to k = "
            f"{boundaries.MONOTONE_FROM_SMALL:.3f}",
            rises,
        ),
        "converges": (boundaries.STABLE, "training converges up to k = 1", status != Status.converged),
        "period_4": (
            boundaries.PERIOD_FOUR,
            "a cycle of two steps gives way to one of four at k = √5 − 1",
            period == 4,
        ),
        "bounded": (boundaries.BOUNDED, "training stays bounded up to k = 2", status == Status.diverged),
    }
    share = {what: [float(mask[k == level].mean()) for level in levels] for what, (_, _, mask) in seen.items()}
    curves = {what: (levels, np.array(values)) for what, values in share.items()}
    words = {
        "monotone": "loss not monotone",
        "converges": "not converged",
        "period_4": "period 4",
        "bounded": "diverged",
    }
    happens = {
        "monotone": "the loss rises at some step",
        "converges": "training does not converge",
        "period_4": "training ends on a cycle of four steps",
        "bounded": "training diverges",
    }
    for what, (expected, statement, mask) in seen.items():
        starts = trained.column("laziness")
        first = [float(k[mask & (starts == start)].min(initial=np.inf)) for start in np.unique(starts)]
        yield Row(
            f"rich_edge_{what}",
            PROJECT,
            f"{statement} (rich start, K = κI)",
            f"smallest k at which {happens[what]} from some start (in brackets: the smallest and largest over single starts)",
            trained.setting,
            verdicts.number(
                min(first),
                min(first),
                max(first),
                expected,
                1.5 * spacing,
                "a cell of the grid, and one for sampled starts",
            ),
            Picture(
                "k, growth per step",
                "share of networks",
                {words[name]: curve for name, curve in curves.items()},
                {f"k = {expected:.4g}": (np.full(2, expected), np.array([0.0, 1.0]))},
                log_x=False,
                log_y=False,
            ),
            remark=""
            if what != "monotone"
            else f"The edge is the least over {len(first)} starts, whose sizes D fill the factor (1 + k)² by which D grows in "
            f"a step; single starts have theirs from {min(first):.4g} to {max(first):.4g}.",
        )


def _rises(trained: Trained) -> np.ndarray:
    """Return whether the loss of each network rises at any step, as it does without end where training does not converge."""
    data = trained.networks
    converged = data["status"].values == Status.converged
    found = ~converged
    # Records are too far apart to tell.
    for i in np.flatnonzero(converged).tolist():
        one = follow(data, i)
        overlap = np.array([one.output(now)[0] / one.targets[0] for now in one.snapshots(range(MOST_STEPS))])
        loss = (1 - overlap) ** 2
        # Below this share of its start the loss is rounding.
        rising = np.diff(loss) > 1e-12
        found[i] = rising.any()
    return found


# By then every start of the sweep has converged or shown its cycle: onset takes ln(1/χ)/(2 ln(1 + k)) ≈ 13 steps.
MOST_STEPS = 120


def _lazy(trained: Trained) -> Iterator[Row]:
    clock = trained.column("learning_rate") * trained.column("sharpness_start")
    data = trained.networks
    growth = data["loss_max"].values / data["loss_start"].values
    diverged = data["status"].values == Status.diverged
    chi = trained.column("laziness")
    one = (chi == chi.max()) & (trained.column("replicate") == 0)
    spacing = float(np.diff(np.sort(clock[one])).max())
    for what, expected, statement, mask, words in (
        (
            "monotone",
            boundaries.MONOTONE_CLOCK,
            "the loss rises first (a catapult) from cηλ_max(Θ₀)/n = 2 on",
            growth > 1 + 1e-6,
            "the loss rises",
        ),
        (
            "bounded",
            boundaries.CATAPULT_CLOCK,
            "training diverges from cηλ_max(Θ₀)/n = 4 on",
            diverged,
            "training diverges",
        ),
    ):
        first = [float(clock[mask & (chi == level)].min(initial=np.inf)) for level in np.unique(chi)]
        yield Row(
            f"lazy_edge_{what}",
            PROJECT,
            f"{statement} (lazy start, n = 1)",
            f"smallest clock cηλ_max(Θ₀)/n at which {words}, at each χ",
            trained.setting,
            verdicts.number(
                float(np.median(first)),
                min(first),
                max(first),
                expected,
                1.5 * spacing,
                "a cell of the grid, and one for sampled starts",
            ),
            Picture(
                "cηλ_max(Θ₀)/n, clock of a lazy start",
                "max L/L₀",
                {
                    f"χ = {level:g}": (clock[(chi == level) & ~diverged], growth[(chi == level) & ~diverged])
                    for level in np.unique(chi)
                },
                {f"{expected:g}": (np.full(2, expected), np.array([1.0, np.nanmax(growth[~diverged])]))},
                log_x=False,
            ),
        )


def _convergence(trained: Trained) -> Row:
    summary = trained.summary
    k, chi = summary["growth_per_step"].values, summary["laziness"].values
    share = summary["converged_share"].transpose("laziness", "growth_per_step").values
    places, _ = coordinate(k)
    spacing = np.diff(places).mean()
    used = chi <= 0.3
    # −∞ where nothing converges.
    last = np.array([places[row >= 0.5].max(initial=-np.inf) for row in share[used]])
    # Training converges up to k = 1: its last cell is the one that holds it.
    away = np.abs(last) / spacing
    return Row(
        "no_stable_solution",
        PROJECT,
        "descent converges up to k = 1 (and to no solution beyond), for χ ≤ 0.3",
        "distance of the last converged cell to k = 1, in cells, at each χ; allowed is 1",
        trained.setting,
        verdicts.bound(away, 1.0, {"1/χ": 1 / chi[used]}),
        Picture(
            "χ, laziness",
            "k, growth per step of the last converged cell",
            {"measured": (chi[used], 10**last)},
            {"k = 1": (np.array([chi.min(), 0.3]), np.ones(2))},
        ),
    )
