"""Eight networks side by side: their state in SIMD lanes, and one gradient step of all of them.

Flat arrays hold the lanes of one quantity side by side (`lanes`). Modes beyond a network's rank are zero: they add exact zeros
at the end of every sum, so that a network's bits do not depend on the ranks of others. Notation as in `propagator`. A is the
lower triangle of ⟨p pᵀ⟩, row by row; B and P are square.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lazyrich.engines.simd.compiled import compiled, compiled_leaf
from lazyrich.engines.simd.lanes import (
    LANES,
    add,
    any_at_most,
    any_not_at_most,
    fill,
    fma,
    load,
    mul,
    store,
    sub,
    where_less,
    zero,
)
from lazyrich.engines.trajectories import WINDOW
from lazyrich.networks import losses

Lanes = Any  # a flat float64 array, the lanes of each quantity side by side

# Inlined by numba, so that the loop's machine code is that of the formulas written out.
_value, _pull = compiled(losses.square_value, inline="always"), compiled(losses.square_pull, inline="always")


class Octet(NamedTuple):
    """Eight networks; sizes in quantities, r the number of modes."""

    # What moves.
    A: Lanes  # r(r + 1)/2: ⟨p pᵀ⟩
    u: Lanes  # r: ⟨v p⟩
    c: Lanes  # 1: ⟨v²⟩
    P: Lanes  # (r + 1)²: z(t) = P z(0); empty where nothing asks for single neurons
    B: Lanes  # (r + 1)²: PᵀJP − J, J = diag(−1, 1, …); empty where nothing asks for the balancedness
    # What moves it.
    root: Lanes  # r: √λ
    y: Lanes  # r: targets
    pull: Lanes  # r: cη√λ/(mn)
    # What is watched at every step.
    floor: Lanes  # 1: ‖(I − Π)y‖²
    factor: Lanes  # 1: c/2n
    alert: Lanes  # 1: a squared residual of at most this wants attention
    limit: Lanes  # 1: a loss that is not at most this has diverged
    square: Lanes  # 1: ‖Π(y − f)‖²
    loss: Lanes  # 1
    low: Lanes  # 1: smallest loss so far
    high: Lanes  # 1: largest loss so far
    ring: Lanes  # WINDOW: the last losses
    # Scratch.
    g: Lanes  # r: force
    w: Lanes  # r: u + (c/2)g
    q: Lanes  # r: A g
    row: Lanes  # r + 1


@compiled
def empty_octet(modes, follow, balancedness):
    """Return an octet of eight lanes at rest."""
    square = (modes + 1) * (modes + 1)
    # Not among the arguments below: numba takes so many by name only without branches.
    followed = square * LANES if follow else 0
    balanced = square * LANES if balancedness else 0
    return Octet(
        A=np.zeros(modes * (modes + 1) // 2 * LANES),
        u=np.zeros(modes * LANES),
        c=np.zeros(LANES),
        P=np.zeros(followed),
        B=np.zeros(balanced),
        root=np.zeros(modes * LANES),
        y=np.zeros(modes * LANES),
        pull=np.zeros(modes * LANES),
        floor=np.zeros(LANES),
        factor=np.zeros(LANES),
        alert=np.full(LANES, -1.0),
        limit=np.full(LANES, np.inf),
        square=np.zeros(LANES),
        loss=np.zeros(LANES),
        low=np.zeros(LANES),
        high=np.zeros(LANES),
        ring=np.zeros(WINDOW * LANES),
        g=np.zeros(modes * LANES),
        w=np.zeros(modes * LANES),
        q=np.zeros(modes * LANES),
        row=np.zeros((modes + 1) * LANES),
    )


@compiled_leaf
def clear(o, lane):
    """Clear one lane: the state of a finished network must not reach the lane's next one, nor overflow before."""
    for array in (o.A, o.u, o.c, o.P, o.B, o.root, o.y, o.pull, o.floor, o.factor):
        for i in range(lane, len(array), LANES):
            array[i] = 0.0
    o.alert[lane] = -1.0
    o.limit[lane] = np.inf


@compiled_leaf
def advance(o, now, horizon):
    """Step until something wants attention: a lane's alert or limit, or the step `horizon`; return the step it is at.

    Everything that is watched is up to date then. Looking twice at one step changes nothing.
    """
    while True:
        _look(o, now)
        if now >= horizon or any_at_most(load(o.square, 0), load(o.alert, 0)):
            return now
        if any_not_at_most(load(o.loss, 0), load(o.limit, 0)):
            return now
        step(o)
        now += 1


@compiled_leaf
def step(o):
    """Take one gradient step, by the force of the last look."""
    if len(o.B) > 0:
        _step_balance(o.B, o.P, o.g, o.row)
    if len(o.P) > 0:
        _step_propagator(o.P, o.g, len(o.row))
    _step_moments(o.A, o.u, o.c, o.g, o.w, o.q)


@compiled_leaf
def _look(o, now):
    """Compute the force, the squared residual ‖Π(y − f)‖², the loss and its extremes."""
    total = zero()
    half = mul(fill(0.5), load(o.c, 0))
    for j in range(0, len(o.u), LANES):
        f, y = mul(load(o.root, j), load(o.u, j)), load(o.y, j)
        total = total + _value(f, y)
        force = mul(load(o.pull, j), _pull(f, y))
        store(o.g, j, force)
        store(o.w, j, fma(half, force, load(o.u, j)))
    store(o.square, 0, total)
    loss = mul(load(o.factor, 0), add(total, load(o.floor, 0)))
    store(o.loss, 0, loss)
    store(o.ring, (now % WINDOW) * LANES, loss)
    low = load(o.low, 0)
    high = load(o.high, 0)
    store(o.low, 0, where_less(loss, low, loss, low))
    # A loss that has diverged is no maximum.
    loss = where_less(load(o.limit, 0), loss, high, loss)
    store(o.high, 0, where_less(high, loss, loss, high))


# ---- M ← (I + G) M (I + G) in one pass over A, which needs A g and adds g wᵀ + w gᵀ to A ---------------------------------


@compiled_leaf
def _off_diagonal(A, k, gi, wi, qi, gj, wj, qj):
    """Step one element of A at the crossing of row i and column j; return its part in q_i and q_j."""
    a = load(A, k)
    store(A, k, fma(gi, wj, fma(wi, gj, a)))
    return fma(a, gj, qi), fma(a, gi, qj)


@compiled_leaf
def _diagonal(A, k, g, w, q):
    a = load(A, k)
    store(A, k, fma(g, w, fma(w, g, a)))
    return fma(a, g, q)


@compiled_leaf
def _step_moments(A, u, c, g, w, q):
    """Set A ← A + g wᵀ + w gᵀ, u ← u + c g + A g + (gᵀu) g, c ← c + 2gᵀu + gᵀA g, four rows of A at a time."""
    size = len(u)
    k0 = 0  # where row i of the triangle begins
    i = 0
    while i + 4 * LANES <= size:
        g0, g1, g2, g3 = load(g, i), load(g, i + LANES), load(g, i + 2 * LANES), load(g, i + 3 * LANES)
        w0, w1, w2, w3 = load(w, i), load(w, i + LANES), load(w, i + 2 * LANES), load(w, i + 3 * LANES)
        q0, q1, q2, q3 = zero(), zero(), zero(), zero()
        k1 = k0 + i + LANES
        k2 = k1 + i + 2 * LANES
        k3 = k2 + i + 3 * LANES
        for j in range(0, i, LANES):
            gj, wj, qj = load(g, j), load(w, j), load(q, j)
            q0, qj = _off_diagonal(A, k0 + j, g0, w0, q0, gj, wj, qj)
            q1, qj = _off_diagonal(A, k1 + j, g1, w1, q1, gj, wj, qj)
            q2, qj = _off_diagonal(A, k2 + j, g2, w2, q2, gj, wj, qj)
            q3, qj = _off_diagonal(A, k3 + j, g3, w3, q3, gj, wj, qj)
            store(q, j, qj)
        q0 = _diagonal(A, k0 + i, g0, w0, q0)
        q1, q0 = _off_diagonal(A, k1 + i, g1, w1, q1, g0, w0, q0)
        q1 = _diagonal(A, k1 + i + LANES, g1, w1, q1)
        q2, q0 = _off_diagonal(A, k2 + i, g2, w2, q2, g0, w0, q0)
        q2, q1 = _off_diagonal(A, k2 + i + LANES, g2, w2, q2, g1, w1, q1)
        q2 = _diagonal(A, k2 + i + 2 * LANES, g2, w2, q2)
        q3, q0 = _off_diagonal(A, k3 + i, g3, w3, q3, g0, w0, q0)
        q3, q1 = _off_diagonal(A, k3 + i + LANES, g3, w3, q3, g1, w1, q1)
        q3, q2 = _off_diagonal(A, k3 + i + 2 * LANES, g3, w3, q3, g2, w2, q2)
        q3 = _diagonal(A, k3 + i + 3 * LANES, g3, w3, q3)
        store(q, i, q0)
        store(q, i + LANES, q1)
        store(q, i + 2 * LANES, q2)
        store(q, i + 3 * LANES, q3)
        i += 4 * LANES
        k0 = k3 + i
    while i < size:
        g0, w0, q0 = load(g, i), load(w, i), zero()
        for j in range(0, i, LANES):
            q0, qj = _off_diagonal(A, k0 + j, g0, w0, q0, load(g, j), load(w, j), load(q, j))
            store(q, j, qj)
        store(q, i, _diagonal(A, k0 + i, g0, w0, q0))
        i += LANES
        k0 += i
    gu = zero()
    gq = zero()
    for i in range(0, size, LANES):
        gu = fma(load(g, i), load(u, i), gu)
        gq = fma(load(g, i), load(q, i), gq)
    weight = add(load(c, 0), gu)
    store(c, 0, add(add(weight, gu), gq))
    for i in range(0, size, LANES):
        store(u, i, add(fma(weight, load(g, i), load(u, i)), load(q, i)))


# ---- P ← (I + G) P, column by column --------------------------------------------------------------------------------------


@compiled_leaf
def _below(P, k, gi, p, total):
    """Step one element of P below its first row; return its part in gᵀP_p."""
    below = load(P, k)
    store(P, k, fma(gi, p, below))
    return fma(gi, below, total)


@compiled_leaf
def _step_propagator(P, g, width):
    """Set P_p ← P_p + g P_v, P_v ← P_v + gᵀP_p, four columns at a time; `width` as of a row in lanes."""
    j = 0
    while j + 4 * LANES <= width:
        p0, p1, p2, p3 = load(P, j), load(P, j + LANES), load(P, j + 2 * LANES), load(P, j + 3 * LANES)
        t0, t1, t2, t3 = zero(), zero(), zero(), zero()
        k = width + j
        for i in range(0, len(g), LANES):
            gi = load(g, i)
            t0 = _below(P, k, gi, p0, t0)
            t1 = _below(P, k + LANES, gi, p1, t1)
            t2 = _below(P, k + 2 * LANES, gi, p2, t2)
            t3 = _below(P, k + 3 * LANES, gi, p3, t3)
            k += width
        store(P, j, add(p0, t0))
        store(P, j + LANES, add(p1, t1))
        store(P, j + 2 * LANES, add(p2, t2))
        store(P, j + 3 * LANES, add(p3, t3))
        j += 4 * LANES
    while j < width:
        p0, t0 = load(P, j), zero()
        k = width + j
        for i in range(0, len(g), LANES):
            t0 = _below(P, k, load(g, i), p0, t0)
            k += width
        store(P, j, add(p0, t0))
        j += LANES


@compiled_leaf
def _step_balance(B, P, g, row):
    """Set B ← B + Pᵀ G J G P before P steps; B = PᵀJP − J without its cancellation; `row` is scratch."""
    width = len(row)
    gg = zero()
    for j in range(0, width, LANES):
        store(row, j, zero())
    for i in range(0, len(g), LANES):
        gi = load(g, i)
        gg = fma(gi, gi, gg)
        for j in range(0, width, LANES):
            store(row, j, fma(gi, load(P, (i // LANES + 1) * width + j), load(row, j)))
    k = 0
    for i in range(0, width, LANES):
        first = mul(gg, load(P, i))
        second = load(row, i)
        for j in range(0, width, LANES):
            store(B, k, sub(fma(first, load(P, j), load(B, k)), mul(second, load(row, j))))
            k += LANES
