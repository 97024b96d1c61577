"""All accounts of training: to add one, write its formula in `theory` and an entry here.

Its error is then in every summary, and in the report's table; where it is one of a whole run, its code, words and colour are in
`best_theory` and the map of it; its curves are in the panels of trajectories.
"""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.account import (
    Account,
    Array,
    Best,
    Curve,
    Run,
    column,
    fitted_square,
    from_onset,
    up_to_onset,
)
from lazyrich.analysis.codes import Look
from lazyrich.analysis.scope import carried, derived, linear_only, squares_only, starts_of
from lazyrich.networks.starts import BOUND
from lazyrich.theory import closed_form, lazy, stage_one, two_stage, wide


def _v_rms(run: Run) -> Array:
    """Return rms v_r(0): v₀ of a second layer of signs, else as it was drawn."""
    return run.get.get("v_rms", run.get["v_0"])


def _growing(run: Run) -> Array:
    get = run.get
    return np.asarray(stage_one.growing_mode(get["b_rms"], _v_rms(run), run.start, get["gamma"]))


def _onset(run: Run) -> Array:
    """Return the measured onset, −1 where there is none."""
    return np.nan_to_num(run.get["onset_step"], nan=-1.0)


def _stage_one(run: Run) -> Array:
    get = run.get
    decaying = np.asarray(stage_one.decaying_mode(get["b_rms"], _v_rms(run), run.start, get["gamma"]))
    numbers = (get[name] for name in ("growth_per_step", "gamma", "y_norm"))
    return np.asarray(stage_one.overlap(run.steps, *map(column, (_growing(run), decaying, *numbers))))


def _eq_10(run: Run) -> Array:
    """Return Eq. 10 from onset, started at (ρ̂, v) of stage one; NaN before."""
    get, onset = run.get, _onset(run)
    k, gamma = get["growth_per_step"], get["gamma"]
    rho, v = stage_one.magnitudes(onset, get["b_rms"], _v_rms(run), run.start, k, gamma)
    when = run.data["step"].values, onset.astype(np.int64)
    return two_stage.evolve(*when, rho, v, k, gamma, get["phi"]) / column(get["y_norm"]) ** 2


def _aligned(run: Run) -> Array:
    """Return Eq. 11 from onset, begun with the growing mode of stage one alone; NaN before."""
    get, onset = run.get, _onset(run)
    k, gamma = get["growth_per_step"], get["gamma"]
    v = stage_one.aligned_v(onset, _growing(run), k)
    when = run.data["step"].values, onset.astype(np.int64)
    return two_stage.evolve_aligned(*when, v, k, gamma, get["phi"]) / column(get["y_norm"]) ** 2


def _closed_form(run: Run) -> Array:
    """Return the closed form, which knows only the targets that can be fitted."""
    get, gamma = run.get, run.get["gamma"]
    y_square = fitted_square(get)
    overlap = closed_form.overlap(
        run.steps,
        column(get["b_rms"] ** 2 / gamma),
        column(_v_rms(run) ** 2),
        column(run.start / np.sqrt(gamma)),
        column(get["growth_per_step"]),
        column(gamma / y_square),
        column(np.sqrt(y_square)),
    )
    return overlap * column(y_square / get["y_norm"] ** 2)


def _wide_start(run: Run) -> tuple[Array, Array, Array, Array]:
    """Return spectrum, σ₀² + v₀² and cη/(mn) of networks whose start is that of an infinitely wide one."""
    get = run.get
    size = get["sigma_0"] ** 2 + get["v_0"] ** 2
    rate = get["loss_factor"] * get["learning_rate"] / (get["width"] * get["samples"])
    return run.data["eigenvalues"].values, run.data["targets"].values, size, rate


def _wide_flow(run: Run) -> Array:
    return wide.overlap(run.steps, *_wide_start(run)) / column(run.get["y_norm"]) ** 2


def _lazy_limit(run: Run) -> Array:
    return lazy.overlap(run.steps, *_wide_start(run)) / column(run.get["y_norm"]) ** 2


def _early(run: Run, overlap: Array) -> Array:
    """Return where stage one means something: in rich training, until it has learnt the targets."""
    return run.rich & (overlap < run.share)


def _sizes(run: Run, overlap: Array) -> tuple[Array, Array]:
    """Return ⟨|ρ_r|⟩ and ⟨|v_r|⟩ of stage one; NaN for starts in which b_r and v_r(0) are bound to ‖w_r‖."""
    second_layer, start = starts_of(run.data)
    get = run.get
    b, v_0, k, gamma = map(column, (get["b_rms"], _v_rms(run), get["growth_per_step"], get["gamma"]))
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = stage_one.mean_sizes(run.steps, b, v_0, k, gamma, column(second_layer == "gaussian"))
    free = column(~np.isin(start, BOUND))
    rho, v = (np.where(_early(run, overlap) & free, size, np.nan) for size in sizes)
    return rho, v


def _ratio(run: Run, overlap: Array) -> Array:
    rho, v = _sizes(run, overlap)
    with np.errstate(over="ignore", invalid="ignore"):
        return rho / v


def _root_gamma(run: Run) -> Array:
    return np.sqrt(column(run.get["gamma"]))


_RESIDUAL = "its force is the residual y − f, which is that of squares only"

ACCOUNTS = (
    Account(
        name="stage_one",
        error="largest distance of the target overlap to stage one up to onset, relative to its size there",
        words="stage one (Eq. 9)",
        row="stage one, exact discrete form of Eq. 9",
        overlap=_stage_one,
        range=up_to_onset,
        relative=True,
        holds_for=carried,
        curves=(
            Curve(
                "loss",
                "stage_one",
                "stage one (Eq. 9, exact discrete)",
                lambda run, overlap: run.loss(np.where(_early(run, overlap), overlap, np.nan)),
                short="stage one (Eq. 9)",
            ),
            Curve("rho_and_v", "stage_one_rho", "stage one, ⟨|ρ_r|⟩", lambda *arguments: _sizes(*arguments)[0]),
            Curve(
                "rho_and_v",
                "stage_one_v",
                "stage one, √γ⟨|v_r|⟩",
                lambda run, overlap: _root_gamma(run) * _sizes(run, overlap)[1],
            ),
            Curve("rho_over_v", "stage_one_ratio", "stage one", _ratio),
            Curve(
                "rho_over_v",
                "limit",
                "√γ, its limit",
                lambda run, overlap: np.broadcast_to(_root_gamma(run), overlap.shape),
            ),
        ),
    ),
    Account(
        name="eq_10",
        error="largest distance of the target overlap to Eq. 10 from onset on",
        words="stage two (Eq. 10 and 11)",
        row="stage two, Eq. 10",
        overlap=_eq_10,
        range=from_onset,
        holds_for=squares_only(carried, _RESIDUAL),
        curves=(
            Curve(
                "loss",
                "eq_10",
                "stage two (Eq. 10)",
                lambda run, overlap: run.loss(np.where(run.rich, overlap, np.nan)),
            ),
        ),
    ),
    Account(
        name="aligned",
        error="largest distance of the target overlap to Eq. 11 from onset on",
        words="stage two (Eq. 10 and 11)",
        row="stage two, Eq. 11",
        overlap=_aligned,
        range=from_onset,
        holds_for=squares_only(carried, _RESIDUAL),
    ),
    Account(  # stage one (exact discrete) until onset, Eq. 10 from there on
        name="two_stage",
        error="largest distance of the target overlap to stage one up to onset and Eq. 10 from there on",
        words="both stages",
        row="both stages, Eq. 9 and 10",
        parts=("stage_one", "eq_10"),
        holds_for=squares_only(carried, _RESIDUAL),
        best=Best(0, Look("two stages (Eq. 9, 10)", "#E69F00")),
    ),
    Account(  # K = κI, flow, any width
        name="closed_form",
        error="largest distance of the target overlap to the closed form for K = kappa I",
        words="closed form for K = κI",
        row="closed form for K = κI",
        overlap=_closed_form,
        holds_for=squares_only(
            linear_only("it integrates the flow of linear neurons, with what that conserves"), _RESIDUAL
        ),
        best=Best(1, Look("closed form, K = κI", "#009E73")),
        curves=(Curve("loss", "closed_form", "closed form (K = κI, small steps)", Run.loss),),
    ),
    Account(  # any K, flow, infinitely wide
        name="wide_flow",
        error="largest distance of the target overlap to gradient flow of an infinitely wide network",
        words="gradient flow in the wide limit, any K",
        row="gradient flow in the wide limit, any K",
        overlap=_wide_flow,
        holds_for=squares_only(
            linear_only("its state Wᵀv gives the output and the kernel of linear networks only"), _RESIDUAL
        ),
        best=Best(2, Look("wide-limit flow, any K", "#0072B2")),
    ),
    Account(
        name="lazy_limit",
        error="largest distance of the target overlap to the linearised network of a wide start",
        words="linearised network of a wide start",
        overlap=_lazy_limit,
        holds_for=squares_only(linear_only("its kernel (D/m) K is that of a linear network's start"), _RESIDUAL),
        curves=(
            Curve(
                "loss",
                "lazy_limit",
                "lazy (linearised, wide limit)",
                lambda run, overlap: run.loss(np.where(run.rich, np.nan, overlap)),
            ),
        ),
    ),
    Account(  # the network linearised at its own start, compared in the whole output: a bound on the overlap's error
        name="linearised",
        error="largest distance of the output to that of the network linearised at its start, over |y|",
        words="network linearised at its start",
        row="lazy: linearised at the start",
        observable="lazy_error",
        holds_for=squares_only(derived, _RESIDUAL),
        best=Best(3, Look("linearised at the start", "#56B4E9")),
    ),
)
