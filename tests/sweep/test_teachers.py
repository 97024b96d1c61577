"""Keys of teachers, of the sphere and of targets with Xᵀy = 0: what they need, and what they refuse."""

import numpy as np
import pytest

from lazyrich.planning.plan import plan
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import SweepError

SPIKED = {"spectrum": "spiked", "spikes": 2, "spike_strength": 3}
RELU = {"teacher": "relu", "teacher_width": 3}
BOTH = {"teacher": {"values": ["linear", "aligned"]}, "teacher_alignment": 0.5}


def sweep_of(problem, network=None, training=None):
    return {
        "problem": {"samples": 3, "dimension": 10, **problem},
        "network": {"width": 4, "sigma_0": 1, "v_0": 1, **(network or {})},
        "training": training or {"learning_rate": 0.1, "steps": 3},
    }


@pytest.mark.parametrize(
    "problem",
    [
        RELU,
        {"teacher": "quadratic", "teacher_width": {"values": [1, 2]}, "teacher_norm": {"values": [1, 3]}},
        {"teacher": "sparse", "teacher_nonzeros": {"linear": [1, 10], "points": 4}},
        {"teacher": "aligned", "teacher_alignment": {"linear": [0, 1], "points": 3}, **SPIKED},
        {"teacher": "aligned", "teacher_alignment": 1, **SPIKED, "spikes": 10},
        {"teacher": {"values": ["linear", "relu", "sparse"]}, "teacher_width": 2, "teacher_nonzeros": 1},
        {"source": "sphere", "teacher": "linear"},
        {"source": {"values": ["gaussian", "sphere", "rademacher"]}, **RELU},
        {"dimension": 10**12, **RELU},
    ],
    ids=str,
)
def test_teachers_are_accepted_and_planned(problem):
    sweep = load_sweep(sweep_of(problem))
    assert sum(shard.networks for shard in plan(sweep).values()) == sweep.networks


def test_a_sweep_without_these_keys_has_none_of_them():
    """So that the shards of all earlier sweeps keep their names."""
    assert not [name for name in load_sweep(sweep_of({})).parameters if name.startswith("teacher")]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"teacher": "cubic"}, "problem.teacher = cubic: is not known; write one of linear, relu"),
        ({"teacher": "relu"}, "problem.teacher_width: is missing; add it"),
        ({"teacher": "sparse"}, "problem.teacher_nonzeros: is missing; add it"),
        ({"teacher": "aligned", **SPIKED}, "problem.teacher_alignment: is missing; add it"),
        ({"teacher_width": 3}, "problem.teacher_width: belongs to `teacher: relu or quadratic`; remove it"),
        ({**RELU, "teacher_nonzeros": 2}, "problem.teacher_nonzeros: belongs to `teacher: sparse`; remove it"),
        ({"teacher_alignment": 0.5, **SPIKED}, "problem.teacher_alignment: belongs to `teacher: aligned`; remove it"),
        ({**RELU, "teacher_width": 0}, "problem.teacher_width = 0: is too small"),
        ({**RELU, "teacher_width": 30_000}, "problem.teacher_width = 30000: is too large"),
        ({**RELU, "teacher_width": 1.5}, "problem.teacher_width = 1.5: is not an integer"),
        (
            {"teacher": "sparse", "teacher_nonzeros": {"values": [3, 11]}},
            "problem.teacher_nonzeros: 11 exceeds dimension 10; write at most the dimension",
        ),
        (
            {"teacher": "sparse", "teacher_nonzeros": 3, **SPIKED, "dimension": 10**9},
            "problem.dimension: 1000000000 is too large for a sparse teacher of spiked inputs",
        ),
        (
            {"teacher": "aligned", "teacher_alignment": 1.2, **SPIKED},
            "problem.teacher_alignment: 1.2 is more than all of β; write a number from 0 to 1",
        ),
        ({"teacher": "aligned", "teacher_alignment": -0.1, **SPIKED}, "problem.teacher_alignment = -0.1: is too small"),
        (
            {"teacher": "aligned", "teacher_alignment": 0.5, **SPIKED, "spikes": 10},
            "problem.teacher_alignment: 0.5 leaves a part of β beside the spikes, which take all 10 dimensions",
        ),
        (BOTH, "problem.teacher: aligned has no spikes to be aligned with where `spectrum: isotropic`"),
        (
            {**BOTH, **SPIKED, "spectrum": {"values": ["spiked", "isotropic"]}},
            "problem.teacher: aligned has no spikes to be aligned with where `spectrum: isotropic`",
        ),
        (
            {"source": {"values": ["gaussian", "sphere"]}, **SPIKED},
            "problem.spectrum: spiked where the source `sphere` is isotropic; write isotropic",
        ),
        ({"source": "sphere", "dimension": 10**10}, "problem.dimension: 10000000000 with 3 samples"),
        ({"source": "uniform", **RELU, "teacher_width": 10_000, "dimension": 10**6}, "drawn entry by entry"),
        ({**RELU, "teacher_norm": 0}, "problem.teacher_norm: 0 without label noise makes y = 0"),
        ({"source": "digits", "dimension": None, **RELU}, "problem.teacher: is set by the data where `source: digits`"),
    ],
    ids=str,
)
def test_a_teacher_that_cannot_be_is_one_clear_message(problem, words):
    sweep = sweep_of(problem)
    sweep["problem"] = {name: value for name, value in sweep["problem"].items() if value is not None}
    with pytest.raises(SweepError) as caught:
        load_sweep(sweep)
    assert words in str(caught.value)


CORNERS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1.0]])
RATE = {"learning_rate": 1, "steps": 5}


@pytest.mark.parametrize(
    ("problem", "network", "training", "key", "fix"),
    [
        (
            {},
            {},
            {"growth_per_step": 0.1, "steps": 5},
            "training.growth_per_step",
            "write training.learning_rate instead",
        ),
        ({}, {}, {"stability_fraction": 0.1, "tau": 5}, "training.stability_fraction", "write training.learning_rate"),
        ({}, {}, {"learning_rate": 1, "tau": 5}, "training.tau", "write training.steps instead"),
        (
            {},
            {"laziness": {"values": [1, 2]}},
            RATE,
            "network.laziness",
            "write network.sigma_0 and network.v_0 instead",
        ),
        ({"gram_scale": 2}, {}, RATE, "problem.gram_scale", "rescale X in the file instead"),
        ({}, {"activation": "linear"}, RATE, "problem.path", "write a network.activation that is not linear"),
        ({}, {"activation": {"values": ["relu", "linear"]}}, RATE, "problem.path", "a network.activation that is not"),
    ],
)
def test_what_xor_leaves_undefined_is_refused_by_name(tmp_path, problem, network, training, key, fix):
    np.savez(tmp_path / "xor.npz", X=CORNERS, y=CORNERS.prod(axis=1))
    scales = {} if "laziness" in network else {"sigma_0": 1, "v_0": 1}
    sweep = {
        "problem": {"source": "file", "path": str(tmp_path / "xor.npz"), **problem},
        "network": {"width": 4, "activation": "relu", **scales, **network},
        "training": training,
    }
    with pytest.raises(SweepError) as caught:
        load_sweep(sweep)
    message = str(caught.value)
    assert message.startswith(f"sweep: {key}: ")
    assert "xor.npz: Xᵀy = 0" in message
    assert fix in message


def test_xor_at_a_rate_and_scales_of_its_own_is_accepted(tmp_path):
    np.savez(tmp_path / "xor.npz", X=CORNERS, y=CORNERS.prod(axis=1))
    problem = {"source": "file", "path": str(tmp_path / "xor.npz")}
    exponents = {"width_exponent_p": 0.5, "width_exponent_s": 0}
    for scales in ({"sigma_0": 1, "v_0": 1}, exponents):
        load_sweep({"problem": problem, "network": {"width": 4, "activation": "relu", **scales}, "training": RATE})
