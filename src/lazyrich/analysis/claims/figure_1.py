"""Figure 1, panel by panel: with the printed parameters, with those recovered from its points, and the kernel one step late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.row import Picture, Row, Setting, paper
from lazyrich.analysis.published import compare_published, lagged_kernel_error, load_published, stage_one_plateau
from lazyrich.sweep.words import counted
from lazyrich.system.errors import LazyrichError
from lazyrich.theory import stage_one

# The points are read from vector graphics: what is left between them and a network of the same numbers is its draw.
TOLERANCE = 0.01
READING = "points are read from a figure, and networks differ by their draws"


def rows(data: Data) -> Iterator[Row]:
    """Yield each panel as printed and as recovered."""
    trained = data["figure1"]
    figures = trained.sweep.figures
    published = figures.published
    if published is None or figures.published_onset is None:
        raise LazyrichError(
            "config/sweeps/figure1.yaml: figures: the ledger compares with published points; add published and published_onset"
        )
    points = load_published(published)
    errors = compare_published(trained.networks, points)
    recovered = trained.column("loss_factor") == 2
    for name, source, panel, column, observable in (
        ("loss", paper("Figure 1, first panel"), "the training loss", "published_loss_error", "loss"),
        ("ratio", paper("Figure 1, second panel"), "|ρ|/|v| on its plateau", "published_plateau_error", "rho_over_v"),
    ):
        for which, chosen in (("printed", ~recovered), ("recovered", recovered)):
            curves = _curves(trained, observable, chosen)
            yield Row(
                f"figure_1_{name}_{which}",
                source,
                f"{panel} is that of the {_words(which)}",
                f"largest distance to the published points, relative to {'L(0)' if name == 'loss' else 'them'}",
                _setting(trained, chosen),
                verdicts.agreement(errors[column][chosen], TOLERANCE, READING, {}),
                Picture(
                    "t, gradient step",
                    "L, loss" if name == "loss" else "⟨|ρ_r|⟩/⟨|v_r|⟩",
                    {"published": (points["step"], points[observable])},
                    curves,
                    log_x=False,
                    log_y=name == "loss",
                ),
            )
    yield from _kernel(trained, points, recovered)
    yield from _onset(trained, points, recovered)


def _words(which: str) -> str:
    if which == "printed":
        return "printed parameters (σ₀ = 0.01, v₀ = 0.001, loss (1/2n)‖f − y‖²)"
    return "recovered ones (σ₀ and v₀ interchanged, loss (1/n)‖f − y‖²)"


def _setting(trained: Trained, chosen: np.ndarray) -> Setting:
    get = {
        name: np.median(trained.column(name)[chosen]) for name in ("sigma_0", "v_0", "loss_factor", "growth_per_step")
    }
    return trained.setting.of(
        f"σ₀ = {get['sigma_0']:g}, v₀ = {get['v_0']:g}, c = {get['loss_factor']:g}, k = {get['growth_per_step']:.4f}; "
        f"{counted(int(chosen.sum()), 'network')}"
    )


def _curves(trained: Trained, observable: str, chosen: np.ndarray) -> dict:
    values = trained.networks[observable].values[chosen].astype(float)
    return {"simulated, median": (trained.networks["step"].values[0].astype(float), np.median(values, axis=0))}


def _kernel(trained: Trained, points: dict[str, np.ndarray], recovered: np.ndarray) -> Iterator[Row]:
    data = trained.networks.isel(network=np.flatnonzero(recovered))
    same, late = data["ntk_target_error"].values.astype(float), lagged_kernel_error(data)
    steps = data["step"].values[0].astype(float)
    published = points["ntk_error"]
    k = float(np.median(data["growth_per_step"].values))
    expected = (1 + k) ** 2 - 1
    curves = {
        "same step, median": (steps, np.median(same, axis=0)),
        "one step late, median": (steps, np.median(late, axis=0)),
        "(1 + k)² − 1": (steps[[0, -1]], np.full(2, expected)),
    }
    picture = Picture(
        "t, gradient step", "‖Θ − T‖/‖T‖", {"published": (points["step"], published)}, curves, log_x=False
    )
    setting = _setting(trained, recovered)
    on = stage_one_plateau(points)
    lag = np.log1p(published[on]) / (2 * np.log1p(k))
    yield Row(
        "figure_1_kernel_plateau",
        paper("Figure 1, third panel"),
        "its plateau is (1 + k)² − 1: the kernel was held against the target of one step before, T ∝ ⟨v²⟩ ∝ (1 + k)²ᵗ",
        "steps of lag that the published plateau stands for, log(1 + plateau)/(2 log(1 + k))",
        setting,
        verdicts.number(float(np.median(lag)), float(lag.min()), float(lag.max()), 1.0, 0.5, "a lag is a whole number"),
        picture,
    )
    half_step = float(np.log1p(k))
    for name, values, statement in (
        ("lagged", late, "the published points are the distance of the kernel of step t + 1 to the target of step t"),
        ("same_step", same, "the published points are the distance of kernel and target of the same step"),
    ):
        found = np.stack([np.interp(points["step"], steps, row) for row in values])
        ratio = np.abs(np.log(found / published))
        yield Row(
            f"figure_1_kernel_{name}",
            paper("Figure 1, third panel"),
            statement,
            "|log(simulated/published)|, every point and network",
            setting,
            verdicts.agreement(
                ratio.ravel(),
                half_step,
                "half of what another step of lag would make, log(1 + k)",
                {"step": np.tile(points["step"], len(values))},
            ),
            picture,
        )
    first = same[:, steps <= trained.sweep.figures.published_onset].min(axis=1)
    yield Row(
        "figure_1_kernel_aligned",
        paper("Figure 1, third panel"),
        "the kernel turns to the target-aligned one within stage one: at the same step ‖Θ − T‖/‖T‖ falls below 10⁻³",
        "smallest ‖Θ − T‖/‖T‖ of each network up to the red line",
        setting,
        verdicts.bound(first, 1e-3, {}),
        picture,
    )


def _onset(trained: Trained, points: dict[str, np.ndarray], recovered: np.ndarray) -> Iterator[Row]:
    """Compare the red line between the stages with stage one's onset and with the theorem's own t₁."""
    red_line = trained.sweep.figures.published_onset
    share = 1 - np.interp(red_line, points["step"], points["loss"]) / points["loss"][0]
    chi, k = (trained.column(name)[recovered] for name in ("laziness", "growth_per_step"))
    onset = np.asarray(stage_one.onset_time(share, chi, k))
    first = trained.column("alignment_step")[recovered]
    setting = _setting(trained, recovered)
    picture = Picture(
        "t, gradient step",
        "1 − L/L(0)",
        {"published": (points["step"], np.maximum(1 - points["loss"] / points["loss"][0], 1e-6))},
        {
            "red line": (np.full(2, red_line), np.array([1e-6, 1.0])),
            "onset, predicted": (np.full(2, np.median(onset)), np.array([1e-6, 1.0])),
            "rms ρ_r = 1": (np.full(2, np.median(first)), np.array([1e-6, 1.0])),
        },
        log_x=False,
    )
    yield Row(
        "figure_1_red_line",
        paper("Figure 1, red line"),
        f"the line between the stages is the onset of learning, where the loss has fallen by δ = {share:.4f}",
        "t₁(δ) = ln(δ/χ)/(2 ln(1 + k))",
        setting,
        verdicts.number(
            float(np.median(onset)), float(onset.min()), float(onset.max()), red_line, 0.5, "a step is a whole number"
        ),
        picture,
    )
    yield Row(
        "figure_1_theorem_time",
        paper("Figure 1, red line"),
        "the line between the stages is the theorem's t₁, where ρ_r = 1",
        "t₁, step where rms ρ_r = 1",
        setting,
        verdicts.number(
            float(np.median(first)), float(first.min()), float(first.max()), red_line, 0.5, "a step is a whole number"
        ),
        picture,
    )
