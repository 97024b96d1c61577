"""Condition (6) of Assumption 4.1, for statements that hold where K is isotropic enough: its ratio, and its words."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.claims.data import Trained, cells

RATIO = "tr Σ/(n‖Σ‖₂ + √n‖Σ‖_F)"
FIRST_MEMBER = (
    "Condition (6) is cut at its first member, tr Σ ≥ C₂(n‖Σ‖₂ + √n‖Σ‖_F), which its printed and its repaired form share; "
    "below C₂ nothing is claimed."
)


def condition_6(ratio: str) -> str:
    """Return a number, a ratio of `isotropy`, as the constant of condition (6)."""
    return f"C₂ = {ratio} of condition (6)"


def isotropy(trained: Trained) -> np.ndarray:
    """Return tr Σ/(n‖Σ‖₂ + √n‖Σ‖_F) of every cell: the largest C₂ with which it keeps condition (6); NaN without Σ."""
    # As printed, and where √ε‖β̃‖ is below C₂, as in all of the ledger's sweeps, the condition's margin is this over C₂.
    return np.asarray(cells(trained.summary, "trace_margin") * trained.sweep.conditions.trace)
