"""The summary: the same from one dataset, from many shards and after growth; quantiles, errors and boundaries as defined."""

import json
import subprocess
import sys
import textwrap
import warnings

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazyrich
from lazyrich.analysis.phases import Phase
from lazyrich.analysis.quantiles import QUANTILES, quantiles
from lazyrich.analysis.summary import cell, summarise
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.planning.plan import plan, recipe, whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep


def sweep(**changes):
    data = {
        "problem": {"samples": 5, "dimension": 100, "noise_std": 0.1},
        "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 5}},
        "training": {"growth_per_step": {"values": [0.05, 0.5, 5.0]}, "steps": 400},
        "replicates": 3,
    }
    return data | changes


def shards_on_disk(data, folder, earlier=None):
    this = load_sweep(data)
    shards = plan(this, earlier)
    for name, shard in shards.items():
        path = folder / f"{name}.nc"
        if not path.exists():
            archive.write(archive.described(simulate(shard), shard), path)
    return this, shards, [folder / f"{name}.nc" for name in shards]


def assert_same(a, b):
    """Equal but for the rounding of trajectories to float32 on disk."""
    assert set(a.variables) == set(b.variables)
    for name in a.variables:
        if a[name].dtype.kind in "fiu":
            with np.errstate(over="ignore"):  # what overflows float32 is infinite on disk
                left, right = (values[name].values.astype(np.float32) for values in (a, b))
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6, err_msg=str(name))
        else:
            np.testing.assert_array_equal(a[name], b[name], err_msg=str(name))


def test_shards_give_the_summary_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 7)
    this, shards, paths = shards_on_disk(sweep(), tmp_path)
    assert len(shards) > 4
    together = lazyrich.analyse(lazyrich.run(sweep()))
    assert_same(summarise(paths, whole(this), threads=2), together)


def test_a_summary_says_how_many_shards_are_of_other_code(tmp_path, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 20)
    this, _, paths = shards_on_disk(sweep(), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert summarise(paths, whole(this)).attrs["shards_of_other_code"] == 0
    with netCDF4.Dataset(paths[1], "a") as file:
        file.source_fingerprint = "0123456789abcdef"
    with pytest.warns(UserWarning, match=f"^trained by other code than this: 1 of {len(paths)} shards$"):
        found = summarise(paths, whole(this))
    archive.write(found, tmp_path / "summary.nc")
    with netCDF4.Dataset(tmp_path / "summary.nc") as file:
        assert file.shards_of_other_code == 1


def test_a_grown_sweep_gives_the_summary_of_the_whole(tmp_path, monkeypatch):
    """Replicates of one cell lie in several shards then."""
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 7)
    _, before, _ = shards_on_disk(sweep(replicates=1), tmp_path)
    grown = sweep(replicates=3)
    grown["network"]["width"] = {"values": [32, 64]}
    this, shards, paths = shards_on_disk(grown, tmp_path, before)
    assert set(before) < set(shards)
    assert_same(summarise(paths, whole(this)), lazyrich.analyse(lazyrich.run(grown)))


def test_cells_without_a_network_are_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 7)
    this, _, paths = shards_on_disk(sweep(), tmp_path)
    part = summarise(paths[:2], whole(this))
    assert set(np.unique(part.phase)) > {Phase.not_run}
    missing = part.phase == Phase.not_run
    assert (part.networks.values[missing] == 0).all()
    assert np.isnan(part.ntk_change.values[missing]).all()


def test_zipped_axes_names_and_lengths_as_axes(tmp_path):
    data = sweep()
    data["training"] = {"growth_per_step": 0.1, "tau": {"values": [1, 2]}, "loss": {"values": ["mse", "half_mse"]}}
    data["problem"]["source"] = {"values": ["gaussian", "uniform"]}
    data["zip"] = [["loss", "tau"]]
    summary = lazyrich.analyse(lazyrich.run(data))
    assert dict(summary.phase.sizes) == {"source_index": 2, "laziness": 5, "training_loss_index": 2}
    assert summary.training_loss.values.tolist() == ["mse", "half_mse"]
    assert summary.training_tau.values.tolist() == [1.0, 2.0]
    archive.write(summary, tmp_path / "summary.nc")
    with xr.open_dataset(tmp_path / "summary.nc") as back:
        assert back.source.values.tolist() == ["gaussian", "uniform"]


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.floats(-1e6, 1e6) | st.just(np.nan))
)
def test_quantiles_are_those_of_numpy(table):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of a row of NaN
        expected = np.nanquantile(table, QUANTILES, axis=1).T
    np.testing.assert_allclose(quantiles(table), expected, rtol=1e-12, atol=1e-9)


def test_quantiles_of_infinite_values_stay_infinite():
    assert (quantiles(np.full((1, 3), np.inf)) == np.inf).all()


def test_the_end_value_of_the_test_loss_has_quantiles_over_replicates():
    problem = {"samples": 4, "dimension": 60, "noise_std": 0.1, "test_samples": 9}
    data = lazyrich.run(
        {
            "problem": problem,
            "network": {"width": 30, "laziness": {"values": [0.1, 5]}},
            "training": {"stability_fraction": 0.2, "steps": 30},
            "replicates": 5,
        }
    )
    found = lazyrich.analyse(data)["test_loss"]
    last = data["test_loss"].values[:, -1].reshape(2, 5)
    np.testing.assert_allclose(found.transpose("laziness", "quantile"), np.quantile(last, found["quantile"], axis=1).T)
    assert found.attrs["long_name"] == observables.OBSERVABLES["test_loss"].long_name and found.attrs["units"] == "1"


def test_end_values_are_those_of_the_last_record():
    run = lazyrich.run(sweep())
    summary = lazyrich.analyse(run)
    grid = run.ntk_change.values[:, -1].reshape(5, 3, 3)
    np.testing.assert_array_equal(summary.ntk_change.sel(quantile=0.5), np.median(grid, axis=2))


def test_phases_follow_from_the_numbers_beside_them():
    summary = lazyrich.analyse(lazyrich.run(sweep()), phases={"kernel_change": 1.0})
    diverging = summary.phase == Phase.diverging
    assert diverging.any()
    assert (summary.stability_fraction.sel(quantile=0.5).values[diverging] > 1).all()  # none loses a stable solution
    settled = summary.phase.isin([Phase.lazy, Phase.rich_two_stage])
    rich = summary.ntk_change.sel(quantile=0.5) >= 1.0
    clear = settled & (summary.agreement == 1)
    np.testing.assert_array_equal((summary.phase == Phase.rich_two_stage).values[clear], rich.values[clear])


def test_one_cell_comes_back_with_all_its_replicates(tmp_path, monkeypatch):
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 2)  # a cell's three replicates lie in two shards
    this, _, paths = shards_on_disk(sweep(), tmp_path)
    one = cell(paths, whole(this), 4)  # laziness 1, growth 1
    assert one.sizes["network"] == 3
    assert set(one.replicate.values) == {0, 1, 2}
    np.testing.assert_allclose(one.laziness, this.dims[("laziness",)][1][0], rtol=1e-9)
    np.testing.assert_allclose(one.growth_per_step, 0.5, rtol=1e-12)


def test_the_measured_boundary_of_initial_scales_is_the_predicted_circle():
    """σ0² + v0² = 2bχ_c at κ_c; the median over replicates of the measured change lies on it within 5 %."""
    run = lazyrich.run(
        {
            "problem": {"samples": 10, "dimension": 10000, "noise_std": 0.1},
            "network": {
                "width": 1024,
                "sigma_0": {"log": [0.1, 10], "points": 24},
                "v_0": {"log": [0.1, 10], "points": 24},
            },
            "training": {"stability_fraction": 0.1, "tau": 30},
            "replicates": 4,
        }
    )
    assert (run.status == Status.converged).all()
    summary = lazyrich.analyse(run)
    lines = {str(name): summary.boundary == name for name in np.unique(summary.boundary)}
    two_b = 2 * np.median(run.b)
    for name in ("lazy_rich_predicted", "lazy_rich_measured"):
        vertices = lines[name].values
        chi = (summary.boundary_x.values[vertices] ** 2 + summary.boundary_y.values[vertices] ** 2) / two_b
        assert vertices.sum() > 20
        np.testing.assert_allclose(chi, 1.0, rtol=0.05)


def test_analyse_needs_no_dask():
    script = """
        import sys
        sys.modules |= {"dask": None, "distributed": None}  # as if neither were installed; xarray would import Dask itself
        import lazyrich
        run = lazyrich.run({
            "problem": {"samples": 4, "dimension": 8},
            "network": {"width": 100, "laziness": {"values": [0.1, 1.0]}},
            "training": {"stability_fraction": 0.1, "tau": 3.0},
        })
        summary = lazyrich.analyse(run, phases={"kernel_change": 0.5})
        assert summary["networks"].values.tolist() == [1, 1]
        assert "lazyrich.analysis.cluster" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


def test_peak_memory_does_not_grow_with_the_number_of_shards(tmp_path):
    """Eight times the shards of 100 MB trajectories each (in memory) raise the peak by less than one of them."""
    script = textwrap.dedent(
        """
        import sys, json, glob, re
        from lazyrich.analysis.summary import summarise
        from lazyrich.planning.plan import whole
        from lazyrich.sweep.reader import load_sweep
        points = int(sys.argv[2])
        sweep = load_sweep(json.loads(sys.argv[3]))
        summarise(sorted(glob.glob(sys.argv[1] + "/*.nc"))[:points], whole(sweep))
        # Of this program alone: ru_maxrss begins with that of its parent.
        print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
        """
    )
    data = {
        "problem": {"samples": 2, "dimension": 100},
        "network": {"width": 64, "sigma_0": {"log": [0.01, 1], "points": 8}, "v_0": {"log": [0.01, 1], "points": 1024}},
        "training": {"stability_fraction": 0.5, "steps": 50},
        "record": {"points": 1000},
    }
    this = load_sweep(data)
    grid = whole(this).grid
    for i, point in enumerate(grid["sigma_0"]):
        shard = recipe(this, ({**grid, "sigma_0": (point,)},))
        archive.write(archive.described(simulate(shard, threads=2), shard), tmp_path / f"{i}.nc")

    def peak(shards):
        command = [sys.executable, "-c", script, str(tmp_path), str(shards), json.dumps(data)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    trajectories = 1024 * 1000 * (8 + 8 * 4 + 16) / 2**20  # one shard in memory: loss, eight float32, step and τ
    assert peak(8) - peak(1) < trajectories


def pieces_of_a_grid(run):
    return run.assign_attrs(recipe=run.attrs["recipe"].replace('"boxes":[', '"boxes":[{},'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pieces_of_a_grid, "holds pieces of a grid; give"),
        (
            lambda run: xr.concat([run, lazyrich.run(sweep(seed=1))], "network"),
            "90 networks, and its recipe 45.*one by one",
        ),
        (lambda run: run.isel(network=slice(5)), "5 networks, and its recipe 45; give"),
        (
            lambda run: run.isel(network=slice(None, None, -1)),
            r"another order than its recipe \(see `\w+`\)",
        ),
        (lambda run: run.rename(network="cell"), "0 networks, and its recipe 45; give"),
        (lambda run: run.drop_vars("laziness"), "no variable `laziness`; give"),
        (lambda run: run.drop_attrs(), "no attribute `recipe`; give"),
        (lambda run: xr.Dataset(), "no attribute `recipe`; give"),
    ],
    ids=["pieces", "joined", "subset", "reversed", "renamed", "dropped", "without recipe", "empty"],
)
def test_what_is_no_whole_run_is_refused_by_analyse(change, message):
    with pytest.raises(ValueError, match=message):
        lazyrich.analyse(change(lazyrich.run(sweep())))
