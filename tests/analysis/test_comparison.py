"""What a summary keeps of each network of the paper's theorem: conditions, conclusions, times; and order parameters' votes."""

import json

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.comparison import COLUMNS, accuracy, compare, onset_share
from lazyrich.analysis.phases import VOTES, Phase
from lazyrich.engines.trajectories import Status
from lazyrich.sweep.schema import Conditions, Phases
from lazyrich.theory import conditions

MARGINS = [f"{name}_margin" for name in conditions.NAMES]
N, D, SIGMA_0, V_0, NOISE, TEACHER, SHARE = 4, 900, 1e-3, 2e-3, 0.3, 2.0, 0.05


def sweep(**changes):
    data = {
        "problem": {"samples": N, "dimension": D, "noise_std": NOISE, "teacher_norm": TEACHER},
        "network": {"width": {"values": [10, 1000]}, "sigma_0": SIGMA_0, "v_0": V_0},
        "training": {"growth_per_step": {"values": [0.1, 0.5]}, "steps": 50, "loss": "mse"},
        "record": {"converged": SHARE},
        "replicates": 2,
    }
    return {**data, **changes}


@pytest.fixture(scope="module")
def run():
    return lazyrich.run(sweep())


def columns(run, **constants):
    return compare(run, Phases(), Conditions(**constants))


def test_the_accuracy_is_that_at_which_training_ends():
    """‖y − f‖ ≤ δ‖y‖ (full rank) is a loss (c/2n)δ²‖y‖² = 4ε: no more before `end_step` than after."""
    training = {"growth_per_step": {"values": [0.1, 0.5]}, "steps": 150, "loss": "mse"}
    every = lazyrich.run(sweep(training=training, record={"every": 1, "converged": SHARE}))
    epsilon = accuracy(every)
    assert np.isfinite(every.end_step).all()
    end = every.end_step.values.astype(int)
    rows = np.arange(len(end))
    assert (every.loss.values[rows, end] <= 4 * epsilon).all()
    assert (every.loss.values[rows, end - 1] > 4 * epsilon).all()


def test_margins_of_isotropic_data_by_hand(run):
    """Σ = I and ‖β‖ given: tr Σ = d, ‖Σ‖ = 1, ‖Σ‖_F = √d and ‖β̃‖ = ‖β‖."""
    found = columns(run)
    c, rate, m = 2.0, run.learning_rate.values, run.width.values
    epsilon = c * SHARE**2 * np.sum(run.targets.values**2, axis=1) / (8 * N)
    small = np.minimum(1 / np.sqrt(N * D * TEACHER**2 * D), np.sqrt(epsilon) / (N * D) ** 0.25 / np.sqrt(TEACHER))
    spread = N + np.sqrt(N * D)
    expected = {
        "width": m / np.log(2 * N),
        "sigma_0": small / SIGMA_0,
        "v_0": 1 / np.sqrt(N * TEACHER**2 * D) / V_0,
        "learning_rate": np.sqrt(N) * m / (np.sqrt(D) * TEACHER) / (c * rate),
        "noise": np.full(len(m), 8 * N * TEACHER**2 / NOISE**2),
        "trace": D / (np.maximum(1, np.sqrt(epsilon) * TEACHER) * spread),
        "trace_repaired": D / (np.maximum(1, TEACHER / np.sqrt(epsilon)) * spread),
        "signal": np.full(len(m), D * TEACHER**2),
    }
    for name, wanted in expected.items():
        np.testing.assert_allclose(found[f"{name}_margin"], wanted, rtol=1e-12, err_msg=name)
    for form, other in (("printed", "trace_repaired_margin"), ("repaired", "trace_margin")):
        counted = [found[name] for name in MARGINS if name != other]
        smallest = columns(run, trace_form=form)["assumption_margin"]
        np.testing.assert_array_equal(smallest, np.min(counted, axis=0), err_msg=form)
    # As it is printed unless the sweep file says otherwise.
    np.testing.assert_array_equal(found["assumption_margin"], columns(run, trace_form="printed")["assumption_margin"])


def test_constants_of_the_sweep_file_move_their_own_condition(run):
    """C multiplies what is allowed and divides by what is required; `assumption_margin` is the smallest of the new ones."""
    before = lazyrich.analyse(run)
    for name, change in (
        ("width", 1 / 3),
        ("sigma_0", 3.0),
        ("v_0", 3.0),
        ("learning_rate", 3.0),
        ("trace", 1 / 3),
        ("signal", 1 / 3),
    ):
        after = lazyrich.analyse(run, conditions={name: 3.0})
        for margin in MARGINS:
            factor = change if margin == f"{name}_margin" else 1.0
            # Here C₁ of σ0 and C₂ of the trace decide over the terms with ε.
            np.testing.assert_allclose(after[margin], factor * before[margin], rtol=1e-12, err_msg=f"{name}, {margin}")
        counted = [margin for margin in MARGINS if margin != "trace_repaired_margin"]
        smallest = np.min([after[margin].sel(quantile=0.5) for margin in counted], axis=0)
        # A condition may be the smallest in one replicate only, but not here.
        np.testing.assert_allclose(after["assumption_margin"].sel(quantile=0.5), smallest, rtol=1e-12)


def test_a_file_s_margins_are_not_defined(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((4, 300)), y=rng.standard_normal(4))
    of_file = columns(lazyrich.run(sweep(problem={"source": "file", "path": str(tmp_path / "data.npz")})))
    sampled = columns(lazyrich.run(sweep()))
    for name in MARGINS:
        assert np.isfinite(sampled[name]).all(), name
        # Of a file the width and the number of samples are known, and no more.
        assert np.isfinite(of_file[name]).all() == (name == "width_margin"), name
        assert np.isnan(of_file[name]).all() == (name != "width_margin"), name
    assert np.isnan(of_file["assumption_margin"]).all() and np.isnan(of_file["fitting_time_ratio"]).all()
    # Steps are measured and compared with k, which needs γ only.
    assert np.isfinite(of_file["alignment_time_ratio"]).any()


def test_every_column_has_a_meaning(run):
    """Other than end values and scalars, which shards have already, and shares."""
    told = {name for name in columns(run) if name not in run and not name.endswith("_share")}
    assert told <= set(COLUMNS) | {"phase"}


# ---- times ----------------------------------------------------------------------------------------------------------


def deep(**changes):
    """σ0 = 0: every neuron is √γ|v0| sinh and |v0| cosh of stage one, and learning (d = 10¹²) comes long after ρ = 1."""
    return lazyrich.run(
        {
            "problem": {"samples": 2, "dimension": 10**12, "teacher_norm": 1.0},
            "network": {"width": 50, "sigma_0": 0.0, "v_0": {"values": [1e-9, 1e-12]}},
            "training": {"growth_per_step": {"values": [0.05, 0.2]}, "steps": 1000},
            "record": {"every": 1},
            **changes,
        }
    )


def test_the_alignment_time_is_compared_with_its_scale():
    """½√γ v0 ((1 + k)ᵗ − (1 − k)ᵗ) = 1 with t as k t₁/log(1/v0)."""
    data = deep()
    k, v_0 = data.growth_per_step.values, data.v_0.values
    t = columns(data)["alignment_time_ratio"] * np.log(1 / v_0) / k
    np.testing.assert_allclose(t, data.alignment_step, rtol=1e-12)
    rho = np.sqrt(data.gamma.values) * v_0 * ((1 + k) ** t - (1 - k) ** t) / 2
    # Learning slows stage one by the order of the overlap at ρ = 1, 1/(√γ‖y‖²) = 10⁻⁶ or so; and between two records ρ is
    # no exponential by e^{−2kt}, √γ v0 squared.
    overlap = 1 / (np.sqrt(data.gamma.values) * data.y_norm.values**2)
    assert (np.abs(rho - 1) < 10 * overlap + data.gamma.values * v_0**2).all()
    assert (overlap < 1e-4).all()


def test_the_fitting_time_is_that_between_the_two_steps():
    data = deep()
    found = columns(data)
    epsilon = accuracy(data)
    n, trace, signal = 2, 1e12, 1.0
    rate = data.learning_rate.values
    scale = data.width.values * np.sqrt(n) / (rate * np.sqrt(trace) * signal) * np.log(n * signal * trace / epsilon)
    measured = data.end_step.values - data.alignment_step.values
    np.testing.assert_allclose(found["fitting_time_ratio"], measured / scale, rtol=1e-12)
    assert (measured > 0).all()


# ---- conclusions ----------------------------------------------------------------------------------------------------


def by_hand(run, network):
    """Whether ρ and v stay aligned from t₁ to t₂, and the smallest alignment between, record by record."""
    first, second = float(run.alignment_step[network]), float(run.end_step[network])
    steps, alignment = run.step.values[network], run.alignment.values[network]
    between = [a for t, a in zip(steps, alignment, strict=True) if first <= t <= second]
    if len(between) < 4:
        # Never aligned or never ended, it does not conclude; else nobody has looked.
        return (0.0 if np.isnan(first) or np.isnan(second) else np.nan), np.nan
    # |ρ − √γ v| ≤ ½ρ, in units of √γ v.
    return float(all(abs(a - 1) <= 0.5 * a for a in between)), min(between)


@pytest.mark.parametrize("record", [{"every": 1}, {"points": 20}, {"points": 2}], ids=str)
def test_conclusions_hold_where_neurons_stay_aligned_from_t1_to_t2(record):
    mixed = lazyrich.run(
        {
            "problem": {"samples": 4, "dimension": 3000, "noise_std": 0.1},
            "network": {
                "width": 1000,
                "laziness": {"log": [1e-12, 30], "points": 8},
                "balance": {"values": [0.1, 1, 10]},
            },
            "training": {"stability_fraction": 0.3, "steps": 200},
            "record": record,
        }
    )
    found = columns(mixed)
    expected = np.array([by_hand(mixed, network) for network in range(mixed.sizes["network"])])
    np.testing.assert_array_equal(found["conclusions_share"], expected[:, 0])
    np.testing.assert_array_equal(found["stage_two_alignment"], expected[:, 1])
    if record == {"every": 1}:
        assert {0.0, 1.0} <= set(expected[:, 0])
    else:
        assert np.isnan(expected[:, 0]).any()


def test_conclusions_are_read_from_alignment_and_the_two_steps(run):
    """Made-up alignments on either side of what Lemma 5.3 allows, and steps that were and were not reached."""
    rng = np.random.default_rng(0)
    some = run.isel(network=np.zeros(400, dtype=int)).copy(deep=True)
    shape = some.alignment.shape
    # Mostly within, so that whole ranges are, at times.
    some["alignment"] = some.alignment.copy(
        data=rng.choice([0.5, 0.6, 0.7, 1.0, 1.9, 2.1], shape, p=[0.01, 0.01, 0.4, 0.3, 0.27, 0.01])
    )
    last = int(some.steps[0])
    for name in ("alignment_step", "end_step"):
        values = rng.uniform(0, last, 400)
        some[name] = some[name].copy(data=np.where(rng.random(400) < 0.1, np.nan, values))
    found = columns(some)
    expected = np.array([by_hand(some, network) for network in range(400)])
    np.testing.assert_array_equal(found["conclusions_share"], expected[:, 0])
    np.testing.assert_array_equal(found["stage_two_alignment"], expected[:, 1])
    assert 0.1 < np.nanmean(expected[:, 0]) < 0.9
    # Records that begin later cannot tell what went before.
    late = columns(some.isel(record=slice(1, None)))
    assert np.isnan(late["conclusions_share"]).all()


def test_conclusions_hold_well_within_the_assumption_and_not_for_lazy_networks():
    run = lazyrich.run(
        {
            "problem": {"samples": 4, "dimension": 10**6, "teacher_norm": 1.0},
            "network": {"width": 1000, "sigma_0": {"values": [1e-11, 3.0]}, "v_0": {"values": [1e-8, 3.0]}},
            "training": {"stability_fraction": 0.1, "tau": 60},
            "record": {"points": 200},
            "replicates": 2,
        }
    )
    summary = lazyrich.analyse(run)
    within = summary.assumption_margin.sel(quantile=0.5) > 5
    assert within.values.tolist() == [[True, False], [False, False]]
    assert summary.conclusions_share.values[0, 0] == 1 and summary.conclusions_share.values[1, 1] == 0
    assert summary.phase.values[0, 0] == Phase.rich_two_stage and summary.phase.values[1, 1] == Phase.lazy
    # Both layers of neuron r end on ρ_r = √γ v_r where training was rich.
    np.testing.assert_allclose(summary.stage_two_alignment.values[0, 0], 1, atol=1e-3)


def test_networks_that_never_align_or_end_do_not_conclude():
    early = lazyrich.run(sweep(training={"learning_rate": 1e-6, "steps": 3}))
    assert np.isnan(early.alignment_step).all()
    found = columns(early)
    assert (found["conclusions_share"] == 0).all() and np.isnan(found["stage_two_alignment"]).all()
    unrecorded = columns(lazyrich.run(sweep(record={"observables": ["loss"], "points": 5})))
    assert not {"conclusions_share", "stage_two_alignment"} & set(unrecorded)


# ---- order parameters ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edge():
    """From lazy to rich, with every order parameter recorded, and one column that has not settled."""
    return lazyrich.run(
        {
            "problem": {"samples": 5, "dimension": 1000},
            "network": {"width": 10**6, "laziness": {"log": [1e-6, 100], "points": 33}},
            "training": {"stability_fraction": 0.2, "steps": {"values": [2, 300]}},
            "record": {"observables": ["alignment", "weight_change"]},
        }
    )


def test_votes_are_those_of_the_values_beside_them(edge):
    summary = lazyrich.analyse(edge, phases={"kernel_change": 0.5, "alignment": 0.8, "weight_change": 2.0})
    median = {name: summary[name].sel(quantile=0.5).values for name in ("kernel_change", "alignment", "weight_change")}
    rich = np.array([median["kernel_change"] >= 0.5, median["alignment"] >= 0.8, median["weight_change"] >= 2.0])
    settled = np.isin(summary.phase.values, [Phase.lazy, Phase.rich_two_stage])
    assert settled.any() and not settled.all()
    code = rich[0] * 1 + rich[1] * 2 + rich[2] * 4
    np.testing.assert_array_equal(summary.rich_votes, np.where(settled, code, VOTES.not_settled))
    divided = rich.any(axis=0) & ~rich.all(axis=0)
    np.testing.assert_array_equal(summary.disagreement_share, np.where(settled, divided, np.nan))
    assert divided[settled].any() and not divided[settled].all()
    assert {VOTES.none_rich, VOTES.all_rich} < set(summary.rich_votes.values[settled])


def test_far_from_the_edge_order_parameters_agree(edge):
    summary = lazyrich.analyse(edge)
    ends = summary.rich_votes.sel(steps=300).values[[0, -1]]
    assert ends.tolist() == [VOTES.all_rich, VOTES.none_rich]
    assert summary.disagreement_share.sel(steps=300).values[[0, -1]].tolist() == [0, 0]
    assert summary.rich_votes.flag_meanings.split() == [code.name for code in VOTES]


def test_an_order_parameter_that_was_not_recorded_abstains(edge):
    found = compare(edge.drop_vars("weight_change"), Phases(), Conditions())
    whole = compare(edge, Phases(), Conditions())
    settled = whole["rich_votes"] != VOTES.not_settled
    assert (found["rich_votes"][~settled] == VOTES.not_settled).all()
    # Of the two that are left; both of them are all.
    left = whole["rich_votes"][settled].astype(int) & (VOTES.kernel | VOTES.alignment)
    expected = np.where(left == VOTES.kernel_alignment, VOTES.all_rich, left)
    np.testing.assert_array_equal(found["rich_votes"][settled], expected)
    assert {VOTES.none_rich, VOTES.all_rich} < set(expected)


def test_a_share_in_a_cell_is_that_of_its_replicates():
    """Narrow networks at the edge, whose replicates differ."""
    run = lazyrich.run(
        {
            "problem": {"samples": 2, "dimension": 20},
            "network": {"width": 4, "laziness": {"values": [0.7, 1.0, 1.4]}},
            "training": {"stability_fraction": 0.2, "steps": {"values": [25, 300]}},
            "record": {"observables": ["alignment", "weight_change"], "points": 30},
            "replicates": 12,
        }
    )
    summary, each = lazyrich.analyse(run), columns(run)
    for name in ("disagreement_share", "conclusions_share", "converged_share"):
        table = each[name].reshape(3, 2, 12)
        known = np.sum(~np.isnan(table), axis=2)
        expected = np.where(known > 0, np.nansum(table, axis=2) / np.maximum(known, 1), np.nan)
        np.testing.assert_allclose(summary[name], expected, rtol=1e-15)
        assert ((expected > 0) & (expected < 1)).any(), name
    np.testing.assert_array_equal(each["converged_share"], run.status.values == Status.converged)


# ---- from the recipe ------------------------------------------------------------------------------------------------


def test_predicted_onset_and_rate_of_a_lazy_start(run):
    own = lazyrich.run(sweep(record={"onset": 0.2}))
    assert onset_share(own) == 0.2 == json.loads(own.attrs["recipe"])["settings"]["record"]["onset"]
    found = columns(own)
    k, chi = own.growth_per_step.values, own.laziness.values
    expected = np.log(0.2 / chi) / (2 * np.log(1 + k))
    np.testing.assert_allclose(found["onset_step_predicted"], expected, rtol=1e-10)
    np.testing.assert_allclose(found["lazy_clock"], own.learning_rate * own.sharpness_start, rtol=1e-15)
    ratio = found["kernel_change"] / found["kernel_threshold"]
    np.testing.assert_allclose(found["kernel_change_ratio"], ratio, rtol=1e-15)
    np.testing.assert_allclose(found["sharpness_change"], own.sharpness_end / own.sharpness_start, rtol=1e-15)
