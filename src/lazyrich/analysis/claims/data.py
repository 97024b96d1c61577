"""The sweeps that the ledger reads: networks as they lie in shards, and summaries."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.analysis.claims import followed
from lazyrich.analysis.claims.row import Setting
from lazyrich.analysis.claims.verdicts import Varied
from lazyrich.analysis.comparison import accuracy, converged_share
from lazyrich.analysis.fields import median
from lazyrich.shards import archive
from lazyrich.shards.concatenate import concatenate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import setting, varied
from lazyrich.theory.conditions import NAMES, repaired_trace_margin, spread

# σ₀ ≪ v₀: the paper's theorem does not ask for it; several of its statements need it.
SMALL_SIGMA = 0.01


@dataclass(frozen=True)
class Trained:
    """One sweep: its file, all its networks (as `run` returns them) and its summary."""

    sweep: Sweep
    load_networks: Callable[[], xr.Dataset]
    load_summary: Callable[[], xr.Dataset]

    @functools.cached_property
    def networks(self) -> xr.Dataset:
        """Every network, (network, record)."""
        return self.load_networks()

    @functools.cached_property
    def summary(self) -> xr.Dataset:
        """The summary on the sweep's grid."""
        return self.load_summary()

    @functools.cached_property
    def followed(self) -> dict[str, np.ndarray]:
        """The networks, neuron by neuron (`followed.measure`)."""
        return followed.measure(self.networks)

    @functools.cached_property
    def setting(self) -> Setting:
        """What is varied and what is shared, in words, and the margins of Assumption 4.1."""
        words = "; ".join(filter(None, (varied(self.sweep), setting(self.sweep))))
        return Setting(f"{words} {accuracies(self)}", self.margins())

    def margins(self, chosen: np.ndarray | None = None) -> dict[str, tuple[float, float]]:
        """Return the smallest and largest margin of each condition over the networks, or those `chosen` of the summary's cells.

        NaN for conditions that need Σ or β where nobody knows them.
        """
        result = {}
        for name in NAMES:
            values = cells(self.summary, f"{name}_margin")
            values = values if chosen is None else values[chosen]
            values = values[~np.isnan(values)]
            result[name] = (float(values.min()), float(values.max())) if values.size else (np.nan, np.nan)
        return result

    @functools.cached_property
    def small_sigma(self) -> np.ndarray:
        """Whether σ₀ ≤ `SMALL_SIGMA` v₀, of each network, (networks,)."""
        return np.asarray(self.column("sigma_0") <= SMALL_SIGMA * self.column("v_0"))

    def column(self, name: str) -> np.ndarray:
        """Return a number of each network, (networks,), as float64."""
        return self.networks[name].values.astype(float)

    @property
    def repaired_trace_margin(self) -> np.ndarray:
        """How far condition (6) holds with 1/√ε for its printed √ε, of each network, (networks,)."""
        scales = self.column("covariance_trace"), self.anisotropy, self.column("signal_norm")
        return np.asarray(repaired_trace_margin(*scales, accuracy(self.networks)))

    @property
    def anisotropy(self) -> np.ndarray:
        """n‖Σ‖₂ + √n‖Σ‖_F of each network, (networks,)."""
        return np.asarray(spread(*map(self.column, ("samples", "covariance_norm", "covariance_frobenius"))))

    def varied(self, **names: str) -> Varied:
        """Return numbers that the sweep varies, shown name -> variable."""
        return {shown: self.column(variable) for shown, variable in names.items()}


def accuracies(*trained: Trained) -> str:
    """Return what t₂ is in sweeps, in words: δ, and the ε of their networks, on which margins of (2) and (6) depend."""
    epsilon = np.concatenate([accuracy(one.networks) for one in trained])
    shares = sorted({converged_share(one.networks) for one in trained})
    low, high = (f"{value:.2g}" for value in (epsilon.min(), epsilon.max()))
    found = low if low == high else f"from {low} to {high}"
    return f"t₂ is where ‖y − f‖ = δ‖y‖, δ = {', '.join(f'{share:g}' for share in shares)}: L(t₂) = 4ε with ε {found}."


def cells(summary: xr.Dataset, name: str) -> np.ndarray:
    """Return a field's median over replicates in every cell of a summary, flat, as float64."""
    return (
        median(summary[name])
        .broadcast_like(summary["phase"])
        .transpose(*summary["phase"].dims)
        .values.ravel()
        .astype(float)
    )


class Data(dict[str, Trained]):
    """The ledger's sweeps, name -> sweep."""

    @property
    def followed(self) -> dict[str, np.ndarray]:
        """The networks of `neurons`, neuron by neuron."""
        return self["neurons"].followed


def read(sweeps: list[str], shards: list[str], summaries: list[str]) -> Data:
    """Return the ledger's sweeps from their files; each summary stands in its sweep's folder of results, above its shards."""
    found = Data()
    for path, summary in zip(sweeps, summaries, strict=True):
        own = [shard for shard in shards if Path(shard).is_relative_to(Path(summary).parent)]
        found[Path(path).stem] = from_files(load_sweep(path), own, summary)
    return found


def from_files(sweep: Sweep, shards: list[str], summary: str) -> Trained:
    """Return a sweep from its files; networks in the order of the shards."""

    def load_networks() -> xr.Dataset:
        parts = []
        for path in shards:
            with archive.opened(path) as data:
                parts.append(data.load())
        return concatenate(parts)

    def load_summary() -> xr.Dataset:
        with archive.opened(summary) as data:
            return data.load()

    return Trained(sweep, load_networks, load_summary)
