"""The wide limit of gradient flow, for any K: loss, output and kernel depend on σ0 and v0 only through D = σ0² + v0².

With X = U Λ^½ Vᵀ, y in the eigenbasis U, and e = Vᵀ⟨w v⟩ (so f = Λ^½ e, 0 at the start), S = √(D² + 4‖e‖²) and ê = e/‖e‖,

    de/dt = rate [½(S + D) I + ½(S − D) ê êᵀ] g,    g = Λ^½ (y − Λ^½ e),    rate = cη/(mn), t in steps.

The weights move by boosts, and the equation is integrated in their rapidity q = u ê, with e = (D/2) sinh(u) ê:

    dq/dt = rate [2 ê êᵀ + u coth(u/2) (I − ê êᵀ)] g,

which is regular at q = 0 and constant throughout stage one, however many decades e grows. Modes of eigenvalue 0 are padding.
"""

from functools import partial

import numpy as np
from jaxtyping import Float, Int

from lazyrich.system.compiled import cached_njit

Array = np.ndarray

_compiled = partial(cached_njit, nogil=True, error_model="numpy")

# Dormand and Prince 5(4): stages (the last is the step itself), error estimate, and the interpolant within a step,
# Σ_j k_j Σ_p P_jp θ^(p+1) (Shampine 1986).
STAGES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [1 / 5, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
ERROR = np.array([-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40])
INTERPOLANT = np.array(
    [
        [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0, 0, 0, 0],
        [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
TOLERANCE = 1e-7  # of a step; some ten steps pass their errors on to a record, which is exact to 1e-6
CONVERGED = 1e-12  # a residual of this share of ‖y‖ is rounding
# The residual's rates are at most rate S λ₁: with steps of at most this over it, all of it falls to rounding.
LONGEST = 2.5
SMALL = 1e-10  # of u²: below it terms are neglected that are as small as the rounding of exp(u) − exp(−u) above it
MOST_STEPS = 10**5  # where the spectrum is too wide for an explicit method; later records are NaN


@_compiled
def _weights(q: Array, size: float, e: Array) -> tuple[float, float, float]:
    """Fill in e; return u², u coth(u/2) and S."""
    square = 0.0
    for i in range(len(q)):
        square += q[i] ** 2
    if square < SMALL:
        sinh_ratio, across, cosh = 1.0, 2.0, 1.0
    else:
        u = np.sqrt(square)
        w = np.exp(u)
        sinh_ratio, across, cosh = 0.5 * (w - 1 / w) / u, u * (w + 1) / (w - 1), 0.5 * (w + 1 / w)
    for i in range(len(q)):
        e[i] = 0.5 * size * sinh_ratio * q[i]
    return square, across, size * cosh


@_compiled
def _slope(q: Array, root: Array, y: Array, size: float, out: Array) -> None:
    """Fill in dq/dt in units of `rate`."""
    square, across, _ = _weights(q, size, out)
    along = 0.0
    for i in range(len(q)):
        out[i] = root[i] * (y[i] - root[i] * out[i])
        along += q[i] * out[i]
    turn = along * (2 - across) / square if square >= SMALL else 0.0
    for i in range(len(q)):
        out[i] = across * out[i] + turn * q[i]


@_compiled
def _trial_step(q: Array, h: float, root: Array, y: Array, size: float, k: Array, trial: Array, error: Array) -> None:
    """Fill in k[1:] from k[0] = dq/dt at q, q after h, and its error."""
    for stage in range(1, 7):
        trial[:] = q
        for j in range(stage):
            weight, slope = h * STAGES[stage, j], k[j]
            for i in range(len(q)):
                trial[i] += weight * slope[i]
        _slope(trial, root, y, size, k[stage])
    error[:] = 0.0
    for j in range(7):
        weight, slope = h * ERROR[j], k[j]
        for i in range(len(q)):
            error[i] += weight * slope[i]


@_compiled
def _interpolate(q: Array, theta: float, h: float, k: Array, between: Array) -> None:
    """Fill in q a share `theta` into the step h."""
    between[:] = q
    for j in range(7):
        P = INTERPOLANT[j]
        weight = h * theta * (P[0] + theta * (P[1] + theta * (P[2] + theta * P[3])))
        for i in range(len(q)):
            between[i] += weight * k[j, i]


@_compiled
def _flow(times: Array, root: Array, y: Array, size: float, overlap: Array) -> None:
    """Write ⟨y, f⟩ at rising `times`, in units of 1/rate, to `overlap`; leave records that are not reached as they are."""
    r = len(root)
    q, e, trial, error, k = np.zeros(r), np.zeros(r), np.zeros(r), np.zeros(r), np.zeros((7, r))
    y_square = np.sum(y**2)
    largest = np.max(root) ** 2
    record = int(np.sum(times <= 0))
    overlap[:record] = 0.0
    t = 0.0
    h = 0.5 / np.sqrt(np.sum((root * y) ** 2))  # u = 1 at its first slope 2√γ
    _slope(q, root, y, size, k[0])
    for _ in range(MOST_STEPS):
        if record == len(times):
            return
        _, _, S = _weights(q, size, e)
        residual = 0.0
        for i in range(r):
            residual += (y[i] - root[i] * e[i]) ** 2
        if residual <= CONVERGED**2 * y_square:
            overlap[record:] = np.sum(y * root * e)
            return
        h = min(h, LONGEST / (S * largest))
        _trial_step(q, h, root, y, size, k, trial, error)
        # An error δq moves the weights by at most δq of their size S/2: small beside that, and in the output beside y.
        weights = 0.0
        output = 0.0
        for i in range(r):
            weights += error[i] ** 2
            output += (0.5 * S * root[i] * error[i]) ** 2
        share = np.sqrt(max(weights, output / y_square)) / TOLERANCE
        if share <= 1:
            while record < len(times) and times[record] <= t + h:
                _interpolate(q, (times[record] - t) / h, h, k, error)
                _weights(error, size, e)
                overlap[record] = np.sum(y * root * e)
                record += 1
            t += h
            q[:] = trial
            k[0] = k[6]
            h *= min(5.0, 0.9 * share**-0.2)
        else:  # or NaN, where exp(u) overflowed
            h *= max(0.2, 0.9 * share**-0.2)


@_compiled
def _overlap(times: Array, root: Array, y: Array, size: Array) -> Array:
    result = np.full(times.shape, np.nan)
    for i in range(len(size)):
        if not np.isfinite(np.sum(root[i] * y[i]) + size[i] + np.sum(times[i])):
            continue
        if size[i] > 0 and np.any(root[i] * y[i] != 0):
            _flow(times[i], root[i], y[i], size[i], result[i])
        else:  # nothing to learn, or nothing to learn with
            result[i] = 0.0
    return result


def overlap(
    steps: Int[Array, "networks records"] | Float[Array, "networks records"],
    eigenvalues: Float[Array, "networks r"],
    targets: Float[Array, "networks r"],
    size: Float[Array, " networks"],
    rate: Float[Array, " networks"],
) -> Float[Array, "networks records"]:
    """Return ⟨y, f⟩ at each record (rising along a row) of the flow in time ηt from a wide start, to 1e-6 ‖y‖².

    Dormand and Prince's method chooses the steps, whatever the distance of records; `rate` = cη/(mn). NaN where an argument
    is not finite, and beyond 10⁵ steps of the method.
    """
    reached = np.where(eigenvalues > 0, targets, 0.0)
    result: Array = _overlap(steps * rate[:, None], np.sqrt(eigenvalues), reached, size)
    return result


def kernel(
    e: Float[Array, "... r"],
    eigenvalues: Float[Array, "... r"],
    size: Float[Array, "..."],
    width: Float[Array, "..."],
) -> Float[Array, "... r r"]:
    """Return Θ = (1/m) [½(S + D) K + ½(S − D) X ê êᵀ Xᵀ] in the eigenbasis of K, where the flow is at e."""
    total = np.sqrt(size**2 + 4 * np.sum(e**2, axis=-1)) + size
    f = np.sqrt(eigenvalues) * e
    gram = eigenvalues[..., None] * np.eye(eigenvalues.shape[-1])
    update = 2 / total[..., None, None] * f[..., :, None] * f[..., None, :]
    theta: Array = (0.5 * total[..., None, None] * gram + update) / np.asarray(width)[..., None, None]
    return theta
