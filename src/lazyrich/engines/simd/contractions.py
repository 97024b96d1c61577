"""The numbers that observables are made of, of eight networks at once in SIMD lanes.

Everything is a sum over modes of the state, of where it started and of the kernels that theory names; kernels are never
formed. Notation and layout as in `octet`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lazyrich.engines.simd.compiled import compiled, compiled_leaf
from lazyrich.engines.simd.lanes import LANES, add, div, fill, fma, load, mul, store, sub, zero
from lazyrich.engines.simd.octet import Lanes


class Anchor(NamedTuple):
    """What the records of eight networks are held against."""

    M0: Lanes  # (r + 1)(r + 2)/2: lower triangle of ⟨z zᵀ⟩ at the start
    eigenvalues: Lanes  # r: λ
    gamma: Lanes  # 1: γ
    growth: Lanes  # 1: G
    growth_y: Lanes  # 1: G/b²
    product: Lanes  # (r + 1)²: scratch for B M₀, where B is followed


@compiled
def empty_anchor(modes, balancedness):
    """Return the anchor of eight lanes at rest."""
    square = (modes + 1) * (modes + 1) * LANES if balancedness else 0
    return Anchor(
        M0=np.zeros((modes + 1) * (modes + 2) // 2 * LANES),
        eigenvalues=np.zeros(modes * LANES),
        gamma=np.zeros(LANES),
        growth=np.zeros(LANES),
        growth_y=np.zeros(LANES),
        product=np.zeros(square),
    )


# What `contract` writes, in this order; kernels are m Θ.
(
    OVERLAP,
    KERNEL_SQUARE,
    Y_KERNEL_Y,
    FROM_START,
    START_SQUARE,
    FROM_TARGET,
    TARGET_SQUARE,
    FROM_END,
    END_SQUARE,
    RHO_SQUARE,
    WEIGHT_SHIFT,
    BALANCE_SHIFT,
) = range(12)
COUNT = 12


@compiled_leaf
def contract(o, anchor, weights, numbers, signal):
    """Write all numbers of the present state to `numbers` (COUNT lanes); what P and B give only where they are followed.

    `signal` (r + 1 lanes) becomes the vector with ρ_r = ⟨signal, z_r(0)⟩. `weights` says whether WEIGHT_SHIFT is wanted.
    """
    overlap = zero()
    for i in range(0, len(o.u), LANES):
        overlap = fma(mul(load(o.root, i), load(o.u, i)), load(o.y, i), overlap)
    store(numbers, OVERLAP * LANES, overlap)
    _kernels(o, anchor, numbers)
    if len(o.P) > 0:
        _alignment(o, anchor.M0, numbers, signal)
        if weights:
            store(numbers, WEIGHT_SHIFT * LANES, _weight_shift(o.P, anchor.M0, o.row))
        if len(o.B) > 0:
            store(numbers, BALANCE_SHIFT * LANES, _balance_shift(o.B, anchor.M0, len(o.row), anchor.product))


@compiled_leaf
def _add_square(value, weight, total):
    return fma(mul(weight, value), value, total)


@compiled_leaf
def _kernels(o, anchor, numbers):
    """Write norms and distances of mΘ = ⟨v²⟩ K + ⟨p pᵀ⟩, the start, T and Θ∞, in one pass over the lower triangle."""
    kernel, y_kernel_y = zero(), zero()
    from_start, start, from_target, target, from_end, end = zero(), zero(), zero(), zero(), zero(), zero()
    c = load(o.c, 0)
    c0 = load(anchor.M0, 0)
    change = sub(c, c0)
    growth = load(anchor.growth, 0)
    growth_y = load(anchor.growth_y, 0)
    aligned = div(c, load(anchor.gamma, 0))
    once, twice = fill(1.0), fill(2.0)
    k = 0
    k0 = LANES
    for i in range(0, len(o.u), LANES):
        eigenvalue, root, y = load(anchor.eigenvalues, i), load(o.root, i), load(o.y, i)
        target_i = mul(aligned, mul(eigenvalue, y))
        end_i = mul(growth_y, y)
        k0 += LANES  # past ⟨v p_i⟩
        for j in range(0, i + LANES, LANES):
            diagonal = i == j
            weight = once if diagonal else twice
            roots = mul(root, load(o.root, j))
            yj = load(o.y, j)
            start_ij = mul(roots, load(anchor.M0, k0))
            moved = mul(roots, sub(load(o.A, k), load(anchor.M0, k0)))
            target_ij = mul(target_i, mul(load(anchor.eigenvalues, j), yj))
            grown = mul(end_i, yj)
            if diagonal:
                start_ij = fma(c0, eigenvalue, start_ij)
                moved = fma(change, eigenvalue, moved)
                target_ij = fma(c, eigenvalue, target_ij)
                grown = fma(growth, eigenvalue, grown)
            kernel_ij = add(start_ij, moved)
            kernel = _add_square(kernel_ij, weight, kernel)
            y_kernel_y = fma(mul(weight, kernel_ij), mul(y, yj), y_kernel_y)
            from_start = _add_square(moved, weight, from_start)
            start = _add_square(start_ij, weight, start)
            from_target = _add_square(sub(kernel_ij, target_ij), weight, from_target)
            target = _add_square(target_ij, weight, target)
            from_end = _add_square(sub(moved, grown), weight, from_end)
            end = _add_square(add(start_ij, grown), weight, end)
            k += LANES
            k0 += LANES
    store(numbers, KERNEL_SQUARE * LANES, kernel)
    store(numbers, Y_KERNEL_Y * LANES, y_kernel_y)
    store(numbers, FROM_START * LANES, from_start)
    store(numbers, START_SQUARE * LANES, start)
    store(numbers, FROM_TARGET * LANES, from_target)
    store(numbers, TARGET_SQUARE * LANES, target)
    store(numbers, FROM_END * LANES, from_end)
    store(numbers, END_SQUARE * LANES, end)


@compiled_leaf
def _alignment(o, M0, numbers, signal):
    """Write `signal` and ⟨ρ²⟩ = signalᵀ M₀ signal, from ρ_r = yᵀX(w_r(t) − w_r(0)) = Σ_i y_i √λ_i ((P − 1) z_r(0))_i."""
    width = len(o.row)
    for j in range(0, width, LANES):
        total = zero()
        for i in range(0, len(o.u), LANES):
            p = load(o.P, (i // LANES + 1) * width + j)
            if j == i + LANES:
                p = sub(p, fill(1.0))
            total = fma(mul(load(o.root, i), load(o.y, i)), p, total)
        store(signal, j, total)
    store(numbers, RHO_SQUARE * LANES, _quadratic(M0, signal))


@compiled_leaf
def _quadratic(M0, x):
    """Return xᵀ M₀ x."""
    total = zero()
    k = 0
    for i in range(0, len(x), LANES):
        xi = load(x, i)
        inner = zero()
        for j in range(0, i, LANES):
            inner = fma(load(M0, k), load(x, j), inner)
            k += LANES
        total = fma(xi, fma(load(M0, k), xi, add(inner, inner)), total)
        k += LANES
    return total


@compiled_leaf
def _weight_shift(P, M0, row):
    """Return tr((P_p − E) M₀ (P_p − E)ᵀ) = ‖W − W₀‖²/m, E the rows of the identity; `row` is scratch."""
    width = len(row)
    total = zero()
    for i in range(LANES, width, LANES):
        for j in range(0, width, LANES):
            p = load(P, i // LANES * width + j)
            store(row, j, sub(p, fill(1.0)) if i == j else p)
        total = add(total, _quadratic(M0, row))
    return total


@compiled_leaf
def _balance_shift(B, M0, width, C):
    """Return tr(B M₀ B M₀): mean over pairs of the squared change of v_r v_s − ⟨w_r, w_s⟩; B M₀ comes to stand in C."""
    for i in range(0, width, LANES):
        for j in range(0, width, LANES):
            total = zero()
            for k in range(0, width, LANES):
                row, column = max(j, k) // LANES, min(j, k)
                m = load(M0, row * (row + 1) // 2 * LANES + column)
                total = fma(load(B, i // LANES * width + k), m, total)
            store(C, i // LANES * width + j, total)
    total = zero()
    for i in range(0, width, LANES):
        for j in range(0, width, LANES):
            total = fma(load(C, i // LANES * width + j), load(C, j // LANES * width + i), total)
    return total
