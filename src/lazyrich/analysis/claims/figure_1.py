"""Figure 1, panel by panel: with the printed parameters, changed one at a time, and the kernel one step late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained, accuracies
from lazyrich.analysis.claims.row import PROJECT, Picture, Place, Row, Setting, paper, reading
from lazyrich.analysis.published import at_steps, lagged_kernel_error, load_published, plateau, stage_one_plateau
from lazyrich.analysis.recovery import target_square
from lazyrich.sweep.words import counted, setting
from lazyrich.system.errors import LazyrichError
from lazyrich.theory import stage_one

# Points are read from vector graphics, to a hundredth of their panel at worst.
READING = 0.01
# Steps of the early rise of |ρ|/|v|: of all panels the one that tells σ₀ from v₀.
EARLY = slice(1, 4)
# Shares by which the loss may have fallen at the red line, fixed before looking at it.
SHARES = (0.01, 0.05)


class Reading(NamedTuple):
    """One way to read the printed parameters of Figure 1."""

    name: str
    words: str
    place: Place
    sweep: str
    sigma_0: float
    v_0: float
    loss_factor: float


def _changed(name: str, words: str, sigma_0: float, v_0: float, loss_factor: float) -> Reading:
    return Reading(name, words, PROJECT, "figure1_readings", sigma_0, v_0, loss_factor)


PRINTED, SCALED = paper("Figure 1"), reading("Figure 1")
READINGS = (
    Reading(
        "literal",
        "the printed parameters with the printed K ≈ d I (σ₀ = 0.01, v₀ = 0.001, loss (1/2n)‖f − y‖²)",
        PRINTED,
        "figure1_literal",
        0.01,
        0.001,
        1,
    ),
    Reading(
        "printed",
        "the printed parameters, K and y scaled to the points (σ₀ = 0.01, v₀ = 0.001, loss (1/2n)‖f − y‖²)",
        SCALED,
        "figure1",
        0.01,
        0.001,
        1,
    ),
    *(
        Reading(
            f"variance{name}",
            f"the printed values taken as variances, K and y scaled to the points (σ₀ = √0.01, v₀ = √0.001, loss {loss})",
            SCALED,
            "figure1_readings",
            0.1,
            0.001**0.5,
            c,
        )
        for name, loss, c in (("", "(1/2n)‖f − y‖²", 1), ("_c", "(1/n)‖f − y‖²", 2))
    ),
    _changed("c_alone", "the printed σ₀ and v₀ and the loss (1/n)‖f − y‖²", 0.01, 0.001, 2),
    _changed("interchanged_alone", "σ₀ and v₀ interchanged and the printed loss (1/2n)‖f − y‖²", 0.001, 0.01, 1),
    Reading(
        "recovered",
        "the recovered ones (σ₀ and v₀ interchanged, loss (1/n)‖f − y‖²)",
        PROJECT,
        "figure1",
        0.001,
        0.01,
        2,
    ),
)


def rows(data: Data) -> Iterator[Row]:
    """Yield each panel for each reading, the two numbers that tell c, the kernel's panel and the red line."""
    trained = data["figure1"]
    figures = trained.sweep.figures
    published = figures.published
    if published is None or figures.published_onset is None:
        raise LazyrichError(
            "config/sweeps/figure1.yaml: figures: the ledger compares with published points; add published and published_onset"
        )
    points = load_published(published)
    for each in READINGS:
        yield from _panels(data[each.sweep], points, each)
    yield from _constants(trained, points)
    recovered = trained.column("loss_factor") == 2
    yield from _kernel(trained, points, recovered)
    yield from _onset(trained, points, recovered)


def chosen(trained: Trained, which: Reading) -> np.ndarray:
    """Return the networks of a reading, (networks,) bool."""
    asked = {name: getattr(which, name) for name in ("sigma_0", "v_0", "loss_factor")}
    return np.all([np.isclose(trained.column(name), value) for name, value in asked.items()], axis=0)


def _panels(trained: Trained, points: dict[str, np.ndarray], which: Reading) -> Iterator[Row]:
    here = chosen(trained, which)
    networks = trained.networks.isel(network=np.flatnonzero(here))
    on = plateau(points)
    for name, panel, observable, steps, unit in (
        ("loss", "the training loss (first panel)", "loss", slice(None), "L(0)"),
        ("early_ratio", "|ρ|/|v| at steps 1 to 3 (second panel)", "rho_over_v", EARLY, "them"),
        ("plateau", "|ρ|/|v| on its plateau (second panel)", "rho_over_v", on, "them"),
    ):
        wanted = points[observable][steps]
        scale = points["loss"][0] if observable == "loss" else wanted
        curves = at_steps(points["step"][steps], networks["step"].values, networks[observable].values)
        # A published curve is one network: as far from the others as these are from each other.
        scatter = float(np.max(np.abs(curves - np.median(curves, axis=0)) / scale))
        yield Row(
            f"figure_1_{name}_{which.name}",
            which.place,
            f"{panel} is that of {which.words}",
            f"largest distance to the published points, relative to {unit}, of each network",
            _setting(trained, here),
            verdicts.agreement(
                np.max(np.abs(curves - wanted) / scale, axis=1),
                READING + scatter,
                f"{READING:g} of reading the figure, {scatter:.2g} between networks of the same numbers",
                {},
            ),
            Picture(
                "t, gradient step",
                "L, loss" if name == "loss" else "⟨|ρ_r|⟩/⟨|v_r|⟩",
                {"published": (points["step"], points[observable])},
                _curves(trained, observable, here),
                log_x=False,
                log_y=name == "loss",
            ),
            remark=REMARKS[name],
        )


REMARKS = {
    "loss": "Whether σ₀ and v₀ are interchanged the loss hardly tells: χ is the same, and draws differ by about as much.",
    "early_ratio": "This decides between σ₀ and v₀: with σ₀ ≪ v₀ the ratio rises as √γ tanh kt from the first step on.",
    "plateau": "",
}


def _constants(trained: Trained, points: dict[str, np.ndarray]) -> Iterator[Row]:
    """Yield the two numbers by which the points tell c; inputs and a teacher N(0, I) make both known in distribution."""
    n, d = (float(trained.column(name)[0]) for name in ("samples", "dimension"))
    root_gamma = float(points["rho_over_v"].max())
    at = np.array([1.0, 2.0])
    y_square = np.array([target_square(points, int(n), c) for c in at])
    kappa = root_gamma**2 / y_square
    for name, statement, quantity, values, expected, deviation, why in (
        (
            "kappa",
            "inputs x ~ N(0, I) have κ = γ/‖y‖² ≈ d",
            "κ of the published plateau and start",
            kappa,
            d,
            # κ = ‖y‖²/‖β‖² + χ²_{d − 1} given y; and the plateau's reading, squared.
            float(np.hypot(np.sqrt(2 * d), READING * d)),
            "standard deviations of χ²_d, and of reading the plateau",
        ),
        (
            "target",
            "a teacher β ~ N(0, I) has ‖y‖² ~ d χ²_n",
            "‖y‖²/d of the published start",
            y_square / d,
            n,
            float(np.sqrt(2 * n)),
            "standard deviations of χ²_n",
        ),
    ):
        for c, value in zip(at, values, strict=True):
            loss = "(1/n)‖f − y‖²" if c == 2 else "(1/2n)‖f − y‖², as printed"
            yield Row(
                f"figure_1_{name}_{'n' if c == 2 else '2n'}",
                PROJECT if c == 2 else SCALED,
                f"the loss is {loss}: {statement}",
                quantity,
                _setting(trained, trained.column("loss_factor") == c),
                verdicts.number(value, value, value, expected, 2 * deviation, f"two {why}"),
                Picture(
                    "c, the loss is (c/2n)‖f − y‖²",
                    quantity,
                    {"from the points": (at, values)},
                    {"expected": (at, np.full(2, expected))},
                    log_x=False,
                    log_y=False,
                ),
            )


def _setting(trained: Trained, here: np.ndarray) -> Setting:
    """Return the setting of some networks of a sweep, replicates of one cell each."""
    get = {name: np.median(trained.column(name)[here]) for name in ("sigma_0", "v_0", "loss_factor", "growth_per_step")}
    cells = np.asarray(here.reshape(-1, trained.sweep.replicates).all(axis=1))
    return Setting(
        f"σ₀ = {get['sigma_0']:g}, v₀ = {get['v_0']:g}, c = {get['loss_factor']:g}, k = {get['growth_per_step']:.4f}; "
        f"{counted(int(here.sum()), 'network')} of the sweep {trained.sweep.title!r}; {setting(trained.sweep)} "
        f"{accuracies(trained)}",
        trained.margins(cells),
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
    where = _setting(trained, recovered)
    on = stage_one_plateau(points)
    lag = np.log1p(published[on]) / (2 * np.log1p(k))
    yield Row(
        "figure_1_kernel_plateau",
        PROJECT,
        "the published plateau is (1 + k)² − 1: the kernel was held against the target of one step before, and T ∝ (1 + k)²ᵗ",
        "steps of lag that the published plateau stands for, log(1 + plateau)/(2 log(1 + k))",
        where,
        verdicts.number(float(np.median(lag)), float(lag.min()), float(lag.max()), 1.0, 0.5, "a lag is a whole number"),
        picture,
    )
    half_step = float(np.log1p(k))
    for name, place, values, which in (
        ("lagged", PROJECT, late, "the kernel of step t + 1 to the target of step t"),
        ("same_step", paper("Figure 1, third panel"), same, "kernel and target of the same step"),
    ):
        simulated = np.stack([np.interp(points["step"], steps, row) for row in values])
        ratio = np.abs(np.log(simulated / published))
        yield Row(
            f"figure_1_kernel_{name}",
            place,
            f"the published points are the distance of {which}",
            "|log(simulated/published)|, every point and network",
            where,
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
        reading("Figure 1, third panel"),
        "the kernel turns to the target-aligned one within stage one: at the same step ‖Θ − T‖/‖T‖ falls below 10⁻³",
        "smallest ‖Θ − T‖/‖T‖ of each network up to the red line",
        where,
        verdicts.bound(first, 1e-3, {}),
        picture,
        remark="The paper claims that the kernel turns to T; the threshold is this project's.",
    )


def _onset(trained: Trained, points: dict[str, np.ndarray], recovered: np.ndarray) -> Iterator[Row]:
    """Hold the red line between the stages against the onset of learning, at shares fixed beforehand, and the theorem's t₁."""
    red_line = trained.sweep.figures.published_onset
    fallen = 1 - points["loss"] / points["loss"][0]
    chi, k = (trained.column(name)[recovered] for name in ("laziness", "growth_per_step"))
    first = trained.column("alignment_step")[recovered]
    where = _setting(trained, recovered)
    onsets = {share: np.ceil(stage_one.onset_time(share, chi, k)) for share in SHARES}
    picture = Picture(
        "t, gradient step",
        "1 − L/L(0)",
        {"published": (points["step"], np.maximum(fallen, 1e-6))},
        {
            "red line": (np.full(2, red_line), np.array([1e-6, 1.0])),
            **{
                f"first step after a fall by {share:g}": (np.full(2, np.median(onset)), np.array([1e-6, 1.0]))
                for share, onset in onsets.items()
            },
            "rms ρ_r = 1": (np.full(2, np.median(first)), np.array([1e-6, 1.0])),
        },
        log_x=False,
    )
    # By one step the share grows by (1 + k)²: the line cannot tell shares apart that differ by less.
    factor = float((1 + np.median(k)) ** 2)
    for share, onset in onsets.items():
        yield Row(
            f"figure_1_red_line_{share * 100:.0f}",
            PROJECT,
            f"the line between the stages is the first step at which the loss has fallen by {100 * share:.0f} %",
            f"first step after t₁({share:g}) = ln({share:g}/χ)/(2 ln(1 + k))",
            where,
            verdicts.number(
                float(np.median(onset)),
                float(onset.min()),
                float(onset.max()),
                red_line,
                0.5,
                "steps are whole",
            ),
            picture,
            remark=f"The paper does not say how the line was drawn. One step is a factor of {factor:.2g} in the share.",
        )
    yield Row(
        "figure_1_theorem_time",
        reading("Figure 1, red line"),
        "the line between the stages is the theorem's t₁, where ρ_r = 1",
        "t₁, step where rms ρ_r = 1",
        where,
        verdicts.number(
            float(np.median(first)), float(first.min()), float(first.max()), red_line, 0.5, "a step is a whole number"
        ),
        picture,
    )
