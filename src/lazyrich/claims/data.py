"""The sweeps that the ledger reads: networks as they lie in shards, and summaries."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lazyrich import archive
from lazyrich.claims import followed
from lazyrich.claims.verdicts import Conditions
from lazyrich.concatenate import concatenate
from lazyrich.setting import setting, varied
from lazyrich.sweep import Sweep


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

    @property
    def setting(self) -> str:
        """What is varied and what is shared, in words."""
        return f"{varied(self.sweep)}; {setting(self.sweep)}"

    def column(self, name: str) -> np.ndarray:
        """A number of each network, (networks,), as float64."""
        return self.networks[name].values.astype(float)

    def conditions(self, **names: str) -> Conditions:
        """Numbers that the sweep varies, shown name -> variable."""
        return {shown: self.column(variable) for shown, variable in names.items()}


def cells(summary: xr.Dataset, name: str) -> np.ndarray:
    """A field's median over replicates in every cell of a summary, flat, as float64."""
    field = summary[name]
    field = field.sel(quantile=0.5) if "quantile" in field.dims else field
    return field.broadcast_like(summary["phase"]).transpose(*summary["phase"].dims).values.ravel().astype(float)


class Data(dict[str, Trained]):
    """The ledger's sweeps, name -> sweep."""

    @functools.cached_property
    def followed(self) -> dict[str, np.ndarray]:
        """The networks of `neurons`, neuron by neuron (`followed.measure`)."""
        return followed.measure(self["neurons"].networks)


def from_files(sweep: Sweep, shards: list[str], summary: str) -> Trained:
    """A sweep from its files; networks in the order of the shards."""

    def load_networks() -> xr.Dataset:
        parts = []
        for path in shards:
            with archive.read(path) as data:
                parts.append(data.load())
        return concatenate(parts)

    def load_summary() -> xr.Dataset:
        with archive.read(summary) as data:
            return data.load()

    return Trained(sweep, load_networks, load_summary)
