"""Losses: L = (c/2n) Σ value(f_i, y_i) over n samples, one entry of `LOSSES` for each loss.

To add a loss, add its entry; sweep files, engines, checks and documents follow. Squares differ by c alone, so that networks of
several squares train side by side, in the modes of the Gram matrix, and what training cannot fit is known before. Every other
loss acts sample by sample.

`value`, `pull` and `bend` are plain arithmetic, and all that an engine knows of a loss: on numbers (compiled), SIMD lanes, in
Triton, on arrays (numpy, torch). They may use a free name `xp`, a library of array functions (`bound_to`). `pull` is
−½ ∂value/∂f and `bend` ½ ∂²value/∂f², in units in which pull(0, y) = y: so c, the slope at an output of 0, keeps its meaning
in k, stage one and the onset. This module imports no numpy: Snakemake reads it in every job.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from lazyrich.networks.backends import bound

xp: Any  # with `abs`, `clip`, `exp` and `log`

Elementwise = Callable[[Any, Any], Any]  # of outputs f and targets y


class Loss(NamedTuple):
    """One loss: its factor c, how it is written, and its arithmetic."""

    factor: float
    formula: str
    value: Elementwise
    pull: Elementwise
    bend: Elementwise
    # The largest second derivative of the loss of a sample, by which h measures the step; None: there is none.
    curvature: float | None
    targets: Literal["real", "signs"] = "real"  # signs: all are 1 or −1
    square: bool = False  # modes of K are enough, the floor is known, test samples may be turned


# In quotes, here and below: Triton looks an argument's annotation up, and knows no `Any`.
def square_value(f: "Any", y: "Any") -> "Any":
    """Return the square of y − f, elementwise."""
    residual = y - f
    return residual * residual


def square_pull(f: "Any", y: "Any") -> "Any":
    """Return −½ of the derivative of `square_value` by f, elementwise: the force of each sample on its output."""
    return y - f


def square_bend(f: "Any", y: "Any") -> "Any":
    """Return 1, elementwise, in the shape of y − f."""
    return 0.0 * (y - f) + 1.0


def square(factor: float, formula: str) -> Loss:
    """Return the loss (c/2n)‖f − y‖² of a factor c."""
    return Loss(factor, formula, square_value, square_pull, square_bend, factor, square=True)


# In terms of exp(−|yf|), which cannot overflow; (|a| ± a)/2 are the larger one and the smaller one of a and 0.
def logistic_value(f: "Any", y: "Any") -> "Any":
    """Return 4 ln(1 + exp(−yf)), elementwise."""
    margin = y * f
    size = xp.abs(margin)
    return 2.0 * (size - margin) + 4.0 * xp.log(1.0 + xp.exp(-size))


def logistic_pull(f: "Any", y: "Any") -> "Any":
    """Return 2y/(1 + exp(yf)), elementwise."""
    margin = y * f
    size = xp.abs(margin)
    return 2.0 * y * xp.exp(-0.5 * (size + margin)) / (1.0 + xp.exp(-size))


def logistic_bend(f: "Any", y: "Any") -> "Any":
    """Return 2y² exp(yf)/(1 + exp(yf))², elementwise."""
    small = xp.exp(-xp.abs(y * f))
    return 2.0 * y * y * small / ((1.0 + small) * (1.0 + small))


def exponential_value(f: "Any", y: "Any") -> "Any":
    """Return 2 exp(−yf), elementwise."""
    return 2.0 * xp.exp(-(y * f))


def exponential_pull(f: "Any", y: "Any") -> "Any":
    """Return y exp(−yf), elementwise."""
    return y * xp.exp(-(y * f))


def exponential_bend(f: "Any", y: "Any") -> "Any":
    """Return y² exp(−yf), elementwise."""
    return y * y * xp.exp(-(y * f))


def hinge_squared_value(f: "Any", y: "Any") -> "Any":
    """Return the square of what the margin yf lacks of 1, elementwise."""
    lack = 1.0 - y * f
    lack = 0.5 * (lack + xp.abs(lack))
    return lack * lack


def hinge_squared_pull(f: "Any", y: "Any") -> "Any":
    """Return y times what the margin yf lacks of 1, elementwise."""
    lack = 1.0 - y * f
    return y * (0.5 * (lack + xp.abs(lack)))


def hinge_squared_bend(f: "Any", y: "Any") -> "Any":
    """Return y² where the margin yf is below 1, elementwise."""
    return y * y * (y * f < 1.0)


def huber_value(f: "Any", y: "Any") -> "Any":
    """Return the square of y − f up to a distance of 1, and twice the distance less 1 beyond, elementwise."""
    residual = y - f
    near = xp.clip(residual, -1.0, 1.0)
    return near * (2.0 * residual - near)


def huber_pull(f: "Any", y: "Any") -> "Any":
    """Return y − f, at most 1 and at least −1, elementwise."""
    return xp.clip(y - f, -1.0, 1.0)


def huber_bend(f: "Any", y: "Any") -> "Any":
    """Return 1 where y − f is within 1 of 0, elementwise, and 0 elsewhere."""
    residual = y - f
    return 0.0 * residual + (xp.abs(residual) < 1.0)


LOSSES = {
    "half_mse": square(factor=1.0, formula="(1/2n)‖f − y‖²"),
    "mse": square(factor=2.0, formula="(1/n)‖f − y‖²"),
    "logistic": Loss(
        factor=0.5,
        formula="(1/n) Σ ln(1 + exp(−y f))",
        value=logistic_value,
        pull=logistic_pull,
        bend=logistic_bend,
        curvature=0.25,
        targets="signs",
    ),
    "exponential": Loss(
        factor=1.0,
        formula="(1/n) Σ exp(−y f)",
        value=exponential_value,
        pull=exponential_pull,
        bend=exponential_bend,
        curvature=None,
        targets="signs",
    ),
    "hinge_squared": Loss(
        factor=2.0,
        formula="(1/n) Σ max(0, 1 − y f)²",
        value=hinge_squared_value,
        pull=hinge_squared_pull,
        bend=hinge_squared_bend,
        curvature=2.0,
        targets="signs",
    ),
    "huber": Loss(
        factor=1.0,
        formula="(1/n) Σ ½(f − y)² within a distance of 1, linear beyond",  # c is the slope at f = 0 for |y| ≤ 1
        value=huber_value,
        pull=huber_pull,
        bend=huber_bend,
        curvature=1.0,
    ),
}
DEFAULT = "half_mse"
# A residual ‖Π(y − f)‖ of this share of ‖y‖ is rounding: training by a square may stop, and later records repeat its values.
FINISHED = 1e-14
# Of the loss at an output of 0: training by a loss that is no square has ended where the loss is this share, or less.
CONVERGED_LOSS = 0.01


def family(name: str) -> str:
    """Return the first loss with the same arithmetic: networks of one family train side by side, and differ by c alone."""
    return next(other for other, loss in LOSSES.items() if loss.value is LOSSES[name].value)


def bound_to(library: Any, name: str) -> Loss:
    """Return a loss whose arithmetic is that of a library of array functions, as numpy or torch."""
    loss = LOSSES[name]
    value, pull, bend = (bound(function, xp=library) for function in (loss.value, loss.pull, loss.bend))
    return loss._replace(value=value, pull=pull, bend=bend)
