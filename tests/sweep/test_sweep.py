"""Sweep files: one clear error for every mistake, a light import, documents in step with the model."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from lazyrich.sweep import docs
from lazyrich.sweep.config import load_configuration
from lazyrich.sweep.grid import Grid
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError
from tests.networks.data import fake

ROOT = Path(__file__).parents[2]

GOOD = {
    "problem": {"samples": 10, "dimension": 100},
    "network": {"width": 8, "sigma_0": 0.1, "v_0": 0.1},
    "training": {"learning_rate": 0.1, "steps": 5},
}


def changed(**changes):
    """GOOD with `section__key=value` put in, or taken out where the value is ..."""
    data = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = data
        for section in sections:
            place = place[section]
        if value is ...:
            del place[key]
        else:
            place[key] = value
    return data


REFINED = {"network__sigma_0": {"log": [0.1, 1], "points": 8}}
DIGITS = {"problem__source": "digits", "problem__dimension": ...}
SIGNS = {**DIGITS, "problem__targets": "one_vs_rest"}
DASK = {"cluster": "local", "workers": 2, "memory": "1.5 GB"}


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"network__widht": 3}, "network.widht", "did you mean width"),
        ({"network__width": 0}, "network.width", "integer ≥ 1"),
        ({"network__width": 2**63}, "network.width", "too large"),
        ({"network__width": ...}, "network.width", "missing"),
        ({"network__width": "many"}, "network.width", "number"),
        ({"network__width": True}, "network.width", "number"),
        ({"network__v_0": float("nan")}, "network.v_0", "not finite"),
        ({"network__v_0": float("inf")}, "network.v_0", "not finite"),
        ({"network__v_0": -1}, "network.v_0", "≥ 0"),
        ({"network__v_0": 0, "network__sigma_0": 0}, "network.sigma_0", "both 0"),
        (
            {"network__v_0": {"values": [0, 1]}, "network__sigma_0": {"values": [0, 1]}},
            "network.sigma_0",
            "both 0",
        ),
        ({"network__v_0": {"values": []}}, "network.v_0", "empty axis"),
        ({"network__v_0": {"log": [0, 1], "points": 4}}, "network.v_0", "reaches zero"),
        ({"network__laziness": 1}, "network", "exactly one of"),
        ({"network__balance": 2}, "network.balance", "laziness"),
        ({"network__activation": "reluu"}, "network.activation", "not known"),
        ({"network__probes": 0}, "network.probes.count", "≥ 1"),
        ({"problem__samples": 0}, "problem.samples", "≥ 1"),
        ({"problem__samples": 2.5}, "problem.samples", "integer"),
        ({"problem__source": "mnist"}, "problem.source", "not known"),
        ({"problem__source": "file"}, "problem.path", "missing"),
        ({"problem__source": "cifar10"}, "problem.path", "missing"),
        ({"problem__source": "cifar10", "problem__path": "nowhere"}, "problem.path", "no such folder"),
        ({"problem__source": "digits"}, "problem.dimension", "set by the data"),
        ({**DIGITS, "problem__path": "digits.npz"}, "problem.path", "no such file"),
        ({**DIGITS, "problem__samples": ...}, "problem.samples", "missing"),
        ({**DIGITS, "problem__noise_std": 0.1}, "problem.noise_std", "set by the data"),
        ({**DIGITS, "problem__source": {"values": ["gaussian", "digits"]}}, "problem.source", "a sweep of their own"),
        ({**DIGITS, "problem__classes": "3 8"}, "problem.classes", "no list of classes; write classes by number"),
        ({**DIGITS, "problem__classes": [3, 3]}, "problem.classes", "twice"),
        ({**DIGITS, "problem__classes": {"values": ["3-8", [8, 3]]}}, "problem.classes", "twice"),
        ({**DIGITS, "problem__classes": {"linear": [0, 9], "points": 3}}, "problem.classes", "names"),
        ({**DIGITS, "problem__targets": "one_hot"}, "problem.targets", "not known"),
        ({**DIGITS, "problem__inputs": "whitened"}, "problem.inputs", "not known"),
        ({**DIGITS, "problem__positive_class": 3}, "problem.positive_class", "targets: one_vs_rest"),
        ({"problem__classes": "3-8"}, "problem.classes", "digits, cifar10, file"),
        ({"problem__inputs": "raw"}, "problem.inputs", "digits, cifar10, file"),
        ({"problem__path": "data.npz"}, "problem.path", "no such file"),
        ({"problem__test_samples": 0}, "problem.test_samples", "≥ 1"),
        ({"problem__test_samples": 2.5}, "problem.test_samples", "integer"),
        ({"problem__test_samples": {"values": [5, 10]}}, "problem.test_samples", "cannot be swept"),
        ({"problem__test_samples": 10**5}, "problem.test_samples", "up to 20000"),
        (
            {"problem__test_samples": 5, "record": {"observables": ["loss"]}},
            "record.observables",
            "no test_loss, of which problem.test_samples speaks; add it",
        ),
        (
            {"record": {"observables": ["loss", "test_loss"]}},
            "record.observables",
            "needs held-out samples; write problem.test_samples",
        ),
        (
            {
                "problem__test_samples": 20000,
                "problem__spectrum": "power_law",
                "problem__spectrum_exponent": 1,
                "problem__dimension": 10**6,
            },
            "problem.dimension",
            "and 20000 test samples of gaussian power_law inputs would be drawn entry by entry",
        ),
        ({**DIGITS, "problem__test_samples": 1790}, "problem.test_samples", "beside problem.samples"),
        ({"problem__spikes": 5}, "problem.spikes", "spectrum: spiked"),
        ({"problem__spectrum": "power_law"}, "problem.spectrum_exponent", "missing"),
        (
            {"problem__spectrum": "spiked", "problem__spikes": 101, "problem__spike_strength": 1},
            "problem.spikes",
            "exceeds",
        ),
        ({"problem__spectrum": "explicit", "problem__eigenvalues": [1, 2]}, "problem.eigenvalues", "as many"),
        ({"problem__teacher_norm": 0}, "problem.teacher_norm", "y = 0"),
        ({"training__tau": 3}, "training", "exactly one of steps, tau"),
        ({"training__steps": ...}, "training", "exactly one of steps, tau"),
        ({"training__growth_per_step": 0.1}, "training", "exactly one of learning_rate"),
        ({"training__loss": "cross_entropy"}, "training.loss", "not known"),
        ({"training__loss": "logistic"}, "training.loss = logistic", "`targets: one_vs_rest`, or a file"),
        ({"training__loss": {"values": ["mse", "exponential"]}}, "training.loss = exponential", "are drawn"),
        ({**DIGITS, "training__loss": "hinge_squared"}, "training.loss = hinge_squared", "labels are 0, 1, 2"),
        (
            {**DIGITS, "problem__targets": "centred", "training__loss": "logistic"},
            "training.loss = logistic",
            "centred",
        ),
        ({**SIGNS, "problem__target_norm": 3, "training__loss": "logistic"}, "training.loss = logistic", "rescales"),
        ({"record": {"observables": ["margin"]}}, "record.observables = margin", "wants targets of 1 and -1"),
        ({**SIGNS, "record": {"observables": ["test_accuracy"]}}, "record.observables", "held-out samples"),
        (
            {
                **SIGNS,
                "training__loss": "exponential",
                "training__learning_rate": ...,
                "training__stability_fraction": 0.1,
            },
            "training.stability_fraction",
            "write learning_rate or growth_per_step",
        ),
        (
            {**SIGNS, "training__loss": "exponential", "training__steps": ..., "training__tau": 3},
            "training.tau",
            "that of exponential is not bounded; write steps",
        ),
        ({"record": {"converged_loss": 0.1}}, "record.converged_loss", "losses that are no squares"),
        ({"training__loss": "huber", "record": {"converged_loss": 1}}, "record.onset", "below 1"),
        ({"record": {"every": 2, "points": 4}}, "record", "exclude"),
        ({"record": {"every": 2}, "training__steps": {"values": [3, 4]}}, "record.every", "one `steps`"),
        ({"record": {"observables": ["los"]}}, "record.observables.0", "write one of loss"),
        ({"record": {"spacing": "sqrt"}}, "record.spacing", "linear, log"),
        ({"record": {"onset": 1.5}}, "record.onset", "below 1"),
        ({"replicates": {"values": [1, 2]}}, "replicates", "cannot be swept"),
        ({"zip": [["sigma_0", "v_0"]]}, "zip", "not an axis"),
        (
            {
                "zip": [["sigma_0", "v_0"]],
                "network__sigma_0": {"values": [1, 2]},
                "network__v_0": {"values": [1, 2, 3]},
            },
            "zip",
            "differ in length",
        ),
        ({"refine": {"levels": 2}}, "refine", "needs an axis of numbers"),
        ({**REFINED, "refine": {"levels": 3}}, "refine.levels", "leaves nothing of an axis of 8 points"),
        ({**REFINED, "refine": {"levels": 0}}, "refine.levels", "≥ 1"),
        ({**REFINED, "refine": {"levels": 1, "of": "colour"}}, "refine.of", "not known"),
        ({**REFINED, "refine": {"levels": 1, "of": "loss"}}, "refine.at", "write it"),
        ({**REFINED, "refine": {"levels": 1, "at": 1}}, "refine.at", "remove it"),
        ({**REFINED, "refine": {"levels": 1, "of": "ntk_norm", "at": 1}}, "refine.of", "add it to record.observables"),
        ({"dask": {**DASK, "cluster": "pbs"}}, "dask.cluster", "write local or slurm"),
        ({"dask": {**DASK, "workers": 0}}, "dask.workers", "≥ 1"),
        ({"dask": {"cluster": "local", "workers": 2}}, "dask.memory", "is missing"),
        ({"dask": {**DASK, "memory": "2 gigs"}}, "dask.memory", "with a unit (MB, GB, MiB, GiB)"),
        ({"dask": {**DASK, "memory": 2000}}, "dask.memory", "with a unit"),
        ({"dask": {**DASK, "memory": "499 MB"}}, "dask.memory", "at least 500 MB"),
        ({"figures": {"published": "nowhere.csv"}}, "figures.published", "no such file"),
        ({"figures": {"published_onset": 7}}, "figures.published_onset", "name their table in figures.published"),
        ({"figures": {"published_source": "cifar10"}}, "figures.published_source", "name their table"),
        ({"figures": {"published_source": "cifar"}}, "figures.published_source", "cifar10"),
        ({"figures": {"published_onset": 0}}, "figures.published_onset", "> 0"),
        ({"phases": {"kernel_change": 0}}, "phases.kernel_change", "> 0"),
        ({"problem": ...}, "problem", "missing"),
    ],
)
def test_a_mistake_gets_one_error_with_file_key_and_fix(tmp_path, changes, key, words):
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(changed(**changes)))
    with pytest.raises(SweepError) as caught:
        load_sweep(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {key}")
    assert words in message
    assert ";" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("problem: {samples: 1", "not valid YAML"),
        ("- 1", "no mapping"),
        ("seed: 1\nseed: 2", "stands twice (line 2)"),
    ],
)
def test_broken_yaml_is_one_clear_error(tmp_path, text, words):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(SweepError) as caught:
        load_sweep(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


X, Y = np.eye(3), np.ones(3)


@pytest.mark.parametrize(
    ("arrays", "network", "words"),
    [
        ({"X": X, "y": np.ones(4)}, {"width": 4, "sigma_0": 1, "v_0": 1}, "y has length 4 and X has 3 rows"),
        ({"X": X}, {"width": 4, "sigma_0": 1, "v_0": 1}, "no variable y"),
        ({"X": X, "y": X}, {"width": 4, "sigma_0": 1, "v_0": 1}, "1 axes"),
        ({"X": X * np.nan, "y": Y}, {"width": 4, "sigma_0": 1, "v_0": 1}, "NaN or infinite"),
        ({"X": X, "y": 0 * Y}, {"width": 4, "sigma_0": 1, "v_0": 1}, "Xᵀy = 0"),
        ({"X": np.ones((2, 3)), "y": np.array([1.0, -1])}, {"width": 4, "sigma_0": 1, "v_0": 1}, "Xᵀy = 0"),
        ({"X": np.array([["a"] * 3] * 3), "y": Y}, {"width": 4, "sigma_0": 1, "v_0": 1}, "real numbers"),
        ({"X": np.array([[{}] * 3] * 3), "y": Y}, {"width": 4, "sigma_0": 1, "v_0": 1}, "without pickles"),
        ({"X": X, "y": Y, "W": X}, {}, "only one of W and v"),
        ({"X": X, "y": Y, "W": X, "v": np.ones(2)}, {}, "W has shape"),
        ({"X": X, "y": Y, "W": 0 * X, "v": 0 * Y}, {}, "all zero"),
        ({"X": X, "y": Y, "W": X, "v": Y}, {"width": 3}, "network.width: is set by the weights"),
        ({"X": X, "y": Y}, {}, "network.width: is missing"),
        ({"X": X, "y": Y}, {"width": 3}, "initial scales are missing"),
    ],
)
def test_a_wrong_data_file_is_found_before_any_work(tmp_path, arrays, network, words):
    npz(tmp_path / "data.npz", **arrays)
    path = tmp_path / "sweep.yaml"
    sweep = {"problem": {"source": "file", "path": "data.npz"}, "network": network, "training": GOOD["training"]}
    path.write_text(yaml.safe_dump(sweep))
    with pytest.raises(SweepError) as caught:
        load_sweep(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_a_truncated_or_foreign_data_file_is_one_clear_error(tmp_path):
    for name, content in (("data.npz", b"PK\x03\x04 no more"), ("data.nc", b"CDF?"), ("data.csv", b"1,2")):
        (tmp_path / name).write_bytes(content)
        data = {**GOOD, "problem": {"source": "file", "path": str(tmp_path / name)}}
        with pytest.raises(SweepError, match=r"problem.path: .*;"):
            load_sweep(data)


def test_importing_the_model_stays_light():
    code = (
        "import sys, lazyrich.sweep.reader, lazyrich.planning.plan, lazyrich.system.provenance, lazyrich.sweep.config;"
        "heavy = {'numpy', 'numba', 'torch', 'xarray', 'pandas', 'dask', 'holoviews', 'bokeh'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_model_is_frozen():
    sweep = load_sweep(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        sweep.seed = 3


def test_generated_documents_are_in_step_with_the_model():
    assert (ROOT / "config" / "README.md").read_text(encoding="utf-8") == docs.keys_page(), "run `make docs`"
    assert (ROOT / "config" / "sweep.schema.json").read_text(encoding="utf-8") == docs.json_schema(), "run `make docs`"


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_sweeps_satisfy_model_and_schema(path, tmp_path):
    """Those that want CIFAR-10 with a folder of its form; nothing else may be missing."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads(docs.json_schema()))
    if content["problem"].get("source") == "cifar10":
        content["problem"]["path"] = str(fake.make(tmp_path / "cifar-10-batches-bin"))
        content["figures"]["published"] = str(path.parent / content["figures"]["published"])
    load_sweep(content if content["problem"].get("source") == "cifar10" else path)


def test_the_schema_refuses_what_the_model_refuses():
    schema = json.loads(docs.json_schema())
    for changes in ({"network__width": 0}, {"network__widht": 1}, {"network__v_0": {"values": []}}, {"problem": ...}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed(**changes), schema)


def test_axes_zip_into_one_dimension():
    sweep = load_sweep(
        changed(
            network__sigma_0={"values": [1, 2]},
            network__v_0={"values": [3, 4]},
            network__width={"values": [5, 6, 7]},
            zip=[["network.sigma_0", "v_0"]],
        )
    )
    assert sweep.dims == {("width",): [(5,), (6,), (7,)], ("sigma_0", "v_0"): [(1.0, 3.0), (2.0, 4.0)]}
    assert sweep.networks == 6


AXES = {
    "problem__samples": st.lists(st.integers(1, 400), min_size=1, max_size=4, unique=True),
    "problem__dimension": st.lists(st.integers(1, 2**45), min_size=1, max_size=4, unique=True),
    "problem__spikes": st.lists(st.integers(1, 300), min_size=1, max_size=3, unique=True),
    "network__width": st.lists(st.integers(1, 2**40), min_size=1, max_size=4, unique=True),
    "network__activation": st.sampled_from([["linear"], ["tanh"], ["linear", "relu"]]),
    "network__sigma_0": st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=3, unique=True),
    "network__v_0": st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=3, unique=True),
    "training__stability_fraction": st.lists(st.sampled_from([1e-7, 1e-3, 0.5]), min_size=1, max_size=3, unique=True),
    "training__tau": st.lists(st.sampled_from([1.0, 10.0, 1e3]), min_size=1, max_size=3, unique=True),
}


@settings(deadline=None)
@given(st.fixed_dictionaries(AXES))
def test_the_ends_of_axes_decide_what_all_their_points_would(values):
    """A grid is refused exactly where one of its cells would be refused alone."""
    fixed = {"problem__spectrum": "spiked", "problem__spike_strength": 1.0}
    fixed |= {"training__steps": ..., "training__learning_rate": ...}

    def accepted(cell):
        try:
            load_sweep(changed(**fixed, **cell))
        except SweepError:
            return False
        return True

    cells = [dict(zip(values, cell, strict=True)) for cell in itertools.product(*values.values())]
    whole = accepted({name: {"values": axis} for name, axis in values.items()})
    event("accepted" if whole else "refused")
    assert whole == all(map(accepted, cells))


def test_a_grid_of_millions_of_cells_is_checked_without_building_it(monkeypatch):
    axes = {
        "problem__samples": {"linear": [1, 3000], "points": 3000},
        "network__width": {"log": [1, 1e15], "points": 3000},
        "training__tau": {"linear": [1, 10], "points": 50},
        "training__steps": ...,
        "training__learning_rate": ...,
        "training__stability_fraction": 0.1,
    }

    combinations = Grid.combinations

    def of_one_key(sweep, *names):
        assert len(names) == 1, "a product of axes was made"
        return combinations(sweep, *names)

    monkeypatch.setattr(Grid, "combinations", of_one_key)
    assert load_sweep(changed(**axes)).cells > 10**8
    with pytest.raises(SweepError, match=r"replicates: the grid has .* write a coarser one"):
        load_sweep(changed(**axes, replicates=10))


def test_a_file_that_would_take_minutes_to_read_is_refused_before(tmp_path):
    path = tmp_path / "table.yaml"
    path.write_text("# " + "x" * 10**6 + "\n" + yaml.safe_dump(GOOD))
    with pytest.raises(SweepError, match=r"table.yaml: has [\d,]+ bytes, of which at most 1,000,000 are read"):
        load_sweep(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r'title: "half \uD83D of it"', r"title = half \ud83d of it: \ud83d is no character"),
        (r'description: "\udfff"', r"description = \udfff: "),
        (r'problem: {source: file, path: "\udc80.npz"}', r"problem.path = \udc80.npz: "),
        (r'network: {activation: {values: [linear, "\udabc.py:f"]}}', r"network.activation.values.1 = \udabc.py:f: "),
        (r'"\ude00": 1', r"\ude00: "),
    ],
)
def test_a_text_that_no_file_can_hold_is_named_with_its_key(line, words, tmp_path):
    path = tmp_path / "half.yaml"
    path.write_text(line + "\n", encoding="ascii")
    with pytest.raises(SweepError) as raised:
        load_sweep(path)
    assert str(raised.value).startswith(f"{path}: {words}")
    assert str(raised.value).endswith("; remove it")
    str(raised.value).encode()  # can be written itself


def test_a_configuration_that_no_file_can_hold_is_named_with_its_key():
    with pytest.raises(SweepError, match=r"config/config.yaml: cifar10.folder = a.ud800: .* remove it"):
        load_configuration({"sweeps": ["a"], "cifar10": {"folder": "a\ud800"}})


def test_aliases_are_looked_at_once(tmp_path):
    """Nine lists of nine aliases each would be 9⁹ texts."""
    path = tmp_path / "aliases.yaml"
    lists = [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in itertools.pairwise("abcdefghij")]
    path.write_text("\n".join(["a: &a [x]", *lists, ""]))
    with pytest.raises(SweepError, match="unknown key"):
        load_sweep(path)
