"""Training eight networks at a time in SIMD lanes: each lane with a network, a length and records of its own.

Lanes run together until one of them wants attention (a record, a threshold, an end), and take the next network as soon as they
are free, so that long runs do not hold short ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lazyrich.engines.simd import contractions
from lazyrich.engines.simd.compiled import compiled, compiled_leaf
from lazyrich.engines.simd.contractions import contract, empty_anchor
from lazyrich.engines.simd.lanes import LANES
from lazyrich.engines.simd.linearised import powers_of_contraction
from lazyrich.engines.simd.octet import advance, clear, empty_octet, step
from lazyrich.engines.simd.recording import BLOCK, fill_records
from lazyrich.engines.simd.sharpness import largest_eigenvalues
from lazyrich.engines.trajectories import DIVERGED, LARGEST, WINDOW, Status, period_of
from lazyrich.networks.training import FINISHED

_period_of = compiled_leaf(period_of)


class Batch(NamedTuple):
    """Networks as arrays for compiled code; shapes as in `Networks`, `Problem` and `Initial`."""

    problem: Any
    rank: Any
    eigenvalues: Any
    targets: Any
    floor: Any
    dimension: Any
    samples: float
    draw: Any
    moments: Any
    probes: Any  # (draws · coordinates, probes rounded up to whole lanes): 0 beyond the explicit ones
    probes_width: int
    observed: Any
    sigma_0: Any
    v_0: Any
    width: Any
    loss_factor: Any
    learning_rate: Any
    steps: Any
    trainable: Any
    test_samples: float
    inside: Any  # of test samples, as in `HeldOut`, but (problems, columns, rows): rows side by side
    outside: Any
    test_y: Any
    spread: Any


class Following(NamedTuple):
    """What wanted observables need beside the second moments."""

    neurons: bool  # the propagator
    probes: bool  # ρ_r and v_r of each
    balance: bool
    weights: bool  # ‖W − W₀‖
    doublings: int  # how many powers of the linearised network's contraction; 0 where it is not wanted
    test: bool  # the outputs of test samples


class Results(NamedTuple):
    """`Trajectories` for compiled code: arrays of no size where nothing is kept."""

    observables: Any
    rho_rms: Any
    rho_r: Any
    v_r: Any
    onset_step: Any
    end_step: Any
    loss_start: Any
    loss_end: Any
    loss_min: Any
    loss_max: Any
    kernel_change: Any
    period: Any
    sharpness_start: Any
    sharpness_end: Any
    b_rms: Any
    status: Any


class Progress(NamedTuple):
    """Which network each of eight lanes trains, how far it is, and what records need of it; (LANES, …)."""

    network: Any  # −1: none is left for this lane
    birth: Any  # the common step at which it began
    next_record: Any
    start_square: Any  # ‖Π(y − f)‖² at the start
    y_square: Any  # ‖y‖²
    powers: Any  # (LANES, doublings, r, r): of the linearised network's contraction
    linearised: Any  # (LANES, r): y − f of the linearised network
    linearised_step: Any  # how far it was carried
    scratch: Any


@compiled
def train(start, stop, batch, record_steps, onset, converged, follow, results):
    """Train the networks start … stop − 1: lanes run together, stop where one wants attention, and refill one by one."""
    modes = batch.eigenvalues.shape[1]
    o = empty_octet(modes, follow.neurons, follow.balance)
    anchor = empty_anchor(modes)
    numbers = np.zeros(contractions.COUNT * LANES)
    signal = np.zeros((modes + 1) * LANES)
    progress = Progress(
        np.full(LANES, -1),
        np.zeros(LANES, dtype=np.int64),
        np.zeros(LANES, dtype=np.int64),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros((LANES, follow.doublings, modes, modes)),
        np.zeros((LANES, modes)),
        np.zeros(LANES, dtype=np.int64),
        np.zeros(max(modes + 1 + batch.test_y.shape[1], BLOCK)),
    )
    kernels = np.zeros((2, stop - start, modes * (modes + 1) // 2))  # mΘ at start and end, lower triangles
    records = record_steps.shape[1]
    upcoming = start
    now = np.int64(0)  # not a literal, for which everything would be compiled once more
    while True:
        running = 0
        for lane in range(LANES):
            while progress.network[lane] < 0 and upcoming < stop:
                if batch.trainable[upcoming]:
                    _begin(lane, upcoming, now, batch, o, anchor, progress, results)
                    _kernel(lane, o, anchor, kernels[0, upcoming - start])
                upcoming += 1
            running += progress.network[lane] >= 0
        if running == 0:
            break
        horizon = np.int64(2**62)
        for lane in range(LANES):
            if progress.network[lane] >= 0:
                due = record_steps[progress.network[lane], progress.next_record[lane]]
                horizon = min(horizon, progress.birth[lane] + due)
        now = advance(o, now, horizon)

        contracted = False
        freed = False
        for lane in range(LANES):
            network = progress.network[lane]
            if network < 0:
                continue
            t = now - progress.birth[lane]
            T = batch.steps[network]
            residual = o.square[lane]
            loss = o.loss[lane]
            if t == 0:
                progress.start_square[lane] = residual
                results.loss_start[network] = results.loss_min[network] = results.loss_max[network] = loss
                o.limit[lane] = min(DIVERGED * loss, LARGEST)
            else:
                results.loss_min[network] = o.low[lane]
                results.loss_max[network] = o.high[lane]
            diverged = not (loss <= o.limit[lane])
            if diverged:
                results.status[network] = Status.diverged
                progress.network[lane] = -1
                clear(o, lane)
                freed = True
                continue
            onset_square = (1.0 - onset) * progress.start_square[lane]
            end_square = converged * converged * progress.y_square[lane]
            finished_square = FINISHED * FINISHED * progress.y_square[lane]
            if results.onset_step[network] < 0 and residual < onset_square:
                results.onset_step[network] = t
            if results.end_step[network] < 0 and residual <= end_square:
                results.end_step[network] = t
            alert = finished_square
            if results.onset_step[network] < 0:
                alert = max(alert, onset_square)
            if results.end_step[network] < 0:
                alert = max(alert, end_square)
            o.alert[lane] = alert
            # Nothing moves once only rounding is left: the remaining records hold this state.
            done = t == T or residual <= finished_square
            record = progress.next_record[lane]
            if done or record_steps[network, record] == t:
                if not contracted:
                    contract(o, anchor, follow.weights, numbers, signal)
                    contracted = True
                last = record + 1
                while last < records and (done or record_steps[network, last] == t):
                    last += 1
                fill_records(
                    lane,
                    network,
                    record,
                    last,
                    batch,
                    record_steps,
                    follow.probes,
                    follow.test,
                    o,
                    anchor,
                    signal,
                    numbers,
                    progress,
                    results,
                )
                progress.next_record[lane] = last
            if done:
                reached = residual <= end_square
                results.status[network] = Status.converged if reached else Status.running
                if t == T and t >= WINDOW:
                    results.period[network] = _period_of(o.ring[lane::LANES], now % WINDOW)
                results.loss_end[network] = loss
                change = (
                    numbers[contractions.FROM_START * LANES + lane] / numbers[contractions.START_SQUARE * LANES + lane]
                )
                results.kernel_change[network] = np.sqrt(change)
                _kernel(lane, o, anchor, kernels[1, network - start])
                progress.network[lane] = -1
                clear(o, lane)
                freed = True
        if not freed:
            step(o)
            now += 1
        # Where a lane was freed, its next network begins at this very step, and the others are looked at once more.

    sharpness = np.empty((2, stop - start))
    largest_eigenvalues(kernels[0], modes, sharpness[0])
    largest_eigenvalues(kernels[1], modes, sharpness[1])
    for network in range(start, stop):
        scale = batch.loss_factor[network] / (batch.samples * batch.width[network])
        if batch.trainable[network]:
            results.sharpness_start[network] = scale * sharpness[0, network - start]
            if results.status[network] != Status.diverged:
                results.sharpness_end[network] = scale * sharpness[1, network - start]


@compiled_leaf
def _begin(lane, network, now, batch, o, anchor, progress, results):
    """Give a lane at rest its next network."""
    problem = batch.problem[network]
    draw = batch.draw[network]
    r = batch.rank[problem]
    sigma = batch.sigma_0[network]
    v = batch.v_0[network]
    size = sigma * sigma + v * v
    rate = batch.loss_factor[network] * batch.learning_rate[network] / (batch.samples * batch.width[network])
    progress.network[lane] = network
    progress.birth[lane] = now
    progress.next_record[lane] = 0
    o.floor[lane] = batch.floor[problem]
    o.factor[lane] = batch.loss_factor[network] / (2.0 * batch.samples)
    o.alert[lane] = np.inf  # the start wants attention
    o.limit[lane] = np.inf
    o.low[lane] = np.inf
    o.high[lane] = -np.inf
    for i in range(len(anchor.eigenvalues) // LANES):
        anchor.eigenvalues[i * LANES + lane] = 0.0
    for k in range(len(anchor.M0) // LANES):
        anchor.M0[k * LANES + lane] = 0.0
    gamma = 0.0
    b_square = 0.0
    y_square = batch.floor[problem]
    k = 0
    for i in range(r + 1):
        for j in range(i + 1):
            scale = (v if i == 0 else sigma) * (v if j == 0 else sigma)
            moment = scale * batch.moments[draw, i, j]
            anchor.M0[k * LANES + lane] = moment
            if i == 0:
                o.c[lane] = moment
            elif j == 0:
                o.u[(i - 1) * LANES + lane] = moment
            else:
                o.A[((i - 1) * i // 2 + j - 1) * LANES + lane] = moment
            k += 1
    for i in range(r):
        eigenvalue = batch.eigenvalues[problem, i]
        target = batch.targets[problem, i]
        root = np.sqrt(eigenvalue)
        anchor.eigenvalues[i * LANES + lane] = eigenvalue
        o.root[i * LANES + lane] = root
        o.y[i * LANES + lane] = target
        o.pull[i * LANES + lane] = rate * root
        gamma += eigenvalue * target**2
        b_square += target**2 / eigenvalue
        y_square += target**2
    for i in range(len(o.row) // LANES if len(o.P) > 0 else 0):
        o.P[i * (len(o.row) + LANES) + lane] = 1.0
    anchor.gamma[lane] = gamma
    anchor.growth[lane] = 2.0 * b_square / (np.hypot(size, 2.0 * np.sqrt(b_square)) + size)
    anchor.growth_y[lane] = anchor.growth[lane] / b_square
    progress.y_square[lane] = y_square
    b_rms = 0.0
    for i in range(r):
        for j in range(r):
            for_i = o.root[i * LANES + lane] * o.y[i * LANES + lane]
            for_j = o.root[j * LANES + lane] * o.y[j * LANES + lane]
            row, column = max(i, j), min(i, j)
            b_rms += for_i * for_j * o.A[(row * (row + 1) // 2 + column) * LANES + lane]
    results.b_rms[network] = np.sqrt(b_rms)
    powers = progress.powers[lane]
    if len(powers) > 0:
        rate = batch.loss_factor[network] * batch.learning_rate[network] / batch.samples
        for i in range(r):
            for j in range(r):
                row, column = max(i, j), min(i, j)
                roots = o.root[i * LANES + lane] * o.root[j * LANES + lane]
                kernel = roots * o.A[(row * (row + 1) // 2 + column) * LANES + lane]
                if i == j:
                    kernel += batch.eigenvalues[problem, i] * o.c[lane]
                powers[0, i, j] = (1.0 if i == j else 0.0) - rate / batch.width[network] * kernel
        powers_of_contraction(powers, r)
        progress.linearised[lane, :] = 0.0
        for i in range(r):
            output = o.root[i * LANES + lane] * o.u[i * LANES + lane]
            progress.linearised[lane, i] = o.y[i * LANES + lane] - output
        progress.linearised_step[lane] = 0


@compiled_leaf
def _kernel(lane, o, anchor, triangle):
    """The lower triangle of mΘ of one lane."""
    k = 0
    for i in range(len(o.u) // LANES):
        for j in range(i + 1):
            triangle[k] = o.root[i * LANES + lane] * o.root[j * LANES + lane] * o.A[k * LANES + lane]
            k += 1
        triangle[k - 1] += o.c[lane] * anchor.eigenvalues[i * LANES + lane]
