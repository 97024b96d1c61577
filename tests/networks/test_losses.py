"""Losses against their definition: `pull` and `bend` are derivatives of `value`, in the units that c is defined by."""

import math

import numpy as np
import pytest
import torch

from lazyrich.networks import optimisers
from lazyrich.networks.losses import LOSSES, bound_to, family

# Each loss ℓ of one sample as books have it, by functions of torch or of Python that the table does not use.
BOOKS = {
    "half_mse": lambda f, y: 0.5 * (f - y) ** 2,
    "mse": lambda f, y: torch.nn.functional.mse_loss(f, y, reduction="none"),
    "logistic": lambda f, y: torch.nn.functional.softplus(-y * f, threshold=100),
    "exponential": lambda f, y: torch.exp(-y * f),
    "hinge_squared": lambda f, y: torch.relu(1 - y * f) ** 2,
    "huber": lambda f, y: torch.nn.functional.huber_loss(f, y, reduction="none", delta=1.0),
}


def samples(loss):
    """Outputs, and targets of the kind that the loss takes: signs, or numbers of at most 1."""
    f = torch.linspace(-3, 3, 41, dtype=torch.float64)
    if loss.targets == "signs":
        return torch.cat([f, f]), torch.cat([torch.ones_like(f), -torch.ones_like(f)])
    return f, torch.linspace(1, -0.7, 41, dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_pull_and_bend_are_the_derivatives_of_the_value(name):
    loss = bound_to(torch, name)
    f, y = samples(loss)
    f.requires_grad_()
    (by_f,) = torch.autograd.grad(loss.value(f, y).sum(), f)
    pull = loss.pull(f, y)
    torch.testing.assert_close(pull, -by_f / 2, rtol=1e-14, atol=1e-15)
    (again,) = torch.autograd.grad(pull.sum(), f, allow_unused=True)
    torch.testing.assert_close(loss.bend(f.detach(), y), -again, rtol=1e-13, atol=1e-15)
    # At an output of 0 every loss pulls by c times the target: k, χ and the onset rest on it.
    assert torch.equal(loss.pull(torch.zeros_like(y), y), y)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_that_of_books_times_two_over_its_factor(name):
    loss = bound_to(torch, name)
    f, y = samples(loss)
    torch.testing.assert_close(loss.factor / 2 * loss.value(f, y), BOOKS[name](f, y), rtol=1e-14, atol=1e-15)
    # The largest second derivative is reached, or there is none.
    largest = float((loss.factor * loss.bend(f, y)).max())
    if loss.curvature is None:
        assert float(loss.bend(torch.tensor(-50.0), torch.tensor(1.0))) > 1e20
    else:
        assert largest == pytest.approx(loss.curvature, rel=1e-12)


def test_logistic_neither_overflows_nor_loses_small_pulls():
    loss = bound_to(np, "logistic")
    margin = np.array([-1e307, -1000.0, -40.0, 0.0, 40.0, 700.0, 1e307])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value, pull, bend = (function(margin, 1.0) for function in (loss.value, loss.pull, loss.bend))
    np.testing.assert_allclose(value[:4], [4e307, 4000.0, 160.0, 4 * math.log(2)], rtol=1e-15)
    assert (value[4:] >= 0).all() and value[6] == 0
    np.testing.assert_allclose(pull[1:6], [2.0, 2.0, 1.0, 2 * math.exp(-40), 2 * math.exp(-700)], rtol=1e-13)
    np.testing.assert_allclose(bend[2:5], [2 * math.exp(-40), 0.5, 2 * math.exp(-40)], rtol=1e-13)


def test_losses_that_differ_by_their_factor_alone_are_one_family():
    assert family("mse") == family("half_mse")
    others = [name for name, loss in LOSSES.items() if not loss.square]
    assert [family(name) for name in others] == others


def test_every_optimiser_takes_a_small_change_as_it_is():
    x, change = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 0.25])
    for optimiser in optimisers.OPTIMISERS.values():
        assert torch.equal(optimiser.update(x, change), torch.tensor([1.5, -1.75]))
