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
from lazyrich.engines.trajectories import DIVERGED, WINDOW, Status, Trajectories, empty, period_of
from lazyrich.networks import Networks, Reason
from lazyrich.observables import Reference, State

_measure = compiled(observables.measure)
_period_of = compiled(period_of)

# Training may stop here: what is left is rounding.
FINISHED = 1e-14
CHUNK = 64  # networks that a thread takes at a time


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
        networks.initial.probes,
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
    starts = itertools.count(0, CHUNK)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                start = next(starts)
            if start >= count:
                return
            _train(start, min(start + CHUNK, count), *arguments)

    if threads == 1 or count <= CHUNK:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()
    unwanted = ~wanted
    result.observables[:, :, unwanted] = np.nan
    return result


@compiled
def _force(M, root, y, rate, g):
    """g and the squared residual ‖Π(y − f)‖² of the state M."""
    square = 0.0
    for j in range(root.shape[0]):
        residual = y[j] - root[j] * M[0, j + 1]
        square += residual * residual
        g[j] = rate * root[j] * residual
    return square


@compiled
def _step_moments(M, g, q, h):
    """M ← (I + G) M (I + G); q and h are scratch (r,)."""
    r = g.shape[0]
    c = M[0, 0]
    q[:] = 0.0
    gu = 0.0
    for j in range(r):
        gj = g[j]
        gu += gj * M[0, j + 1]
        for i in range(r):
            q[i] += gj * M[j + 1, i + 1]
    gq = 0.0
    for i in range(r):
        gq += g[i] * q[i]
        h[i] = M[0, i + 1] + c * g[i]
    for i in range(r):
        gi = g[i]
        ui = M[0, i + 1]
        for j in range(r):
            M[i + 1, j + 1] += gi * h[j] + ui * g[j]
    for i in range(r):
        M[0, i + 1] += q[i] + (c + gu) * g[i]
        M[i + 1, 0] = M[0, i + 1]
    M[0, 0] = c + 2.0 * gu + gq


@compiled
def _step_propagator(P, g, row):
    """P ← (I + G) P; `row` (r + 1,) becomes gᵀP_p, what was added to P's first row."""
    row[:] = 0.0
    for i in range(g.shape[0]):
        gi = g[i]
        for j in range(row.shape[0]):
            row[j] += gi * P[i + 1, j]
            P[i + 1, j] += gi * P[0, j]
    for j in range(row.shape[0]):
        P[0, j] += row[j]


@compiled
def _step_balance(B, P, g):
    """B ← B + Pᵀ G J G P before P steps; B = PᵀJP − J, J = diag(−1, 1, …), without its cancellation."""
    gg = 0.0
    size = P.shape[0]
    row = np.zeros(size)
    for i in range(g.shape[0]):
        gg += g[i] * g[i]
        for j in range(size):
            row[j] += g[i] * P[i + 1, j]
    for i in range(size):
        for j in range(size):
            B[i, j] += gg * P[0, i] * P[0, j] - row[i] * row[j]


@compiled
def _kernel(M, eigenvalues, root, m, theta):
    """Θ = (1/m)(⟨v²⟩ K + ⟨p pᵀ⟩) in the eigenbasis of K."""
    for i in range(root.shape[0]):
        for j in range(root.shape[0]):
            theta[i, j] = root[i] * root[j] * M[i + 1, j + 1] / m
        theta[i, i] += M[0, 0] * eigenvalues[i] / m


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
    window = np.zeros(WINDOW)
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
    for network in range(start, stop):
        if not trainable[network]:
            continue
        # ---- the problem and the start
        problem = problem_index[network]
        r = ranks[problem]
        eigenvalues = all_eigenvalues[problem, :r]
        y = all_targets[problem, :r]
        root = np.sqrt(eigenvalues)
        floor = all_floors[problem]
        c = loss_factor[network]
        m = width[network]
        sigma = sigma_0[network]
        v0 = v_0[network]
        size = sigma * sigma + v0 * v0
        rate = c * learning_rate[network] / (n * m)
        T = steps[network]

        scale = np.full(r + 1, sigma)
        scale[0] = v0
        draw = initial_index[network]
        M0 = np.empty((r + 1, r + 1))
        for i in range(r + 1):
            for j in range(r + 1):
                M0[i, j] = scale[i] * scale[j] * all_moments[draw, i, j]
        M = M0.copy()
        P = np.eye(r + 1)
        B = np.zeros((r + 1, r + 1))
        q = np.empty(r)
        h = np.empty(r)
        row = np.empty(r + 1)
        g = np.empty(r)
        count = observed[network]
        z = np.empty((count, r + 1))
        for i in range(count):
            for j in range(r + 1):
                z[i, j] = scale[j] * all_probes[draw, i, j]

        # ---- what the records are held against
        gamma = 0.0
        b_square = 0.0
        y_square = floor
        for j in range(r):
            gamma += eigenvalues[j] * y[j] ** 2
            b_square += y[j] ** 2 / eigenvalues[j]
            y_square += y[j] ** 2
        growth = 2.0 * b_square / (np.sqrt(size * size + 4.0 * b_square) + size)
        signal = root * y
        theta = np.empty((r, r))
        _kernel(M, eigenvalues, root, m, theta)
        start_kernel = theta.copy()
        end_kernel = theta.copy()
        target_kernel = np.empty((r, r))
        for i in range(r):
            for j in range(r):
                end_kernel[i, j] += growth / m * y[i] * y[j] / b_square
                target_kernel[i, j] = eigenvalues[i] * y[i] * eigenvalues[j] * y[j] / (gamma * m)
            end_kernel[i, i] += growth / m * eigenvalues[i]
            target_kernel[i, i] += eigenvalues[i] / m
        mu, Q = np.linalg.eigh(start_kernel)
        out_sharpness_start[network] = c / n * mu[r - 1]
        coefficients = np.zeros(r)
        for i in range(r):
            for j in range(r):
                coefficients[i] += Q[j, i] * (y[j] - root[j] * M[0, j + 1])
        b_rms = 0.0
        for i in range(r):
            for j in range(r):
                b_rms += signal[i] * signal[j] * M0[i + 1, j + 1]
        out_b_rms[network] = np.sqrt(b_rms)
        reference = Reference(
            y,
            floor,
            gamma,
            c / (2.0 * n),
            target_kernel,
            start_kernel,
            end_kernel,
            sigma * np.sqrt(dimensions[problem]),
            size,
        )
        output = np.empty(r)
        linearised = np.empty(r)

        # ---- training
        record = 0
        status = Status.running
        square = _force(M, root, y, rate, g)
        start_square = square
        loss_start = c / (2.0 * n) * (square + floor)
        highest = loss_start
        lowest = loss_start
        t = 0
        while True:
            loss = c / (2.0 * n) * (square + floor)
            if not (loss <= DIVERGED * loss_start):
                status = Status.diverged
                break
            highest = max(highest, loss)
            lowest = min(lowest, loss)
            window[t % WINDOW] = loss
            if out_onset[network] < 0 and square < (1.0 - onset) * start_square:
                out_onset[network] = t
            if out_end[network] < 0 and square <= converged * converged * y_square:
                out_end[network] = t
            # Nothing moves once only rounding is left: the remaining records hold this state.
            done = t == T or square <= FINISHED * FINISHED * y_square
            while record < records and (done or record_steps[network, record] == t):
                step = record_steps[network, record]
                _kernel(M, eigenvalues, root, m, theta)
                for j in range(r):
                    output[j] = root[j] * M[0, j + 1]
                    linearised[j] = y[j]
                if wanted[observables.LAZY_ERROR]:
                    for i in range(r):
                        left = coefficients[i] * (1.0 - c * learning_rate[network] / n * mu[i]) ** step
                        for j in range(r):
                            linearised[j] -= Q[j, i] * left
                rho = 0.0
                v = 0.0
                rho_square = 0.0
                weight_shift = 0.0
                balance_shift = 0.0
                if follow:
                    # ρ_r = row · z_r(0)
                    row[:] = 0.0
                    for i in range(r):
                        for j in range(r + 1):
                            row[j] += signal[i] * (P[i + 1, j] - (1.0 if i + 1 == j else 0.0))
                    for i in range(r + 1):
                        for j in range(r + 1):
                            rho_square += row[i] * M0[i, j] * row[j]
                    for i in range(count):
                        rho_i = 0.0
                        v_i = 0.0
                        for j in range(r + 1):
                            rho_i += row[j] * z[i, j]
                            v_i += P[0, j] * z[i, j]
                        rho += abs(rho_i) / count
                        v += abs(v_i) / count
                        if out_rho_r.shape[0] > 0:
                            out_rho_r[network, record, i] = rho_i
                            out_v_r[network, record, i] = v_i
                    if wanted[observables.WEIGHT_CHANGE]:
                        weight_shift = np.sqrt(_shift_square(P, M0))
                    if wanted[observables.BALANCE_DRIFT]:
                        balance_shift = np.sqrt(_balance_square(B, M0))
                state = State(
                    output, linearised, theta, M[0, 0], max(rho_square, 0.0), rho, v, weight_shift, balance_shift
                )
                _measure(wanted, state, reference, row_out)
                out[network, record, :] = row_out
                if follow:
                    out_rho_rms[network, record] = np.sqrt(max(rho_square, 0.0))
                record += 1
            if done:
                break
            if follow:
                if wanted[observables.BALANCE_DRIFT]:
                    _step_balance(B, P, g)
                _step_propagator(P, g, row)
            _step_moments(M, g, q, h)
            square = _force(M, root, y, rate, g)
            t += 1

        # ---- how it ended
        out_loss_start[network] = loss_start
        out_loss_min[network] = lowest
        out_loss_max[network] = highest
        if status != Status.diverged:
            if square <= converged * converged * y_square:
                status = Status.converged
            if t == T and t >= WINDOW:
                out_period[network] = _period_of(window, t % WINDOW)
            _kernel(M, eigenvalues, root, m, theta)
            out_loss_end[network] = loss
            out_kernel_change[network] = _relative_change(theta, start_kernel)
            out_sharpness_end[network] = c / n * np.linalg.eigvalsh(theta)[r - 1]
        out_status[network] = status
