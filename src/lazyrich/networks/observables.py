"""What is measured of a network at a record: names, meanings and formulas.

To add an observable, add its row to `OBSERVABLES` and its line to `measure`; engines, files, checks and documents follow.
`measure` is plain arithmetic, on the numbers of one network (compiled, in the propagator) or on arrays of networks and
records (numpy, torch), and this module imports no numpy, because the sweep file's model takes the names from here.
"""

from typing import Any, NamedTuple


class Observable(NamedTuple):
    """Name on disk, meaning and symbol of one observable; all are dimensionless or in units of the targets."""

    long_name: str
    symbol: str
    default: bool = False
    dtype: str = "float32"


OBSERVABLES = {
    "loss": Observable("training loss (c/2n) |f - y|^2", "L", True, "float64"),
    "test_loss": Observable("test loss (c/2n) |f - y|^2 of the held-out samples", "L_test", dtype="float64"),
    "rho": Observable("feature alignment |rho_r| (mean over neurons or probes)", "⟨|ρ_r|⟩", True),
    "v": Observable("second-layer weight |v_r| (mean over neurons or probes)", "⟨|v_r|⟩", True),
    "rho_over_v": Observable("ratio of mean |rho_r| to mean |v_r|", "⟨|ρ_r|⟩/⟨|v_r|⟩", True),
    "alignment": Observable(
        "alignment of both layers (rms rho_r / (sqrt(gamma) rms v_r), over all neurons)", "rms ρ_r/(√γ rms v_r)", True
    ),
    "target_overlap": Observable("overlap of output and targets (<y, f>/|y|^2)", "⟨y, f⟩/‖y‖²", True),
    "ntk_norm": Observable("norm of the neural tangent kernel", "‖Θ‖"),
    "ntk_change": Observable("relative change of the kernel since the start", "‖Θ − Θ₀‖/‖Θ₀‖", True),
    "ntk_target_error": Observable(
        "relative distance of the kernel to the target-aligned kernel T (of the same step)", "‖Θ − T‖/‖T‖", True
    ),
    "ntk_end_error": Observable(
        "relative distance of the kernel to the end kernel of gradient flow", "‖Θ − Θ∞‖/‖Θ∞‖", True
    ),
    "kernel_alignment": Observable("alignment of kernel and targets (y^T Theta y/(|Theta| |y|^2))", "yᵀΘy/(‖Θ‖‖y‖²)"),
    "weight_change": Observable("relative change of the first layer (|W - W_0|/|W_0|)", "‖W − W₀‖/‖W₀‖"),
    "balance_drift": Observable(
        "drift of the layers' balance (change of v_r v_s - <w_r, w_s>, conserved by gradient flow: rms over pairs, over D)",
        "δ(v vᵀ − W Wᵀ)/D",
    ),
    "lazy_error": Observable(
        "distance of the output to that of the network linearised at its start (relative to |y|)",
        "‖f − f_lin‖/‖y‖",
        True,
    ),
}
NAMES = tuple(OBSERVABLES)
DEFAULT = tuple(name for name, observable in OBSERVABLES.items() if observable.default)
# Where samples are held out.
DEFAULT_WITH_TEST = tuple(name for name in NAMES if name in (*DEFAULT, "test_loss"))

# Positions in `measure`'s output. Compiled code wants integers, so the table's order is spelled once more here;
# a test compares every column with an independent definition.
(
    LOSS,
    TEST_LOSS,
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


class State(NamedTuple):
    """What an engine knows of a network at a record: numbers that no rotation of samples, inputs or neurons changes.

    Norms are Frobenius norms; means run over all neurons unless said otherwise. What no wanted observable needs may be any
    number.
    """

    y_square: Any  # ‖y‖²
    gamma: Any  # yᵀ K y
    loss: Any
    test_loss: Any  # of the held-out samples
    size: Any  # D = σ0² + v0²
    weight_square: Any  # ‖W₀‖²/m
    overlap: Any  # ⟨y, f⟩
    lazy_square: Any  # ‖f − f_lin‖², f_lin of the network linearised at its start
    v_square: Any  # ⟨v²⟩
    rho_square: Any  # ⟨ρ²⟩
    rho: Any  # ⟨|ρ_r|⟩ over the neurons that are followed one by one
    v: Any  # ⟨|v_r|⟩ over the same
    kernel_square: Any  # ‖Θ‖²
    y_kernel_y: Any  # yᵀ Θ y
    # Of the kernel at the start, the target-aligned one of the same step and the end kernel of flow: ‖Θ − ·‖² and ‖·‖².
    from_start: Any
    start_square: Any
    from_target: Any
    target_square: Any
    from_end: Any
    end_square: Any
    weight_shift: Any  # ‖W − W₀‖²/m
    balance_shift: Any  # mean square over pairs of the change of v_r v_s − ⟨w_r, w_s⟩


def measure(s, out):
    """Write every observable of a state to `out[NAME]`, named as in `OBSERVABLES`: a number each, or an array."""
    # x ** 0.5 is the square root of numbers, of numpy's and of torch's arrays alike.
    out[LOSS] = s.loss
    out[TEST_LOSS] = s.test_loss
    out[RHO] = s.rho
    out[V] = s.v
    out[RHO_OVER_V] = s.rho / s.v
    out[ALIGNMENT] = (s.rho_square / (s.gamma * s.v_square)) ** 0.5
    out[TARGET_OVERLAP] = s.overlap / s.y_square
    out[NTK_NORM] = s.kernel_square**0.5
    out[NTK_CHANGE] = (s.from_start / s.start_square) ** 0.5
    out[NTK_TARGET_ERROR] = (s.from_target / s.target_square) ** 0.5
    out[NTK_END_ERROR] = (s.from_end / s.end_square) ** 0.5
    out[KERNEL_ALIGNMENT] = s.y_kernel_y / (s.kernel_square**0.5 * s.y_square)
    out[WEIGHT_CHANGE] = (s.weight_shift / s.weight_square) ** 0.5
    out[BALANCE_DRIFT] = s.balance_shift**0.5 / s.size
    out[LAZY_ERROR] = (s.lazy_square / s.y_square) ** 0.5
