"""The curves of trained networks over time: panels of observables, with the predictions of theory network by network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lazyrich.analysis import scope
from lazyrich.analysis.account import Run
from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.analysis.theories import predictions

# The kernels to which a distance is recorded: name of the observable -> what it is called in a legend.
KERNELS = {"ntk_target_error": "to T, of stage one", "ntk_end_error": "to Θ∞, where flow ends"}
FEWEST_RECORDS = 8  # to draw of a network, however soon it ends


@dataclass(frozen=True)
class Panel:
    """Observables of one unit over training, and the column of published points of the same."""

    name: str
    label: str  # symbol, meaning
    observables: dict[str, str]  # name -> what it is called in the legend
    published: str | None
    log: bool
    legend: str


PANELS = (
    Panel("loss", "L, training loss", {"loss": "simulated"}, "loss", True, "bottom_left"),
    Panel("test_loss", "L_test, loss of held-out samples", {"test_loss": "simulated"}, None, False, "top_right"),
    Panel(
        "rho_and_v",
        "⟨|ρ_r|⟩ and √γ⟨|v_r|⟩, alignment and magnitude",
        {"rho": "⟨|ρ_r|⟩", "v": "√γ⟨|v_r|⟩"},
        None,
        True,
        "bottom_right",
    ),
    Panel(
        "rho_over_v",
        "⟨|ρ_r|⟩/⟨|v_r|⟩, alignment over magnitude",
        {"rho_over_v": "simulated"},
        "rho_over_v",
        False,
        "bottom_right",
    ),
    Panel(
        "kernel_distance",
        "‖Θ − ·‖/‖·‖, distance of the kernel",
        KERNELS,
        "ntk_error",
        True,
        "top_right",
    ),
)
# The recorded variables that its panels need.
RECORDED = ("step", "target_overlap", *(name for panel in PANELS for name in panel.observables))
# Curves of theories by panel: key -> words. A network has those of its regime.
THEORIES = {
    panel.name: {
        curve.key: curve.words for account in ACCOUNTS for curve in account.curves if curve.panel == panel.name
    }
    for panel in PANELS
}
# Short names, used with a caveat after them: there is no room for more, and T and Θ∞ differ from those of linear networks.
SHORT = {curve.key: curve.short for account in ACCOUNTS for curve in account.curves if curve.short} | {
    "ntk_target_error": "to T",
    "ntk_end_error": "to Θ∞",
}


def called(panel: Panel, key: str, caveat: str) -> str:
    """Return the legend of an observable or theory of a panel; `caveat` (`scope.caveat`) follows a name of theory."""
    if key in panel.observables and key not in KERNELS:
        return panel.observables[key]
    return theory_called(key, (panel.observables | THEORIES[panel.name])[key], caveat)


def theory_called(key: str, words: str, caveat: str) -> str:
    """Return the legend of a curve of theory; `caveat` (`scope.caveat`) follows its name."""
    return SHORT.get(key, words) + caveat if caveat else words


def simulated(networks: xr.Dataset, panel: Panel) -> dict[str, np.ndarray]:
    """Return the panel's recorded observables in its units, name -> (networks, records)."""
    observables = {name: networks[name].values.astype(float) for name in panel.observables if name in networks}
    if "v" in observables and panel.name == "rho_and_v":
        observables["v"] = np.sqrt(networks["gamma"].values.astype(float))[:, None] * observables["v"]
    return observables


def theory(networks: xr.Dataset) -> dict[str, dict[str, np.ndarray]]:
    """Return the predictions of theories for each network at its records: panel -> key -> (networks, records).

    Empty where the overlap with the targets is not recorded from step 0 on. The theories give the output along y;
    the loss follows for an output that has no other part. NaN where a theory is not of the network's regime (the two stages
    are those of rich training, χ < 1, the linearised network that of lazy), and beyond the stage that it describes.
    """
    curves: dict[str, dict[str, np.ndarray]] = {panel.name: {} for panel in PANELS}
    if "target_overlap" not in networks or not (networks["step"].values[:, 0] == 0).all():
        return curves
    predicted, run = predictions(networks), Run(networks)
    activations, losses = scope.of_networks(networks), scope.losses_of_networks(networks)
    for account in ACCOUNTS:
        held = scope.compared(account.holds_for, activations, losses)[:, None]
        for curve in account.curves:
            values = curve.values(run, predicted[account.name])
            curves[curve.panel][curve.key] = np.where(held, values, np.nan)
    return curves


def stages(networks: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return (t₁, t₂) of each network, onset and end, (networks,) each; NaN where not reached."""
    return networks["onset_step"].values.astype(float), networks["end_step"].values.astype(float)


def until(networks: xr.Dataset) -> np.ndarray:
    """Return the step up to which networks are drawn, (networks,).

    It is not long after t₂, beyond which nothing moves, but leaves at least some records. If the network diverged, it is just
    after the last record with a value.
    """
    steps = networks["step"].values.astype(float)
    _, end = stages(networks)
    fewest = steps[:, min(FEWEST_RECORDS, steps.shape[1]) - 1]
    last = np.where(np.isfinite(end), np.minimum(steps[:, -1], np.maximum(2 * end + 1, fewest)), steps[:, -1])
    recorded = [name for panel in PANELS for name in panel.observables if name in networks]
    if not recorded:
        return last
    finite = np.any([np.isfinite(networks[name].values) for name in recorded], axis=0)
    lost = finite.any(axis=1) & ~finite[:, -1]
    return np.where(lost, np.max(np.where(finite, steps, 0.0), axis=1) + 1, last)


def median_curve(
    steps: np.ndarray, values: np.ndarray, log: bool, joined: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the median over networks that are recorded at different steps: (steps, values), (records,) each.

    The steps are those of the longest run. Other runs are interpolated between their records (in the logarithm if `log`), count
    until they end, and only where they have values. NaN parts the curve where half of the networks' records are not `joined`
    (`oscillation.resolved`; default: all are).
    """
    common = steps[np.argmax(steps[:, -1])].astype(float)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a step at which no network has a value: NaN, and no curve
        rows = [
            np.interp(common, at, np.log(row) if log else row, right=np.nan)
            for at, row in zip(
                steps.astype(float), np.where(values > 0, values, np.nan) if log else values, strict=True
            )
        ]
        median = np.nanmedian(rows, axis=0)
    median = np.exp(median) if log else median
    if joined is None or joined.all():
        return common, median
    between = (common[1:] + common[:-1]) / 2
    there = between < steps[:, -1:]
    apart = [
        ~line[np.minimum(np.searchsorted(at, between) - 1, len(line) - 1)]
        for at, line in zip(steps, joined, strict=True)
    ]
    after = np.flatnonzero(2 * (apart & there).sum(axis=0) >= np.maximum(there.sum(axis=0), 1)) + 1
    return np.insert(common, after, np.nan), np.insert(median, after, np.nan)


def limits(values: np.ndarray, panel: Panel, *, legend_inside: bool = True) -> tuple[float, float]:
    """Return limits of the vertical axis around these values, with room for a legend inside, below or above the curves.

    A logarithmic axis ends 18 decades below its largest value: what is smaller is rounding.
    """
    values = values[np.isfinite(values) & (values > 0 if panel.log else True)]
    if not values.size:
        return (0.1, 10.0)
    low, high = float(values.min()), float(values.max())
    if not panel.log:
        above = 2.0 if legend_inside and panel.legend.startswith("top") else 1.08
        return (min(0.0, low), high * above or 1.0)
    low = max(low, 1e-18 * high)
    room = max((high / low) ** 0.9, 30.0) if legend_inside else 2.0
    below, above = (room, 3.0) if panel.legend.startswith("bottom") else (3.0, room)
    return (low / below, high * above)
