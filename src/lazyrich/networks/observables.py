"""Observables of a network at a record: names, meanings and formulas.

To add an observable, add its entry to `OBSERVABLES`; engines, files, checks and documents follow. A formula is plain
arithmetic, on the numbers of one network (compiled, in the propagator) or on arrays of networks and records (numpy, torch).
This module imports no numpy, because the sweep file's model takes the names from here.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

# What an observable may need from an engine in addition to second moments; `State` says which of its numbers need it.
NEURONS, PROBES, WEIGHTS, BALANCEDNESS, TEST, LINEARISED = (
    "neurons",
    "probes",
    "weights",
    "balancedness",
    "test",
    "linearised",
)


class State(NamedTuple):
    """The state of a network at a record: numbers that no rotation of samples, inputs or neurons changes.

    Norms are Frobenius norms; means run over all neurons unless said otherwise. A number that no requested observable needs
    may have any value. Engines compute numbers marked "needs" only if a requested observable has that entry in `needs`.
    """

    y_square: Any  # ‖y‖²
    gamma: Any  # yᵀ K y
    loss: Any
    test_loss: Any  # of the held-out samples; needs TEST
    size: Any  # D = σ0² + v0²
    weight_square: Any  # ‖W₀‖²/m
    overlap: Any  # ⟨y, f⟩
    lazy_square: Any  # ‖f − f_lin‖², f_lin of the network linearised at its start; needs LINEARISED
    v_square: Any  # ⟨v²⟩
    rho_square: Any  # ⟨ρ²⟩; needs NEURONS
    rho: Any  # ⟨|ρ_r|⟩ over the neurons that are followed one by one; needs PROBES
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
    weight_shift: Any  # ‖W − W₀‖²/m; needs WEIGHTS
    balance_shift: Any  # mean square over pairs of the change of v_r v_s − ⟨w_r, w_s⟩; needs BALANCEDNESS
    # Of targets that are 1 or −1, where samples are told apart (`explicit.by_sample`).
    accuracy: Any  # share of samples with y_i f_i > 0
    test_accuracy: Any  # the same of the held-out samples; needs TEST
    margin: Any  # min y_i f_i


class Observable(NamedTuple):
    """Formula, meaning and symbol of one observable; all are dimensionless or in units of the targets."""

    formula: Callable[[State], Any]
    long_name: str
    symbol: str
    default: bool = False
    dtype: str = "float32"
    needs: str | None = None
    relative: bool = (
        False  # a difference of numbers of order 1, relative to a kernel, to ‖y‖ or to ‖W₀‖: rounds as they do
    )
    square: bool = False  # means something of losses that are squares only
    signs: bool = False  # means something where all targets are 1 or −1 only; each sample's output decides it


# x ** 0.5 is the square root of numbers, of numpy's and of torch's arrays alike.
OBSERVABLES = {
    "loss": Observable(
        formula=lambda s: s.loss,
        long_name="training loss (1/n) sum_i l(f_i, y_i); of squares (c/2n) |f - y|^2",
        symbol="L",
        default=True,
        dtype="float64",
    ),
    "test_loss": Observable(
        formula=lambda s: s.test_loss,
        long_name="test loss (1/n) sum_i l(f_i, y_i) of the held-out samples; of squares (c/2n) |f - y|^2",
        symbol="L_test",
        dtype="float64",
        needs=TEST,
    ),
    "rho": Observable(
        formula=lambda s: s.rho,
        long_name="feature alignment |rho_r| (mean over neurons or probes)",
        symbol="⟨|ρ_r|⟩",
        default=True,
        needs=PROBES,
    ),
    "v": Observable(
        formula=lambda s: s.v,
        long_name="second-layer weight |v_r| (mean over neurons or probes)",
        symbol="⟨|v_r|⟩",
        default=True,
        needs=PROBES,
    ),
    "rho_over_v": Observable(
        formula=lambda s: s.rho / s.v,
        long_name="ratio of mean |rho_r| to mean |v_r|",
        symbol="⟨|ρ_r|⟩/⟨|v_r|⟩",
        default=True,
        needs=PROBES,
    ),
    "alignment": Observable(
        formula=lambda s: (s.rho_square / (s.gamma * s.v_square)) ** 0.5,
        long_name="alignment of both layers (rms rho_r / (sqrt(gamma) rms v_r), over all neurons)",
        symbol="rms ρ_r/(√γ rms v_r)",
        default=True,
        needs=NEURONS,
    ),
    "target_overlap": Observable(
        formula=lambda s: s.overlap / s.y_square,
        long_name="overlap of output and targets (<y, f>/|y|^2)",
        symbol="⟨y, f⟩/‖y‖²",
        default=True,
    ),
    "ntk_norm": Observable(
        formula=lambda s: s.kernel_square**0.5,
        long_name="norm of the neural tangent kernel",
        symbol="‖Θ‖",
    ),
    "ntk_change": Observable(
        formula=lambda s: (s.from_start / s.start_square) ** 0.5,
        long_name="relative change of the kernel since the start",
        symbol="‖Θ − Θ₀‖/‖Θ₀‖",
        default=True,
        relative=True,
    ),
    "ntk_target_error": Observable(
        formula=lambda s: (s.from_target / s.target_square) ** 0.5,
        long_name="relative distance of the kernel to the target-aligned kernel T (of the same step)",
        symbol="‖Θ − T‖/‖T‖",
        default=True,
        relative=True,
    ),
    "ntk_end_error": Observable(
        formula=lambda s: (s.from_end / s.end_square) ** 0.5,
        long_name="relative distance of the kernel to the end kernel of gradient flow",
        symbol="‖Θ − Θ∞‖/‖Θ∞‖",
        default=True,
        relative=True,
        square=True,
    ),
    "kernel_alignment": Observable(
        formula=lambda s: s.y_kernel_y / (s.kernel_square**0.5 * s.y_square),
        long_name="alignment of kernel and targets (y^T Theta y/(|Theta| |y|^2))",
        symbol="yᵀΘy/(‖Θ‖‖y‖²)",
    ),
    "weight_change": Observable(
        formula=lambda s: (s.weight_shift / s.weight_square) ** 0.5,
        long_name="relative change of the first layer (|W - W_0|/|W_0|)",
        symbol="‖W − W₀‖/‖W₀‖",
        needs=WEIGHTS,
        relative=True,
    ),
    "balance_drift": Observable(
        formula=lambda s: s.balance_shift**0.5 / s.size,
        long_name="drift of the layers' balance (change of v_r v_s - <w_r, w_s>, conserved by gradient flow: rms over pairs, "
        "over D)",
        symbol="δ(v vᵀ − W Wᵀ)/D",
        needs=BALANCEDNESS,
    ),
    "lazy_error": Observable(
        formula=lambda s: (s.lazy_square / s.y_square) ** 0.5,
        long_name="distance of the output to that of the network linearised at its start (relative to |y|)",
        symbol="‖f − f_lin‖/‖y‖",
        default=True,
        needs=LINEARISED,
        relative=True,
        square=True,
    ),
    "accuracy": Observable(
        formula=lambda s: s.accuracy,
        long_name="share of samples whose output has the sign of its target (targets of 1 and -1)",
        symbol="acc",
        signs=True,
    ),
    "test_accuracy": Observable(
        formula=lambda s: s.test_accuracy,
        long_name="share of held-out samples whose output has the sign of its target (targets of 1 and -1)",
        symbol="acc_test",
        needs=TEST,
        signs=True,
    ),
    "margin": Observable(
        formula=lambda s: s.margin,
        long_name="smallest margin y_i f_i of the samples (targets of 1 and -1)",
        symbol="min y f",
        signs=True,
    ),
}
NAMES = tuple(OBSERVABLES)
DEFAULT = tuple(name for name, observable in OBSERVABLES.items() if observable.default)
# For sweeps with held-out samples.
DEFAULT_WITH_TEST = tuple(name for name in NAMES if name in (*DEFAULT, "test_loss"))


def needing(needs: Iterable[str]) -> list[int]:
    """Return the positions in `NAMES` of observables that need any of these."""
    kinds = set(needs)
    return [i for i, observable in enumerate(OBSERVABLES.values()) if observable.needs in kinds]


def wanted(names: Iterable[str], *, square: bool) -> list[bool]:
    """Return which of `NAMES` an engine measures where these are asked for: not those that a loss leaves undefined."""
    asked = set(names)
    return [name in asked and (square or not each.square) for name, each in OBSERVABLES.items()]


def measure(s: State, out: Any) -> None:
    """Write every observable of a state to `out`, in the order of `NAMES`: a number each, or an array."""
    for i, observable in enumerate(OBSERVABLES.values()):
        out[i] = observable.formula(s)
