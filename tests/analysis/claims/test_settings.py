"""Settings in words: of a sweep that varies nothing, and of several sweeps together."""

import numpy as np
import pytest
import xarray as xr

from lazyrich.analysis.claims import family
from lazyrich.analysis.claims.data import Trained
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep
from lazyrich.theory.conditions import NAMES


def trained(low, high, **network):
    """Return a sweep of nothing but margins, `low` and `high` in two cells for every condition."""
    sweep = load_sweep(
        {
            "problem": {"samples": 5, "dimension": 20},
            "network": {"width": 3, "laziness": 1.0, **network},
            "training": {"growth_per_step": 0.25, "steps": 4},
        }
    )
    cells = {f"{name}_margin": ("laziness", np.array([low, high])) for name in NAMES}
    summary = xr.Dataset({"phase": ("laziness", np.zeros(2)), **cells})
    columns = {"loss_factor": [1.0], "y_norm": [2.0], "samples": [5]}
    networks = xr.Dataset({name: ("network", values) for name, values in columns.items()})
    return Trained(sweep, lambda: networks.assign_attrs(recipe=whole(sweep).text), lambda: summary)


def test_a_sweep_that_varies_nothing_begins_with_what_its_networks_share():
    assert trained(1.0, 2.0).setting.words.startswith("gaussian, linear; n = 5, d = 20, ")


def test_several_sweeps_have_a_sentence_each_and_the_margins_of_all():
    sweeps = {"first": trained(0.5, 2.0), "second": trained(np.nan, np.nan), "third": trained(0.25, 1.0, laziness=7.0)}
    found = family._setting(xr.Dataset(coords={"of_group": np.arange(3), "point": np.arange(11)}), sweeps)
    assert found.words.startswith("3 settings, 11 cells that converged. first: gaussian")
    assert " third: gaussian, linear; n = 5, d = 20, " in found.words
    assert set(found.margins) == set(NAMES)
    assert all(margin == pytest.approx((0.25, 2.0)) for margin in found.margins.values())
