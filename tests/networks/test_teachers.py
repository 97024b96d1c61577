"""Teachers and inputs on the sphere: the joint law of K, targets and test samples is that of explicit draws."""

import numpy as np
import pytest
from scipy import stats

import lazyrich
from lazyrich.networks.problem import problems
from lazyrich.networks.sampling import gaussian_in_law
from lazyrich.networks.streams import Role, stream
from lazyrich.networks.teacher import Teacher

LEVEL = 1e-3  # as in test_problem: at a fixed seed, once in 1000 quantities
DRAWS, ROWS, FUNCTIONS, D, NOISE = 700, 2, 3, 7, 0.5

SPECTRA = {
    "isotropic": ({"spectrum": "isotropic"}, np.ones(D)),
    "spiked": ({"spectrum": "spiked", "spikes": 2, "spike_strength": 5.0}, np.array([6.0, 6, 1, 1, 1, 1, 1])),
    "power_law": ({"spectrum": "power_law", "spectrum_exponent": 0.7}, np.arange(1, 8) ** -0.7),
}
RELU, QUADRATIC = {"teacher": "relu", "teacher_width": 3}, {"teacher": "quadratic", "teacher_width": 2}
SPARSE = {"teacher": "sparse", "teacher_nonzeros": 2}
ALIGNED = {"teacher": "aligned", "teacher_alignment": 0.8}


def drawn(replicates=DRAWS, seed=1, **row):
    columns = {name: np.full(replicates, value) for name, value in row.items()}
    columns |= {"replicate": np.arange(replicates), "width": np.full(replicates, FUNCTIONS)}
    return problems(columns, {}, seed, samples=True, explicit=True)[0]


def statistics(K, y, cross, y_test, h):
    """Numbers that mix inputs, targets and test samples: K, y, X_test Xᵀ, y_test and X_test P⊥ u; each with leading draws."""
    seen = np.einsum("sij,sj->si", cross, y)
    diagonal = np.einsum("sii->si", K)
    return {
        "λ_max": np.linalg.eigvalsh(K)[:, -1],
        "γ": np.einsum("si,sij,sj->s", y, K, y),
        "y": y[:, 0],
        "‖y‖": np.linalg.norm(y, axis=1),
        "y_i K_ii": np.sum(y * diagonal, axis=1),
        "y_i² K_ii": np.sum(y**2 * diagonal, axis=1),
        "y_test": y_test[:, 0],
        "y_test ‖X x_test‖": y_test[:, 0] * np.linalg.norm(cross[:, 0], axis=1),
        "y_test · X_test Xᵀ y": np.sum(y_test * seen, axis=1),
        "y_test y": y_test[:, 1] * y[:, 1],
        "y_test ‖h‖²": y_test[:, 0] * np.sum(h[:, 0] ** 2, axis=1),
        "h h y_test": h[:, 0, 0] * h[:, 1, 0] * y_test[:, 1],
    }


def teacher_values(X, rng, row):
    """The definition of each teacher on all rows of X."""
    match row.get("teacher", "linear"):
        case "relu":
            U, signs = rng.standard_normal((D, row["teacher_width"])), rng.choice([-1.0, 1.0], row["teacher_width"])
            return np.maximum(X @ U, 0) @ signs / np.sqrt(len(signs))
        case "quadratic":
            U = rng.standard_normal((D, row["teacher_width"]))
            variance = row["scale"] ** 2 @ U**2
            return ((X @ U) ** 2 - variance).sum(axis=1) / np.sqrt(U.shape[1])
        case "sparse":
            beta = np.zeros(D)
            beta[rng.choice(D, row["teacher_nonzeros"], replace=False)] = rng.standard_normal(row["teacher_nonzeros"])
        case "aligned":
            size = np.sqrt(rng.chisquare(D))
            parts = [rng.standard_normal(count) for count in (row["spikes"], D - row["spikes"])]
            shares = (row["teacher_alignment"], np.sqrt(1 - row["teacher_alignment"] ** 2))
            beta = np.concatenate([size * a * p / np.linalg.norm(p) for a, p in zip(shares, parts, strict=True)])
        case _:
            beta = rng.standard_normal(D)
    return X @ beta


def explicit(n, spectrum, row, draws=DRAWS):
    """Everything drawn, with nothing shared."""
    rng = np.random.default_rng(7)
    row = {**row, "scale": np.sqrt(spectrum)}
    parts = []
    for _ in range(draws):
        match row.get("source", "gaussian"):
            case "rademacher":
                Z = rng.choice([-1.0, 1.0], (n + ROWS, D))
            case "sphere":
                Z = rng.standard_normal((n + ROWS, D))
                Z *= np.sqrt(D) / np.linalg.norm(Z, axis=1, keepdims=True)
            case _:
                Z = rng.standard_normal((n + ROWS, D))
        A = Z * row["scale"]
        y = teacher_values(A, rng, row) + NOISE * rng.standard_normal(n + ROWS)
        X, X_test = A[:n], A[n:]
        h = (X_test - X_test @ np.linalg.pinv(X) @ X) @ rng.standard_normal((D, FUNCTIONS))
        parts.append((X @ X.T, y[:n], X_test @ X.T, y[n:], h))
    return statistics(*map(np.stack, zip(*parts, strict=True)))


CASES = {
    "relu": (RELU, "isotropic"),
    "relu, more neurons than axes": ({**RELU, "teacher_width": 9}, "isotropic"),
    "relu, more neurons than spikes": (RELU, "spiked"),
    "relu, power law": (RELU, "power_law"),
    "relu, ±1": ({**RELU, "source": "rademacher"}, "isotropic"),
    "relu, sphere": ({**RELU, "source": "sphere"}, "isotropic"),
    "quadratic": (QUADRATIC, "isotropic"),
    "quadratic, spiked": (QUADRATIC, "spiked"),
    "quadratic, power law": (QUADRATIC, "power_law"),
    "quadratic, sphere": ({**QUADRATIC, "source": "sphere"}, "isotropic"),
    "sparse": (SPARSE, "isotropic"),
    "sparse, spiked": (SPARSE, "spiked"),
    "sparse, power law": (SPARSE, "power_law"),
    "sparse, ±1": ({**SPARSE, "source": "rademacher"}, "isotropic"),
    "aligned": (ALIGNED, "spiked"),
    "aligned, ±1": ({**ALIGNED, "source": "rademacher"}, "spiked"),
    "linear, sphere": ({"source": "sphere"}, "isotropic"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("n", [3, 9], ids=["n < d", "n > d"])
def test_drawn_problems_have_the_joint_law_of_explicit_ones(case, n):
    row, name = CASES[case]
    keys, spectrum = SPECTRA[name]
    row = {"source": "gaussian", **keys, **row}
    problem = drawn(samples=n, dimension=D, noise_std=NOISE, test_samples=ROWS, **row)
    root = problem.vectors * np.sqrt(problem.eigenvalues)[:, None]
    cross = problem.held_out.inside @ root.transpose(0, 2, 1)
    found = statistics(root @ root.transpose(0, 2, 1), problem.y, cross, problem.held_out.y, problem.held_out.outside)
    for key, truth in explicit(n, spectrum, row).items():
        # Rounded: inputs of ±1 give few distinct values, and inputs outside of the row space none if n > d.
        assert stats.ks_2samp(np.round(found[key], 9), np.round(truth, 9)).pvalue > LEVEL, key


def test_rows_on_the_sphere_have_one_norm():
    problem = drawn(4, source="sphere", samples=5, dimension=11, test_samples=ROWS)
    root = problem.vectors * np.sqrt(problem.eigenvalues)[:, None]
    np.testing.assert_allclose(np.sum(root**2, axis=2), 11, rtol=1e-13)
    np.testing.assert_array_equal(problem.covariance_trace, 11)
    # Of a test row P⊥x has what its coordinates leave, and many random functions measure it.
    columns = {"source": ["sphere"], "samples": [5], "dimension": [11], "test_samples": [2], "width": [20_000]}
    columns = {name: np.array(values) for name, values in columns.items()} | {"replicate": np.zeros(1, dtype=int)}
    test = problems(columns, {}, 1, samples=True, explicit=True)[0].held_out
    np.testing.assert_allclose(np.sum(test.inside**2, axis=2) + np.mean(test.outside**2, axis=2), 11, rtol=0.05)


@pytest.mark.parametrize("row", [RELU, QUADRATIC], ids=["relu", "quadratic"])
@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"spectrum": "spiked", "spikes": 2, "spike_strength": 5.0},
        {"spectrum": "power_law", "spectrum_exponent": 1.0},
    ],
    ids=["isotropic", "spiked", "power law"],
)
def test_the_norm_of_a_network_teacher_is_its_rms(row, inputs):
    problem = drawn(
        3, source="gaussian", samples=2, dimension=6, test_samples=20_000, teacher_norm=3.0, **inputs, **row
    )
    y = problem.held_out.y
    error = np.std(y**2, axis=1) / np.sqrt(y.shape[1])
    assert (np.abs(np.mean(y**2, axis=1) - 9) < 4 * error).all()
    assert np.isnan(problem.signal_norm).all()  # there is no β


def test_the_norm_of_a_relu_teacher_is_its_rms_on_the_sphere_too():
    problem = drawn(3, source="sphere", samples=2, dimension=6, test_samples=20_000, teacher_norm=3.0, **RELU)
    y = problem.held_out.y
    assert (np.abs(np.mean(y**2, axis=1) - 9) < 4 * np.std(y**2, axis=1) / np.sqrt(y.shape[1])).all()


@pytest.mark.parametrize("row", [RELU, QUADRATIC], ids=["relu", "quadratic"])
def test_targets_correlate_with_inputs_as_known(row):
    """E xy = ½ Σ v_a u_a of a ReLU teacher, 0 of a quadratic one; γ/n² estimates ‖E xy‖² up to ⟨‖x‖²y²⟩/n."""
    n, d = 4000, 5
    teacher = Teacher(row, stream(1, 0, Role.TEACHER))
    sample = gaussian_in_law(stream(1, 0, Role.INPUTS), teacher, n, [(1.0, d)], None)
    y = teacher.values(sample.projections, sample.gram)
    found = (y @ sample.K @ y - np.sum(np.diag(sample.K) * y**2)) / (n * (n - 1))  # unbiased: pairs of samples only
    expected = teacher.v @ sample.gram @ teacher.v / 4 if row is RELU else 0.0
    spread = np.mean(np.diag(sample.K) * y**2) / n
    assert abs(found - expected) < 4 * (np.sqrt(expected * spread) + spread)
    assert expected == 0 or expected > 20 * spread  # so that the test sees it


def test_sparse_and_aligned_teachers_keep_the_norm_of_beta():
    spiked = {"spectrum": "spiked", "spikes": 2, "spike_strength": 5.0}
    for source in ("gaussian", "rademacher"):
        row = {"source": source, "samples": 3, "dimension": D, "teacher_norm": 2.0}
        np.testing.assert_allclose(drawn(3, **row, **SPARSE).signal_norm, 2, rtol=1e-14)
        # βᵀΣβ = ‖β‖² (6a² + 1 − a²)
        expected = 2 * np.sqrt(1 + 5 * 0.8**2)
        np.testing.assert_allclose(drawn(3, **row, **spiked, **ALIGNED).signal_norm, expected, rtol=1e-14)
        all_spiked = {**spiked, "spikes": D, "teacher": "aligned", "teacher_alignment": 1.0}
        np.testing.assert_allclose(drawn(3, **row, **all_spiked).signal_norm, 2 * np.sqrt(6), rtol=1e-14)


def test_more_nonzeros_include_the_fewer():
    teachers = [Teacher({"teacher": "sparse", "teacher_nonzeros": s}, stream(1, 0, Role.TEACHER)) for s in (3, 5)]
    few, more = (np.concatenate(list(teacher.axes(50, 8)))[:, 0] for teacher in teachers)
    assert np.count_nonzero(few) == 3 and np.count_nonzero(more) == 5
    np.testing.assert_array_equal(few[few != 0], more[few != 0])


def test_a_network_teacher_in_10_to_the_12_dimensions_costs_nothing():
    problem = drawn(2, source="gaussian", samples=4, dimension=10**12, test_samples=ROWS, teacher_norm=1.0, **RELU)
    np.testing.assert_allclose(problem.eigenvalues, 1e12, rtol=3e-5)
    assert (np.abs(problem.held_out.y) < 10).all()


WIDTH, ETA, STEPS, N = 6, 0.05, 15, 3
PHI = {
    "relu": (lambda p: np.maximum(p, 0), lambda p: (p > 0) * 1.0),
    "gelu": (
        lambda p: p * stats.norm.cdf(p),
        lambda p: stats.norm.cdf(p) + p * stats.norm.pdf(p),
    ),
}


@pytest.mark.parametrize("activation", PHI)
def test_students_of_a_quadratic_teacher_have_the_law_of_explicit_weights(activation):
    """Losses of training and test at start and end, against gradient descent on drawn weights, inputs and teachers."""
    sweep = {
        "problem": {"samples": N, "dimension": D, "test_samples": ROWS, "teacher_norm": 1.0, **QUADRATIC},
        "network": {"width": WIDTH, "sigma_0": 0.8, "v_0": 0.6, "activation": activation},
        "training": {"learning_rate": ETA * WIDTH, "steps": STEPS, "loss": "half_mse"},
        "record": {"points": 2},
        "replicates": DRAWS,
    }
    run = lazyrich.run(sweep)
    found = np.concatenate([run["loss"].values, run["test_loss"].values], axis=1)
    found = np.column_stack([found, found[:, 3] - found[:, 2], found[:, 1] * found[:, 3]])

    rng = np.random.default_rng(5)
    phi, slope = PHI[activation]
    truth = []
    for _ in range(DRAWS):
        X, U = rng.standard_normal((N + ROWS, D)), rng.standard_normal((D, 2))
        y = ((X @ U) ** 2 - np.sum(U**2, axis=0)).sum(axis=1)
        y /= np.sqrt(2 * np.sum((U.T @ U) ** 2))  # E y² = 2 Σ G_ab²
        W, v = 0.8 * rng.standard_normal((WIDTH, D)), 0.6 * rng.choice([-1.0, 1.0], WIDTH)
        losses = []
        for step in range(STEPS + 1):
            f = phi(X @ W.T) @ v / WIDTH
            if step in (0, STEPS):
                losses.append([np.mean((f - y)[:N] ** 2) / 2, np.mean((f - y)[N:] ** 2) / 2])
            p = X[:N] @ W.T
            s = ETA * (y - f)[:N] / N  # η/m a neuron
            W, v = W + (slope(p) * v * s[:, None]).T @ X[:N], v + s @ phi(p)
        (a, c), (b, d) = losses
        truth.append([a, b, c, d, d - c, b * d])
    for i, column in enumerate(np.array(truth).T):
        assert stats.ks_2samp(found[:, i], column).pvalue > LEVEL, i
    assert np.median(found[:, 1] / found[:, 0]) < 0.9  # they learn


def test_engines_agree_on_a_quadratic_teacher():
    sweep = {
        "problem": {"samples": 4, "dimension": 9, "test_samples": 3, "teacher_norm": 1.0, **QUADRATIC},
        "network": {"width": 12, "sigma_0": 0.5, "v_0": 0.5, "activation": {"values": ["relu", "gelu"]}},
        "training": {"stability_fraction": 0.2, "tau": 5},
        "record": {"points": 4},
    }
    gram, dense = lazyrich.run(sweep), lazyrich.run(sweep, engine="dense")
    for name in ("loss", "test_loss", "ntk_change", "alignment"):
        np.testing.assert_allclose(gram[name], dense[name], rtol=1e-9, atol=1e-12)
