"""Refined boundaries: those of the whole grid, from fewer networks; what lies between is said to lie between."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.analysis import boundaries
from lazyrich.analysis.assemble import FLAGS
from lazyrich.analysis.boundaries import BOUNDARIES
from lazyrich.analysis.phases import Phase
from lazyrich.analysis.refine import cells, fill
from lazyrich.analysis.summary import summarise
from lazyrich.draw.figures import draw_figures
from lazyrich.planning.folder import needed_shards, write_plan
from lazyrich.planning.plan import coarse, plan, whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import REFINED

POINTS = 65
SCALES = {
    "problem": {"samples": 10, "dimension": 1000, "noise_std": 0.1},
    "network": {
        "width": 1024,
        "sigma_0": {"log": [1e-3, 10], "points": POINTS},
        "v_0": {"log": [1e-3, 10], "points": POINTS},
    },
    "training": {"stability_fraction": 0.2, "tau": 30},
    "record": {"summary": True},
    "replicates": 3,
}
RATES = {
    **SCALES,
    "network": {"width": 1024, "laziness": {"log": [0.01, 10], "points": POINTS}},
    "training": {"growth_per_step": {"log": [0.05, 4], "points": POINTS}, "steps": 400},
}


# The scales' diagonal and its other side, as axes of one's own.
OWN = {
    **SCALES,
    "axes": {"size": {"log": [1e-3, 10], "points": POINTS}, "delta": {"linear": [-1, 1], "points": POINTS}},
    "network": {"width": 1024, "sigma_0": "size*exp(delta)", "v_0": "size*exp(-delta)"},
}


def train(shards, folder):
    paths = []
    for name, shard in shards.items():
        paths.append(folder / f"{name}.nc")
        if not paths[-1].exists():
            archive.write(archive.described(simulate(shard), shard), paths[-1])
    return paths


def refined(data, folder):
    """A sweep trained level by level: (sweep, shards of each level, summary)."""
    sweep = load_sweep(data)
    recipe = whole(sweep)
    levels = [plan(sweep)]
    paths = train(levels[0], folder)
    for level in range(1, sweep.refine.levels + 1):
        chosen = cells(sweep, summarise(paths, recipe), level)
        known = {name: shard for shards in levels for name, shard in shards.items()}
        levels.append(plan(sweep, known, chosen))
        paths = list(dict.fromkeys(paths + train(levels[-1], folder)))
    return sweep, levels, summarise(paths, recipe, refine=sweep.refine)


def networks(shards):
    return sum(shard.networks for shard in shards.values())


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Summaries of the whole grids."""
    found = {}
    for name, data in (("scales", SCALES), ("rates", RATES), ("own", OWN)):
        sweep = load_sweep(data)
        paths = train(plan(sweep), tmp_path_factory.mktemp(name))
        found[name] = summarise(paths, whole(sweep))
    return found


def lines(summary, name):
    chosen = summary["boundary"] == name
    return np.stack([summary[f"boundary_{axis}"].values[chosen] for axis in "xy"], axis=1)


@pytest.mark.parametrize(
    ("name", "data", "of", "boundary", "share"),
    [
        ("scales", SCALES, "kernel_change_ratio", "lazy_rich_measured", 0.30),
        ("scales", SCALES, "phase", "lazy_rich_measured", 0.35),
        ("rates", RATES, "converged_share", "convergence_measured", 0.30),
        ("own", OWN, "kernel_change_ratio", "lazy_rich_measured", 0.30),
    ],
)
def test_a_refined_boundary_is_that_of_the_whole_grid_at_a_share_of_its_cost(
    full, tmp_path, name, data, of, boundary, share
):
    """Not only within its band: to the last bit, for the networks beside it are the same."""
    sweep, levels, summary = refined({**data, "refine": {"levels": 3, "of": of}}, tmp_path)
    for line in (boundary, f"{boundary}_low", f"{boundary}_high"):
        found, expected = lines(summary, line), lines(full[name], line)
        assert len(found) > POINTS / 2
        np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(expected, axis=0))
    assert networks({n: s for shards in levels for n, s in shards.items()}) <= share * sweep.networks
    # Trained cells are those of the whole grid; each was trained once.
    trained = summary["networks"].values > 0
    np.testing.assert_array_equal(summary["phase"].values[trained], full[name]["phase"].values[trained])
    assert sum(map(networks, levels)) == trained.sum() * 3
    assert all(len(shards) <= 3 for shards in levels)


def test_cells_between_show_the_phase_of_the_whole_grid(full, tmp_path):
    _, _, summary = refined({**SCALES, "refine": {"levels": 3}}, tmp_path)
    np.testing.assert_array_equal(summary["phase"], full["scales"]["phase"])
    between = summary["networks"].values == 0
    np.testing.assert_array_equal(summary["refine_level"].values == -1, between)
    assert between.mean() > 0.6
    # Of a field that is smooth in the logarithms: linear interpolation over 8 points of a decade's 16.
    ratio = summary["kernel_change_ratio"].sel(quantile=0.5).values / full["scales"]["kernel_change_ratio"].sel(
        quantile=0.5
    )
    assert np.abs(np.log(ratio.values[between])).max() < 0.5


def test_the_same_shards_every_time_and_the_whole_grid_later_trains_the_rest(tmp_path):
    data = {**SCALES, "refine": {"levels": 2, "of": "kernel_change_ratio"}}
    _, first, _ = refined(data, tmp_path / "a")
    _, second, _ = refined(data, tmp_path / "b")
    assert [list(shards) for shards in first] == [list(shards) for shards in second]
    known = {name: shard for shards in first for name, shard in shards.items()}
    whole_grid = plan(load_sweep(SCALES), known)
    assert set(known) <= set(whole_grid)
    assert networks(whole_grid) == POINTS**2 * 3


def test_cells_with_fewer_replicates_from_an_earlier_plan_are_completed(tmp_path):
    """A shard of the first grid holds cells beyond it, with as many replicates as there were then."""
    small = {**SCALES, "network": {**SCALES["network"]}, "replicates": 2}
    for name in ("sigma_0", "v_0"):
        small["network"][name] = {"log": [1e-2, 10], "points": 17}
    before = plan(load_sweep(small))
    grown = load_sweep({**small, "replicates": 3, "refine": {"levels": 2, "of": "kernel_change_ratio"}})
    shards = plan(grown, before)
    paths = train(shards, tmp_path)
    for level in (1, 2):
        chosen = plan(grown, shards, cells(grown, summarise(paths, whole(grown)), level))
        shards |= chosen
        paths = list(dict.fromkeys(paths + train(chosen, tmp_path)))
    summary = summarise(paths, whole(grown))
    expected = summarise(train(plan(load_sweep({**small, "replicates": 3})), tmp_path), whole(grown))
    crossed = np.zeros((17, 17), dtype=bool)
    ratio = expected["kernel_change_ratio"].sel(quantile=0.5).values > 1
    crossed[:-1] |= ratio[1:] != ratio[:-1]
    crossed[:, :-1] |= ratio[:, 1:] != ratio[:, :-1]
    assert crossed.any()
    assert (summary["networks"].values[crossed] == 3).all()


def test_levels_of_another_sweep_are_not_needed_and_none_is_spared_while_one_is_missing(tmp_path):
    data = {**SCALES, "refine": {"levels": 1, "of": "kernel_change_ratio"}}
    sweep, levels, _ = refined(data, tmp_path / "shards")
    write_plan(tmp_path / "plan.json", levels[0])
    write_plan(tmp_path / "levels/1.json", levels[1])
    assert set(needed_shards(sweep, tmp_path)) == set(levels[0]) | set(levels[1])
    assert not set(needed_shards(load_sweep({**data, "seed": 1}), tmp_path)) & set(levels[1])
    # Snakemake takes a level's file away before it chooses it again.
    write_plan(tmp_path / "plan.json", levels[0] | levels[1])
    (tmp_path / "levels/1.json").unlink()
    assert set(levels[1]) <= set(needed_shards(sweep, tmp_path))


def test_trajectories_are_drawn_of_cells_that_were_trained(tmp_path):
    data = {
        **SCALES,
        "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 33}},
        "record": {"points": 8},
        "refine": {"levels": 3, "of": "kernel_change_ratio"},
    }
    sweep, _, summary = refined(data, tmp_path / "shards")
    archive.write(summary, tmp_path / "summary.nc")
    shards = sorted(map(str, (tmp_path / "shards").glob("*.nc")))
    draw_figures(sweep, summary=str(tmp_path / "summary.nc"), shards=shards, folder=str(tmp_path / "figures"))
    assert (tmp_path / "figures/trajectories.svg").exists()


def test_one_axis_and_an_axis_of_names_are_refined_as_well(tmp_path):
    data = {
        **SCALES,
        "problem": {**SCALES["problem"], "source": {"values": ["gaussian", "rademacher"]}, "dimension": 200},
        "network": {"width": 64, "laziness": {"log": [0.01, 30], "points": 33}},
        "refine": {"levels": 3, "of": "kernel_change_ratio"},
    }
    sweep, _, summary = refined(data, tmp_path)
    expected = summarise(train(plan(load_sweep({**data, "refine": None})), tmp_path), whole(sweep))
    for i in range(2):
        ratio, exact = (s["kernel_change_ratio"].sel(quantile=0.5).values[i] for s in (summary, expected))
        (crossing,) = np.flatnonzero(np.diff(exact > 1))
        assert (summary["networks"].values[i, crossing : crossing + 2] == 3).all()
        np.testing.assert_array_equal(ratio[crossing : crossing + 2], exact[crossing : crossing + 2])
    assert (summary["networks"] == 0).mean() > 0.4


def test_fields_to_refine_are_boundaries_that_are_drawn():
    measured = {b.field: b.level for b in BOUNDARIES.values() if not b.predicted}
    assert measured == REFINED
    assert set(boundaries.BANDED) == set(REFINED)


@given(st.integers(2, 200), st.integers(1, 6))
def test_grids_are_nested_and_end_with_all(count, levels):
    grids = [coarse(count, levels, level) for level in range(levels + 1)]
    for small, large in zip(grids, grids[1:], strict=False):
        assert set(small) <= set(large)
        assert {0, count - 1} <= set(small)
    assert grids[-1] == list(range(count))


@given(st.integers(5, 20), st.integers(5, 20), st.integers(1, 2), st.randoms(use_true_random=False))
def test_powers_of_the_axes_are_interpolated_exactly(nx, ny, levels, random):
    """x^a y^b is linear in the logarithms; codes are those of a trained cell, and what is no number stays where it is."""
    x, y = np.logspace(-2, 1, nx), np.logspace(0, 3, ny)
    field = x[:, None] ** 0.7 * y**-1.3
    trained = np.array([[random.random() < 0.3 for _ in y] for _ in x])
    trained[np.ix_(coarse(nx, levels, 0), coarse(ny, levels, 0))] = True
    code = np.where(x[:, None] > 0.3, Phase.rich_two_stage, Phase.lazy) * np.ones((nx, ny))
    data = xr.Dataset(
        {
            "networks": (("x", "y"), trained.astype(float)),
            "phase": (("x", "y"), np.where(trained, code, Phase.not_run)),
            "field": (("x", "y"), np.where(trained, field, np.nan)),
            "infinite": (("x", "y"), np.where(trained, np.inf, np.nan)),
        },
        coords={"x": x, "y": y},
    )
    fill(data, ["x", "y"], levels, {name: codes.nothing for name, codes in FLAGS.items()})
    np.testing.assert_allclose(data["field"], field, rtol=1e-12)  # rounding of logarithms up to 10
    assert np.isposinf(data["infinite"]).all()
    assert set(np.unique(data["phase"])) <= {Phase.lazy, Phase.rich_two_stage}
    np.testing.assert_array_equal(data["phase"].values[trained], code[trained])
    np.testing.assert_array_equal(data["refine_level"].values >= 0, trained)
