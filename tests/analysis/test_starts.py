"""Theory for starts that are not the paper's: what holds by moments alone, what is left out, and what is said of it."""

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis import scope
from lazyrich.analysis.account import Run
from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.analysis.follow import follow, followable
from lazyrich.analysis.theories import predictions

ROUNDING = 1e-12  # as in test_follow
LAWS = [
    ("gaussian", "drawn"),
    ("positive", "drawn"),
    ("signs", "doubled"),
    ("gaussian", "doubled"),
    ("signs", "balanced_neurons"),
    ("gaussian", "unit_rows"),
]
SWEEP = {
    "problem": {"samples": 4, "dimension": 400},
    "training": {"growth_per_step": 0.05, "steps": 300},
    "record": {"points": 40},
}


def run(second_layer="signs", start="drawn", width=40, replicates=6, **keys):
    network = {"width": width, "laziness": 1e-3, "second_layer": second_layer, "start": start}
    return lazyrich.run({**SWEEP, **keys, "network": network, "replicates": replicates}, device="cpu")


@pytest.mark.parametrize(("second_layer", "start"), LAWS)
def test_accounts_by_moments_hold_for_every_start(second_layer, start):
    """Few neurons, whose own moments are not those of a wide start: stage one up to onset, then stage two, the closed form."""
    summary = lazyrich.analyse(run(second_layer, start))
    for name in ("stage_one", "eq_10", "closed_form"):
        assert float(summary[f"{name}_error"].sel(quantile=0.5)) < 0.06, name


def test_accounts_take_the_second_layer_that_was_drawn():
    """Of 40 Gaussian v_r, ⟨v²⟩ is off v₀² by a fifth, and stage one without that by as much."""
    data = run("gaussian", "drawn", replicates=20)
    early = (data.target_overlap.values < 0.005) & (data.step.values > 15)
    far = (np.abs(data.v_rms / data.v_0 - 1).values > 0.1) & early.any(axis=1)
    assert far.any()
    right, wrong = (
        np.where(early, np.abs(predictions(each)["stage_one"] / each.target_overlap - 1), 0.0).max(axis=1)
        for each in (data, data.drop_vars("v_rms"))
    )
    assert (right[far] < 0.02).all() and (wrong[far] > 0.05).all()


def test_assumption_4_1_has_margins_for_the_papers_start_alone():
    starts = {"values": ["drawn", "doubled", "balanced_neurons", "unit_rows"]}
    noisy = {**SWEEP["problem"], "noise_std": 0.1}  # without noise its margin is infinite
    summary = lazyrich.analyse(run("signs", starts, 40, 2, problem=noisy))
    margins = [name for name in summary if name.endswith("_margin")]
    assert len(margins) > 5
    for name in margins:
        has = np.isfinite(summary[name].sel(quantile=0.5).values)
        np.testing.assert_array_equal(has, summary.start.values == "drawn", err_msg=name)
        assert "start: balanced_neurons or start: doubled or start: unit_rows" in summary[name].attrs["comment"]
    second_layers = lazyrich.analyse(run({"values": ["signs", "gaussian", "positive"]}, "drawn", 40, 2, problem=noisy))
    margin = second_layers.assumption_margin.sel(quantile=0.5)
    np.testing.assert_array_equal(np.isfinite(margin), second_layers.second_layer.values != "gaussian")
    assert "second_layer: gaussian." in margin.attrs["comment"]


def test_the_papers_start_is_not_spoken_of():
    for second_layer in ("signs", "positive"):
        data = run(second_layer)
        assert scope.of_paper(data).all() and scope.start_remark(data) == "" and scope.sentence(data) == ""
        assert "comment" not in lazyrich.analyse(data).assumption_margin.attrs


def test_mean_sizes_are_left_out_where_neurons_are_bound_to_their_norm():
    data = run("signs", {"values": ["drawn", "doubled", "balanced_neurons", "unit_rows"]}, replicates=1)
    (account,) = (each for each in ACCOUNTS if each.name == "stage_one")
    for curve in account.curves:
        if curve.key in ("stage_one_rho", "stage_one_v", "stage_one_ratio"):
            drawn = np.isfinite(curve.values(Run(data), predictions(data)["stage_one"])).any(axis=1)
            np.testing.assert_array_equal(drawn, np.isin(data.start, ["drawn", "doubled"]), err_msg=curve.key)
    assert "left out where start: balanced_neurons or unit_rows" in scope.sentence(data)


@pytest.mark.parametrize("second_layer", ["signs", "gaussian"])
def test_mean_sizes_are_those_of_many_neurons(second_layer):
    """10⁴ probes of a network of 10⁹ neurons: within five standard errors, some 1 % each, until the targets are felt."""
    network = {"width": 10**9, "sigma_0": 1e-3, "v_0": 2e-3, "second_layer": second_layer, "probes": 10**4}
    record = {"points": 10, "observables": ["rho", "v", "target_overlap"]}
    training = {"growth_per_step": 0.05, "steps": 40}
    data = lazyrich.run({**SWEEP, "network": network, "record": record, "training": training}, device="cpu")
    (account,) = (each for each in ACCOUNTS if each.name == "stage_one")
    curves = {curve.key: curve.values(Run(data), predictions(data)["stage_one"]) for curve in account.curves}
    early = data.target_overlap.values < 1e-3
    assert early.sum() > 4
    for key, measured in (("stage_one_rho", data.rho), ("stage_one_v", data.v * np.sqrt(data.gamma))):
        ratio = curves[key][early] / np.where(measured.values > 0, measured.values, np.nan)[early]
        assert np.nanmax(np.abs(ratio - 1)) < 0.05, key


@pytest.mark.parametrize(("second_layer", "start"), LAWS)
def test_followed_networks_are_those_of_the_engine(second_layer, start):
    """Widths at which every neuron is a probe, at which none but a few are, and between, where the Gram engine draws pairs."""
    widths = {"values": [2, 4, 8, 30]}
    network = {"width": widths, "laziness": 0.1, "second_layer": second_layer, "start": start}
    network["probes"] = {"count": 5, "keep": True}
    problem = {"samples": 5, "dimension": {"values": [3, 40]}}
    record = {"points": 5, "observables": ["loss", "ntk_norm"]}
    training = {"stability_fraction": 0.2, "steps": 60}
    data = lazyrich.run({"problem": problem, "network": network, "record": record, "training": training}, device="cpu")
    can = followable(data)
    np.testing.assert_array_equal(can, (data.width != 8) | (start != "doubled"))
    for i in np.flatnonzero(can):
        one, row = follow(data, i), data.isel(network=i)
        for j, now in enumerate(one.snapshots(map(int, row.step.values))):
            loss = row.loss_factor / (2 * row.samples) * np.sum((one.output(now) - one.targets) ** 2) + row.loss_floor
            np.testing.assert_allclose(loss, row.loss[j], rtol=0, atol=ROUNDING * float(row.loss[0]))
            kept = row.v_r[j].values[: len(now.neurons)]
            np.testing.assert_allclose(now.neurons[:, 0], kept, rtol=1e-6, atol=1e-6 * np.abs(kept).max())
