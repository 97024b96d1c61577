"""Figures 2 and 3: what their points say by themselves, how near stand-in images come, and the two stages of ReLU networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data, Trained
from lazyrich.analysis.claims.figure_1 import READING
from lazyrich.analysis.claims.row import PROJECT, Picture, Row, reading
from lazyrich.analysis.published import at_steps, load_published
from lazyrich.analysis.recovery import curves, recover
from lazyrich.system.errors import LazyrichError

KINDS = {"figure2": "linear", "figure3": "ReLU"}
# Ten other images: of the published curve nothing more than its order of magnitude can be asked.
TWOFOLD = float(np.log(2))
LABELS = {"loss": "L, loss", "rho_over_v": "⟨|ρ_r|⟩/⟨|v_r|⟩", "ntk_target_error": "‖Θ − T‖/‖T‖"}


def rows(data: Data) -> Iterator[Row]:
    """Yield the rows of each figure, then those of the two stages of both networks."""
    for name, kind in KINDS.items():
        trained = data[name]
        published = trained.sweep.figures.published
        if published is None:
            raise LazyrichError(
                f"config/sweeps/{name}.yaml: figures: the ledger compares with published points; add published"
            )
        points = load_published(published)
        if kind == "linear":
            yield _rise(trained, points)
        yield from _panels(trained, points, name, kind)
        yield from _stages(trained, points, name, kind)


def _rise(trained: Trained, points: dict[str, np.ndarray]) -> Row:
    networks = trained.networks
    n, c = int(networks["samples"].values[0]), float(networks["loss_factor"].values[0])
    error = recover(points, samples=n, loss_factor=c).shape_error
    known = np.array(
        [
            recover(curves(networks, row), samples=n, loss_factor=c).shape_error
            for row in range(networks.sizes["network"])
        ]
    )
    return Row(
        "figure_2_rise",
        PROJECT,
        "before the loss falls |ρ|/|v| of Figure 2 rises as stage one of a linear network, at the k, √γ and σ₀/v₀ that fit it "
        "best (a test of its shape alone)",
        "rms distance of the published points to that stage one, over √γ",
        trained.setting,
        verdicts.agreement(
            np.array([error]),
            READING + float(known.max()),
            f"{READING:g} of reading the figure, {known.max():.2g} of networks whose numbers are known",
            {},
        ),
        _picture(trained, points, "rho_over_v"),
        remark=f"Networks of this project, read in the same way, are off by {known.min():.2g} to {known.max():.2g}.",
    )


def _panels(trained: Trained, points: dict[str, np.ndarray], name: str, kind: str) -> Iterator[Row]:
    networks = trained.networks
    figure = f"{name[:-1].capitalize()} {name[-1]}"
    for observable, column, panel, source in (
        ("loss", "loss", "the training loss", "first"),
        ("rho_over_v", "rho_over_v", "|ρ|/|v|", "second"),
    ):
        wanted = points[column]
        away = (
            np.abs(at_steps(points["step"], networks["step"].values, networks[observable].values) - wanted)
            / wanted.max()
        )
        yield Row(
            f"figure_{name[-1]}_{observable}",
            PROJECT,
            f"ten images of digits in place of CIFAR-10 give {panel} of {figure} ({kind} network, {source} panel) at the "
            "numbers recovered from its points",
            "largest distance to the published points, relative to their largest, of each network",
            trained.setting,
            verdicts.agreement(np.max(away, axis=1), READING, f"{READING:g} of reading the figure", {}),
            _picture(trained, points, observable),
            remark="The paper prints no hyperparameters and does not say which images. Start, clock and onset agree because "
            "they were made to.",
        )
    same = at_steps(points["step"], networks["step"].values, networks["ntk_target_error"].values)
    ratio = np.abs(np.log(same / points["ntk_error"]))
    yield Row(
        f"figure_{name[-1]}_kernel",
        PROJECT,
        f"ten images of digits in place of CIFAR-10 give the published distance of kernel and target of {figure} ({kind} "
        "network, third panel), at the same step",
        "|log(simulated/published)|, every point and network",
        trained.setting,
        verdicts.agreement(
            ratio.ravel(),
            TWOFOLD,
            "a factor of two, on other images",
            {"step": np.tile(points["step"], len(same))},
        ),
        _picture(trained, points, "ntk_target_error"),
        remark="No lag explains the published plateau: a step late makes (1 + k)² − 1, which is about 0.014 here.",
    )


def _stages(trained: Trained, points: dict[str, np.ndarray], name: str, kind: str) -> Iterator[Row]:
    """Yield what stage one has done when learning begins, at t₁(δ), where the loss has fallen by δ = 5 %."""
    networks = trained.networks
    onset = trained.column("onset_step")[:, None]
    place = reading("§6, ReLU networks") if kind == "ReLU" else reading("§6, Figure 2")
    at_onset = {
        observable: np.array(
            [
                np.interp(at, steps, values)
                for at, steps, values in zip(
                    onset[:, 0], networks["step"].values, networks[observable].values.astype(float), strict=True
                )
            ]
        )
        for observable in ("rho_over_v", "ntk_target_error")
    }
    ratio = networks["rho_over_v"].values.astype(float)
    for what, statement, quantity, values, observable in (
        (
            "alignment",
            f"a {kind} network aligns in stage one: |ρ|/|v| has reached 90 % of its largest value when learning begins",
            "share of the largest |ρ|/|v| that is missing at t₁(5 %)",
            1 - at_onset["rho_over_v"] / ratio.max(axis=1),
            "rho_over_v",
        ),
        (
            "turn",
            f"the kernel of a {kind} network turns to T in stage one: ‖Θ − T‖ is below a tenth of ‖T‖ when learning begins",
            "‖Θ − T‖/‖T‖ at t₁(5 %)",
            at_onset["ntk_target_error"],
            "ntk_target_error",
        ),
    ):
        yield Row(
            f"figure_{name[-1]}_{what}",
            place,
            statement,
            quantity,
            trained.setting,
            verdicts.bound(values, 0.1, {}),
            _picture(trained, points, observable),
            remark="The paper says that the stages are seen; the tenth and the images, ten of digits, are this project's.",
        )


def _picture(trained: Trained, points: dict[str, np.ndarray], observable: str) -> Picture:
    networks = trained.networks
    column = "ntk_error" if observable == "ntk_target_error" else observable
    return Picture(
        "t, gradient step",
        LABELS[observable],
        {"published": (points["step"], points[column])},
        {
            "on digits, median": (
                networks["step"].values[0].astype(float),
                np.median(networks[observable].values.astype(float), axis=0),
            )
        },
        log_x=False,
        log_y=observable == "loss",
    )
