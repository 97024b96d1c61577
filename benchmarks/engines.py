"""Speed of the exact engine beside the network trained as a user would in torch; one table, measured side by side.

    python benchmarks/engines.py

Network-steps a second: steps of gradient descent, summed over the networks that train side by side. Medians of five.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from lazyrich.engines import propagator
from lazyrich.engines.trajectories import Recording
from lazyrich.networks import networks
from lazyrich.observables import DEFAULT, NAMES
from lazyrich.plan import whole
from lazyrich.records import record_steps
from lazyrich.sweep_file import load_sweep

REPEATS = 5
STEPS = 300


def rate(work: Callable[[], int]) -> float:
    """Median of units of work a second."""
    work()  # warm
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - start))
    return statistics.median(rates)


def torch_autograd(samples: int, dimension: int, width: int) -> float:
    """Steps a second of explicit weights in float64, autograd and plain SGD."""
    X = torch.randn(samples, dimension, dtype=torch.float64)
    y = X @ torch.randn(dimension, dtype=torch.float64)
    W = (1e-3 * torch.randn(width, dimension, dtype=torch.float64)).requires_grad_()
    v = (1e-2 * torch.sign(torch.randn(width, dtype=torch.float64))).requires_grad_()
    optimiser = torch.optim.SGD([W, v], lr=1e-3)

    def work() -> int:
        for _ in range(10):
            optimiser.zero_grad()
            (((X @ W.T) @ v / width - y) ** 2).mean().backward()
            optimiser.step()
        return 10

    return rate(work)


def exact(samples: int, observables: tuple[str, ...], points: int, threads: int) -> float:
    """Network-steps a second of the propagator, with so many records of these observables."""
    count = max(512, 400_000 // samples**2)
    sweep = load_sweep(
        {
            "problem": {"samples": samples, "dimension": 10000, "noise_std": 0.1},
            "network": {"width": 1024, "laziness": {"log": [1e-3, 10], "points": count}},
            # So slow that no network stops early: every step counted is a step made.
            "training": {"growth_per_step": 1e-3, "steps": STEPS},
            "record": {**({"points": points} if points > 1 else {"summary": True}), "observables": list(observables)},
        }
    )
    recipe = whole(sweep).recipe
    (batch,) = networks(recipe)
    steps = record_steps(recipe["settings"]["record"], batch.steps)
    recording = Recording(steps, np.isin(NAMES, observables), 0.05, 1e-3)

    def work() -> int:
        propagator.evolve(batch, recording, threads=threads)
        return count * STEPS

    return rate(work)


def main() -> None:
    """Print the table."""
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    base = torch_autograd(10, 10000, 1024)
    rows = [("torch, autograd and SGD, n = 10, d = 10000, m = 1024", base)]
    for samples in (10, 32, 64):
        rows.append((f"propagator, n = {samples}, any d and m, loss at the end", exact(samples, ("loss",), 1, threads)))
    rows.append(("propagator, n = 10, 64 records of the default observables", exact(10, DEFAULT, 64, threads)))
    print(f"| {threads} cores | network-steps a second | × torch |")
    print("| --- | ---: | ---: |")
    for name, value in rows:
        print(f"| {name} | {value:,.0f} | {value / base:,.0f} |")


if __name__ == "__main__":
    main()
