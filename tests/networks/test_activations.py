"""A user's own activation: found, checked and refused with one clear error; its file decides the shard's name."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import lazyrich
from lazyrich.networks import activations
from lazyrich.planning.plan import plan, whole
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError

PROBLEM = {"samples": 3, "dimension": 20}
TRAINING = {"stability_fraction": 0.1, "steps": 5}


def sweep(activation, **network):
    return {
        "problem": PROBLEM,
        "network": {"width": 8, "laziness": 1.0, "activation": activation, **network},
        "training": TRAINING,
    }


@pytest.mark.parametrize("name", activations.NAMES)
def test_values_and_slopes_are_those_of_the_function(name):
    x = torch.linspace(-3, 3, 41, dtype=torch.float64)
    value, slope = torch.empty_like(x), torch.empty_like(x)
    activations.value_and_slope(name)(x, value, slope)
    leaf = x.clone().requires_grad_()
    expected = activations.function(name)(leaf)
    (by_x,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-15, atol=0)
    torch.testing.assert_close(slope, by_x, rtol=1e-14, atol=1e-15)


def test_an_own_function_beside_the_sweep_file(tmp_path, monkeypatch):
    (tmp_path / "phi.py").write_text("import torch\n\ndef half(x):\n    return torch.tanh(x) / 2\n")
    path = tmp_path / "own.yaml"
    path.write_text(
        "problem: {samples: 3, dimension: 20}\nnetwork: {width: 8, laziness: 1, activation: 'phi.py:half'}\n"
        "training: {stability_fraction: 0.1, steps: 5}\n"
    )
    monkeypatch.chdir(tmp_path.parent)
    found = load_sweep(path)
    assert found.fixed["activation"] == f"{tmp_path.name}/phi.py:half"
    run = lazyrich.run(path)
    assert run.attrs["engine"] == "gram"
    assert np.isfinite(run.loss).all()
    # An edited function is another network.
    name = whole(found).name
    (tmp_path / "phi.py").write_text("import torch\n\ndef half(x):\n    return torch.tanh(x) / 3\n")
    assert whole(load_sweep(path)).name != name


def test_own_functions_may_be_an_axis(tmp_path):
    (tmp_path / "phi.py").write_text("from torch import sin\nfrom torch.nn.functional import softplus\n")
    names = ["relu", f"{tmp_path}/phi.py:sin", f"{tmp_path}/phi.py:softplus"]
    run = lazyrich.run(sweep({"values": names}))
    assert len(run.network) == 3
    assert len(np.unique(run.loss.values[:, 0])) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("def phi(x:\n", "is no Python"),
        ("def other(x):\n    return x\n", "defines no phi (but other)"),
    ],
)
def test_a_file_that_does_not_define_it_is_refused_before_any_work(tmp_path, text, words):
    path = tmp_path / "own.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SweepError) as caught:
        load_sweep(sweep(f"{path}:phi"))
    message = str(caught.value)
    assert message.startswith("sweep: network.activation")
    assert words in message
    assert ";" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return x / 0", "not finite"),
        ("return x.sum() + 0 * x", "not elementwise"),
        ("return x.float()", "not elementwise in float64"),
        ("return x.detach()", "fails on a tensor"),
        ("return undefined(x)", "fails on a tensor (NameError"),
        ("raise OSError('gone')", "fails on a tensor (OSError: gone)"),
    ],
)
def test_a_function_that_is_no_activation_is_named(tmp_path, body, words):
    path = tmp_path / "own.py"
    path.write_text(f"def phi(x):\n    {body}\n")
    with pytest.raises(activations.ActivationError) as caught:
        lazyrich.run(sweep(f"{path}:phi"))
    assert words in str(caught.value)
    assert "own.py: phi" in str(caught.value)


def test_explicit_neurons_have_a_bound():
    with pytest.raises(SweepError, match="network.width: 1000000000000 neurons are too many for relu") as caught:
        load_sweep(sweep("relu", width=10**12))
    assert "; write at most" in str(caught.value)
    load_sweep(sweep({"values": ["linear", "relu"]}, width=10**6))


def test_other_activations_keep_the_shards_of_these(tmp_path):
    """Another activation on the axis, and an edit of one, train only their own networks."""
    path = tmp_path / "phi.py"
    path.write_text("from torch import sin\nfrom torch.nn.functional import softplus\n")

    def planned(names, earlier=None):
        return plan(load_sweep(sweep({"values": names})), earlier)

    first = planned(["linear", "relu"])
    second = planned(["linear", "relu", f"{path}:sin"], first)
    assert set(first) < set(second)
    third = planned(["linear", "relu", f"{path}:sin", f"{path}:softplus"], second)
    assert set(second) < set(third)
    path.write_text("from torch import cos as sin\nfrom torch.nn.functional import softplus\n")
    fourth = planned(["linear", "relu", f"{path}:sin"], second)
    (new,) = set(fourth) - set(second)
    assert fourth[new].networks == 1
    assert set(first) < set(fourth)


@pytest.mark.parametrize(
    "text",
    [
        "from typing import Callable\nimport torch\nphi: Callable = torch.sin\n",
        "import torch\ntry:\n    from torch import sin as phi\nexcept ImportError:\n    phi = torch.cos\n",
        "from torch import *\nphi = sin\n",
    ],
)
def test_ways_of_defining_an_own_function(tmp_path, text):
    path = tmp_path / "own.py"
    path.write_text(text)
    assert np.isfinite(lazyrich.run(sweep(f"{path}:phi")).loss).all()


def test_a_relu_at_its_kink_never_moves():
    with pytest.raises(SweepError, match="network.sigma_0: 0 leaves every relu at its kink.*; write one > 0"):
        load_sweep({**sweep("relu"), "network": {"width": 8, "activation": "relu", "sigma_0": 0, "v_0": 1}})


def test_explicit_neurons_have_a_bound_with_a_file_and_with_an_engine_too(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=np.eye(3), y=np.arange(3.0))
    wide = {"width": 10**12, "activation": "relu", "sigma_0": 1, "v_0": 1}
    with pytest.raises(SweepError, match="network.width: 1000000000000 neurons are too many for relu"):
        load_sweep({"problem": {"source": "file", "path": str(path)}, "network": wide, "training": TRAINING})
    with pytest.raises(ValueError, match="engine = gram: holds every neuron"):
        lazyrich.run(sweep("linear", width=10**12), engine="gram")


def test_networks_that_fit_more_than_the_row_space_have_no_floor():
    """n > d: a ReLU network goes on below the loss of a linear one, and is measured against 0."""
    run = lazyrich.run(
        {
            "problem": {"samples": 6, "dimension": 3, "noise_std": 3.0},
            "network": {"width": 200, "activation": {"values": ["linear", "relu"]}, "laziness": 1.0},
            "training": {"stability_fraction": 0.1, "steps": 400},
        }
    )
    assert run.loss_floor[0] > 0
    assert run.loss_floor[1] == 0
    summary = lazyrich.analyse(run)
    assert (summary.loss_growth >= 1).all()  # of losses above 0
    names = summary.phase.attrs["flag_meanings"].split()
    assert names[int(summary.phase[1])] == "unfinished"  # it still falls, monotonically


def test_an_edit_within_a_second_is_seen(tmp_path):
    """Python's cached bytecode knows a file by its size and the second of its time; the process here may write it."""
    code = (
        "import os, sys, torch\n"
        "from lazyrich.networks import activations\n"
        "for name in ('sin', 'cos'):\n"
        "    with open('phi.py', 'w') as file: print(f'from torch import {name} as phi', file=file)\n"
        "    os.utime('phi.py', (1e9, 1e9))\n"
        "    print(activations.function('phi.py:phi')(torch.zeros(1)).item())\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.stdout.split() == ["0.0", "1.0"], ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["phi.py"]  # and nothing is written beside a user's file
