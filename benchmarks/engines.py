"""Speed of the exact engines beside their peers: one table, all of it measured side by side in one run.

    python benchmarks/engines.py

Network-steps a second: steps of gradient descent, summed over the networks that train side by side. Five rounds, in each of
which everything is measured once; rates and ratios are medians over rounds, ratios being taken within a round.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import peak
import peers
import torch

from lazyrich.engines import gram, propagator, select
from lazyrich.engines.records import record_steps
from lazyrich.engines.trajectories import Recording
from lazyrich.networks.batch import Networks, networks
from lazyrich.networks.observables import DEFAULT, NAMES
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep

ROUNDS = 5
SECONDS = 0.4  # of each measurement, at least
STEPS = 500
SIZES = (10, 32, 64)


@dataclass
class Row:
    """One line of the table; `peers` are names of the rows that its ratios are taken to."""

    name: str
    work: Callable[[], int]
    peers: tuple[str, ...] = ()
    flops: float = 0.0  # of a network-step, where its share of the peak is asked for


def rate(work: Callable[[], int]) -> float:
    """Units of work a second."""
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS:
        done += work()
    return done / elapsed


def batch(samples: int, count: int, points: int, names: tuple[str, ...], **network) -> tuple[Networks, Recording]:
    """So many networks, too slow to stop early, so that every step counted is a step made."""
    recipe = whole(
        load_sweep(
            {
                "problem": {"samples": samples, "dimension": 10000, "noise_std": 0.1},
                "network": {"width": 1024, "laziness": {"log": [1e-3, 10], "points": count}, **network},
                "training": {"growth_per_step": 1e-4, "steps": STEPS},
                "record": {"summary": True} if points == 1 else {"points": points},
            }
        )
    )
    (found,) = networks(recipe)
    steps = record_steps(recipe.settings["record"], found.steps)
    return found, Recording(steps, np.isin(NAMES, names), 0.05, 1e-3)


def engine(evolve: Callable, *arguments, **network) -> Callable[[], int]:
    """Network-steps of an engine."""
    found, recording = batch(*arguments, **network)

    def work() -> int:
        evolve(found, recording)
        return len(found.rows) * STEPS

    return work


def flops(samples: int) -> float:
    """Operations of a step of the second moments: 4 multiply-adds an element of A below the diagonal, 3 on it, and vectors."""
    return 2 * (2 * samples * (samples - 1) + 3 * samples + 9 * samples)


def fastest(*candidates: tuple[str, Callable[[], int]]) -> tuple[str, Callable[[], int]]:
    """The peer is asked in several sizes, and measured in its best one."""
    for _, work in candidates:
        work()
    return max(candidates, key=lambda candidate: rate(candidate[1]))


def rows() -> list[Row]:
    """All rows."""
    threads = peers.CORES
    torch.set_num_threads(threads)
    lanes = partial(propagator.evolve, threads=threads)
    found = [
        Row("peak", peak.flops(threads)),
        Row("torch", peers.torch_autograd(10, 10000, 1024, lambda x: x)),
        Row("torch, ReLU, m = 256", peers.torch_autograd(10, 10000, 256, torch.relu)),
    ]
    for n in SIZES:
        sizes = (256, 1024, 4096) if n == 10 else (256, 1024)
        for devices, what in ((1, "vmap + scan + jit"), (threads, f"the same, pmap over {threads} cores")):
            size, work = fastest(
                *((f"{size} networks", peers.jax_recursion(n, size, STEPS, devices=devices)) for size in sizes)
            )
            found.append(Row(f"JAX, n = {n}, {what}, {size}", work))
    for n in SIZES:
        jax = tuple(row.name for row in found if row.name.startswith(f"JAX, n = {n},"))
        work = engine(lanes, n, 4096 if n == 10 else 1024, 1, ("loss",))
        found.append(Row(f"propagator, n = {n}, loss at the end", work, ("torch", *jax), flops(n)))
    work = engine(lanes, 10, 4096, 64, DEFAULT)
    found.append(Row("propagator, n = 10, 64 records of the default observables", work, ("torch",)))
    work = engine(partial(gram.evolve, threads=threads), 10, 128, 64, DEFAULT, width=256, activation="relu")
    found.append(
        Row("Gram, ReLU, m = 256, n = 10, 64 records of the default observables", work, ("torch, ReLU, m = 256",))
    )
    if torch.cuda.is_available():
        for n in SIZES:
            name, jax = f"propagator on the GPU, n = {n}, loss at the end", f"JAX on the GPU, n = {n}"
            fused = partial(select.evolve_with, "propagator", device="cuda", threads=1)
            found.append(Row(jax, peers.jax_recursion(n, 2**14, STEPS, platform="cuda")))
            work = engine(fused, n, 2**17, 1, ("loss",))
            found.append(Row(name, work, ("torch", jax, f"propagator, n = {n}, loss at the end"), flops(n)))
    return found


def gpu_peak() -> float:
    """Double-precision peak of the GPU without tensor cores: 64 multiply-adds a clock and multiprocessor, as on H100, H200."""
    properties = torch.cuda.get_device_properties(0)
    return 2.0 * 64 * properties.multi_processor_count * 1e3 * properties.clock_rate


def table() -> None:
    """Print rates, ratios and shares of the peak."""
    found = rows()
    for row in found:
        row.work()  # compiled, and warm
    rounds = [{row.name: rate(row.work) for row in found} for _ in range(ROUNDS)]
    where = f"{peers.CORES} cores" + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "")
    print(f"| {where} | network-steps a second | × torch | × JAX | × JAX, pmap | × CPU | share of peak |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in found:
        if row.name == "peak":
            continue
        cells = {}
        for peer in row.peers:
            ratio = statistics.median(round_[row.name] / round_[peer] for round_ in rounds)
            kind = (
                "JAX, pmap"
                if "pmap" in peer
                else "JAX"
                if "JAX" in peer
                else "CPU"
                if "propagator" in peer
                else "torch"
            )
            cells[kind] = f"{ratio:,.1f}" if ratio < 100 else f"{ratio:,.0f}"
        if row.flops:
            share = statistics.median(
                round_[row.name] * row.flops / (gpu_peak() if "GPU" in row.name else round_["peak"])
                for round_ in rounds
            )
            cells["share"] = f"{share:.0%}"
        speed = statistics.median(round_[row.name] for round_ in rounds)
        columns = [cells.get(kind, "") for kind in ("torch", "JAX", "JAX, pmap", "CPU", "share")]
        print(f"| {row.name} | {speed:,.0f} | {' | '.join(columns)} |")
    peak_rate = statistics.median(round_["peak"] for round_ in rounds)
    print(f"\nPeak of {peers.CORES} cores, measured: {peak_rate / 1e9:.0f} GFlop/s in double precision.")


def sampling() -> None:
    """Print what drawing data and weights in law costs beside training: in a sweep of 64 × 64 cells, and a draw alone."""

    def planned(points: int, replicates: int) -> dict:
        sweep = {
            "problem": {"samples": 10, "dimension": 10000, "noise_std": 0.1},
            "network": {
                "width": 1024,
                "sigma_0": {"log": [1e-5, 10], "points": points},
                "v_0": {"log": [1e-5, 10], "points": points},
            },
            "training": {"growth_per_step": 1e-4, "steps": STEPS},
            "replicates": replicates,
        }
        return whole(load_sweep(sweep))

    recipe = planned(64, 4)
    (found,) = networks(recipe)
    recording = Recording(record_steps(recipe.settings["record"], found.steps), np.isin(NAMES, DEFAULT), 0.05, 1e-3)

    def seconds(work: Callable) -> float:
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    draw = seconds(lambda: list(networks(recipe)))
    train = seconds(lambda: propagator.evolve(found, recording, threads=peers.CORES))
    print(
        f"Sampling in law and deriving parameters: {draw / train:.1%} of training {len(found.rows):,} networks "
        f"({len(found.problem.rank)} draws) for {STEPS} steps with 64 records ({draw:.3f} s, {train:.2f} s)."
    )
    many = 1000
    alone = seconds(lambda: list(networks(planned(2, many)))) / many
    print(f"A draw of its own, which the cells of a replicate share, costs {1e3 * alone:.2f} ms.")


def start() -> None:
    """Print how long a simulation job takes from its imports to its first steps, with machine code cached."""
    code = (
        "import time; start = time.perf_counter()\n"
        "import lazyrich, lazyrich.shards.archive\n"
        "lazyrich.run({'problem': {'samples': 10, 'dimension': 1000}, 'network': {'width': 8, 'laziness': 1.0}, "
        "'training': {'stability_fraction': 0.1, 'steps': 5}})\n"
        "print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS + 1)
    ]
    print(f"Starting a simulation job, imports to the end of five steps: {statistics.median(times[1:]):.2f} s.")


if __name__ == "__main__":
    table()
    sampling()
    start()
