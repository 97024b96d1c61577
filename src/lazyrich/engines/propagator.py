"""The propagator engine: exact gradient descent for linear networks, O(n²) a step for any width and input dimension.

With X = U Λ^½ Vᵀ every neuron z = (v, Vᵀw) obeys the same recursion, z ← (I + G(g)) z, where

    G(g) = [[0, gᵀ], [g, 0]],    g = (cη/(mn)) Λ^½ Uᵀ(y − f),    Uᵀf = Λ^½ ⟨v Vᵀw⟩

(`docs/theory.md`, Exact reductions, written in the coordinates in which the metric is diag(−1, 1, …, 1)). The state is the
second moments M = ⟨z zᵀ⟩, which alone decide the force, and the propagator P with z(t) = P z(0), which tells what single
neurons do. No approximation is made; the only errors are those of rounding.

Here on the CPU: eight networks at a time in SIMD lanes (`simd`).
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from lazyrich.engines.marks import shares
from lazyrich.engines.simd.lanes import LANES
from lazyrich.engines.simd.recording import BLOCK
from lazyrich.engines.simd.training import Batch, Following, Results, train
from lazyrich.engines.trajectories import Recording, Trajectories, empty
from lazyrich.networks.batch import Networks, Reason
from lazyrich.networks.observables import BALANCEDNESS, LINEARISED, PROBES, TEST, WEIGHTS
from lazyrich.system import progress

CHUNK = 256  # networks that a thread takes at a time: many for eight lanes, few for balance between threads
KERNEL_ENTRIES = 2**21  # of a chunk, kept for the eigenvalues at its end: 16 MiB


def evolve(networks: Networks, recording: Recording, *, threads: int = 1) -> Trajectories:
    """Train every network of the batch.

    Parameters
    ----------
    networks
        the batch.
    recording
        which steps and observables are kept.
    threads
        networks are trained side by side on so many threads; the results do not depend on it.

    Returns
    -------
    Trajectories
    """
    count = len(recording.steps)
    result = empty(recording.steps.shape, recording.keep_probes)
    batch = _batch(networks)
    nothing = np.empty((0, 0, 0))
    results = Results(**{name: nothing if array is None else array for name, array in vars(result).items()})
    # The longest gap between records decides how far the linearised network is carried at once.
    longest = int(np.max(np.diff(recording.steps, axis=1, prepend=0)))
    following = Following(
        neurons=recording.follows_neurons,
        probes=recording.keep_probes > 0 or recording.asks(PROBES),
        balancedness=recording.asks(BALANCEDNESS),
        weights=recording.asks(WEIGHTS),
        doublings=max(1, longest.bit_length()) if recording.asks(LINEARISED) else 0,
        test=recording.asks(TEST) and networks.initial.spread is not None,
    )
    levels = shares(recording.onset, recording.converged)
    # Threads take chunks as they finish, so that long runs do not hold short ones; whole octets, so that no lane idles.
    modes = batch.eigenvalues.shape[1]
    octets = min(CHUNK, KERNEL_ENTRIES // (modes * (modes + 1)), count // (4 * threads)) // LANES
    chunk = max(1, octets) * LANES
    starts = itertools.count(0, chunk)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                start = next(starts)
            if start >= count:
                return
            stop = min(start + chunk, count)
            train(start, stop, batch, recording.steps, levels, following, results)
            progress.advance(stop - start)

    if threads == 1 or count <= chunk:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(progress.carried(work)) for _ in range(threads)]:
                future.result()
    result.observables[:, :, ~recording.observables] = np.nan
    return result


def _batch(networks: Networks) -> Batch:
    problem, start = networks.problem, networks.initial
    draws, explicit, coordinates = start.probes.shape
    probes = np.zeros((draws, coordinates, -(-explicit // BLOCK) * BLOCK))
    probes[:, :, :explicit] = np.nan_to_num(start.probes.transpose(0, 2, 1), nan=0.0)
    nothing = np.empty((0, 0, 0))
    test: dict[str, Any] = {
        "test_samples": 1.0,
        "inside": nothing,
        "outside": nothing,
        "test_y": np.empty((0, 0)),
        "spread": nothing,
    }
    if start.spread is not None:
        held_out = problem.held_out
        assert held_out is not None  # `spread` is there for test samples only
        test = {
            "test_samples": float(held_out.samples),
            "inside": np.ascontiguousarray(held_out.inside.transpose(0, 2, 1)),
            "outside": np.ascontiguousarray(held_out.outside.transpose(0, 2, 1)),
            "test_y": held_out.y,
            "spread": start.spread,
        }
    return Batch(
        problem=networks.problem_index,
        rank=problem.rank,
        eigenvalues=problem.eigenvalues,
        targets=problem.targets,
        floor=problem.floor,
        dimension=problem.dimension.astype(np.float64),
        samples=float(problem.samples),
        draw=networks.initial_index,
        moments=start.moments,
        probes=probes.reshape(-1),
        probes_width=probes.shape[2],
        observed=networks.observed_neurons,
        sigma_0=networks.sigma_0,
        v_0=networks.v_0,
        width=networks.width,
        loss_factor=networks.loss_factor,
        learning_rate=networks.learning_rate,
        steps=networks.steps,
        trainable=networks.reason == Reason.none,
        **test,
    )
