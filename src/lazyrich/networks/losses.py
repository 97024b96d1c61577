"""Losses: L = (c/2n) Σ value(f_i, y_i) over n samples, one entry of `LOSSES` for each loss.

To add a loss, add its entry; sweep files, engines, theory and documents follow. All current losses are squares: their entries
differ by c alone, networks of several losses train side by side, and the loss floor is known before training.

`value` and `pull` are plain arithmetic, and all that an engine knows about a loss: on numbers (compiled), SIMD lanes, in
Triton, on arrays (numpy, torch). `pull` is −½ ∂value/∂f, so that pull(0, y) = y: c keeps its meaning in k, h and χ. This
module imports no numpy: Snakemake reads it in every job.
"""

from typing import Any, NamedTuple


# In quotes: Triton evaluates annotations, and does not know `Any`.
def value(f: "Any", y: "Any") -> "Any":
    """Return the square of y − f, elementwise."""
    residual = y - f
    return residual * residual


def pull(f: "Any", y: "Any") -> "Any":
    """Return −½ of the derivative of `value` by f, elementwise: the force of each sample on its output."""
    return y - f


class Loss(NamedTuple):
    """One loss: its factor c, and how it is written."""

    factor: float
    formula: str


LOSSES = {
    "half_mse": Loss(factor=1.0, formula="(1/2n)‖f − y‖²"),
    "mse": Loss(factor=2.0, formula="(1/n)‖f − y‖²"),
}
DEFAULT = "half_mse"
# A residual ‖Π(y − f)‖ of this share of ‖y‖ is rounding: training may stop, and later records repeat the last values.
FINISHED = 1e-14
