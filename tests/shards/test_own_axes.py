"""Axes of one's own from plan to replay: the networks are those of the same sweep with its keys written out."""

import numpy as np
import pytest
import xarray as xr

import lazyrich
from lazyrich.analysis.summary import summarise
from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cell import find_cell, find_network, one_network
from lazyrich.planning.cost import work
from lazyrich.planning.plan import SHARD_NETWORKS_SETTING, plan, whole
from lazyrich.shards import archive
from lazyrich.shards.replay import replay
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

OWN = {
    "axes": {"scale": {"log": [0.1, 10], "points": 4}, "delta": {"values": [-1, 0, 1]}},
    "problem": {"samples": "round(4 + delta)", "dimension": "20*samples", "noise_std": 0.1},
    "network": {
        "width": "round(32*max(1, scale))",
        "sigma_0": "sqrt(scale)*exp(delta)",
        "v_0": "sqrt(scale)*exp(-delta)",
    },
    "training": {"learning_rate": "width/(200*samples*scale)", "steps": 40},
    "record": {"points": 6},
    "replicates": 2,
    "seed": 3,
}


def written_out(axis, **others):
    """OWN with one of its axes, the other at one number, and every formula as an axis of values under `zip`."""
    sweep = load_sweep({**OWN, "axes": {**OWN["axes"], **others}})
    names = list(sweep.formulas)
    points = {point[0]: point[1:] for point in sweep.combinations(axis, *names)}
    data = {section: dict(OWN[section]) for section in ("problem", "network", "training")}
    for section in data.values():
        for key in section:
            if key in names:
                section[key] = {"values": [points[(at,)[0]][names.index(key)] for (at,) in sweep.dims[axis,]]}
            elif key in sweep.fixed:
                section[key] = sweep.fixed[key]
    return sweep, {**OWN, "axes": {}, **data, "zip": [names]}


@pytest.mark.parametrize(("axis", "others"), [("delta", {"scale": 2.5}), ("scale", {"delta": 0.5})])
def test_networks_are_bit_for_bit_those_with_their_keys_written_out(axis, others, monkeypatch):
    # Distinct values of every formula, so that each can be an axis.
    if axis == "delta":
        monkeypatch.setitem(OWN, "network", {**OWN["network"], "width": "32 + samples"})
    else:
        monkeypatch.setitem(OWN, "axes", {**OWN["axes"], "scale": {"log": [1.5, 10], "points": 4}})
        monkeypatch.setitem(OWN, "problem", {**OWN["problem"], "samples": 5})
        monkeypatch.setitem(OWN["training"], "learning_rate", "width/(300*samples*scale**2)")
    own, data = written_out(axis, **others)
    found, expected = lazyrich.run({**OWN, "axes": {**OWN["axes"], **others}}), lazyrich.run(data)
    assert set(found) - set(expected) == {axis}
    assert not set(expected) - set(found)
    for name in expected:
        assert found[name].dtype == expected[name].dtype, name
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)
    assert np.isfinite(found["loss"].values).all()


def test_two_axes_make_the_networks_of_all_their_combinations_written_out():
    data = {
        **OWN,
        "problem": {"samples": 4, "dimension": 50},
        "network": {**OWN["network"], "width": 64},
        "training": {"stability_fraction": "0.3*exp(-delta/3)/(1 + scale)", "steps": 40},
    }
    names = ("sigma_0", "v_0", "stability_fraction")
    columns = zip(*sorted(load_sweep(data).combinations("scale", "delta", *names)), strict=True)
    values = dict(zip(("scale", "delta", *names), columns, strict=True))
    written = {
        **data,
        "axes": {},
        "network": {"width": 64, **{name: {"values": list(values[name])} for name in names[:2]}},
        "training": {"stability_fraction": {"values": list(values[names[2]])}, "steps": 40},
        "zip": [list(names)],
    }
    found, expected = lazyrich.run(data), lazyrich.run(written)
    assert found.sizes["network"] == 24
    xr.testing.assert_identical(found.drop_vars(["scale", "delta"]).drop_attrs(), expected.drop_attrs())


def test_shards_hold_the_keys_and_their_summary_runs_over_the_axes(tmp_path, monkeypatch):
    sweep = load_sweep(OWN)
    monkeypatch.setenv(SHARD_NETWORKS_SETTING, "7")
    shards = plan(sweep)
    assert len(shards) > 3
    paths = []
    for name, shard in shards.items():
        assert Recipe.parse(shard.plain) == shard and shard.name == name
        paths.append(tmp_path / f"{name}.nc")
        archive.write(archive.described(simulate(shard), shard), paths[-1])
    summary = summarise(paths, whole(sweep))
    assert summary["phase"].dims == ("scale", "delta") and (summary["networks"] == 2).all()
    assert summary["sigma_0"].dims == ("scale", "delta") and summary["samples"].dims == ("delta",)
    np.testing.assert_allclose(summary["sigma_0"], np.sqrt(summary["scale"]) * np.exp(summary["delta"]), rtol=1e-11)
    assert summary["samples"].values.tolist() == [3, 4, 5]
    assert summary["scale"].attrs["long_name"] == "scale"
    in_memory = lazyrich.analyse(lazyrich.run(OWN))[list(summary.variables)]
    xr.testing.assert_identical(summary.coords.to_dataset().drop_attrs(), in_memory.coords.to_dataset().drop_attrs())
    xr.testing.assert_allclose(summary, in_memory, rtol=1e-4)  # through float32 on disk


def test_a_network_is_found_and_replayed_by_the_axes_of_ones_own():
    sweep = load_sweep(OWN)
    shards = plan(sweep)
    cell = find_cell(sweep, ["scale=2", "axes.delta=0"])
    assert cell.text == "scale = 2.15443469003 (nearest to 2), delta = 0"
    name, row = find_network(shards, sweep, cell, 1)
    data = simulate(shards[name])
    assert (data["scale"][row].item(), data["delta"][row].item(), data["replicate"][row].item()) == (
        2.15443469003,
        0,
        1,
    )
    assert one_network(shards[name], row).formulas == shards[name].formulas
    assert all(quantity.fits.all() for quantity in replay(archive.described(data, shards[name]), row).compared)
    with pytest.raises(ValueError, match=r"--cell sigma_0=1: sigma_0 is a formula, sqrt\(scale\)\*exp\(delta\); write"):
        find_cell(sweep, ["sigma_0=1"])


def test_another_formula_is_another_sweep_and_a_longer_axis_is_not():
    sweep = load_sweep(OWN)
    shards = plan(sweep)
    same = load_sweep({**OWN, "network": {**OWN["network"], "v_0": "sqrt( scale ) * exp(-delta)"}})
    assert list(plan(same, shards)) == list(shards) == list(plan(same))
    longer = load_sweep({**OWN, "axes": {**OWN["axes"], "delta": {"values": [-1, 0, 1, 2]}}})
    assert set(shards) < set(plan(longer, shards))
    other = load_sweep({**OWN, "network": {**OWN["network"], "v_0": "sqrt(scale)"}})
    assert not set(shards) & set(plan(other, shards))


def test_the_cost_is_that_of_the_keys_written_out(monkeypatch):
    monkeypatch.setitem(OWN, "network", {**OWN["network"], "width": "32 + samples"})
    own, data = written_out("delta", scale=2.5)
    assert work.of_recipe(whole(own)) == work.of_recipe(whole(load_sweep(data)))
    # Data are drawn anew along delta, which decides their size, and not along scale.
    assert work.of_recipe(whole(load_sweep(OWN)))["seconds", "", "draw"] == 6
