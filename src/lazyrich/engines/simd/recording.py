"""Records of a network in its lane: from sums over modes to observables, and the neurons that are followed one by one."""

from __future__ import annotations

import numpy as np

from lazyrich.engines.simd import contractions
from lazyrich.engines.simd.compiled import compiled, compiled_leaf, compiled_part
from lazyrich.engines.simd.lanes import LANES, add, fill, fma, load, store, sub, where_less, zero
from lazyrich.engines.simd.linearised import advance_linearised
from lazyrich.networks import losses, observables
from lazyrich.networks.backends import bound
from lazyrich.networks.observables import State

BLOCK = 4 * LANES  # probes that are followed at a time

_value = compiled(losses.square_value, inline="always")


def _nothing(state, out):
    pass


def _one_more(state, out):
    before(state, out)  # free names, bound below
    out[position] = formula(state)


# `observables.measure`, unrolled: compiled code takes no table of functions. Inlined, else calls would cost more than formulas.
_measure = compiled(_nothing, inline="always")
for _position, _observable in enumerate(observables.OBSERVABLES.values()):
    _formula = compiled(_observable.formula, inline="always")
    _measure = compiled(bound(_one_more, before=_measure, position=_position, formula=_formula), inline="always")


@compiled_part
def fill_records(
    lane, network, first, last, batch, record_steps, follow, o, anchor, signal, numbers, progress, results
):
    """Fill records first … last − 1 of a lane's network from its present state."""
    problem = batch.problem[network]
    r = batch.rank[problem]
    m = batch.width[network]
    rho, v = 0.0, 1.0
    if follow.probes:
        rho, v = _probes(lane, network, first, last, batch, o, signal, progress.scratch, results)
    test_loss = _test_loss(lane, network, batch, o, progress.scratch) if follow.test else np.nan
    for record in range(first, last):
        lazy_square = 0.0
        if progress.powers.shape[1] > 0:
            target = record_steps[network, record]
            advance_linearised(
                progress.powers[lane],
                progress.linearised[lane],
                progress.scratch,
                target - progress.linearised_step[lane],
                r,
            )
            progress.linearised_step[lane] = target
            for i in range(r):
                output = o.root[i * LANES + lane] * o.u[i * LANES + lane]
                lazy_square += (output - o.y[i * LANES + lane] + progress.linearised[lane, i]) ** 2
            if not lazy_square < np.inf:  # the linearised network has diverged
                lazy_square = np.inf
        sigma = batch.sigma_0[network]
        state = State(
            y_square=progress.y_square[lane],
            gamma=anchor.gamma[lane],
            loss=o.loss[lane],
            test_loss=test_loss,
            size=sigma**2 + batch.v_0[network] ** 2,
            weight_square=sigma**2 * batch.dimension[problem],
            overlap=numbers[contractions.OVERLAP * LANES + lane],
            lazy_square=lazy_square,
            v_square=o.c[lane],
            rho_square=max(numbers[contractions.RHO_SQUARE * LANES + lane], 0.0),
            rho=rho,
            v=v,
            kernel_square=numbers[contractions.KERNEL_SQUARE * LANES + lane] / m**2,
            y_kernel_y=numbers[contractions.Y_KERNEL_Y * LANES + lane] / m,
            from_start=numbers[contractions.FROM_START * LANES + lane],
            start_square=numbers[contractions.START_SQUARE * LANES + lane],
            from_target=numbers[contractions.FROM_TARGET * LANES + lane],
            target_square=numbers[contractions.TARGET_SQUARE * LANES + lane],
            from_end=numbers[contractions.FROM_END * LANES + lane],
            end_square=numbers[contractions.END_SQUARE * LANES + lane],
            weight_shift=numbers[contractions.WEIGHT_SHIFT * LANES + lane],
            balance_shift=numbers[contractions.BALANCE_SHIFT * LANES + lane],
            accuracy=np.nan,  # such networks are trained sample by sample, elsewhere
            test_accuracy=np.nan,
            margin=np.nan,
        )
        _measure(state, results.observables[network, record])
        if len(o.P) > 0:
            results.rho_rms[network, record] = np.sqrt(state.rho_square)


@compiled_leaf
def _test_loss(lane, network, batch, o, scratch):
    """Return the loss of a network's test samples, f = C⟨v Vᵀw⟩ + H⟨u v⟩ with ⟨u v⟩ by P_v (`held_out`)."""
    problem = batch.problem[network]
    draw = batch.draw[network]
    r = batch.rank[problem]
    sigma = batch.sigma_0[network]
    rows = batch.test_y.shape[1]
    residual = scratch[:rows]
    for row in range(rows):
        residual[row] = -batch.test_y[problem, row]
    for i in range(r):
        factor = o.u[i * LANES + lane]
        for row in range(rows):
            residual[row] += factor * batch.inside[problem, i, row]
    v = scratch[rows:]
    for j in range(r + 1):
        v[j] = sigma * (batch.v_0[network] if j == 0 else sigma) * o.P[j * LANES + lane]
    for i in range(r + 1):
        factor = 0.0
        for j in range(r + 1):
            factor += batch.spread[draw, i, j] * v[j]
        for row in range(rows):
            residual[row] += factor * batch.outside[problem, i, row]
    total = 0.0
    for row in range(rows):
        total += _value(residual[row], 0.0)  # a square, whose rows are turned: of f − y and 0
    return batch.loss_factor[network] / (2.0 * batch.test_samples) * total


@compiled_leaf
def _absolute(x):
    return where_less(x, zero(), sub(zero(), x), x)


@compiled_leaf
def _probes(lane, network, first, last, batch, o, signal, scratch, results):
    """Return (mean |ρ_r|, mean |v_r|) over a network's probes; fill in records first … last − 1 where they are kept."""
    wide = batch.probes_width
    count = batch.observed[network]
    coordinates = batch.moments.shape[1]
    start = batch.draw[network] * coordinates * wide
    r = batch.rank[batch.problem[network]]
    rho_total, v_total = zero(), zero()
    for i in range(0, count, BLOCK):
        rho0, rho1, rho2, rho3 = zero(), zero(), zero(), zero()
        v0, v1, v2, v3 = zero(), zero(), zero(), zero()
        k = start + i
        for j in range(r + 1):
            scale = batch.v_0[network] if j == 0 else batch.sigma_0[network]
            for_rho = fill(scale * signal[j * LANES + lane])
            for_v = fill(scale * o.P[j * LANES + lane])
            z0, z1 = load(batch.probes, k), load(batch.probes, k + LANES)
            z2, z3 = load(batch.probes, k + 2 * LANES), load(batch.probes, k + 3 * LANES)
            rho0, rho1 = fma(for_rho, z0, rho0), fma(for_rho, z1, rho1)
            rho2, rho3 = fma(for_rho, z2, rho2), fma(for_rho, z3, rho3)
            v0, v1 = fma(for_v, z0, v0), fma(for_v, z1, v1)
            v2, v3 = fma(for_v, z2, v2), fma(for_v, z3, v3)
            k += wide
        rho_total = add(add(rho_total, _absolute(rho0)), _absolute(rho1))
        rho_total = add(add(rho_total, _absolute(rho2)), _absolute(rho3))
        v_total = add(add(v_total, _absolute(v0)), _absolute(v1))
        v_total = add(add(v_total, _absolute(v2)), _absolute(v3))
        probes = min(count, results.rho_r.shape[2])
        if i < probes:
            _spread(rho0, rho1, rho2, rho3, scratch)
            for record in range(first, last):
                for j in range(min(BLOCK, probes - i)):
                    results.rho_r[network, record, i + j] = scratch[j]
            _spread(v0, v1, v2, v3, scratch)
            for record in range(first, last):
                for j in range(min(BLOCK, probes - i)):
                    results.v_r[network, record, i + j] = scratch[j]
    store(scratch, 0, rho_total)
    store(scratch, LANES, v_total)
    rho = 0.0
    v = 0.0
    for j in range(LANES):
        rho += scratch[j]
        v += scratch[LANES + j]
    return rho / count, v / count


@compiled_leaf
def _spread(x0, x1, x2, x3, scratch):
    store(scratch, 0, x0)
    store(scratch, LANES, x1)
    store(scratch, 2 * LANES, x2)
    store(scratch, 3 * LANES, x3)
