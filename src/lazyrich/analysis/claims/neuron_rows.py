"""Rows about every neuron of a followed sweep, which share their networks, their varied numbers and their figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lazyrich.analysis.claims.data import Data
from lazyrich.analysis.claims.row import Picture, Place, Row
from lazyrich.analysis.claims.verdicts import Judged, Varied


class NeuronRows:
    """What rows about the neurons of a followed sweep have in common."""

    def __init__(self, data: Data, sweep: str = "neurons") -> None:
        self.trained = data[sweep]
        self.measured = self.trained.followed  # name -> (networks,)
        self.sigma_0, self.v_0 = self.trained.column("sigma_0"), self.trained.column("v_0")
        self.varied: Varied = self.trained.varied(**{"n": "samples", "tr Σ": "covariance_trace", "‖β̃‖": "signal_norm"})
        self.varied |= {"1/v₀": 1 / self.v_0, "v₀/σ₀": self.v_0 / self.sigma_0}
        self.small = self.trained.small_sigma
        self.small_varied: Varied = {name: column[self.small] for name, column in self.varied.items()}
        self.x = self.varied["n"] * self.varied["‖β̃‖"] ** 2 * self.varied["tr Σ"]
        self.starts = np.unique(np.stack([self.sigma_0, self.v_0]), axis=1).T

    def both(self, name: str) -> tuple[np.ndarray, Varied]:
        """Return the smallest and largest neuron of all networks in one array, (2 networks,), with what was varied."""
        values = np.concatenate([self.measured[f"{name}_low"], self.measured[f"{name}_high"]])
        return values, {key: np.tile(column, 2) for key, column in self.varied.items()}

    def judge(self, values: np.ndarray, rule: Callable[[np.ndarray, Varied], Judged]) -> tuple[Judged, Judged]:
        """Return `rule` of (networks,) `values` over all networks, and over those with σ₀ ≪ v₀ alone."""
        return rule(values, self.varied), rule(values[self.small], self.small_varied)

    def row(
        self,
        name: str,
        place: Place,
        statement: str,
        quantity: str,
        judged: Judged,
        drawn: list[np.ndarray],
        level: tuple[str, float] | None = None,
        log_y: bool = True,
        *,
        small_sigma: Judged | None = None,
        remark: str = "",
        allowed: str = "",
    ) -> Row:
        """Return a row whose figure shows all values of `drawn` (one or more a network) at each start, and what is allowed.

        `allowed` says so beside the quantity, in words, where the statement is a bound.
        """
        points = {}
        for s, v in self.starts:
            here = (self.sigma_0 == s) & (self.v_0 == v)
            points[f"σ₀ = {s:.0e}, v₀ = {v:.0e}"] = (
                np.tile(self.x[here], len(drawn)),
                np.concatenate([values[here] for values in drawn]),
            )
        curves = {level[0]: (np.array([self.x.min(), self.x.max()]), np.full(2, level[1]))} if level else {}
        picture = Picture("n‖β̃‖² tr Σ (≈ γ)", quantity, points, curves, log_y=log_y)
        measured = f"{quantity} (allowed: {allowed})" if allowed else quantity
        return Row(name, place, statement, measured, self.trained.setting, judged, picture, small_sigma, remark)
