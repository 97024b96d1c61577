"""The paper's Figure 1: recovered parameters meet the published points, printed ones do not."""

from pathlib import Path

import numpy as np
import pytest
import yaml

import lazyrich
from lazyrich.analysis.published import compare_published, load_published
from lazyrich.engines.trajectories import Status
from lazyrich.sweep.axes import rounded

ROOT = Path(__file__).parents[2]
SWEEP = ROOT / "config" / "sweeps" / "figure1.yaml"
PUBLISHED = ROOT / "config" / "reference" / "figure1.csv"


@pytest.fixture(scope="module")
def errors():
    """Distances of every network to the published points, as (printed, recovered) rows of replicates."""
    run = lazyrich.run(SWEEP)
    return {name: values.reshape(2, -1) for name, values in compare_published(run, load_published(PUBLISHED)).items()}


def test_recovered_parameters_meet_every_published_point(errors):
    """Within 1 % of L(0), and of the plateau of |ρ|/|v|, for every one of the replicates."""
    assert errors["published_loss_error"].shape[1] >= 6
    assert (errors["published_loss_error"][1] < 0.01).all()
    assert (errors["published_plateau_error"][1] < 0.01).all()


def test_printed_parameters_miss_them(errors):
    assert (errors["published_loss_error"][0] > 0.9).all()
    assert (errors["published_plateau_error"][0] > 0.4).all()


def test_the_sweep_is_scaled_to_the_published_start_and_plateau():
    """The two scalars in the sweep file are functions of the published curve, not choices."""
    problem = yaml.safe_load(SWEEP.read_text(encoding="utf-8"))["problem"]
    points = load_published(PUBLISHED)
    root_gamma = round(points["rho_over_v"].max())
    assert root_gamma == 34943
    for c, y, kappa in zip((1, 2), problem["target_norm"]["values"], problem["gram_scale"]["values"], strict=True):
        y_square = 2 * 10 * points["loss"][0] / c
        assert y == rounded(np.sqrt(y_square))
        assert kappa == rounded(root_gamma**2 / y_square)


def test_published_points_are_interpolated_only_within_the_run():
    points = load_published(PUBLISHED)
    run = lazyrich.run({**yaml.safe_load(SWEEP.read_text(encoding="utf-8")), "figures": {}, "replicates": 1})
    short = run.isel(record=slice(0, 5))
    assert np.isnan(compare_published(short, points)["published_loss_error"]).all()


def test_only_the_lag_of_networks_that_can_be_followed_is_known():
    """Others are compared with the points in everything else."""
    run = lazyrich.run(
        {
            "problem": {"samples": 3, "dimension": 20},
            "network": {"width": 8, "laziness": 0.1, "activation": {"values": ["linear", "relu"]}},
            "training": {"growth_per_step": {"values": [0.1, 30.0]}, "steps": 19},
            "record": {"every": 1},
        }
    )
    found = compare_published(run, load_published(PUBLISHED))
    linear, slow = run.activation.values == "linear", run.growth_per_step.values < 1
    assert (run.status.values[linear & ~slow] == Status.diverged).all()
    assert np.isnan(found["kernel_lagged_plateau"][~linear]).all()
    assert np.isfinite(found["kernel_lagged_plateau"][linear & slow]).all()
    assert (
        np.isfinite(found["kernel_same_plateau"][slow]).all() and np.isfinite(found["published_loss_error"][slow]).all()
    )


def test_a_published_table_that_is_none_is_one_clear_error(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("step,loss\n0,1\n")
    with pytest.raises(ValueError, match="points.csv: has no column rho_over_v, ntk_error; give"):
        load_published(path)
    path.write_text("step,loss,rho_over_v,ntk_error\n0,1,x,2\n")
    with pytest.raises(ValueError, match="points.csv: holds something that is no number"):
        load_published(path)
