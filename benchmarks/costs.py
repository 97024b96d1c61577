"""Measure the constants of `lazyrich.planning.cost.work`: seconds of each kind of work, bytes of memory and of disk.

    python benchmarks/costs.py

Each simulation runs in a process of its own, on one thread, and is timed by the processor's clock. Networks grow so slowly that
none stops early. Printed are the constants and how far the model is from each measurement.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cost.work import of_recipe
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep


class Case(NamedTuple):
    """So many networks of one kind."""

    samples: int
    steps: int
    points: int
    count: int
    width: int = 1024
    activation: str = "linear"
    replicates: int = 1
    spectrum: str = "isotropic"


def recipe(case: Case) -> Recipe:
    """The case's networks."""
    problem = {"samples": case.samples, "dimension": 10000, "noise_std": 0.1, "spectrum": case.spectrum}
    if case.spectrum == "power_law":
        problem["spectrum_exponent"] = 1.0
    return whole(
        load_sweep(
            {
                "problem": problem,
                "network": {
                    "width": case.width,
                    "activation": case.activation,
                    "laziness": {"log": [1e-3, 10], "points": case.count},
                },
                "training": {"growth_per_step": 1e-6, "steps": case.steps},
                "record": {"summary": True} if case.points == 1 else {"points": case.points},
                "replicates": case.replicates,
            }
        )
    )


def cases() -> Iterator[Case]:
    """Cases that tell the kinds of work apart; no record repeats another, which would compress to nothing."""
    for samples, count in ((2, 20000), (5, 20000), (10, 20000), (32, 4000), (100, 400)):
        for steps, points in (
            (1, 1),
            (64, 64),
            (2000 if samples < 50 else 500, 1),
            (2000 if samples < 50 else 500, 64),
        ):
            yield Case(samples, steps, points, count)
    yield Case(10, 300, 256, 10000)
    yield Case(10, 20000, 1, 2000)
    yield Case(300, 200, 8, 32)
    yield Case(10, 10, 1, 2)
    yield Case(10, 10, 1, 2, replicates=2000)
    yield Case(10, 10, 1, 2, replicates=200, spectrum="power_law")
    for samples, width, count in ((5, 64, 512), (10, 256, 128), (10, 4096, 16), (50, 256, 32), (50, 1024, 16)):
        for steps, points in ((1, 1), (64, 64), (300, 1), (300, 64)):
            yield Case(samples, steps, points, count, width, "relu")
    yield Case(10, 10, 1, 2, 1024, "relu", replicates=200)


def measure(case: Case) -> dict[str, float]:
    """Seconds, peak memory beyond that of an idle job and size of the file of one simulation; in this process."""
    simulate(recipe(case._replace(steps=3, count=8, replicates=1)))  # what is imported and loaded once
    start = time.process_time()
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asked = recipe(case)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.nc"
        begin = time.process_time()
        archive.write(archive.described(simulate(asked), asked), path)
        seconds = time.process_time() - begin
        size = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "start": start, "idle": idle * 1024, "memory": (peak - idle) * 1024, "disk": size}


def fitted(rows: list[dict[str, float]], values: list[float]) -> tuple[dict[str, float], np.ndarray]:
    """Constants, none negative, that meet the values best by their relative errors, and model/measured of each."""
    kinds = list(dict.fromkeys(kind for row in rows for kind in row))
    table = np.array([[row.get(kind, 0.0) for kind in kinds] for row in rows])
    found, _ = nnls(table / np.array(values)[:, None], np.ones(len(values)))
    return dict(zip(kinds, found, strict=True)), table @ found / values


def main() -> None:
    """Measure every case and print the constants."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(Case(*json.loads(sys.argv[1])))))
        return
    measured = []
    for case in cases():
        command = [sys.executable, __file__, json.dumps(case)]
        for _ in range(2):  # the first may compile
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        measured.append((case, json.loads(output.splitlines()[-1])))
        print(tuple(case), measured[-1][1], file=sys.stderr)
    for what in ("seconds", "memory", "disk"):
        rows = []
        for case, _ in measured:
            amounts = of_recipe(recipe(case))
            amounts[what, "", "job"] += 1.0
            rows.append({kind: amount for kind, amount in amounts.items() if kind[0] == what})
        constants, ratio = fitted(rows, [found[what] for _, found in measured])
        for kind, value in constants.items():
            print(f"{kind}: {value:.2g},")
        print(
            f"model/measured {what}: {np.quantile(ratio, [0, 0.16, 0.5, 0.84, 1]).round(2)}; worst:",
            {str(tuple(measured[i][0])): round(float(ratio[i]), 2) for i in np.argsort(np.abs(np.log(ratio)))[-6:]},
        )
    start, idle = (np.median([found[name] for _, found in measured]) for name in ("start", "idle"))
    print(f"start of a job, to be added to its own: {start:.2g} s, {idle:.2g} bytes")


if __name__ == "__main__":
    main()
