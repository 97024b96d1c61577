"""Theory of linear networks beside networks that are not: what is left out, what is drawn, and what is said of it."""

import re

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis import scope
from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.analysis.boundaries import BOUNDARIES, boundaries
from lazyrich.analysis.theories import WHOLE, predictions
from lazyrich.draw.curves import panels
from lazyrich.draw.report import scope_table, theory_table
from lazyrich.draw.trajectories import KERNELS, PANELS, theory

SWEEP = {
    "problem": {"samples": 4, "dimension": 60},
    "network": {
        "activation": {"values": ["linear", "relu"]},
        "width": 40,
        "laziness": {"log": [1e-3, 10], "points": 5},
    },
    "training": {"growth_per_step": {"log": [0.05, 2.5], "points": 6}, "steps": 150},
    "record": {"points": 40},
    "replicates": 2,
}
OF_THEORIES = {"closed_form", "wide_flow", "lazy_limit"}


def only(activation):
    return lazyrich.run({**SWEEP, "network": {**SWEEP["network"], "activation": activation}})


@pytest.fixture(scope="module")
def both():
    return lazyrich.run(SWEEP)


@pytest.fixture(scope="module")
def summary(both):
    return lazyrich.analyse(both)


def left_out(table):
    """Names and reasons of the theories, or predicted boundaries, that are not compared with ReLU networks."""
    holds = {name: each.holds_for("relu") for name, each in table.items()}
    return {name: each.reason for name, each in holds.items() if not each.compared}


NAMED = {account.name: account for account in ACCOUNTS}


def test_what_is_left_out_is_a_theory_or_a_predicted_boundary(both):
    predicted = {name for name, boundary in BOUNDARIES.items() if boundary.predicted}
    assert set(left_out(NAMED)) == OF_THEORIES <= set(predictions(both))
    assert set(left_out(BOUNDARIES)) == predicted - {"lazy_rich_predicted"}
    assert all((*left_out(NAMED).values(), *left_out(BOUNDARIES).values()))
    assert all(each.holds_for("linear") == (True, True, each.holds_for("linear").reason) for each in NAMED.values())


def test_predictions_of_a_linear_network_do_not_know_what_else_was_trained(both):
    """Whole runs of linear networks as without the others, whose own are missing; both stages of all."""
    alone, together = predictions(only("linear")), predictions(both)
    linear = both.activation.values == "linear"
    assert linear.any() and not linear.all()
    for name, values in together.items():
        np.testing.assert_array_equal(values[linear], alone[name], err_msg=name)
        if name in OF_THEORIES:
            assert np.isnan(values[~linear]).all(), name
    assert np.isfinite(together["stage_one"][~linear]).any(axis=1).all()
    assert np.isfinite(together["eq_10"][~linear]).any()


def test_errors_of_what_is_left_out_are_missing_and_say_why(summary):
    relu = summary.isel(activation_index=summary.activation.values.tolist().index("relu"))
    for name in ("closed_form", "wide_flow", "lazy_limit"):
        assert np.isnan(relu[f"{name}_error"]).all(), name
        assert (
            summary[f"{name}_error"].attrs["comment"]
            == f"not compared with networks that are relu: {left_out(NAMED)[name]}"
        )
    for name in ("stage_one", "two_stage"):
        assert np.isfinite(relu[f"{name}_error"]).any(), name
        assert "held against networks that are relu" in summary[f"{name}_error"].attrs["comment"]
    # Among the theories that are left, some is best.
    codes = [account.best.code for account in WHOLE if account.name in left_out(NAMED)]
    assert codes and not np.isin(relu["best_theory"], codes).any()
    assert np.isfinite(relu["best_theory_error"].sel(quantile=0.5)).any()


def test_a_summary_of_linear_networks_says_nothing():
    summary = lazyrich.analyse(only("linear"))
    assert not [name for name in summary if "comment" in summary[name].attrs]
    assert scope.others(summary) == [] and scope.caveat(summary) == "" and scope_table(summary) is None
    assert BOUNDARIES["lazy_rich_predicted"].called(summary) == BOUNDARIES["lazy_rich_predicted"].text


@pytest.mark.parametrize("swept", [True, False])
def test_boundaries_of_linear_networks_lie_in_their_slices_alone(summary, swept):
    """Whether the activation is an axis or the same for all."""
    if swept:
        planes = {name: summary.isel(activation_index=i) for i, name in enumerate(summary.activation.values.tolist())}
    else:
        planes = {name: lazyrich.analyse(only(name)) for name in ("linear", "relu")}
    found = {name: boundaries(plane, "laziness", "growth_per_step") for name, plane in planes.items()}
    assert {"flow_stability_predicted", "no_stable_solution_predicted", "lazy_rich_predicted"} <= set(found["linear"])
    assert not set(left_out(BOUNDARIES)) & set(found["relu"])
    assert {"lazy_rich_predicted", "lazy_rich_measured"} <= set(found["relu"])
    # κ_c is a level of a linear network's kernel, of χ alone: the same line.
    for one, other in zip(found["relu"]["lazy_rich_predicted"], found["linear"]["lazy_rich_predicted"], strict=True):
        assert np.median(one[:, 0]) == pytest.approx(np.median(other[:, 0]), rel=1e-9)


def test_what_is_predicted_is_named_as_theory_of_linear_networks(summary):
    for boundary in BOUNDARIES.values():
        assert boundary.called(summary) == boundary.text + (scope.OF_LINEAR if boundary.predicted else "")
    said = scope_table(summary)
    assert said["activations"] == "relu" and not said["all"]
    assert scope_table(lazyrich.analyse(only("relu")))["all"]
    # Σ and β are known here, so that every boundary could be drawn: each is listed, and why.
    listed = {each["words"]: each["reason"] for each in said["left_out"]}
    tables = (NAMED, BOUNDARIES)
    assert listed == {table[name].words: reason for table in tables for name, reason in left_out(table).items()}
    assert said["carried"] == (
        "stage one (Eq. 9), stage two (Eq. 10 and 11), the lazy–rich boundary, and the kernels T and Θ∞"
    )


def test_of_theory_stage_one_alone_is_held_against_a_loss_that_is_no_square():
    """And said to be: in comments, captions and the report; boundaries that are predicted lie beside squares alone."""
    training = {**SWEEP["training"], "loss": {"values": ["half_mse", "huber"]}}
    data = lazyrich.run({**SWEEP, "network": {**SWEEP["network"], "activation": "linear"}, "training": training})
    summary = lazyrich.analyse(data)
    assert summary.training_loss.values.tolist() == ["half_mse", "huber"]
    squares, others = (summary.isel(training_loss_index=i) for i in (0, 1))
    for account in ACCOUNTS:
        name = f"{account.name}_error"
        assert np.isfinite(squares[name]).any(), name
        assert np.isfinite(others[name]).any() == (account.name == "stage_one"), name
        said = summary[name].attrs.get("comment", "")
        assert said.startswith("not compared with networks of loss huber: ") == (account.name != "stage_one")
    assert np.isfinite(squares["kernel_change_predicted"]).all() and np.isnan(others["kernel_change_predicted"]).all()
    for name in ("lazy_error", "ntk_end_error"):
        assert np.isnan(others[name]).all() and "of loss huber" in summary[name].attrs["comment"]
    found = [boundaries(plane, "laziness", "growth_per_step") for plane in (squares, others)]
    predicted = {name for name, boundary in BOUNDARIES.items() if boundary.predicted}
    assert predicted & set(found[0]) and not predicted & set(found[1]) and "lazy_rich_measured" in found[1]
    # Networks of the square are not affected by those beside them.
    alone = lazyrich.analyse(only("linear"))
    for name in ("closed_form_error", "eq_10_error", "best_theory", "phase"):
        np.testing.assert_array_equal(squares[name].values, alone[name].values)
    table = scope_table(summary)
    assert table["losses"] == "huber" and not table["all_losses"] and table["activations"] == ""
    assert {each["reason"] for each in table["left_out"]} and "huber" in scope.sentence(summary)
    # The stages' loss is that of a square; nothing is drawn of it elsewhere.
    drawn = theory(data)["loss"]
    huber = data.training_loss.values == "huber"
    assert all(np.isnan(values[huber]).all() for values in drawn.values())
    assert np.isfinite(drawn["stage_one"][~huber]).any()


def test_stage_one_of_tanh_networks_is_that_of_linear_ones_as_they_shrink():
    """φ(p) = p − p³/3 …: p² goes as the size of targets and weights, and so does what tells the two apart."""

    def error(activation, size):
        run = lazyrich.run(
            {
                "problem": {"samples": 1, "dimension": 50, "target_norm": size, "gram_scale": 1},
                "network": {"activation": activation, "width": 30, "laziness": 1e-3},
                "training": {"growth_per_step": 0.1, "steps": 200},
                "record": {"every": 1},
            }
        )
        return float(lazyrich.analyse(run)["stage_one_error"].sel(quantile=0.5))

    sizes = np.array([1e-2, 1e-4, 1e-6])
    # A linear network's own error does not know the size.
    limit = error("linear", 1.0)
    apart = np.array([abs(error("tanh", size) - limit) for size in sizes])
    assert (apart < 10 * sizes).all() and (apart[:-1] > 10 * apart[1:]).all()


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_legends_call_what_is_drawn_of_theory_so(activation):
    """Every curve but those of observables, and the two kernels to which a distance is drawn."""
    networks = only(activation)
    cell = networks.isel(network=np.flatnonzero(networks.laziness == networks.laziness.min())[:2])
    observed = {name for panel in PANELS for name in set(panel.observables) - set(KERNELS)}
    plain = {words for panel in PANELS for name, words in panel.observables.items() if name in observed}
    labels = {each.label for panel in panels(cell, None, "bokeh", "") for each in panel if each.label}
    of_theory = {label for label in labels if re.split(", (?:median|each) of", label)[0] not in plain}
    assert len(of_theory) > len(KERNELS) and any("Θ∞" in label for label in of_theory)
    assert {scope.OF_LINEAR in label for label in of_theory} == {activation != "linear"}
    assert not [label for label in labels - of_theory if scope.OF_LINEAR in label]
    assert bool(scope.sentence(cell)) == (activation != "linear")


def test_errors_of_what_carries_over_are_named_as_those_of_linear_theory(summary):
    named = {words for words, _, _ in theory_table(summary)}
    assert {"stage two, Eq. 10" + scope.OF_LINEAR, "lazy: linearised at the start"} <= named
