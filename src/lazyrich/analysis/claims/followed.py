"""Every neuron of a sweep, step by step: what Lemmas 5.2, 5.3 and Eq. 9 say of single neurons and whole kernels.

One number a network for each statement: the worst over its neurons, and over the steps that the statement is about.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lazyrich.analysis.claims import followed_proxy, followed_stage_one, followed_stage_two
from lazyrich.analysis.comparison import accuracy
from lazyrich.analysis.follow import follow

SCALARS = (
    "samples",
    "growth_per_step",
    "gamma",
    "phi",
    "v_0",
    "covariance_trace",
    "signal_norm",
    "alignment_step",
    "end_step",
    "loss_factor",
    "y_norm",
)


def measure(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Return name -> (networks,); NaN for networks that do not reach t₁ and t₂."""
    epsilon = accuracy(data)
    rows = [_measure(data, i, float(epsilon[i])) for i in range(data.sizes["network"])]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def _measure(data: xr.Dataset, network: int, epsilon: float) -> dict[str, float]:
    one = follow(data, network)
    get = {name: float(data[name].values[network]) for name in SCALARS} | {"accuracy": epsilon}
    first, last = get["alignment_step"], get["end_step"]
    if np.isnan(first) or np.isnan(last):
        return {}
    # t₁ lies between two steps; the statements at t₁ are read at the first step where rms ρ_r ≥ 1.
    t1, t2 = int(np.ceil(first)), int(last)
    stage_two = followed_stage_two.measure(one, get, t1, t2) | followed_proxy.measure(one, get, t1, t2)
    return followed_stage_one.measure(one, get, t1) | stage_two
