"""The plain arithmetic of losses, optimisers and marks: the same bits wherever it runs."""

import importlib.util
import os

import numba
import numpy as np
import pytest
import torch

from lazyrich.engines.marks import marks, passed, shares
from lazyrich.engines.simd.compiled import compiled_leaf
from lazyrich.engines.simd.lanes import LANES, load, store
from lazyrich.networks import losses, optimisers
from lazyrich.networks.backends import bound

FUNCTIONS = [
    losses.square_value,
    losses.square_pull,
    *(optimiser.update for optimiser in optimisers.OPTIMISERS.values()),
]
RNG = np.random.default_rng(3)
A, B = RNG.standard_normal(2 * LANES), 1e3 * RNG.standard_normal(2 * LANES)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_formula_has_the_same_bits_everywhere(function):
    expected = [function(a, b) for a, b in zip(A.tolist(), B.tolist(), strict=True)]
    np.testing.assert_array_equal(function(A, B), expected)
    np.testing.assert_array_equal(function(torch.as_tensor(A), torch.as_tensor(B)).numpy(), expected)
    leaf = compiled_leaf(function)
    np.testing.assert_array_equal([leaf(a, b) for a, b in zip(A, B, strict=True)], expected)

    @numba.njit
    def of_lanes(a, b, out):
        for i in range(0, len(a), LANES):
            store(out, i, leaf(load(a, i), load(b, i)))

    out = np.empty_like(A)
    of_lanes(A, B, out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_every_loss_is_the_same_in_numpy_and_torch(name):
    """Of exponentials and logarithms, to their last bit or two."""
    in_numpy, in_torch = (losses.bound_to(library, name) for library in (np, torch))
    f, y = A, np.sign(B)
    for part in ("value", "pull", "bend"):
        expected = getattr(in_numpy, part)(f, y)
        found = getattr(in_torch, part)(torch.as_tensor(f), torch.as_tensor(y))
        assert found.dtype == torch.float64
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-15, atol=1e-16, err_msg=part)


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
@pytest.mark.skipif("TRITON_INTERPRET" not in os.environ, reason="a GPU compiles it")
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_formula_has_the_same_bits_in_triton(function):
    import triton
    import triton.language as tl

    inner = triton.jit(bound(function, xp=tl))
    kernel = triton.jit(bound(_kernel, tl=tl, FUNCTION=inner))
    a, b, out = torch.as_tensor(A), torch.as_tensor(B), torch.empty(len(A), dtype=torch.float64)
    kernel[(len(A),)](a, b, out)
    np.testing.assert_array_equal(out.numpy(), function(A, B))


def _kernel(a_at, b_at, out_at):
    i = tl.program_id(0)
    tl.store(out_at + i, FUNCTION(tl.load(a_at + i), tl.load(b_at + i)))


LARGE = float(np.finfo(np.float64).max)
INF, NAN = float("inf"), float("nan")
STARTS = [(2.0, 5.0, 3.0), (0.0, 1.0, 1e300), (LARGE, LARGE, LARGE), (INF, INF, INF), (NAN, 1.0, NAN)]


@pytest.mark.parametrize(("start", "whole", "loss"), STARTS)
def test_marks_are_the_same_of_numbers_and_of_tensors(start, whole, loss):
    levels = shares(0.05, 1e-3)
    expected = np.array(bound(marks, xp=np)(start, whole, loss, *levels))
    leaf = compiled_leaf(bound(marks, xp=np))
    np.testing.assert_array_equal(leaf(start, whole, loss, *map(float, levels)), expected)
    tensors = [torch.tensor([x], dtype=torch.float64) for x in (start, whole, loss, *levels)]
    np.testing.assert_array_equal(torch.cat(bound(marks, xp=torch)(*tensors)).numpy(), expected)
    if loss <= 1e290:
        np.testing.assert_allclose(expected, [0.95 * start, 1e-6 * whole, 1e-28 * whole, 1e12 * loss], rtol=1e-15)


@pytest.mark.parametrize("loss", [np.nan, np.inf, 1.1e12])
def test_a_loss_that_is_no_number_or_too_large_is_not_sound(loss):
    levels = bound(marks, xp=np)(1.0, 1.0, 1.0, *shares(0.05, 1e-3))
    assert passed(1.0, 1.0, *levels) == (False, False, False, True)
    assert passed(0.94, 0.94, *levels) == (True, False, False, True)
    assert passed(1e-6, 0.0, *levels) == (True, True, False, True)
    assert passed(1e-28, 0.0, *levels) == (True, True, True, True)
    assert not passed(1.0, loss, *levels)[3]
    # A network whose loss overflows at its start has diverged there.
    levels = bound(marks, xp=np)(loss, 1.0, np.inf, *shares(0.05, 1e-3))
    assert not passed(1.0, np.inf, *levels)[3]
