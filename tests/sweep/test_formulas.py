"""Axes of one's own: keys as formulas of them, and what makes no sense."""

import time

import pytest
import yaml

from lazyrich.analysis.comparison import COLUMNS
from lazyrich.shards.archive import SUMMARY_VARIABLES
from lazyrich.sweep.formula_checks import _ENDINGS, TAKEN
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError
from lazyrich.sweep.words import setting, varied

GOOD = {
    "axes": {"scale": {"log": [0.1, 10], "points": 5}, "delta": {"values": [-1, 0, 1]}},
    "problem": {"samples": 4, "dimension": 50},
    "network": {"width": 64, "sigma_0": "sqrt(scale)*exp(delta)", "v_0": "sqrt(scale)*exp(-delta)"},
    "training": {"learning_rate": "0.005/scale**2", "steps": 10},
}


def changed(section, **values):
    inner = {**GOOD.get(section, {}), **values}
    return {**GOOD, section: {key: value for key, value in inner.items() if value is not ...}}


def test_the_grid_runs_over_the_axes_of_ones_own():
    sweep = load_sweep(GOOD)
    assert list(sweep.dims) == [("scale",), ("delta",)] and sweep.plane == ("scale", "delta")
    assert sweep.combinations("scale", "learning_rate") == {
        (0.1, 0.5),
        (0.316227766017, 0.0499999999999),
        (1.0, 0.005),
        (3.16227766017, 0.000499999999999),
        (10.0, 5e-05),
    }
    assert len(sweep.combinations("sigma_0", "v_0")) == 15
    assert "learning_rate" not in sweep.fixed and sweep.fixed["steps"] == 10
    assert varied(sweep) == "scale from 0.1 to 10; delta from -1 to 1"
    assert (
        "T = 10, σ₀ = sqrt(scale)*exp(delta), v₀ = sqrt(scale)*exp(-delta), η = 0.005/scale**2; 15 networks"
        in setting(sweep)
    )


def test_a_check_between_keys_sees_every_cell_of_a_formula():
    """This width is largest in the middle of its axis: at both ends there are no neurons too many."""
    data = changed("network", width="round(2**25/(1 + delta**2))", activation="relu", sigma_0=0.1, v_0="scale")
    with pytest.raises(SweepError, match="network.width: 33554432 neurons are too many for relu"):
        load_sweep(data)


def test_formulas_of_fixed_numbers_are_the_same_sweep_as_the_numbers():
    data = {**GOOD, "axes": {"scale": 2.0}}
    data["network"] = {"width": 64, "sigma_0": "sqrt(scale)*0.5", "v_0": {"values": [1, 2]}}
    data["training"] = {"learning_rate": "0.1/width", "steps": "width/4"}
    sweep = load_sweep(data)
    assert not sweep.formulas
    assert (sweep.fixed["learning_rate"], sweep.fixed["steps"]) == (0.0015625, 16)
    assert list(sweep.dims) == [("v_0",)]


def test_axes_of_ones_own_advance_together():
    sweep = load_sweep({**changed("axes", delta={"values": [3, 1, 2, 5, 4]}), "zip": [["axes.scale", "delta"]]})
    assert sweep.shape == (5,)
    assert len(sweep.combinations("sigma_0")) == 5


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        (changed("axes", width={"values": [1, 2]}), "axes.width", "is a key; write this axis under network.width"),
        (changed("axes", gamma={"values": [1, 2]}), "axes.gamma", "variable of datasets"),
        (changed("axes", loss_end=2), "axes.loss_end", "variable of datasets"),
        (changed("axes", ntk_change=2), "axes.ntk_change", "variable of datasets"),
        (changed("axes", phase={"values": [1, 2]}), "axes.phase", "variable of datasets"),
        (changed("axes", my_share={"values": [1, 2]}), "axes.my_share", "variable of datasets"),
        (changed("axes", record={"values": [1, 2]}), "axes.record", "variable of datasets"),
        (changed("axes", pi={"values": [1, 2]}), "axes.pi", "means something else"),
        (changed("axes", sqrt={"values": [1, 2]}), "axes.sqrt", "means something else"),
        (changed("axes", **{"my scale": 2}), "axes.my scale", "no name for an axis"),
        (changed("axes", **{"2x": 2}), "axes.2x", "no name for an axis"),
        (changed("axes", **{"lambda": 2}), "axes.lambda", "no name for an axis"),
        (changed("axes", σ=2), "axes.σ", "no name for an axis"),
        (changed("axes", other={"values": [1, 2]}), "axes.other", "decides nothing"),
        (changed("axes", scale={"values": ["a", "b"]}), "axes.scale", "text where a number is needed"),
        (changed("axes", scale="2*delta"), "axes.scale", "text where a number is needed"),
        (changed("axes", scale={"log": [0, 1], "points": 3}), "axes.scale", "reaches zero"),
        (changed("axes", scale=[1, 2]), "axes.scale", "a list where a number is needed"),
        ({**GOOD, "axes": ["scale"]}, "axes", "dictionary"),
        (changed("network", v_0="scael"), "network.v_0 = scael", "did you mean scale?"),
        (changed("network", v_0="tau"), "network.v_0 = tau", "no number of this sweep"),
        (changed("network", v_0="activation"), "network.v_0 = activation", "no number of this sweep"),
        (changed("network", v_0="network.sigma_0"), "network.v_0", "write a key without its section, sigma_0"),
        (changed("network", v_0="v_0"), "network.v_0 = v_0", "needs its own value;"),
        (changed("network", v_0="sigma_0", sigma_0="v_0*scale*delta"), "network.", "needs its own value by way of"),
        (changed("network", v_0="1/delta"), "network.v_0 = 1/delta", "divides by 0 at delta = 0"),
        (changed("network", v_0="delta"), "network.v_0 = delta", "-1 at delta = -1 is too small; write a number ≥ 0"),
        (changed("network", v_0="delta**0.5"), "network.v_0", "root of a negative number at delta = -1"),
        (changed("network", v_0="9**9**9"), "network.v_0", "too large"),
        (changed("network", v_0="exp(1000*scale)"), "network.v_0", "too large at scale = 1"),
        (
            changed("network", width="64*scale"),
            "network.width",
            "6.4 and no integer at scale = 0.1; write round(64*scale)",
        ),
        (
            changed("network", width="round(scale)"),
            "network.width",
            "0 at scale = 0.1 is too small; write an integer ≥ 1",
        ),
        (changed("network", width="round(1e19*scale)"), "network.width", "too large; write an integer"),
        (changed("network", activation="scale"), "network.activation", "is not known"),
        (changed("problem", test_samples="2*samples"), "problem.test_samples", "text where a number is needed"),
        (changed("network", v_0="__import__(scale)"), "network.v_0", "no function of formulas"),
        ({**GOOD, "zip": [["scale", "sigma_0"]]}, "zip: sigma_0", "is not an axis"),
        ({**GOOD, "figures": {"axes": ["scale", "v_0"]}}, "figures.axes", "write two of delta, scale"),
    ],
)
def test_a_mistake_gets_one_error_with_file_key_and_fix(data, key, words, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    with pytest.raises(SweepError) as caught:
        load_sweep(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {key}")
    assert words in message
    assert ";" in message and "\n" not in message


def test_more_cells_than_can_be_checked_are_refused_at_once():
    axis = {"log": [0.1, 10], "points": 1000}
    begun = time.monotonic()
    with pytest.raises(SweepError, match="axes: formulas are evaluated in 1,000,000 cells.*; write coarser axes"):
        load_sweep({**GOOD, "axes": {"scale": axis, "delta": axis}})
    assert time.monotonic() - begun < 5


def test_no_variable_of_a_summary_is_free_as_the_name_of_an_axis():
    assert [name for name in (*COLUMNS, *SUMMARY_VARIABLES) if name not in TAKEN and not name.endswith(_ENDINGS)] == []
