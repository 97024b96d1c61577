"""The times of stage two without unnamed constants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lazyrich.analysis.claims import verdicts
from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.neuron_rows import NeuronRows
from lazyrich.analysis.claims.row import PROJECT, Picture, Row
from lazyrich.analysis.comparison import converged_share
from lazyrich.theory import times


def rows(data: Data) -> Iterator[Row]:
    """Yield t₂ − t₁ and t₂."""
    yield from _ends(NeuronRows(data))


def _ends(neurons: NeuronRows) -> Iterator[Row]:
    """Yield t₂ − t₁ and t₂ without unnamed constants."""
    trained = neurons.trained
    column = trained.column
    growth, gamma, y_norm = column("growth_per_step"), column("gamma"), column("y_norm")
    share = converged_share(trained.networks)
    first, last, chi = column("alignment_step"), column("end_step"), column("laziness")
    anisotropy = column("gram_error") / column("covariance_trace")
    # Records are whole steps. The rest is what K ≈ κI and small steps leave out.
    allowed = 1 + np.asarray(times.step_gain(share, growth) + times.anisotropy_delay(share, growth, anisotropy))
    sigma, v = neurons.sigma_0, neurons.v_0
    # ⟨(b_r/√γ + v_r)²⟩ over m neurons is D but for its sampling error; three of them.
    scatter = (np.sqrt(2) * sigma**2 + 2 * sigma * v) / (np.sqrt(column("width")) * (sigma**2 + v**2))
    fitting = np.asarray(times.isotropic_fitting_time(share, growth, gamma, y_norm))
    end = np.asarray(times.end_time(share, growth, chi))
    for name, statement, measured, predicted, tolerance, more in (
        (
            "fitting_time",
            "t₂ − t₁ = ln(√γ‖y‖²/δ)/(2 ln(1 + k)), from rms ρ_r = 1 until ‖y − f‖ = δ‖y‖, for K ≈ κI",
            last - first,
            fitting,
            allowed,
            "",
        ),
        (
            "end_time",
            "t₂ = ln(2/(χδ))/(2 ln(1 + k)), from the start until ‖y − f‖ = δ‖y‖, for K ≈ κI: t₁, which depends on the units of "
            "ρ_r, cancels",
            last,
            end,
            allowed + 3 * scatter / (2 * np.log1p(growth)),
            "; three times the sampling error of the start over m neurons",
        ),
    ):
        error = np.abs(measured - predicted)
        isotropic = anisotropy <= np.median(anisotropy)
        line = np.array([predicted.min(), predicted.max()])
        yield Row(
            name,
            PROJECT,
            statement,
            f"|measured − predicted|, steps; allowed are {tolerance.min():.0f} to {tolerance.max():.0f}",
            trained.setting.of(f"δ = {share:g}"),
            verdicts.bound(error, tolerance, neurons.varied),
            Picture(
                "predicted, steps",
                "measured, steps",
                {
                    f"K {words} isotropic": (predicted[which], measured[which])
                    for words, which in (("more", isotropic), ("less", ~isotropic))
                },
                {"equal": (line, line)},
            ),
            verdicts.bound(error[neurons.small], tolerance[neurons.small], neurons.small_varied),
            remark=f"Allowed are {tolerance.min():.0f} to {tolerance.max():.0f} steps of {measured.min():.0f} to "
            f"{measured.max():.0f}: a step, as t₂ is a whole one; what steps of this size gain at the end; by how much the "
            f"anisotropy of K may delay it{more}. In the half of the networks whose K is more isotropic it is off by "
            f"{np.median(error[isotropic]):.1f} steps in the median.",
        )
