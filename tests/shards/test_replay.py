"""`lazyrich replay`: explicit weights take the stored trajectory; what was altered is found; mistakes get one line."""

import json
import shlex
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import lazyrich
from lazyrich.analysis.follow import follow
from lazyrich.cli import main
from lazyrich.networks import observables
from lazyrich.networks.table import table
from lazyrich.planning.cell import find_cell, find_network, one_network
from lazyrich.planning.command import named, replay_command
from lazyrich.planning.folder import checksum_file, write_plan
from lazyrich.planning.plan import plan, whole
from lazyrich.shards import archive, integrity
from lazyrich.shards.replay import realise, replay
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.shared import ALWAYS

# Two exact ways in float64: 1e-16 an operation, 60 steps and sums of some 100 terms; two digits for growth along the way.
ROUNDING = 1e-12
PROBES = 6
EVERYTHING = {"points": 9, "observables": list(ALWAYS)}
LINEAR = {
    "problem": {"samples": 5, "dimension": {"values": [3, 40]}, "noise_std": 0.3, "test_samples": 4},
    "network": {
        "width": {"values": [1, 7, 30, 10**12]},  # all explicit; one and few neurons beside the probes; in law
        "laziness": {"values": [0.01, 2.0]},
        "balance": 0.5,
        "probes": {"count": PROBES, "keep": True},
    },
    "training": {"stability_fraction": 0.2, "steps": 60, "loss": {"values": ["mse", "half_mse"]}},
    "record": EVERYTHING,
    "replicates": 2,
}
DECAYING = {
    **LINEAR,
    "problem": {
        "samples": 8,
        "dimension": 30,
        "spectrum": "power_law",
        "spectrum_exponent": {"values": [1.0, 2.5]},
        "test_samples": 30,
    },
    "network": {"width": 10**12, "sigma_0": {"values": [1e-12, 0.1]}, "v_0": {"values": [0.0, 2e-4]}},
}
RELU = {
    **LINEAR,
    "network": {
        "activation": "relu",
        "width": {"values": [3, 40]},
        "laziness": 0.1,
        "probes": {"count": 9, "keep": True},
    },
    "record": {"points": 9, "observables": [name for name in ALWAYS if name != "balance_drift"]},
}


def of_file(folder, weights):
    """A sweep of data of one's own, more samples than dimensions."""
    rng = np.random.default_rng(0)
    arrays = {"X": rng.standard_normal((6, 4)), "y": rng.standard_normal(6)}
    arrays |= {"X_test": rng.standard_normal((7, 4)), "y_test": rng.standard_normal(7)}
    network = {"width": 10**9, "laziness": 0.1}
    if weights:
        arrays |= {"W": rng.standard_normal((3, 4)), "v": rng.standard_normal(3)}
        network = {}
    np.savez(folder / "data.npz", **arrays)
    file = {"source": "file", "path": str(folder / "data.npz"), "test_samples": 7}
    return {"problem": file, "network": network, "training": LINEAR["training"], "record": EVERYTHING}


def check(data, network, tolerance=ROUNDING):
    """Every quantity agrees, by the replay's own word and to `tolerance` of its size; nothing is left out but the period."""
    found = replay(data, network)
    names = {one.name for one in found.compared}
    assert found.agrees, [(one.name, one.relative.max()) for one in found.compared if not one.fits.all()]
    assert set(found.left_out) <= {"period"}, found.left_out
    assert {name for name in observables.NAMES if name in data} <= names | set(found.left_out)
    for one in found.compared:
        # Explicit weights lose `balance_drift` in a difference of squares, some b/D larger than it.
        if one.name != "balance_drift":
            # Without a second layer T = 0 at the start, and nothing is relative to it.
            without = int(one.name == "ntk_target_error" and float(data.v_0[network]) == 0)
            assert one.records - without <= len(one.steps) <= one.records, one.name
            # At 10¹² neurons the overlap starts at 1e-9: its scale is that of the targets, 1.
            size = np.maximum(one.size, 1.0) if one.name == "target_overlap" else one.size
            assert (one.difference <= tolerance * size).all(), (one.name, one.relative)
    return found


@pytest.mark.parametrize("sweep", [LINEAR, DECAYING], ids=["isotropic, n below and above d", "power law, tiny scales"])
def test_linear_networks_take_the_path_of_explicit_weights(sweep):
    data = lazyrich.run(sweep)
    assert (data.status < 3).any()
    for network in np.flatnonzero(data.status.values < 3):
        found = check(data, network)
        kept = {"rho_r", "v_r"} if "rho_r" in data else {"rho", "v"}
        assert kept <= {one.name for one in found.compared}


def test_other_activations_take_the_path_of_explicit_weights():
    data = lazyrich.run(RELU, device="cpu")
    for network in range(data.sizes["network"]):
        found = check(data, network)
        assert len(found.realised.v) == data.width[network]  # its own neurons, at its own learning rate
        assert found.realised.learning_rate == data.learning_rate[network]


def test_linear_networks_whose_neurons_the_gram_engine_drew_are_replayed():
    sweep = {**LINEAR, "network": {"width": 30, "laziness": 0.1, "probes": {"count": PROBES, "keep": True}}}
    data = lazyrich.run(sweep, engine="gram", device="cpu")
    for network in range(data.sizes["network"]):
        assert len(check(data, network).realised.v) == 30


@pytest.mark.parametrize("weights", [True, False])
def test_data_and_weights_of_a_file_are_replayed_until_it_is_edited(tmp_path, weights):
    data = lazyrich.run(of_file(tmp_path, weights))
    for network in range(data.sizes["network"]):
        check(data, network)
    np.savez(tmp_path / "data.npz", X=np.eye(6), y=np.arange(6.0))
    with pytest.raises(ValueError, match="data.npz: was edited since"):
        replay(data, 0)


def test_an_activation_that_was_edited_is_refused(tmp_path):
    path = tmp_path / "phi.py"
    path.write_text("def phi(x):\n    return x + 0.1 * x**3\n")
    sweep = {**RELU, "network": {"activation": f"{path}:phi", "width": 4, "laziness": 0.1}}
    data = lazyrich.run(sweep, device="cpu")
    check(data, 0)
    path.write_text("def phi(x):\n    return x + 0.2 * x**3\n")
    with pytest.raises(ValueError, match="phi.py:phi: was edited since"):
        realise(data, 0)


def test_realised_networks_have_the_gram_matrix_moments_and_probes_of_the_drawn_ones():
    """Against `follow`, which draws the start itself."""
    data = lazyrich.run(LINEAR)
    some = data.width.values > data.samples.values
    assert 0 < some.sum() < len(some)  # of fewer neurons everything is explicit, rows of X too, which `follow` turns
    for network in np.flatnonzero(some):
        one, start = realise(data, network), follow(data, network).start
        rank = int(np.count_nonzero(data.eigenvalues.values[network]))
        # Beyond the row space of X are what only test inputs have, and as many weights as z has coordinates.
        assert one.W.shape[1] == 2 * rank + 1 and not one.X[:, rank:].any()
        z = np.column_stack([one.v, one.W[:, :rank]])
        K = np.zeros((5, 5))
        K[range(rank), range(rank)] = data.eigenvalues.values[network, :rank]
        np.testing.assert_allclose(one.X @ one.X.T, K, rtol=1e-14)
        size = np.abs(start.moments).max()
        np.testing.assert_allclose(z.T @ z / len(z), start.moments, rtol=0, atol=1e-14 * size)
        np.testing.assert_array_equal(z[: one.own_neurons], start.neurons)
        m = int(data.width[network])
        assert one.own_neurons == min(PROBES, m) and len(z) <= m and (len(z) > rank or len(z) == m)
        np.testing.assert_allclose(one.learning_rate, data.learning_rate[network] * len(z) / m, rtol=1e-15)


def test_eigenvectors_may_have_other_signs_where_the_shard_was_made(monkeypatch):
    """They are the linear algebra library's choice, and weights are drawn along them."""
    eigh = np.linalg.eigh
    for sweep in (LINEAR, RELU):
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("lazyrich.networks.problem.np.linalg.eigh", lambda K: (eigh(K)[0], -eigh(K)[1]))
            turned = lazyrich.run(sweep, device="cpu")
        assert (turned.targets.values != lazyrich.run(sweep, device="cpu").targets.values).any()
        for network in range(0, turned.sizes["network"], 3):
            check(turned, network)


# ---- what is wrong is found ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linear():
    return lazyrich.run(LINEAR)


@pytest.mark.parametrize("name", [*ALWAYS, "rho_r", "v_r"])
def test_an_altered_value_is_found_and_named(linear, name):
    """By one part in 10⁶, which float32 tells apart; as on disk."""
    network, record = 20, 5
    altered = linear.copy(deep=True)
    if name not in ("loss", "test_loss"):
        altered[name] = altered[name].astype(np.float32)
    assert replay(altered, network).agrees
    altered[name].values[network, record] *= 1 + 1e-5 if name == "balance_drift" else 1 + 1e-6
    found = replay(altered, network)
    assert not found.agrees
    assert [one.name for one in found.compared if not one.fits.all()] == [name]
    (one,) = (one for one in found.compared if one.name == name)
    assert one.steps[~one.fits].tolist() == [linear.step.values[network, record]]


@pytest.mark.parametrize("name", ["onset_step", "status", "loss_max", "sharpness_end", "alignment_step"])
def test_an_altered_number_of_the_run_is_found(linear, name):
    altered = linear.copy(deep=True)
    altered[name].values[0] = altered[name].values[0] + 1
    assert [one.name for one in replay(altered, 0).compared if not one.fits.all()] == [name]


def test_the_trajectory_of_another_replicate_is_found(linear):
    names = [name for name in linear.data_vars if name not in ("replicate", "targets", "eigenvalues")]
    other = linear.copy(deep=True)
    for name in names:
        other[name].values[0] = linear[name].values[1]
    assert not replay(other, 0).agrees


def test_fewer_steps_compare_what_they_reach(linear):
    found = replay(linear, 0, 40)
    assert found.steps == 38 and found.agrees  # records are at 0, 8, 15, 22, 30, 38, 45, …
    assert {"onset_step", "loss_end", "status"} <= set(found.left_out)
    with pytest.raises(ValueError, match="--steps -1: the first record is at step 0"):
        replay(linear, 0, -1)


def test_chaos_is_compared_until_rounding_has_outgrown_it():
    """k = 1.5 at a rich start: chaos of the loss (docs/theory.md, Phase boundaries), on any machine within 200 steps."""
    chaotic = {
        "problem": {"samples": 1, "dimension": 100},
        "network": {"width": 10**6, "laziness": 1e-3},
        "training": {"growth_per_step": 1.55, "steps": 400},
        "record": {"every": 1},
    }
    data = lazyrich.run(chaotic)
    found = replay(data, 0)
    assert data.status == 1 and found.agrees
    (loss,) = (one for one in found.compared if one.name == "loss")
    assert 20 < len(loss.steps) < 300
    assert found.left_out["period"] == "is decided by rounding"
    altered = data.copy(deep=True)
    altered.loss.values[0, 15] *= 1.01  # before that, it is found all the same
    assert not replay(altered, 0).agrees


def test_divergence_is_replayed_to_its_step():
    data = lazyrich.run({**LINEAR, "training": {"stability_fraction": 3.0, "steps": 60}})
    assert (data.status == 2).all()
    for network in range(0, data.sizes["network"], 5):
        assert replay(data, network).agrees


def test_a_network_that_was_not_trained_has_nothing_to_compare():
    endless = {**LINEAR, "training": {"learning_rate": 1e-15, "tau": 10}}
    with pytest.raises(ValueError, match="could not be trained .too_many_steps., so that there is no trajectory"):
        replay(lazyrich.run(endless), 0)


def test_networks_that_are_too_large_are_refused(linear, monkeypatch):
    monkeypatch.setattr("lazyrich.engines.dense.MEMORY_BOUND", 1000)
    with pytest.raises(ValueError, match="too large to be replayed: the dense engine would need"):
        replay(linear, int(np.flatnonzero(linear.width > linear.samples)[0]))


# ---- cells and shards ---------------------------------------------------------------------------------------------------

MINE = {
    "problem": {"samples": 4, "dimension": 100, "noise_std": {"values": [0, 0.1]}},
    "network": {
        "width": {"values": [8, 1000]},
        "sigma_0": {"log": [1e-3, 1], "points": 4},
        "v_0": {"values": [0.1, 0.01, 0.2, 0.001]},
        "activation": {"values": ["linear", "relu"]},
    },
    "training": {"stability_fraction": 0.1, "steps": 30, "loss": {"values": ["mse", "half_mse"]}},
    "record": {"points": 5},
    "zip": [["sigma_0", "v_0"], ["loss", "noise_std"]],
    "replicates": 2,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a configuration and one sweep, in several shards, all trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 20)
    (tmp_path / "config/sweeps").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("sweeps: [mine]\nresults: out\ndevice: cpu\n")
    (tmp_path / "config/sweeps/mine.yaml").write_text(yaml.safe_dump(MINE))
    shards = plan(load_sweep("config/sweeps/mine.yaml"))
    assert len(shards) > 2
    write_plan("out/mine/plan.json", shards)
    for name, shard in shards.items():
        data = simulate(shard, device="cpu")
        integrity.write(archive.described(data, shard), f"out/mine/shards/{name}.nc")
    return shards


CELL = ["loss=mse", "width=900", "sigma_0=0.012", "activation=relu"]


def test_any_cell_s_networks_are_found_where_they_are(project):
    """Every network of the sweep: its own parameters stand in the row that is found."""
    sweep = load_sweep("config/sweeps/mine.yaml")
    columns = table(whole(sweep))
    tables = {name: table(shard) for name, shard in project.items()}
    names = [name for names in sweep.dims for name in names]
    seen = set()
    for i in range(sweep.networks):
        cell = find_cell(sweep, [f"{name}={columns[name][i]}" for name in names])
        shard, row = find_network(project, sweep, cell, int(columns["replicate"][i]))
        assert "nearest" not in cell.text
        for name in [*names, "replicate"]:
            assert tables[shard][name][row] == columns[name][i]
        one = table(one_network(project[shard], row))
        assert all(one[name][0] == columns[name][i] for name in [*names, "replicate"])
        seen.add((shard, row))
    assert len(seen) == sweep.networks


def test_the_command_that_pages_show_names_every_cell(project):
    """Names, axes that advance together, and a results folder that a shell would take apart."""
    sweep = load_sweep("config/sweeps/mine.yaml")
    for place, words in zip(np.ndindex(sweep.shape), product(*named(sweep)), strict=True):
        own, other = (shlex.split(replay_command("mine", " ".join(words), Path(f), 1)) for f in ("out", "no 'one's"))
        assert own[:4] == ["lazyrich", "replay", "mine", "--cell"] and own[-2:] == ["--replicate", "1"]
        assert other == [*own[:3], "--results", "no 'one's", *own[3:]]
        box = find_cell(sweep, own[4:-2]).box
        assert list(box.values()) == [(p[i],) for p, i in zip(sweep.dims.values(), place, strict=True)]


@pytest.mark.parametrize("sweep", ["mine", "config/sweeps/mine.yaml"])
def test_the_command_says_what_it_took_and_that_it_agrees(project, capsys, sweep):
    assert main(["replay", sweep, "--cell", *CELL, "--replicate", "1"]) == 0
    said = capsys.readouterr().out
    for line in (
        "width = 1000 (nearest to 900), activation = relu, sigma_0 = 0.01 (nearest to 0.012), v_0 = 0.01",
        "loss = mse",
        "replicate 1",
        "30 steps by gram",
        "1,000 neurons (its own)",
        "they agree to rounding",
    ):
        assert line in said, said
    assert main(["replay", sweep, "--cell", *CELL[:3], "network.activation=linear", "--steps", "10"]) == 0
    said = capsys.readouterr().out
    assert "64 its own, with the second moments of all 1,000" in said
    assert "left out: belongs to all 30 steps" in said


def test_the_command_finds_an_altered_shard(project, capsys):
    """Written anew with a checksum that is right: only a replay can tell."""
    assert main(["replay", "mine", "--cell", *CELL]) == 0
    path = capsys.readouterr().out.partition("stored    ")[2].partition(",")[0]
    with archive.read(path) as data:
        altered = data.load().copy(deep=True)
    altered.target_overlap.values[:, 3] *= 1 + 1e-6
    checksum_file(path).unlink()
    integrity.write(altered, path)
    assert main(["replay", "mine", "--cell", *CELL]) == 1
    said = capsys.readouterr().out
    assert "they differ in 1 of" in said and "target_overlap at step 22 by" in said
    altered.attrs["source_fingerprint"] = "another"
    integrity.write(altered, path)
    assert main(["replay", "mine", "--cell", *CELL]) == 1
    assert "by other code than this" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["absent"], "absent: cannot be read (No such file or directory); check the path"),
        (["mine"], "--cell: has no "),
        (["mine", "--cell", *CELL[1:]], "--cell: has no loss or noise_std; write --cell "),
        (["mine", "--cell", *CELL, "depth=3"], "--cell depth=3: depth is no axis of this sweep; write --cell "),
        (["mine", "--cell", *CELL, "samples=4"], "--cell samples=4: samples is 4 in all of this sweep; write"),
        (["mine", "--cell", *CELL, "width=8"], "--cell width=8: width stands twice; write it once"),
        (["mine", "--cell", "width"], "--cell width: is no axis=value; write --cell "),
        (["mine", "--cell", *CELL[:3], "activation=tanh"], "is no value of this axis; write one of linear, relu"),
        (
            ["mine", "--cell", "width=wide", *CELL[2:]],
            "--cell width=wide: is no number; write one of the axis, 8 to 1000",
        ),
        (["mine", "--cell", "width=0", *CELL[2:]], "--cell width=0: is outside of the axis, 8 to 1000; write"),
        (
            ["mine", "--cell", "width=100000", *CELL[2:]],
            "--cell width=100000: is outside of the axis, 8 to 1000; write",
        ),
        (["mine", "--cell", *CELL, "v_0=0.1"], "no point of the sweep has both; sigma_0, v_0 advance together"),
        (["mine", "--cell", *CELL, "--replicate", "2"], "--replicate 2: the cell has 2 networks; write 0 to 1"),
        (["mine", "--cell", *CELL, "--replicate", "-1"], "--replicate -1: the cell has 2 networks; write 0 to 1"),
        (["mine", "--cell", *CELL, "--steps", "-3"], "--steps -3: the first record is at step 0; write at least that"),
    ],
)
def test_a_mistake_gets_one_line(project, capsys, arguments, error):
    assert main(["replay", *arguments]) == 1
    said = capsys.readouterr().err
    assert error in said and said.count("\n") == 1, said


def test_what_is_missing_or_damaged_is_said_with_its_fix(project, capsys):
    assert main(["replay", "mine", "--cell", *CELL]) == 0
    path = capsys.readouterr().out.partition("stored    ")[2].partition(",")[0]
    with open(path, "ab") as file:
        file.write(b"more")
    assert main(["replay", "mine", "--cell", *CELL]) == 1
    said = capsys.readouterr().err
    assert f"{path}: is not what was written" in said and "`snakemake --cores all out/mine/report.html`" in said
    checksum_file(path).unlink()
    assert main(["replay", "mine", "--cell", *CELL]) == 1
    said = capsys.readouterr().err
    assert (
        said
        == f"{path}: is not there, so that nothing is stored of this network; make it by: snakemake --cores all {path}\n"
    )


def test_a_cell_that_refining_has_not_trained_is_said(project, capsys):
    refined = {
        "problem": {"samples": 4, "dimension": 100},
        "network": {"width": 8, "laziness": {"log": [0.01, 10], "points": 9}},
        "training": {"stability_fraction": {"log": [0.01, 0.1], "points": 9}, "steps": 3},
        "refine": {"levels": 2},
    }
    with open("config/sweeps/fine.yaml", "w") as file:
        yaml.safe_dump(refined, file)
    assert main(["replay", "fine", "--cell", "laziness=0.025", "stability_fraction=0.0133"]) == 1
    said = capsys.readouterr().err
    assert "is between the points that `refine` has trained" in said and said.count("\n") == 1
    assert main(["replay", "fine", "--cell", "laziness=0.01", "stability_fraction=0.01"]) == 1
    assert "is not there" in capsys.readouterr().err


def test_points_that_only_several_axes_tell_apart_want_them_all():
    axes = {"sigma_0": {"values": [0.1, 0.2, 0.3]}, "v_0": {"values": [0.3, 0.2, 0.1]}}
    one = {**LINEAR, "problem": {"samples": 3, "dimension": 5, "test_samples": 2}, "network": {"width": 5, **axes}}
    sweep = load_sweep({**one, "zip": [["sigma_0", "v_0"]]})
    # No sweep file has such an axis, whose values are distinct; others may come.
    repeated = SimpleNamespace(dims={("sigma_0", "v_0"): [(0.1, 0.1), (0.1, 0.2)]}, fixed={})
    with pytest.raises(ValueError, match="2 points have that; add v_0, which advances with it"):
        find_cell(repeated, ["sigma_0=0.1"])
    assert find_cell(repeated, ["sigma_0=0.1", "v_0=0.2"]).box == {"sigma_0 v_0": ((0.1, 0.2),)}
    assert (
        json.dumps(find_cell(sweep, ["v_0=0.3", "loss=mse"]).box) == '{"sigma_0 v_0": [[0.1, 0.3]], "loss": [["mse"]]}'
    )


def test_half_a_cell_beyond_the_ends_is_still_on_the_axis():
    """Log distance: from 1e-3 by a factor of 10 a step, √10 at most; an axis that reaches 0 is measured as it is."""
    axes = {"sigma_0": {"log": [1e-3, 1], "points": 4}, "v_0": {"linear": [0, 1], "points": 3}}
    sweep = load_sweep(
        {**LINEAR, "problem": {"samples": 3, "dimension": 5, "test_samples": 2}, "network": {"width": 5, **axes}}
    )
    for sigma_0, v_0, point in (("3.2e-4", "-0.2", (1e-3, 0)), ("3.1", "1.2", (1, 1)), ("0.0317", "0.26", (0.1, 0.5))):
        box = find_cell(sweep, [f"sigma_0={sigma_0}", f"v_0={v_0}", "loss=mse"]).box
        assert (box["sigma_0"], box["v_0"]) == (((point[0],),), ((point[1],),))
    for wrong in ("sigma_0=3.1e-4", "sigma_0=3.2", "v_0=-0.3", "v_0=nan"):
        rest = ["loss=mse", "v_0=0" if wrong.startswith("s") else "sigma_0=1"]
        with pytest.raises(ValueError, match=f"--cell {wrong}: is "):
            find_cell(sweep, [wrong, *rest])
