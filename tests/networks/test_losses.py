"""Losses against their definition: `pull` is the derivative of `value`, in the units that c is defined by."""

import torch

from lazyrich.networks import losses, optimisers


def test_the_pull_is_the_derivative_of_the_value():
    f = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    y = torch.linspace(2, -1, 13, dtype=torch.float64)
    (by_f,) = torch.autograd.grad(losses.value(f, y).sum(), f)
    torch.testing.assert_close(losses.pull(f.detach(), y), -by_f / 2, rtol=1e-15, atol=0)
    # At an output of 0 every loss pulls by c times the target: k, χ and the onset rest on it.
    assert torch.equal(losses.pull(torch.zeros_like(y), y), y)


def test_every_optimiser_takes_a_small_change_as_it_is():
    x, change = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 0.25])
    for optimiser in optimisers.OPTIMISERS.values():
        assert torch.equal(optimiser.update(x, change), torch.tensor([1.5, -1.75]))
