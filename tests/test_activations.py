"""A user's own activation: found, checked and refused with one clear error; its file decides the shard's name."""

import numpy as np
import pytest
import torch

import lazyrich
from lazyrich import activations
from lazyrich.plan import whole
from lazyrich.sweep import SweepError
from lazyrich.sweep_file import load_sweep

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
    assert str(path) in str(caught.value)


def test_explicit_neurons_have_a_bound():
    with pytest.raises(SweepError, match="network.width: 1000000000000 neurons are too many for relu") as caught:
        load_sweep(sweep("relu", width=10**12))
    assert "; write at most" in str(caught.value)
    load_sweep(sweep({"values": ["linear", "relu"]}, width=10**6))
