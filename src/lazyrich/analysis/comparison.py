"""Networks against theory: the columns of a summary for each network of a shard.

End values and times, order parameters with their predictions, distances to the theories, the conditions and conclusions of
the paper's theorem, and the phase that follows.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lazyrich.analysis import scope, theories
from lazyrich.analysis.account import fitted_square, scalars
from lazyrich.analysis.phases import phase, threshold, votes
from lazyrich.analysis.published import PUBLISHED_OBSERVABLES, compare_published
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.networks.recipe import Recipe
from lazyrich.sweep.schema import Conditions, Phases
from lazyrich.theory import boundaries, conditions, stage_one, times

# Columns of a summary in addition to end values: name -> (long_name, symbol).
COLUMNS = {
    "kernel_change_predicted": ("kernel change of gradient flow from a wide start", "‖Θ∞ − Θ₀‖/‖Θ₀‖"),
    "kernel_threshold": ("kernel change between lazy and rich", "κ_c"),
    "kernel_change_ratio": ("kernel change relative to the threshold between lazy and rich", "‖Θ − Θ₀‖/‖Θ₀‖/κ_c"),
    "kernel_change_ratio_predicted": ("predicted kernel change relative to the threshold", "‖Θ∞ − Θ₀‖/‖Θ₀‖/κ_c"),
    "loss_growth": ("largest reducible loss relative to that at the start", "max L/L₀"),
    "sharpness_change": ("sharpness at the end relative to that at the start", "λ_T/λ₀"),
    "lazy_clock": ("c eta lambda_max(Theta_0)/n, rate of a lazy start", "cηλ_max(Θ₀)/n"),
    "onset_step_predicted": ("onset predicted by stage one, ln(delta/chi)/(2 ln(1 + k))", "t₁(δ)"),
    "rich_votes": ("order parameters that call the network rich at the end", ""),
    **theories.COLUMNS,
    **{
        f"{name}_margin": (f"allowed over actual value in Assumption 4.1, condition on the {what}", "")
        for name, what in zip(
            conditions.NAMES,
            (
                "width (1)",
                "first layer's scale (2)",
                "second layer's scale (3)",
                "learning rate (4)",
                "label noise (5)",
                "trace of the covariance (6), as printed",
                "trace of the covariance (6), repaired",
                "signal (6)",
            ),
            strict=True,
        )
    },
    "assumption_margin": ("smallest margin of Assumption 4.1, which holds at or above 1", ""),
    "alignment_time_ratio": ("measured t_1 (rms rho_r = 1) over log(1/v_0)/k", "t₁ k/log(1/v₀)"),
    "fitting_time_ratio": ("measured t_2 - t_1 over that of Theorem 4.1", "(t₂ − t₁)/(t₂ − t₁)_4.1"),
    "stage_two_alignment": ("smallest alignment rms rho_r/(sqrt(gamma) rms v_r) of the records from t_1 to t_2", ""),
    "published_loss_error": ("largest distance of the loss to the published points, relative to their first", ""),
    "published_plateau_error": ("largest relative distance of |rho|/|v| to the published points on their plateau", ""),
    "published_ratio_error": ("largest distance of |rho|/|v| to the published points, relative to their plateau", ""),
    "kernel_same_plateau": ("distance of the kernel to T of the same step on the published plateau", "‖Θ − T‖/‖T‖"),
    "kernel_same_end": ("distance of the kernel to T of the same step at the last published step", "‖Θ − T‖/‖T‖"),
    "kernel_lagged_plateau": ("distance of the kernel one step late to T on the published plateau", "‖Θ₊₁ − T‖/‖T‖"),
    "kernel_lagged_end": ("distance of the kernel one step late to T at the last published step", "‖Θ₊₁ − T‖/‖T‖"),
}
SCALARS = (
    "learning_rate",
    "growth_per_step",
    "stability_fraction",
    "laziness",
    "sigma_0",
    "v_0",
    "steps",
    "y_norm",
    "fitted_norm",
    "gamma",
    "kappa",
    "b",
    "gram_error",
    "onset_step",
    "end_step",
    "alignment_step",
    "kernel_change",
    "sharpness_start",
    "sharpness_end",
    "period",
)
# Trajectories that are followed from record to record; of others the last record is enough.
FOLLOWED = ("step", "target_overlap", "alignment", "lazy_error")
# |ρ_r − √γ v_r| ≤ ½ρ_r (Lemma 5.3) bounds rms ρ_r/(√γ rms v_r) by these.
ALIGNED = (2 / 3, 2.0)
# Records in stage two that show more than its two ends.
FEWEST_RECORDS = 4


def needed(data: xr.Dataset, published: dict[str, np.ndarray] | None = None) -> xr.Dataset:
    """Return the variables that `compare` reads, still lazy; of trajectories that it does not follow, only the last record."""
    followed = (*FOLLOWED, *(PUBLISHED_OBSERVABLES if published is not None else ()))
    ends = [name for name in observables.NAMES if name in data and name not in followed]
    other_records = [name for name in data.variables if "record" in data[name].dims and name not in followed]
    last = {name: data[name].isel(record=slice(-1, None)).rename(record="last") for name in ends}
    return data.drop_vars(other_records).assign(last)


def compare(
    data: xr.Dataset, phases: Phases, constants: Conditions, published: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return what the summary keeps of each network of a shard (or what is `needed` of a slice of one), name -> (networks,).

    Names that end in `_share` are 0 or 1, and shares of networks in a cell.
    """
    columns = {name: np.asarray(data[name].values, dtype=float) for name in SCALARS}
    for name in observables.NAMES:
        if name in data:
            columns[name] = data[name].values[:, -1].astype(float)
    columns |= _order_parameters(data, phases)
    columns |= theories.errors(data, phases.theory_error)
    columns |= theorem(data, constants)
    if published is not None:
        columns |= compare_published(data, published)
    status = data["status"].values
    columns["converged_share"] = (status == Status.converged).astype(float)
    start, end, smallest, largest = (
        data[name].values - data["loss_floor"].values for name in ("loss_start", "loss_end", "loss_min", "loss_max")
    )
    columns["loss_growth"] = largest / start
    kernel = (columns["kernel_change"], columns["kernel_threshold"])
    columns["phase"] = phase(status, *kernel, start, end, smallest, largest, data["period"].values, phases)
    missing = np.full(len(status), np.nan)
    alignment, weight_change = (columns.get(name, missing) for name in ("alignment", "weight_change"))
    columns["rich_votes"], columns["disagreement_share"] = votes(
        columns["phase"], *kernel, alignment, weight_change, phases
    )
    return columns


def _order_parameters(data: xr.Dataset, phases: Phases) -> dict[str, np.ndarray]:
    get = scalars(data)
    size = get["sigma_0"] ** 2 + get["v_0"] ** 2
    kernel_threshold = threshold(phases, get["samples"])
    with np.errstate(divide="ignore", invalid="ignore"):
        predicted = boundaries.kernel_change(size, get["b"], get["gamma"], get["gram_norm"], fitted_square(get))
        # Of flow that fits the targets, as that of other losses need not.
        predicted = np.where(scope.squares(data), predicted, np.nan)
        return {
            "kernel_threshold": kernel_threshold,
            "kernel_change_predicted": predicted,
            "kernel_change_ratio_predicted": predicted / kernel_threshold,
            "kernel_change_ratio": get["kernel_change"] / kernel_threshold,
            "lazy_clock": get["learning_rate"] * get["sharpness_start"],
            "sharpness_change": get["sharpness_end"] / get["sharpness_start"],
            "onset_step_predicted": stage_one.onset_time(onset_share(data), get["laziness"], get["growth_per_step"]),
        }


def onset_share(data: xr.Dataset) -> float:
    """Return δ, by which the loss has fallen at `onset_step`."""
    return Recipe.of(data).settings["record"]["onset"]


def converged_share(data: xr.Dataset) -> float:
    """Return δ, the share of ‖y‖ that ‖y − f‖ has fallen to at `end_step`."""
    return Recipe.of(data).settings["record"]["converged"]


def accuracy(data: xr.Dataset) -> np.ndarray:
    """Return ε of Theorem 4.1 for which L(t₂) ≤ 4ε is `record.converged`: cδ²‖y‖²/(8n), (networks,)."""
    get = scalars(data)
    share = converged_share(data)
    return get["loss_factor"] * (share * get["y_norm"]) ** 2 / (8 * get["samples"])


def theorem(data: xr.Dataset, constants: Conditions) -> dict[str, np.ndarray]:
    """Return conditions and conclusions of Theorem 4.1 of each network.

    Conditions are NaN where they need an unknown Σ or β, and for a start that is not the paper's.
    """
    get = scalars(data)
    epsilon = accuracy(data)
    distribution = {
        "trace": get["covariance_trace"],
        "norm": get["covariance_norm"],
        "frobenius": get["covariance_frobenius"],
        "signal": get["signal_norm"],
    }
    scales = {name: get[name] for name in ("samples", "width", "learning_rate", "loss_factor")}
    margins = conditions.margins(
        **scales,
        **distribution,
        dimension=get["dimension"],
        sigma_0=get["sigma_0"],
        v_0=get["v_0"],
        label_noise=get["label_noise"],
        accuracy=epsilon,
        constants=conditions.Constants(**constants.model_dump(include=set(conditions.Constants._fields))),
    )
    columns = {f"{name}_margin": np.asarray(margin) for name, margin in margins.items()}
    columns["assumption_margin"] = np.asarray(conditions.smallest(margins, constants.trace_form))
    if not (of_paper := scope.of_paper(data)).all():
        columns = {name: np.where(of_paper, margin, np.nan) for name, margin in columns.items()}
    first, second = get["alignment_step"], get["end_step"]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["alignment_time_ratio"] = first / times.alignment_time(get["v_0"], get["growth_per_step"])
        fitting = times.fitting_time(
            **scales, trace=distribution["trace"], signal=distribution["signal"], accuracy=epsilon
        )
        columns["fitting_time_ratio"] = (second - first) / fitting
    if "alignment" in data:
        alignment, steps = data["alignment"].values, data["step"].values
        within = (steps >= first[:, None]) & (steps <= second[:, None])
        smallest = np.min(np.where(within, alignment, np.inf), axis=1)
        largest = np.max(np.where(within, alignment, -np.inf), axis=1)
        # With too few records in stage two, none at the start, or no alignment at all (Xᵀy = 0), the conclusion is undecided.
        enough = within.sum(axis=1) >= FEWEST_RECORDS
        decided = (get["gamma"] > 0) & (steps[:, 0] == 0) & (enough | np.isnan(first) | np.isnan(second))
        columns["stage_two_alignment"] = np.where(enough, smallest, np.nan).astype(float)
        conclude = enough & (smallest >= ALIGNED[0]) & (largest <= ALIGNED[1])
        columns["conclusions_share"] = np.where(decided, conclude, np.nan).astype(float)
    return columns
