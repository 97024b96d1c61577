"""What theories say of trained networks: each error over its own range, and the theory that describes a run best."""

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.account import fitted_square, scalars
from lazyrich.analysis.theories import COLUMNS, Theory, errors, predictions
from lazyrich.engines.trajectories import Status
from tests.theory.common import anisotropic, trained

TOLERANCE = 0.05
OF_OVERLAP = ("stage_one", "eq_10", "aligned", "closed_form", "wide_flow", "lazy_limit")


@pytest.fixture(scope="module")
def run():
    """Networks that learn at once, late or never, and that diverge; the first record after the start is at step 6."""
    found = lazyrich.run(
        {
            "problem": {"samples": 4, "dimension": 40, "noise_std": 0.2},
            "network": {"width": 10**6, "laziness": {"log": [1e-6, 10], "points": 4}},
            "training": {"growth_per_step": {"values": [0.02, 0.15, 3.0]}, "steps": {"values": [30, 180]}},
            "record": {"points": 31},
            "replicates": 2,
        }
    )
    assert {Status.converged, Status.running, Status.diverged} <= set(found.status.values)
    return found


def of_network(run, name, network):
    """(records' steps, what was measured, what a theory predicts)."""
    return run.step.values[network], run.target_overlap.values[network], predictions(run)[name][network]


def largest(pairs):
    """max |a − b|, NaN for no pair and where a theory ends (Eq. 10 of a start that it throws out)."""
    apart = [abs(a - b) for a, b in pairs]
    return np.nan if np.isnan(apart).any() else max(apart, default=np.nan)


def thrown_out(run):
    """Networks that Eq. 10 sends to infinity though they do not go there: lazy ones, whose neurons are not aligned."""
    steps = run.step.values
    with np.errstate(invalid="ignore"):
        ends = np.isnan(predictions(run)["eq_10"]) & (steps >= run.onset_step.values[:, None])
    return ends.any(axis=1) & (run.status.values != Status.diverged)


def test_each_theory_answers_for_its_own_range(run):
    """Record by record as one would by hand: stage one after the start up to onset, Eq. 10 and 11 from there, others all."""
    found = errors(run, TOLERANCE)
    early = late = 0
    for network in np.flatnonzero(run.status.values != Status.diverged):
        onset = float(run.onset_step[network])
        ranges = {name: [] for name in OF_OVERLAP}
        sizes = []
        for name, pairs in ranges.items():
            for t, measured, predicted in zip(*of_network(run, name, network), strict=True):
                begun = not np.isnan(onset) and t >= onset
                of_stage_one = t > 0 and not (begun and t > onset)
                if name == "stage_one" and of_stage_one:
                    pairs.append((predicted, measured))
                    sizes.append(abs(measured))
                elif (name in ("eq_10", "aligned") and begun) or name in OF_OVERLAP[3:]:
                    pairs.append((predicted, measured))
        expected = {f"{name}_error": largest(pairs) for name, pairs in ranges.items()}
        # Both, where both have records, in units of the overlap's own scale.
        expected["two_stage_error"] = largest(ranges["stage_one"] + ranges["eq_10"])
        if sizes:
            expected["stage_one_error"] /= max(sizes)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][network], value, rtol=1e-12, err_msg=name)
        early += not sizes
        late += np.isnan(onset)
    assert early and late


def test_two_stages_do_not_describe_what_eq_10_throws_out(run):
    """Stage one alone would, up to onset; two stages do not."""
    found, out = errors(run, TOLERANCE), thrown_out(run)
    assert out.any() and np.isfinite(found["stage_one_error"][out]).all()
    assert not np.isfinite(found["two_stage_error"][out]).any()


def test_a_network_that_has_not_begun_to_learn_is_stage_one_alone(run):
    found = errors(run, TOLERANCE)
    waiting = np.isnan(run.onset_step.values) & (run.status.values != Status.diverged)
    assert waiting.any()
    for name in ("eq_10_error", "aligned_error"):
        assert np.isnan(found[name][waiting]).all()
    assert np.isfinite(found["two_stage_error"][waiting]).all()
    # Its own error is relative to an overlap far below the scale that the composite one has.
    assert (found["two_stage_error"] < found["stage_one_error"])[waiting].all()


def diverged_columns(run):
    found = errors(run, TOLERANCE)
    diverged = run.status.values == Status.diverged
    return {name: found[name][diverged] for name in COLUMNS}


def test_no_whole_run_that_diverged_is_described(run):
    found = diverged_columns(run)
    for name in ("eq_10_error", "aligned_error", "closed_form_error", "wide_flow_error", "linearised_error"):
        assert np.isnan(found[name]).all(), name


def test_two_stages_do_not_describe_what_diverged(run):
    found = diverged_columns(run)
    assert np.isnan(found["two_stage_error"]).all() and np.isnan(found["best_theory_error"]).all()
    assert (found["best_theory"] == Theory.not_compared).all()


def test_what_keeps_no_trajectory_is_not_compared():
    """End values only, or no target overlap: nothing but the linearised network, which the engine itself compares."""
    last = errors(trained(record={"summary": True}), TOLERANCE)
    assert set(last) == {"linearised_error"} and np.isfinite(last["linearised_error"]).all()
    assert errors(trained(record={"points": 5, "observables": ["loss"]}), TOLERANCE) == {}
    without = errors(trained(record={"points": 5, "observables": ["target_overlap"]}), TOLERANCE)
    assert set(without) == {f"{name}_error" for name in (*OF_OVERLAP, "two_stage")}


def test_networks_that_cannot_be_trained_are_not_compared():
    """So many steps that they are refused, beside a network that trains."""
    run = lazyrich.run(
        {
            "problem": {"samples": 2, "dimension": 9},
            "network": {"width": 4, "laziness": 1.0},
            "training": {"growth_per_step": {"values": [1e-12, 0.1]}, "tau": 1},
        }
    )
    assert run.status.values.tolist() == [Status.failed, Status.running]
    failed = run.isel(network=[0])
    assert errors(run, TOLERANCE)["best_theory"][1] != Theory.not_compared
    found = errors(failed, TOLERANCE)
    assert (found["best_theory"] == Theory.not_compared).all()
    assert np.isnan(found["best_theory_error"]).all()


@pytest.mark.parametrize("tolerance", [1e-9, 1e-3, 0.02, 0.1, 10.0])
def test_the_best_theory_is_the_one_of_smallest_error_if_it_is_good_enough(run, tolerance):
    found = errors(run, tolerance)
    known = run.status.values != Status.diverged
    whole = [theory for theory in Theory if theory < Theory.none]
    for network in np.flatnonzero(known):
        each = {theory: found[f"{theory.name}_error"][network] for theory in whole}
        best = min((theory for theory in whole if not np.isnan(each[theory])), key=each.get)
        assert found["best_theory_error"][network] == each[best]
        assert found["best_theory"][network] == (best if each[best] <= tolerance else Theory.none)


def test_the_best_theory_of_a_cell_is_that_of_its_median_errors(run):
    summary = lazyrich.analyse(run)
    whole = [theory for theory in Theory if theory < Theory.none]
    medians = np.stack([summary[f"{theory.name}_error"].sel(quantile=0.5).values for theory in whole])
    for place in np.ndindex(summary.phase.shape):
        each = medians[:, *place]
        known = np.isfinite(each).any()
        expected = Theory.not_compared
        if known:
            expected = np.nanargmin(each) if np.nanmin(each) <= TOLERANCE else Theory.none
        assert summary.best_theory.values[place] == expected


def test_more_than_one_theory_is_best_somewhere(run):
    assert len(set(errors(run, TOLERANCE)["best_theory"])) >= 3


def best(run):
    found = errors(run, TOLERANCE)
    return {Theory(int(code)) for code in found["best_theory"]}, found


def test_narrow_networks_with_an_isotropic_kernel_have_the_closed_form():
    """n = 1 and 64 neurons: an initial output of the order 1/8 of its scale, which the wide limit does not know."""
    k, chi = 0.005, 0.5
    which, found = best(trained(laziness=chi, k=k, steps=3000, width=64, replicates=3))
    assert which == {Theory.closed_form}
    # Flow, first order in the step h = k√(1 + χ²).
    assert found["closed_form_error"].max() < k * np.sqrt(1 + chi**2)


def test_the_closed_form_knows_what_cannot_be_fitted():
    """More samples than the one dimension: K = κI on its rank, and the overlap ends at ‖Πy‖²/‖y‖² < 1."""
    k = 0.005
    run = trained(samples=5, dimension=1, laziness=0.5, k=k, steps=3000, width=64, replicates=3)
    assert (run.target_overlap[:, -1] < 0.999).all()
    assert errors(run, TOLERANCE)["closed_form_error"].max() < 2 * k


def test_lazy_networks_have_their_linearisation():
    """Whatever the step, and off by the order of χ⁻² (`lazy_error`)."""
    which, found = best(trained(laziness=100.0, k=0.004, steps=300, samples=5, dimension=20))
    assert which == {Theory.linearised}
    assert found["linearised_error"].max() < 1e-4


def test_rich_networks_have_two_stages_whatever_the_step():
    """The flow's onset is off by half a step in the exponent of each e-folding, k/2 · ln(1/χ) = 0.7 of one."""
    which, found = best(trained(laziness=1e-6, k=0.1, steps=400, replicates=2))
    assert which == {Theory.two_stage}
    assert (found["wide_flow_error"] > TOLERANCE).all() and (found["closed_form_error"] > TOLERANCE).all()


def test_anisotropic_kernels_have_the_wide_limit():
    networks = {"laziness": {"values": [0.01, 0.3]}}
    which, found = best(anisotropic(network=networks, training={"stability_fraction": 0.01, "tau": 30}))
    assert which == {Theory.wide_flow}
    assert (found["closed_form_error"] > TOLERANCE).all()


def test_no_theory_describes_anisotropic_kernels_at_large_steps():
    networks = {"laziness": 0.05}
    which, _ = best(
        anisotropic(network=networks, training={"stability_fraction": 0.9, "steps": 40}, record={"every": 1})
    )
    assert which == {Theory.none}


def test_predictions_start_where_the_network_does(run):
    """Those from the start on: a measured overlap at step 0 (no part of the flow's wide start), and 0."""
    found = predictions(run)
    start = run.target_overlap.values[:, 0]
    scale = np.sqrt(run.gamma.values) * (run.b_rms.values**2 / run.gamma.values + run.v_0.values**2)
    rounding = 1e-12 * scale / run.y_norm.values**2
    for name in ("stage_one", "closed_form"):
        assert (np.abs(found[name][:, 0] - start) <= rounding).all(), name
    assert (found["wide_flow"][:, 0] == 0).all()


def test_scalars_are_the_numbers_of_each_network_and_the_fitted_square_its_projection():
    """More samples than dimensions: part of y cannot be fitted, and its floor is what is left of the loss."""
    some = trained(samples=9, dimension=4, steps=3, replicates=3)
    get = scalars(some)
    assert {"gamma", "onset_step", "width"} <= set(get) and not {"step", "loss", "eigenvalues"} & set(get)
    assert {values.dtype for values in get.values()} == {np.dtype(float)}
    np.testing.assert_allclose(fitted_square(get), np.sum(some.targets.values**2, axis=1), rtol=1e-13)
    beside = some.y_norm.values**2 - fitted_square(get)
    np.testing.assert_allclose(some.loss_factor * beside / (2 * some.samples), some.loss_floor, rtol=1e-10)
