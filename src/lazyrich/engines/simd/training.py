"""Training eight networks at a time in SIMD lanes: each lane with a network, a length and records of its own.

Lanes run together until one of them wants attention (a record, a threshold, an end), and take the next network as soon as they
are free, so that long runs do not hold short ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lazyrich.engines import marks
from lazyrich.engines.simd import contractions
from lazyrich.engines.simd.compiled import compiled, compiled_leaf, compiled_part
from lazyrich.engines.simd.contractions import contract, empty_anchor
from lazyrich.engines.simd.lanes import LANES
from lazyrich.engines.simd.linearised import powers_of_contraction
from lazyrich.engines.simd.octet import advance, clear, empty_octet, step
from lazyrich.engines.simd.recording import BLOCK, fill_records
from lazyrich.engines.simd.sharpness import largest_eigenvalues
from lazyrich.engines.trajectories import WINDOW, Status, period_of
from lazyrich.networks.backends import bound

_period_of = compiled_leaf(period_of)
_marks = compiled_part(bound(marks.marks, xp=np))
_passed = compiled_part(marks.passed)


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
    """What the recorded observables need in addition to second moments."""

    neurons: bool  # the propagator
    probes: bool  # ρ_r and v_r of each
    balancedness: bool
    weights: bool  # ‖W − W₀‖
    doublings: int  # number of powers of the linearised network's contraction; 0 if it is not needed
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
def train(start, stop, batch, record_steps, shares, follow, results):
    """Train the networks start … stop − 1: lanes run together, stop where one wants attention, and refill one by one."""
    modes = batch.eigenvalues.shape[1]
    o = empty_octet(modes, follow.neurons, follow.balancedness)
    anchor = empty_anchor(modes, follow.balancedness)
    numbers = np.zeros(contractions.COUNT * LANES)
    signal = np.zeros((modes + 1) * LANES)
    progress = Progress(
        network=np.full(LANES, -1),
        birth=np.zeros(LANES, dtype=np.int64),
        next_record=np.zeros(LANES, dtype=np.int64),
        start_square=np.zeros(LANES),
        y_square=np.zeros(LANES),
        powers=np.zeros((LANES, follow.doublings, modes, modes)),
        linearised=np.zeros((LANES, modes)),
        linearised_step=np.zeros(LANES, dtype=np.int64),
        scratch=np.zeros(max(modes + 1 + batch.test_y.shape[1], BLOCK)),
    )
    kernels = np.zeros((2, stop - start, modes * (modes + 1) // 2))  # mΘ at start and end, lower triangles
    _train(start, stop, batch, record_steps, shares, follow, o, anchor, numbers, signal, progress, kernels, results)
    _sharpness(start, stop, batch, kernels, modes, results)


@compiled_leaf
def _train(start, stop, batch, record_steps, shares, follow, o, anchor, numbers, signal, progress, kernels, results):
    """Do the work of `train` in arrays that it has made: a leaf, else each call counts references of all its arrays."""
    upcoming = start
    now = np.int64(0)  # not a literal, for which everything would be compiled once more
    while True:
        for lane in range(LANES):
            while progress.network[lane] < 0 and upcoming < stop:
                if batch.trainable[upcoming]:
                    _begin(lane, upcoming, now, batch, o, anchor, progress, results)
                    _kernel(lane, o, anchor, kernels[0, upcoming - start])
                upcoming += 1
        horizon = _horizon(record_steps, progress)
        if horizon < 0:
            break
        now = advance(o, now, horizon)
        contracted, freed = False, False
        for lane in range(LANES):
            network = progress.network[lane]
            if network < 0:
                continue
            t = now - progress.birth[lane]
            reached, finished, sound = _note(lane, network, t, shares, o, progress, results)
            # Nothing moves once only rounding is left: the remaining records hold this state.
            done = sound and (t == batch.steps[network] or finished)
            if sound and (done or record_steps[network, progress.next_record[lane]] == t):
                if not contracted:
                    contract(o, anchor, follow.weights, numbers, signal)
                    contracted = True
                first = progress.next_record[lane]
                last = _next_record(record_steps[network], first, t, done)
                fill_records(
                    lane,
                    network,
                    first,
                    last,
                    batch,
                    record_steps,
                    follow,
                    o,
                    anchor,
                    signal,
                    numbers,
                    progress,
                    results,
                )
                progress.next_record[lane] = last
            if done:
                _end(lane, network, t, now, reached, batch, o, numbers, results)
                _kernel(lane, o, anchor, kernels[1, network - start])
            if done or not sound:
                progress.network[lane] = -1
                clear(o, lane)
                freed = True
        if not freed:
            step(o)
            now += 1
        # Where a lane was freed, its next network begins at this very step, and the others are looked at once more.


@compiled_part
def _horizon(record_steps, progress):
    """Return the common step of the first record that is due; −1 where no lane trains."""
    horizon = np.int64(-1)
    for lane in range(LANES):
        network = progress.network[lane]
        if network >= 0:
            due = progress.birth[lane] + record_steps[network, progress.next_record[lane]]
            horizon = due if horizon < 0 else min(horizon, due)
    return horizon


@compiled_part
def _note(lane, network, t, shares, o, progress, results):
    """Record a lane's step t; return whether its network is near its end, has nothing left to learn, and is sound."""
    left = o.square[lane]
    loss = o.loss[lane]
    if t == 0:
        progress.start_square[lane] = left
        results.loss_start[network] = results.loss_min[network] = results.loss_max[network] = loss
    else:
        results.loss_min[network] = o.low[lane]
        results.loss_max[network] = o.high[lane]
    onset, end, finished, limit = _marks(
        progress.start_square[lane],
        progress.y_square[lane],
        results.loss_start[network],
        shares.onset,
        shares.end,
        shares.finished,
        shares.diverged,
        shares.largest,
    )
    o.limit[lane] = limit
    began, reached, over, sound = _passed(left, loss, onset, end, finished, limit)
    if not sound:
        results.status[network] = Status.diverged
        return reached, over, sound
    if results.onset_step[network] < 0 and began:
        results.onset_step[network] = t
    if results.end_step[network] < 0 and reached:
        results.end_step[network] = t
    alert = finished
    if results.onset_step[network] < 0:
        alert = max(alert, onset)
    if results.end_step[network] < 0:
        alert = max(alert, end)
    o.alert[lane] = alert
    return reached, over, sound


@compiled_part
def _next_record(steps, first, t, done):
    """Return the record after those from `first` on that are filled at step t: all of the rest where a network is done."""
    last = first + 1
    while last < len(steps) and (done or steps[last] == t):
        last += 1
    return last


@compiled_part
def _end(lane, network, t, now, reached, batch, o, numbers, results):
    """Write the results of a network that is done."""
    results.status[network] = Status.converged if reached else Status.running
    if t == batch.steps[network] and t >= WINDOW:
        results.period[network] = _period_of(o.ring[lane::LANES], now % WINDOW)
    results.loss_end[network] = o.loss[lane]
    change = numbers[contractions.FROM_START * LANES + lane] / numbers[contractions.START_SQUARE * LANES + lane]
    results.kernel_change[network] = np.sqrt(change)


@compiled
def _sharpness(start, stop, batch, kernels, modes, results):
    """Write the largest eigenvalues of the networks' kernels at start and end."""
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
    """Start the next network in a free lane."""
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
    """Write the lower triangle of mΘ of one lane."""
    k = 0
    for i in range(len(o.u) // LANES):
        for j in range(i + 1):
            triangle[k] = o.root[i * LANES + lane] * o.root[j * LANES + lane] * o.A[k * LANES + lane]
            k += 1
        triangle[k - 1] += o.c[lane] * anchor.eigenvalues[i * LANES + lane]
