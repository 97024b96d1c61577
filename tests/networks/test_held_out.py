"""Held-out samples: test losses have the joint law, with training losses, of explicit weights on explicit inputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import lazyrich
from lazyrich.networks.held_out import Rows, symmetric_root, turned
from lazyrich.networks.problem import problems
from lazyrich.networks.streams import Role, gaussian_product, stream
from lazyrich.theory import end_state, null_space

LEVEL = 1e-3  # as in test_problem: at a fixed seed, once in 1000 quantities
DRAWS = 1200
n, rows, d = 3, 4, 7
SIGMA_0, V_0, NOISE, ETA, STEPS, LOSS_FACTOR = 0.8, 0.5, 0.3, 0.01, 12, 2.0  # η a neuron: no draw diverges
SPECTRA = {
    "isotropic": ({"spectrum": "isotropic"}, np.ones(d)),
    "spiked": ({"spectrum": "spiked", "spikes": 2, "spike_strength": 2.0}, np.array([3.0, 3, 1, 1, 1, 1, 1])),
    "power law": ({"spectrum": "power_law", "spectrum_exponent": 0.7}, np.arange(1, 8) ** -0.7),
    "rademacher": ({"source": "rademacher"}, np.ones(d)),
    "uniform": ({"source": "uniform"}, np.ones(d)),
}


def statistics(loss, test_loss):
    """Quantities that mix training and test, at the start, halfway and at the end; (quantities, networks)."""
    return np.array(
        [
            *test_loss.T,
            test_loss[:, 2] - test_loss[:, 0],
            test_loss[:, 1] * loss[:, 1],
            test_loss[:, 2] / (loss[:, 0] + test_loss[:, 1]),
        ]
    )


def simulated(row, width, *, activation="linear", engine=None, test_samples=rows, samples=n, dimension=d, **problem):
    run = lazyrich.run(
        {
            "problem": {
                "samples": samples,
                "dimension": dimension,
                "noise_std": NOISE,
                "test_samples": test_samples,
                **row,
                **problem,
            },
            "network": {"width": width, "sigma_0": SIGMA_0, "v_0": V_0, "activation": activation, "probes": 1},
            "training": {"learning_rate": ETA * width, "steps": STEPS, "loss": "mse"},
            "record": {"points": 3},
            "replicates": DRAWS,
        },
        engine=engine,
    )
    return statistics(run["loss"].values, run["test_loss"].values)


def explicit(spectrum, width, *, law="gaussian", activation="linear", samples=n, teacher_norm=None, target_norm=None):
    """The definition, with nothing shared: everything drawn, and gradient descent on all of it."""
    rng = np.random.default_rng(7)
    draw = {
        "gaussian": rng.standard_normal,
        "rademacher": lambda shape: rng.choice([-1.0, 1.0], shape),
        "uniform": lambda shape: rng.uniform(-(3**0.5), 3**0.5, shape),
    }[law]
    d = len(spectrum)
    X = draw((DRAWS, samples + rows, d)) * np.sqrt(spectrum)
    beta = rng.standard_normal((DRAWS, d))
    if teacher_norm is not None:
        beta *= teacher_norm / np.linalg.norm(beta, axis=1, keepdims=True)
    y = np.einsum("sid,sd->si", X, beta) + NOISE * rng.standard_normal((DRAWS, samples + rows))
    if target_norm is not None:
        y *= target_norm / np.linalg.norm(y[:, :samples], axis=1, keepdims=True)
    W = SIGMA_0 * rng.standard_normal((DRAWS, width, d))
    v = V_0 * rng.choice([-1.0, 1.0], (DRAWS, width))
    phi, slope = {
        "linear": (lambda p: p, np.ones_like),
        "relu": (lambda p: np.maximum(p, 0), lambda p: (p > 0).astype(float)),
        "tanh": (np.tanh, lambda p: 1 - np.tanh(p) ** 2),
    }[activation]
    losses = []
    for step in range(STEPS + 1):
        p = np.einsum("sid,srd->sri", X, W)
        residual = y - np.einsum("sr,sri->si", v, phi(p)) / width
        if step in (0, STEPS // 2, STEPS):
            parts = residual[:, :samples], residual[:, samples:]
            losses.append([LOSS_FACTOR / 2 * np.mean(part**2, axis=1) for part in parts])
        s = LOSS_FACTOR * ETA / samples * residual[:, :samples]
        p = p[..., :samples]
        W, v = (
            W + np.einsum("sr,sri,si,sid->srd", v, slope(p), s, X[:, :samples]),
            v + np.einsum("sri,si->sr", phi(p), s),
        )
    loss, test_loss = np.array(losses).transpose(1, 2, 0)
    return statistics(loss, test_loss)


def assert_same_law(found, truth):
    for number, (a, b) in enumerate(zip(found, truth, strict=True)):
        assert stats.ks_2samp(a, b).pvalue > LEVEL, number


@pytest.mark.parametrize(("row", "spectrum"), SPECTRA.values(), ids=SPECTRA)
def test_test_losses_of_narrow_networks_have_the_law_of_explicit_ones(row, spectrum):
    """Four neurons: one followed, three in law, far from any wide limit."""
    truth = explicit(spectrum, 4, law=row.get("source", "gaussian"))
    assert_same_law(simulated(row, 4), truth)


@pytest.mark.parametrize("width", [1, 3])
def test_fewer_neurons_than_samples_have_it_too_in_either_engine(width):
    truth = explicit(np.ones(d), width)
    for engine in ("propagator", "gram"):
        assert_same_law(simulated({}, width, engine=engine), truth)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("width", [2, 6], ids=["fewer neurons than test samples", "more"])
def test_test_losses_of_other_activations_have_the_law_of_explicit_ones(activation, width):
    assert_same_law(simulated({}, width, activation=activation), explicit(np.ones(d), width, activation=activation))


@pytest.mark.parametrize("samples", [6, 7, 9], ids=["n = d − 1", "n = d", "n > d"])
def test_few_or_no_directions_outside_the_row_space_are_as_they_should_be(samples):
    """At n ≥ d the start has no part that training does not see; the explicit path and the one in law must know."""
    truth = explicit(np.ones(d), 12, samples=samples)
    assert_same_law(simulated({}, 12, samples=samples), truth)
    assert_same_law(simulated({"spectrum": "power_law", "spectrum_exponent": 0}, 12, samples=samples), truth)


def test_rescaled_problems_rescale_their_test_samples():
    assert_same_law(
        simulated({}, 4, teacher_norm=3.0, target_norm=2.0), explicit(np.ones(d), 4, teacher_norm=3.0, target_norm=2.0)
    )


def test_a_gram_scale_is_that_of_test_inputs_too():
    """X → sX is σ0 → sσ0 with time η → s²η for the first layer: at the start, the same outputs as with another σ0."""
    problem = {"samples": 4, "dimension": 9, "noise_std": 0.2, "target_norm": 1.5, "test_samples": 6}
    other = {"training": {"learning_rate": 0.1, "steps": 1}, "replicates": 5}
    plain = lazyrich.run({"problem": problem, "network": {"width": 6, "sigma_0": 0.7, "v_0": 0.4}, **other})
    for replicate, kappa in enumerate(plain["kappa"].values):
        for activation in ("linear", "relu"):
            first, second = (
                lazyrich.run({"problem": one, "network": {"width": 6, "activation": activation, **scales}, **other})
                for one, scales in (
                    (problem, {"sigma_0": 1.4, "v_0": 0.4}),
                    ({**problem, "gram_scale": 4 * kappa}, {"sigma_0": 0.7, "v_0": 0.4}),
                )
            )
            a, b = (run["test_loss"].values[replicate, 0] for run in (first, second))
            np.testing.assert_allclose(a, b, rtol=1e-11)  # values of keys are rounded to 12 digits


# ---- problems alone ---------------------------------------------------------------------------------------------------


def problems_drawn(samples=n, dimension=d, **row):
    """DRAWS problems with test samples."""
    row = {"source": "gaussian", "samples": samples, "dimension": dimension, "noise_std": NOISE, **row}
    columns = {name: np.full(DRAWS, value) for name, value in {"test_samples": rows, **row}.items()}
    problem, _ = problems({**columns, "replicate": np.arange(DRAWS)}, {}, 5)
    return problem


def sums(inside, outside, y):
    """What no turn of rows changes: sizes of the three parts, and a product of each two."""
    parts = [inside, outside, y[..., None]]
    return np.array(
        [np.sum(part**2, axis=(1, 2)) for part in parts]
        + [np.sum((a.mT @ b) ** 2, axis=(1, 2)) for a, b in zip(parts, parts[1:] + parts[:1], strict=True)]
    )


@pytest.mark.parametrize(("row", "spectrum"), SPECTRA.values(), ids=SPECTRA)
def test_problems_have_the_law_of_explicit_test_inputs_and_functions(row, spectrum):
    found = problems_drawn(**row).held_out
    rng = np.random.default_rng(3)
    law = row.get("source", "gaussian")
    X = (
        rng.choice([-1.0, 1.0], (DRAWS, n + rows, d))
        if law == "rademacher"
        else rng.standard_normal((DRAWS, n + rows, d))
    )
    X = rng.uniform(-(3**0.5), 3**0.5, X.shape) if law == "uniform" else X
    X = X * np.sqrt(spectrum)
    y = np.einsum("sid,sd->si", X, rng.standard_normal((DRAWS, d))) + NOISE * rng.standard_normal((DRAWS, n + rows))
    V = np.linalg.svd(X[:, :n], full_matrices=False)[2].mT
    X = X[:, n:]
    inside = X @ V
    outside = (X - inside @ V.mT) @ rng.standard_normal((DRAWS, d, n + 1))
    assert_same_law(sums(found.inside, found.outside, found.y), sums(inside, outside, y[:, n:]))
    # The mean square of values of a unit function is tr(P⊥ Σ), of isotropic inputs d − n: one direction more would be seen.
    if np.ptp(spectrum) == 0:
        square = np.sum(found.outside**2, axis=(1, 2)) / (rows * (n + 1))
        assert abs(np.mean(square) - (d - n)) < 4 * np.std(square) / np.sqrt(DRAWS) < 0.5


@pytest.mark.parametrize("row", [{}, {"spectrum": "spiked", "spikes": 2, "spike_strength": 3.0}, {"source": "uniform"}])
@pytest.mark.parametrize("samples", [4, 5, 9])
def test_samples_that_span_all_inputs_leave_nothing_outside(row, samples):
    """But rounding, which the condition of K amplifies: it may be 10⁸ in one of a thousand 4 × 4 matrices."""
    problem = problems_drawn(samples=samples, dimension=4, **row)
    condition = problem.eigenvalues[:, 0] / problem.eigenvalues[:, -1]
    assert (problem.rank == 4).all()
    assert (np.abs(problem.held_out.outside).max(axis=(1, 2)) < 1e-13 * condition).all()
    assert np.median(condition) < 1e4


# ---- population ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("laziness", [0.02, 30.0], ids=["rich", "lazy"])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_mean_over_test_samples_is_the_population_error(laziness, noise):
    """A wide network ends at the minimum-norm solution on the row space, and at N(0, (σ0²⟨v²⟩/m)P⊥) beside it."""
    samples, dimension, width, count, replicates = 4, 30, 40, 400, 300
    run = lazyrich.run(
        {
            "problem": {
                "samples": samples,
                "dimension": dimension,
                "noise_std": noise,
                "teacher_norm": 1,
                "test_samples": count,
            },
            "network": {"width": width, "laziness": laziness, "balance": 2},
            "training": {"stability_fraction": 0.02, "tau": 40, "loss": "mse"},
            "record": {"points": 2},
            "replicates": replicates,
        }
    )
    assert (run["status"] == 0).all()
    size, b = run["sigma_0"].values ** 2 + run["v_0"].values ** 2, run["b"].values
    v_square = run["v_0"].values ** 2 + end_state.growth(size, b)
    unseen = null_space.variance(run["sigma_0"].values, v_square, width)
    # X⁺y = Pβ + X⁺ε: of unit ‖β‖, ‖(I − P)β‖² is 1 − s/d on average, and ‖X⁺ε‖² is σ_y² tr K⁻¹.
    inside = noise**2 * np.sum(1 / run["eigenvalues"].values, axis=1)
    predicted = null_space.expected_test_loss(
        inside, np.full(replicates, 1 - samples / dimension), unseen, dimension - samples, LOSS_FACTOR
    )
    predicted += LOSS_FACTOR / 2 * noise**2
    difference = run["test_loss"].values[:, -1] - predicted
    error = np.std(difference) / np.sqrt(replicates)
    # Flow against descent at h = 0.02 changes G by about as much, of which the unseen part has a share.
    step = 0.02 * LOSS_FACTOR / 2 * np.mean(unseen) * (dimension - samples)
    assert abs(np.mean(difference)) < 4 * error + step
    assert 4 * error < 0.1 * np.mean(predicted)
    if laziness > 1:  # the part that a wide limit forgets is most of it
        assert np.mean(unseen) * (dimension - samples) > np.mean(1 - samples / dimension)


# ---- what it is made of ----------------------------------------------------------------------------------------------


def test_every_role_has_a_stream_of_its_own():
    """Test inputs are none of those of training, their noise is another, and their functions know nothing of the weights."""
    numbers = {stream(0, 0, role).random() for role in Role.__members__.values()}
    assert len(numbers) == len(Role.__members__) == 7


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(0, 4), st.integers(1, 5))
def test_turned_rows_give_the_same_sum_of_squares_for_any_network(seed, rows, r, functions):
    rng = np.random.default_rng(seed)
    test = Rows(rng.standard_normal((rows, r)), rng.standard_normal((rows, functions)), rng.standard_normal(rows))
    fewer = turned(test)
    assert len(fewer.y) == min(rows, r + functions + 1)
    for _ in range(3):
        u, h = rng.standard_normal(r), rng.standard_normal(functions)
        a, b = (np.sum((one.inside @ u + one.outside @ h - one.y) ** 2) for one in (test, fewer))
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 1, 3), (3, 5, 2), (2, 5, 3), (4, 3, 5)], ids=str)
def test_products_of_gaussian_matrices_have_their_law(shape):
    rows, inner, columns = shape
    one, two, rng = (np.random.default_rng(seed) for seed in range(3))
    found = np.array([gaussian_product(one, two, rows, inner, columns) for _ in range(DRAWS)])
    truth = np.array([rng.standard_normal((rows, inner)) @ rng.standard_normal((inner, columns)) for _ in range(DRAWS)])
    assert found.shape == truth.shape
    if inner == 0:
        assert not found.any()
        return
    for measure in (
        lambda A: A[:, -1, 0],
        lambda A: A[:, 0, -1] * A[:, 1, 0],
        lambda A: np.linalg.svd(A, compute_uv=False)[:, 0],
        lambda A: np.linalg.svd(A, compute_uv=False).prod(axis=1),
    ):
        a, b = measure(found), measure(truth)
        # A product of fewer singular values than its size has is 0 but for rounding in either.
        assert np.abs(a).max() < 1e-12 and np.abs(b).max() < 1e-12 or stats.ks_2samp(a, b).pvalue > LEVEL


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 8))
def test_the_symmetric_root_squares_to_the_moments_and_has_no_rounding_where_they_are_singular(seed, size, neurons):
    z = np.random.default_rng(seed).standard_normal((neurons, size))
    root = symmetric_root(z.T @ z / neurons)
    np.testing.assert_array_equal(root.shape, (size, size))
    np.testing.assert_allclose(root @ root, z.T @ z / neurons, atol=1e-13 * size * neurons)
    kernel = np.linalg.svd(z)[2][min(size, neurons) :]
    np.testing.assert_allclose(root @ kernel.T, 0, atol=1e-13 * np.abs(root).max() * size)
