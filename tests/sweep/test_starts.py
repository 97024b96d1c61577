"""Keys of the start: what is wrong with them, in one line each, and what they leave as it was."""

import numpy as np
import pytest
import yaml

from lazyrich.planning.plan import plan, whole
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError
from tests.sweep.test_sweep import GOOD, changed

ALL = {"values": ["drawn", "doubled", "balanced_neurons", "unit_rows"]}
SCALE = {"network__sigma_0": ..., "network__v_0": ..., "network__laziness": 0.1}


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"network__second_layer": "normal"}, "network.second_layer", "one of signs, gaussian, positive"),
        ({"network__second_layer": 1}, "network.second_layer", "not known"),
        ({"network__second_layer": {"values": ["signs", "signs"]}}, "network.second_layer", "twice"),
        ({"network__second_layer": {"linear": [0, 1], "points": 2}}, "network.second_layer", "takes names"),
        ({"network__start": "double"}, "network.start", "one of drawn, doubled, balanced_neurons, unit_rows"),
        ({"network__start": True}, "network.start", "not known"),
        ({"network__start": "doubled", "network__width": 7}, "network.width", "7 is odd"),
        ({"network__start": "doubled", "network__width": {"values": [8, 9, 10]}}, "network.width", "9 is odd"),
        ({"network__start": ALL, **SCALE, "network__width": {"log": [2, 9], "points": 4}}, "network.width", "3 is odd"),
        ({"network__start": "doubled", "network__second_layer": "positive"}, "network.second_layer", "half of the v_r"),
        (
            {"network__start": ALL, **SCALE, "network__second_layer": {"values": ["signs", "positive"]}},
            "network.second_layer",
            "positive excludes start: doubled",
        ),
        ({"network__start": "balanced_neurons"}, "network.v_0", "is set by |v_r| = ‖w_r‖"),
        ({"network__start": ALL}, "network.v_0", "is set by |v_r| = ‖w_r‖"),
        ({"network__start": ALL, "network__v_0": ...}, "network.sigma_0", "write laziness instead"),
        ({"network__start": "balanced_neurons", **SCALE, "network__balance": 1}, "network.balance", "is set by"),
        ({"network__start": "balanced_neurons", **SCALE, "network__sigma_0": 1}, "network", "exactly one of: sigma_0;"),
        ({"network__start": "balanced_neurons", "network__v_0": ..., "network__sigma_0": ...}, "network", "missing"),
        (
            {
                "network__start": "balanced_neurons",
                "network__sigma_0": ...,
                "network__v_0": ...,
                "network__width_exponent_s": 1,
                "network__width_exponent_p": 1,
            },
            "network.width_exponent_p",
            "is set by",
        ),
        (
            {"network__start": "balanced_neurons", "network__v_0": ..., "network__sigma_0": {"values": [0, 1]}},
            "network.sigma_0",
            "no weight above 0",
        ),
        (
            {"network__start": "balanced_neurons", **SCALE, "network__second_layer": "gaussian"},
            "network.second_layer",
            "sets |v_r| = ‖w_r‖",
        ),
        ({"network__start": "unit_rows", "network__width": 10**9}, "network.width", "at most 6710886 at 10 samples"),
        (
            {"network__start": ALL, **SCALE, "network__width": {"values": [8, 10**7]}},
            "network.width",
            "too many for start: balanced_neurons",
        ),
        ({"network__start": "unit_rows", "problem__test_samples": 3}, "problem.test_samples", "binds it by ‖w_r‖"),
        ({"network__weight_scale": 2}, "network.weight_scale", "belongs to the weights that a source file brings"),
        ({"network__weight_scale": 0}, "network.weight_scale", "> 0"),
        ({"network__weight_scale": {"linear": [-1, 1], "points": 3}}, "network.weight_scale", "> 0"),
    ],
)
def test_a_wrong_start_names_key_and_fix(changes, key, words):
    with pytest.raises(SweepError) as caught:
        load_sweep(changed(**changes))
    (message,) = str(caught.value).splitlines()
    assert message.startswith(f"sweep: {key}") and message[len(f"sweep: {key}")] in " :"
    assert words in message and ";" in message


@pytest.mark.parametrize(
    ("network", "weights", "words"),
    [
        ({"second_layer": "gaussian"}, True, "network.second_layer: is set by the weights in"),
        ({"start": "doubled"}, True, "network.start: is set by the weights in"),
        ({"weight_scale": 2, "width": 4, "sigma_0": 1, "v_0": 1}, False, "has no weights; add W and v to it"),
        ({"start": "unit_rows", "width": 10**9, "sigma_0": 1, "v_0": 1}, False, "too many for start: unit_rows"),
        ({"start": "doubled", "width": 5, "sigma_0": 1, "v_0": 1}, False, "5 is odd"),
    ],
)
def test_a_start_that_does_not_go_with_a_file_is_found_before_any_work(tmp_path, network, weights, words):
    np.savez(tmp_path / "data.npz", X=np.eye(3), y=np.ones(3), **({"W": np.eye(3), "v": np.ones(3)} if weights else {}))
    path = tmp_path / "sweep.yaml"
    sweep = {"problem": {"source": "file", "path": "data.npz"}, "network": network, "training": GOOD["training"]}
    path.write_text(yaml.safe_dump(sweep))
    with pytest.raises(SweepError) as caught:
        load_sweep(path)
    assert str(caught.value).startswith(f"{path}: ") and words in str(caught.value)


def test_a_sweep_that_writes_the_defaults_is_the_one_without():
    """And so it keeps its shards."""
    plain = load_sweep(GOOD)
    written = load_sweep(changed(network__second_layer="signs", network__start="drawn", network__weight_scale=1))
    assert whole(written).text == whole(plain).text and list(plan(written)) == list(plan(plain))


@pytest.mark.parametrize(
    "changes",
    [{"network__second_layer": "gaussian"}, {"network__start": "doubled"}, {"network__start": "unit_rows"}],
    ids=str,
)
def test_every_other_start_is_another_recipe(changes):
    plain, other = whole(load_sweep(GOOD)), whole(load_sweep(changed(**changes)))
    assert other.name != plain.name
    assert dict(other.fixed) == {
        **plain.fixed,
        **{key.removeprefix("network__"): value for key, value in changes.items()},
    }


def test_balanced_neurons_have_no_balance_in_their_recipe():
    sweep = load_sweep(changed(network__start="balanced_neurons", **SCALE))
    assert "balance" not in sweep.fixed
    both = load_sweep(changed(network__start={"values": ["drawn", "balanced_neurons"]}, **SCALE))
    assert both.fixed["balance"] == 1.0  # of those that are drawn
