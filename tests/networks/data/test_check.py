"""What a sweep asks of its data is held against the data before any work."""

import numpy as np
import pytest

from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError

NETWORK = {"width": 20, "laziness": 1}
TRAINING = {"stability_fraction": 0.1, "steps": 1}


def digits(**problem):
    return {"problem": {"source": "digits", "samples": 10, **problem}, "network": NETWORK, "training": TRAINING}


def refused(sweep):
    with pytest.raises(SweepError) as caught:
        load_sweep(sweep)
    message = str(caught.value)
    assert ";" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"samples": 1798}, "problem.samples = 1798: are more than the data have; write at most 1797"),
        # 183 images of a three, 174 of an eight, which comes second: the next three would be the 176th.
        (
            {"samples": 350, "classes": "3-8"},
            "taken in turns of the classes 3-8 are more than the data have; write at most 349",
        ),
        ({"samples": {"values": [5, 400]}, "classes": {"values": ["0", "3-8"]}}, "problem.samples = 400"),
        ({"classes": "3-11"}, "problem.classes = 3-11: the data have no class 11 (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"),
        ({"targets": "one_vs_rest", "positive_class": 11}, "problem.positive_class = 11: is none of the classes"),
        (
            {"targets": "one_vs_rest", "classes": {"values": ["3-8", "4-9"]}, "positive_class": 3},
            "problem.positive_class = 3: is none of the classes (4, 9)",
        ),
        ({"targets": "one_vs_rest", "classes": 3}, "class 3 alone leaves no rest"),
        ({"targets": "centred", "classes": 3}, "problem.targets = centred: are all 0"),
        ({"targets": "centred", "samples": 1}, "problem.targets = centred: are all 0"),
        ({"targets": "labels", "classes": 0}, "problem.targets = labels: are all 0"),
    ],
)
def test_what_the_data_do_not_have_is_one_clear_message(problem, words):
    assert words in refused(digits(**problem))


@pytest.mark.parametrize(
    "problem",
    [
        {"samples": 1797},
        {"samples": 349, "classes": "3-8", "targets": "one_vs_rest"},
        {"samples": 2, "targets": "centred"},
        {"targets": {"values": ["labels", "centred", "one_vs_rest"]}, "positive_class": {"values": [0, 9]}},
        {"inputs": {"values": ["raw", "scaled", "standardised"]}, "classes": {"values": ["3-8", [1, 2, 3], 7]}},
    ],
)
def test_what_they_have_is_accepted(problem):
    load_sweep(digits(**problem))


def test_neurons_of_other_activations_are_counted_with_the_samples():
    sweep = {**digits(samples=1000), "network": {"width": 10**7, "laziness": 1, "activation": "relu"}}
    assert "network.width: 10000000 neurons are too many for relu" in refused(sweep)


# ---- a user's file --------------------------------------------------------------------------------------------------

LABELS = np.array([1.0, 1, 2, 2, 2, 5])


def own(path, problem, X=None, y=LABELS, network=NETWORK, **weights):
    np.savez(path / "data.npz", X=np.random.default_rng(0).random((len(y), 4)) if X is None else X, y=y, **weights)
    problem = {"source": "file", "path": str(path / "data.npz"), **problem}
    return {"problem": problem, "network": network, "training": TRAINING}


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"samples": 7}, "problem.samples = 7: are more than the data have; write at most 6"),
        ({"classes": "1-2"}, "problem.samples: is missing"),
        # One of class 5, which comes second: then a third of class 1 and the next of class 5.
        ({"classes": "1-5", "samples": 4}, "write at most 3"),
        ({"classes": "1-3", "samples": 2}, "the data have no class 3 (1, 2, 5)"),
        ({"targets": "one_vs_rest", "positive_class": 3}, "problem.positive_class = 3"),
        ({"dimension": 4}, "problem.dimension: is set by the data"),
    ],
)
def test_a_file_is_chosen_from_like_any_data(tmp_path, problem, words):
    assert words in refused(own(tmp_path, problem))


@pytest.mark.parametrize(
    "problem",
    [{}, {"samples": 6}, {"classes": [1, 5], "samples": 3}, {"targets": "one_vs_rest", "inputs": "standardised"}],
)
def test_what_a_file_has_is_accepted(tmp_path, problem):
    load_sweep(own(tmp_path, problem))


@pytest.mark.parametrize(
    ("problem", "X", "y", "words"),
    [
        ({"inputs": "scaled"}, np.ones((6, 4)), LABELS, "problem.inputs = scaled: all values of X are the same"),
        ({"inputs": "standardised"}, np.tile([1.0, 2, 3, 4], (6, 1)), LABELS, "no feature of X varies"),
        ({"inputs": "standardised", "samples": 3}, np.ones((6, 4)), LABELS, "no feature of X varies"),
        ({}, np.zeros((6, 4)), LABELS, "Xᵀy = 0"),
        ({"targets": "centred"}, None, np.ones(6), "Xᵀy = 0"),
        ({}, np.where(np.eye(6, 4) > 0, np.nan, 1), LABELS, "problem.path: "),
    ],
)
def test_a_file_that_leaves_nothing_to_learn_is_one_clear_message(tmp_path, problem, X, y, words):
    assert words in refused(own(tmp_path, problem, X, y))


@pytest.mark.parametrize(
    ("name", "value"),
    [("samples", 3), ("inputs", "raw"), ("targets", "centred"), ("classes", 1), ("positive_class", 1)],
)
def test_nothing_is_chosen_of_data_that_come_with_weights(tmp_path, name, value):
    weights = {"W": np.ones((2, 4)), "v": np.ones(2)}
    beside = {"classes": {"samples": 2}, "positive_class": {"targets": "one_vs_rest"}}.get(name, {})
    message = refused(own(tmp_path, {name: value, **beside}, network={}, **weights))
    assert "the weights in" in message
    assert f"problem.{next(iter(beside), name)}: " in message or f"problem.{name}: " in message


# ---- held-out samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            {"test_samples": 1788},
            "test_samples = 1788: are more than the data have for a test beside problem.samples = 10; write at most 1787",
        ),
        ({"samples": 1797, "test_samples": 1}, "beside problem.samples = 1797; write fewer samples"),
        # 183 threes, 174 eights: beside five and five 169 eights are left, and the eights come second.
        (
            {"classes": "3-8", "test_samples": 340},
            "taken in turns of the classes 3-8 are more than the data have for a test beside problem.samples = 10; "
            "write at most 339",
        ),
        ({"samples": {"values": [10, 1700]}, "test_samples": 100}, "beside problem.samples = 1700; write at most 97"),
    ],
)
def test_more_held_out_samples_than_there_are_are_one_clear_message(problem, words):
    assert words in refused(digits(**problem))


@pytest.mark.parametrize("problem", [{"test_samples": 1787}, {"classes": "3-8", "test_samples": 339}])
def test_all_that_is_left_can_be_held_out(problem):
    load_sweep(digits(**problem))


def test_a_whole_file_has_no_held_out_samples_but_its_own(tmp_path):
    message = refused(own(tmp_path, {"test_samples": 2}))
    assert (
        "problem.test_samples = 2: all samples are trained on; write problem.samples, or add X_test and y_test"
        in message
    )
    weights = {"W": np.ones((5, 4)), "v": np.ones(5)}  # which belong to the whole file
    message = refused(own(tmp_path, {"test_samples": 2}, network={}, **weights))
    assert "all samples are trained on; add X_test and y_test to the file" in message
    test = {"X_test": np.ones((3, 4)), "y_test": np.ones(3)}
    load_sweep(own(tmp_path, {"test_samples": 3}, **test))
    assert "write at most 3" in refused(own(tmp_path, {"test_samples": 4}, **test))
    # Of its own they are taken by class, too.
    load_sweep(own(tmp_path, {"test_samples": 3, "samples": 2, "classes": 1}, **test))
    assert "write fewer samples" in refused(own(tmp_path, {"test_samples": 1, "samples": 2, "classes": 2}, **test))


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({"X_test": np.ones((3, 4))}, "has only one of X_test and y_test; give both or neither"),
        ({"X_test": np.ones((3, 5)), "y_test": np.ones(3)}, "X_test has 5 columns and X has 4; make them equal"),
        ({"X_test": np.ones((3, 4)), "y_test": np.ones(2)}, "y_test has length 2 and X_test has 3 rows"),
        ({"X_test": np.full((3, 4), np.nan), "y_test": np.ones(3)}, "X_test holds NaN"),
        ({"X_test": np.full((3, 4), 1e60), "y_test": np.ones(3)}, "X_test has values of size 1e+60"),
        ({"X_test": np.ones(3), "y_test": np.ones(3)}, "X_test has shape (3,); give 2 axes"),
    ],
)
def test_wrong_test_samples_of_a_file_are_one_clear_message(tmp_path, test, words):
    assert words in refused(own(tmp_path, {"test_samples": 2}, **test))
