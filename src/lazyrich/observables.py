"""What is measured of a network at a record: names, meanings and formulas.

To add an observable, add its row to `OBSERVABLES` and its line to `measure`; engines, files, checks and documents follow.
`measure` is plain Python on arrays, compiled by the engines, and this module imports no numpy, because the sweep file's
model takes the names from here.

Norms are Frobenius norms. Vectors and matrices over samples may stand in any orthonormal basis of the row space of X
(the propagator uses the eigenbasis of K): every formula here is invariant under a rotation of samples.
"""

import math
from typing import NamedTuple


class Observable(NamedTuple):
    """Name on disk, meaning and symbol of one observable; all are dimensionless or in units of the targets."""

    long_name: str
    symbol: str
    default: bool = False
    dtype: str = "float32"


OBSERVABLES = {
    "loss": Observable("training loss (c/2n) |f - y|^2", "L", True, "float64"),
    "rho": Observable("mean over neurons (or probes) of the feature alignment |rho_r|", "⟨|ρ_r|⟩", True),
    "v": Observable("mean over neurons (or probes) of the second-layer weight |v_r|", "⟨|v_r|⟩", True),
    "rho_over_v": Observable("ratio of mean |rho_r| to mean |v_r|", "⟨|ρ_r|⟩/⟨|v_r|⟩", True),
    "alignment": Observable("rms rho_r / (sqrt(gamma) rms v_r), over all neurons", "rms ρ_r/(√γ rms v_r)"),
    "target_overlap": Observable("overlap of output and targets <y, f>/|y|^2", "⟨y, f⟩/‖y‖²", True),
    "ntk_norm": Observable("norm of the neural tangent kernel", "‖Θ‖"),
    "ntk_change": Observable("relative change of the kernel since the start", "‖Θ − Θ₀‖/‖Θ₀‖", True),
    "ntk_target_error": Observable(
        "relative distance of the kernel to the target-aligned kernel T of the same step", "‖Θ − T‖/‖T‖", True
    ),
    "ntk_end_error": Observable(
        "relative distance of the kernel to the end kernel of gradient flow", "‖Θ − Θ∞‖/‖Θ∞‖", True
    ),
    "kernel_alignment": Observable("alignment of kernel and targets y^T Theta y/(|Theta| |y|^2)", "yᵀΘy/(‖Θ‖‖y‖²)"),
    "weight_change": Observable("relative change of the first layer |W - W_0|/|W_0|", "‖W − W₀‖/‖W₀‖"),
    "balance_drift": Observable(
        "change of v_r v_s - <w_r, w_s> (conserved by gradient flow), rms over pairs, relative to D", "δ(v vᵀ − W Wᵀ)/D"
    ),
    "lazy_error": Observable(
        "distance of the output to that of the network linearised at its start, relative to |y|",
        "‖f − f_lin‖/‖y‖",
        True,
    ),
}
NAMES = tuple(OBSERVABLES)
DEFAULT = tuple(name for name, observable in OBSERVABLES.items() if observable.default)

# Positions in `measure`'s output. Compiled code wants integers, so the table's order is spelled once more here;
# a test compares every column with an independent definition.
(
    LOSS,
    RHO,
    V,
    RHO_OVER_V,
    ALIGNMENT,
    TARGET_OVERLAP,
    NTK_NORM,
    NTK_CHANGE,
    NTK_TARGET_ERROR,
    NTK_END_ERROR,
    KERNEL_ALIGNMENT,
    WEIGHT_CHANGE,
    BALANCE_DRIFT,
    LAZY_ERROR,
) = range(len(NAMES))


class Reference(NamedTuple):
    """What stays fixed while one network trains; r is the rank of X."""

    targets: object  # (r,) y in the row space of X
    floor: float  # ‖(I − Π) y‖²
    gamma: float  # yᵀ K y
    loss_scale: float  # c/2n
    target_kernel: object  # (r, r) T/⟨v²⟩
    start_kernel: object  # (r, r) Θ₀
    end_kernel: object  # (r, r) Θ∞ of gradient flow
    weight_norm: float  # ‖W₀‖/√m
    size: float  # D = σ0² + v0²


class State(NamedTuple):
    """What an engine knows of one network at a record; r is the rank of X."""

    output: object  # (r,) f in the row space of X
    linearised: object  # (r,) f of the network linearised at its start
    kernel: object  # (r, r) Θ
    v_square: float  # ⟨v²⟩ over all neurons
    rho_square: float  # ⟨ρ²⟩ over all neurons
    rho: float  # ⟨|ρ_r|⟩ over probes
    v: float  # ⟨|v_r|⟩ over probes
    weight_shift: float  # ‖W − W₀‖/√m
    balance_shift: float  # rms over pairs of the change of v_r v_s − ⟨w_r, w_s⟩


def measure(wanted, state, reference, out):
    """Write every observable with `wanted[i]` true to `out[i]` (both (len(NAMES),)), named as in `OBSERVABLES`."""

    def distance(a, b, scale):
        total = 0.0
        norm = 0.0
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                total += (a[i, j] - scale * b[i, j]) ** 2
                norm += (scale * b[i, j]) ** 2
        return math.sqrt(total / norm)

    y = reference.targets
    f = state.output
    theta = state.kernel
    y_square = reference.floor
    residual_square = reference.floor
    overlap = 0.0
    lazy_square = 0.0
    for i in range(y.shape[0]):
        y_square += y[i] ** 2
        residual_square += (f[i] - y[i]) ** 2
        overlap += f[i] * y[i]
        lazy_square += (f[i] - state.linearised[i]) ** 2
    theta_square = 0.0
    y_theta_y = 0.0
    if wanted[NTK_NORM] or wanted[KERNEL_ALIGNMENT]:
        for i in range(y.shape[0]):
            for j in range(y.shape[0]):
                theta_square += theta[i, j] ** 2
                y_theta_y += y[i] * theta[i, j] * y[j]

    out[LOSS] = reference.loss_scale * residual_square
    out[RHO] = state.rho
    out[V] = state.v
    out[RHO_OVER_V] = state.rho / state.v
    out[ALIGNMENT] = math.sqrt(state.rho_square) / math.sqrt(reference.gamma * state.v_square)
    out[TARGET_OVERLAP] = overlap / y_square
    out[NTK_NORM] = math.sqrt(theta_square)
    if wanted[NTK_CHANGE]:
        out[NTK_CHANGE] = distance(theta, reference.start_kernel, 1.0)
    if wanted[NTK_TARGET_ERROR]:
        out[NTK_TARGET_ERROR] = distance(theta, reference.target_kernel, state.v_square)
    if wanted[NTK_END_ERROR]:
        out[NTK_END_ERROR] = distance(theta, reference.end_kernel, 1.0)
    if wanted[KERNEL_ALIGNMENT]:
        out[KERNEL_ALIGNMENT] = y_theta_y / (math.sqrt(theta_square) * y_square)
    out[WEIGHT_CHANGE] = state.weight_shift / reference.weight_norm
    out[BALANCE_DRIFT] = state.balance_shift / reference.size
    out[LAZY_ERROR] = math.sqrt(lazy_square / y_square)
