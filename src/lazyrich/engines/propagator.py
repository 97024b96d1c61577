"""The propagator engine: exact gradient descent for linear networks, O(n²) a step for any width and input dimension.

With X = U Λ^½ Vᵀ every neuron z = (v, Vᵀw) obeys the same recursion, z ← (I + G(g)) z, where

    G(g) = [[0, gᵀ], [g, 0]],    g = (cη/(mn)) Λ^½ Uᵀ(y − f),    Uᵀf = Λ^½ ⟨v Vᵀw⟩

(`docs/theory.md`, Exact reductions, written in the coordinates in which the metric is diag(−1, 1, …, 1)). The state is the
second moments M = ⟨z zᵀ⟩, which alone decide the force, and the propagator P with z(t) = P z(0), which tells what single
neurons do. No approximation is made; the only errors are those of rounding.
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lazyrich import observables
from lazyrich.engines.compiled import compiled
from lazyrich.engines.lanes import LANES
from lazyrich.engines.steps import force, step_balance, step_moments, step_propagator, unpack, unpack_square
from lazyrich.engines.trajectories import DIVERGED, WINDOW, Status, Trajectories, empty, period_of
from lazyrich.networks import Networks, Reason
from lazyrich.observables import Reference, State

_measure = compiled(observables.measure)
_period_of = compiled(period_of)

# Training may stop here: what is left is rounding.
FINISHED = 1e-14
CHUNK = 256  # networks that a thread takes at a time: many for eight lanes, few for balance between threads


def evolve(
    networks: Networks,
    record_steps: np.ndarray,
    *,
    onset: float,
    converged: float,
    wanted: np.ndarray,
    keep_probes: bool = False,
    threads: int = 1,
) -> Trajectories:
    """Train every network of the batch.

    Parameters
    ----------
    networks
        the batch.
    record_steps
        (networks, records) int64, rising along records.
    onset, converged
        thresholds of `onset_step` and `end_step`, shares.
    wanted
        (len(observables.NAMES),) bool, observables to compute.
    keep_probes
        also return each probe's ρ_r and v_r.
    threads
        networks are trained side by side on so many threads; the results do not depend on it.

    Returns
    -------
    Trajectories
    """
    count, records = record_steps.shape
    probes = networks.initial.probes.shape[1] if keep_probes else None
    result = empty(count, records, len(observables.NAMES), probes)
    nothing = np.empty((0, 0, 0))
    arguments = (
        networks.problem_index,
        networks.problem.rank,
        networks.problem.eigenvalues,
        networks.problem.targets,
        networks.problem.floor,
        networks.problem.dimension.astype(np.float64),
        float(networks.problem.samples),
        networks.initial_index,
        networks.initial.moments,
        # Neurons side by side, so that sums over coordinates run over them all at once.
        np.ascontiguousarray(networks.initial.probes.transpose(0, 2, 1)),
        networks.observed_neurons,
        networks.sigma_0,
        networks.v_0,
        networks.width,
        networks.loss_factor,
        networks.learning_rate,
        networks.steps,
        networks.reason == Reason.none,
        record_steps,
        onset,
        converged,
        wanted,
        result.observables,
        result.rho_rms,
        nothing if result.rho_r is None else result.rho_r,
        nothing if result.v_r is None else result.v_r,
        result.onset_step,
        result.end_step,
        result.loss_start,
        result.loss_end,
        result.loss_min,
        result.loss_max,
        result.kernel_change,
        result.period,
        result.sharpness_start,
        result.sharpness_end,
        result.b_rms,
        result.status,
    )
    # Threads take chunks as they finish, so that long runs do not hold short ones.
    chunk = max(LANES, min(CHUNK, count // (4 * threads)))
    starts = itertools.count(0, chunk)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                start = next(starts)
            if start >= count:
                return
            _train(start, min(start + chunk, count), *arguments)

    if threads == 1 or count <= chunk:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()
    unwanted = ~wanted
    result.observables[:, :, unwanted] = np.nan
    return result


@compiled
def _kernel(M, eigenvalues, root, m, theta):
    """Θ = (1/m)(⟨v²⟩ K + ⟨p pᵀ⟩) in the eigenbasis of K."""
    for i in range(root.shape[0]):
        for j in range(root.shape[0]):
            theta[i, j] = root[i] * root[j] * M[i + 1, j + 1] / m
        theta[i, i] += M[0, 0] * eigenvalues[i] / m


@compiled
def _gamma(eigenvalues, targets):
    """γ = yᵀKy of one network."""
    total = 0.0
    for i in range(len(targets)):
        total += eigenvalues[i] * targets[i] ** 2
    return total


@compiled
def _relative_change(now, start):
    """‖now − start‖/‖start‖."""
    change = 0.0
    norm = 0.0
    for i in range(start.shape[0]):
        for j in range(start.shape[1]):
            change += (now[i, j] - start[i, j]) ** 2
            norm += start[i, j] ** 2
    return np.sqrt(change / norm)


@compiled
def _shift_square(P, M0):
    """tr((P_p − E) M0 (P_p − E)ᵀ) = ‖W − W0‖²/m, E the rows of the identity."""
    size = P.shape[0]
    total = 0.0
    for i in range(1, size):
        for j in range(size):
            inner = 0.0
            for k in range(size):
                inner += M0[j, k] * (P[i, k] - (1.0 if i == k else 0.0))
            total += inner * (P[i, j] - (1.0 if i == j else 0.0))
    return total


@compiled
def _balance_square(B, M0):
    """tr(B M0 B M0): mean over pairs of the squared change of v_r v_s − ⟨w_r, w_s⟩."""
    C = np.dot(B, M0)
    total = 0.0
    for i in range(C.shape[0]):
        for j in range(C.shape[0]):
            total += C[i, j] * C[j, i]
    return total


@compiled
def _train(
    start,
    stop,
    problem_index,
    ranks,
    all_eigenvalues,
    all_targets,
    all_floors,
    dimensions,
    n,
    initial_index,
    all_moments,
    all_probes,
    observed,
    sigma_0,
    v_0,
    width,
    loss_factor,
    learning_rate,
    steps,
    trainable,
    record_steps,
    onset,
    converged,
    wanted,
    out,
    out_rho_rms,
    out_rho_r,
    out_v_r,
    out_onset,
    out_end,
    out_loss_start,
    out_loss_end,
    out_loss_min,
    out_loss_max,
    out_kernel_change,
    out_period,
    out_sharpness_start,
    out_sharpness_end,
    out_b_rms,
    out_status,
):
    records = record_steps.shape[1]
    row_out = np.full(len(observables.NAMES), np.nan)
    follow = (
        records > 1  # ρ is followed for `alignment_step`, which end values alone cannot give
        or out_rho_r.shape[0] > 0
        or wanted[observables.RHO]
        or wanted[observables.V]
        or wanted[observables.RHO_OVER_V]
        or wanted[observables.ALIGNMENT]
        or wanted[observables.WEIGHT_CHANGE]
        or wanted[observables.BALANCE_DRIFT]
    )
    balance = wanted[observables.BALANCE_DRIFT]
    modes = all_eigenvalues.shape[1]
    width_P = modes + 1

    # ---- the state of eight networks, lanes side by side
    A = np.zeros(modes * (modes + 1) // 2 * LANES)
    u = np.zeros(modes * LANES)
    c = np.zeros(LANES)
    g = np.zeros(modes * LANES)
    h = np.zeros(modes * LANES)
    q = np.zeros(modes * LANES)
    root = np.zeros(modes * LANES)
    y = np.zeros(modes * LANES)
    rate = np.zeros(LANES)
    square = np.zeros(LANES)
    P = np.zeros(width_P * width_P * LANES if follow else 0)
    B = np.zeros(width_P * width_P * LANES if balance else 0)
    row = np.zeros(width_P * LANES)

    # ---- which network a lane trains, how far it is, and what its records are held against
    networks = np.full(LANES, -1)
    steps_done = np.zeros(LANES, dtype=np.int64)
    seen = np.zeros(LANES, dtype=np.int64)
    next_record = np.zeros(LANES, dtype=np.int64)
    start_square = np.zeros(LANES)
    y_square = np.zeros(LANES)
    window = np.zeros((LANES, WINDOW))
    M0 = np.zeros((LANES, width_P, width_P))
    start_kernel = np.zeros((LANES, modes, modes))
    end_kernel = np.zeros((LANES, modes, modes))
    target_kernel = np.zeros((LANES, modes, modes))
    lazy_rates = np.zeros((LANES, modes))
    lazy_modes = np.zeros((LANES, modes, modes))
    lazy_start = np.zeros((LANES, modes))

    following = start
    running = 0
    for lane in range(LANES):
        seen[lane] = -2  # an empty lane wants a network
    while True:
        # ---- empty lanes take the next networks
        for lane in range(LANES):
            if seen[lane] != -2:
                continue
            while following < stop and not trainable[following]:
                following += 1
            if following == stop:
                networks[lane] = -1
                seen[lane] = -3  # none is left: the lane rests at zero
                rate[lane] = 0.0
                continue
            network = following
            following += 1
            running += 1
            networks[lane] = network
            seen[lane] = -1
            steps_done[lane] = 0
            next_record[lane] = 0
            problem = problem_index[network]
            r = ranks[problem]
            draw = initial_index[network]
            m = width[network]
            sigma = sigma_0[network]
            v0 = v_0[network]
            size = sigma * sigma + v0 * v0
            rate[lane] = loss_factor[network] * learning_rate[network] / (n * m)
            for i in range(r + 1):
                for j in range(r + 1):
                    scale = (v0 if i == 0 else sigma) * (v0 if j == 0 else sigma)
                    M0[lane, i, j] = scale * all_moments[draw, i, j]
            c[lane] = M0[lane, 0, 0]
            gamma = 0.0
            b_square = 0.0
            total = all_floors[problem]
            for i in range(modes):
                inside = i < r
                eigenvalue = all_eigenvalues[problem, i] if inside else 0.0
                target = all_targets[problem, i] if inside else 0.0
                root[i * LANES + lane] = np.sqrt(eigenvalue)
                y[i * LANES + lane] = target
                u[i * LANES + lane] = M0[lane, 0, i + 1] if inside else 0.0
                for j in range(i + 1):
                    A[(i * (i + 1) // 2 + j) * LANES + lane] = M0[lane, i + 1, j + 1] if inside else 0.0
                if inside:
                    gamma += eigenvalue * target**2
                    b_square += target**2 / eigenvalue
                    total += target**2
            y_square[lane] = total
            for i in range(width_P if follow else 0):
                for j in range(width_P):
                    P[(i * width_P + j) * LANES + lane] = 1.0 if i == j else 0.0
                    if balance:
                        B[(i * width_P + j) * LANES + lane] = 0.0

            eigenvalues = all_eigenvalues[problem, :r]
            targets = all_targets[problem, :r]
            roots = np.sqrt(eigenvalues)
            theta = np.empty((r, r))
            _kernel(M0[lane], eigenvalues, roots, m, theta)
            growth = 2.0 * b_square / (np.sqrt(size * size + 4.0 * b_square) + size)
            b_rms = 0.0
            for i in range(r):
                for j in range(r):
                    start_kernel[lane, i, j] = theta[i, j]
                    end_kernel[lane, i, j] = theta[i, j] + growth / m * targets[i] * targets[j] / b_square
                    target_kernel[lane, i, j] = eigenvalues[i] * targets[i] * eigenvalues[j] * targets[j] / (gamma * m)
                    b_rms += roots[i] * targets[i] * roots[j] * targets[j] * M0[lane, i + 1, j + 1]
                end_kernel[lane, i, i] += growth / m * eigenvalues[i]
                target_kernel[lane, i, i] += eigenvalues[i] / m
            out_b_rms[network] = np.sqrt(b_rms)
            # By itself, so that its bits do not depend on what else is wanted.
            out_sharpness_start[network] = loss_factor[network] / n * np.linalg.eigvalsh(theta)[r - 1]
            if wanted[observables.LAZY_ERROR]:
                mu, Q = np.linalg.eigh(theta)
                for i in range(r):
                    lazy_rates[lane, i] = 1.0 - loss_factor[network] * learning_rate[network] / n * mu[i]
                    lazy_start[lane, i] = 0.0
                    for j in range(r):
                        lazy_modes[lane, j, i] = Q[j, i]
                        lazy_start[lane, i] += Q[j, i] * (targets[j] - roots[j] * M0[lane, 0, j + 1])
        if running == 0:
            return

        force(c, u, root, y, rate, g, h, q, square)

        # ---- what happens at this step in each lane, unless it was seen before its neighbours were replaced
        replaced = False
        for lane in range(LANES):
            t = steps_done[lane]
            if seen[lane] < -1 or seen[lane] == t:
                continue
            seen[lane] = t
            network = networks[lane]
            problem = problem_index[network]
            factor = loss_factor[network] / (2.0 * n)
            residual = square[lane]
            loss = factor * (residual + all_floors[problem])
            T = steps[network]
            if t == 0:
                start_square[lane] = residual
                out_loss_start[network] = loss
                out_loss_min[network] = loss
                out_loss_max[network] = loss
            diverged = not (loss <= DIVERGED * out_loss_start[network])
            if not diverged:
                out_loss_max[network] = max(out_loss_max[network], loss)
                out_loss_min[network] = min(out_loss_min[network], loss)
                window[lane, t % WINDOW] = loss
                if out_onset[network] < 0 and residual < (1.0 - onset) * start_square[lane]:
                    out_onset[network] = t
                if out_end[network] < 0 and residual <= converged * converged * y_square[lane]:
                    out_end[network] = t
            # Nothing moves once only rounding is left: the remaining records hold this state.
            done = t == T or residual <= FINISHED * FINISHED * y_square[lane]
            due = next_record[lane] < records and record_steps[network, next_record[lane]] == t
            if diverged:
                out_status[network] = Status.diverged
            elif due or done:
                r = ranks[problem]
                m = width[network]
                eigenvalues = all_eigenvalues[problem, :r]
                targets = all_targets[problem, :r]
                roots = np.sqrt(eigenvalues)
                M = np.empty((r + 1, r + 1))
                unpack(lane, A, u, c, M)
                theta = np.empty((r, r))
                _kernel(M, eigenvalues, roots, m, theta)
                output = np.empty(r)
                linearised = np.empty(r)
                rho = 0.0
                v = 0.0
                rho_square = 0.0
                weight_shift = 0.0
                balance_shift = 0.0
                record = next_record[lane]
                if follow:
                    propagator = np.empty((r + 1, r + 1))
                    unpack_square(lane, P, propagator, width_P)
                    start_moments = M0[lane, : r + 1, : r + 1]
                    signal = np.zeros(r + 1)  # ρ_r = signal · z_r(0)
                    for i in range(r):
                        for j in range(r + 1):
                            signal[j] += roots[i] * targets[i] * (propagator[i + 1, j] - (1.0 if i + 1 == j else 0.0))
                    for i in range(r + 1):
                        for j in range(r + 1):
                            rho_square += signal[i] * start_moments[i, j] * signal[j]
                    rho_square = max(rho_square, 0.0)
                    draw = initial_index[network]
                    count = observed[network]
                    rho_r = np.zeros(count)
                    v_r = np.zeros(count)
                    for j in range(r + 1):
                        scale = v_0[network] if j == 0 else sigma_0[network]
                        for_rho = scale * signal[j]
                        for_v = scale * propagator[0, j]
                        for i in range(count):
                            rho_r[i] += for_rho * all_probes[draw, j, i]
                            v_r[i] += for_v * all_probes[draw, j, i]
                    for i in range(count):
                        rho += abs(rho_r[i]) / count
                        v += abs(v_r[i]) / count
                    if out_rho_r.shape[0] > 0:
                        for k in range(record, records if done else record + 1):
                            out_rho_r[network, k, :count] = rho_r
                            out_v_r[network, k, :count] = v_r
                    if wanted[observables.WEIGHT_CHANGE]:
                        weight_shift = np.sqrt(_shift_square(propagator, start_moments))
                    if balance:
                        drift = np.empty((r + 1, r + 1))
                        unpack_square(lane, B, drift, width_P)
                        balance_shift = np.sqrt(_balance_square(drift, np.ascontiguousarray(start_moments)))
                reference = Reference(
                    targets,
                    all_floors[problem],
                    _gamma(eigenvalues, targets),
                    factor,
                    target_kernel[lane, :r, :r],
                    start_kernel[lane, :r, :r],
                    end_kernel[lane, :r, :r],
                    sigma_0[network] * np.sqrt(dimensions[problem]),
                    sigma_0[network] ** 2 + v_0[network] ** 2,
                )
                while next_record[lane] < records and (done or record_steps[network, next_record[lane]] == t):
                    record = next_record[lane]
                    for j in range(r):
                        output[j] = roots[j] * M[0, j + 1]
                        linearised[j] = targets[j]
                    if wanted[observables.LAZY_ERROR]:
                        for i in range(r):
                            left = lazy_start[lane, i] * lazy_rates[lane, i] ** record_steps[network, record]
                            for j in range(r):
                                linearised[j] -= lazy_modes[lane, j, i] * left
                    state = State(output, linearised, theta, M[0, 0], rho_square, rho, v, weight_shift, balance_shift)
                    _measure(wanted, state, reference, row_out)
                    out[network, record, :] = row_out
                    if follow:
                        out_rho_rms[network, record] = np.sqrt(rho_square)
                    next_record[lane] = record + 1
                if done:
                    reached = residual <= converged * converged * y_square[lane]
                    out_status[network] = Status.converged if reached else Status.running
                    if t == T and t >= WINDOW:
                        out_period[network] = _period_of(window[lane], t % WINDOW)
                    out_loss_end[network] = loss
                    out_kernel_change[network] = _relative_change(theta, start_kernel[lane, :r, :r])
                    out_sharpness_end[network] = loss_factor[network] / n * np.linalg.eigvalsh(theta)[r - 1]
            if diverged or done:
                replaced = True
                running -= 1
                seen[lane] = -2
                rate[lane] = 0.0
                # What a network leaves behind must not reach its lane's next one, nor overflow meanwhile.
                c[lane] = 0.0
                for i in range(modes):
                    u[i * LANES + lane] = y[i * LANES + lane] = root[i * LANES + lane] = 0.0
                for i in range(len(A) // LANES):
                    A[i * LANES + lane] = 0.0
                for i in range(len(P) // LANES):
                    P[i * LANES + lane] = 0.0
                for i in range(len(B) // LANES):
                    B[i * LANES + lane] = 0.0
        if replaced:
            continue  # the new networks' forces and starts first

        if follow:
            if balance:
                step_balance(B, P, g, row)
            step_propagator(P, g, row)
        step_moments(A, u, c, g, h, q)
        for lane in range(LANES):
            steps_done[lane] += 1
