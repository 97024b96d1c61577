"""The work of a box against the sum over its cells; what a shard takes against what simulating it really took."""

import math
from itertools import product

import pytest

from lazyrich.planning.cost import work
from lazyrich.planning.plan import plan, whole
from lazyrich.sweep.reader import load_sweep


def recipe(**changes):
    data = {
        "problem": {"samples": {"values": [5, 10, 20]}, "dimension": 1000},
        "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 4}},
        "training": {"growth_per_step": 0.05, "tau": 10},
        "replicates": 3,
    }
    return whole(load_sweep(data | changes))


def test_a_box_of_few_points_is_the_sum_of_its_cells():
    asked = recipe()
    box = asked.grid
    total = work.Amounts()
    for (n,), (chi,) in product(box["samples"], box["laziness"]):
        cell = {**asked.fixed, "samples": n, "laziness": chi}
        for kind, amount in work.of_network(cell, asked.settings).items():
            total[kind] += 3 * amount
    found = work.of_box(asked, box)
    for kind, amount in total.items():
        assert found[kind] == pytest.approx(amount, rel=1e-12), kind
    # Data and weights are drawn once for each n and replicate, not for each laziness.
    assert found["seconds", "", "draw"] == 9


def test_a_box_of_many_points_is_judged_by_some_to_within_their_spacing():
    """Steps fall as 1/k over one decade; four points in the logarithm see their mean to within the trapezoid's error."""
    training = {"growth_per_step": {"log": [0.01, 0.1], "points": 100}, "tau": 10}
    asked = recipe(training=training)
    box = asked.grid
    parts = [work.of_box(asked, {**box, "growth_per_step": (k,)}) for k in box["growth_per_step"]]
    exact = sum(part["seconds", "propagator", "step"] for part in parts)
    found = work.of_box(asked, box)["seconds", "propagator", "step"]
    assert (
        exact < found < 1.25 * exact
    )  # of a convex function too much; h²/12 · (slope's change) of e^(−2.3 x), x to 1: 20 %


def test_wide_networks_of_other_activations_count_their_neurons_and_one_at_a_time():
    network = {"width": {"values": [10, 1000]}, "activation": "relu", "laziness": 1.0}
    asked = recipe(network=network, problem={"samples": 10, "dimension": 1000})
    found = work.of_recipe(asked)
    cells = [work.of_network({**asked.fixed, "width": m}, asked.settings) for m in (10, 1000)]
    kind = ("seconds", "gram", "step neuron")
    assert found[kind] == pytest.approx(3 * (cells[0][kind] + cells[1][kind]))
    assert found[work.WIDEST] == cells[1][work.WIDEST]
    assert ("seconds", "propagator", "step") not in found


def test_records_of_every_kind():
    assert work.records({"summary": True, "points": 9}, {}) == 1
    assert work.records({"every": 10}, {"steps": 95}) == 11  # 0, 10, … 90, 95
    assert work.records({"every": 10}, {"steps": 100}) == 11
    assert work.records({"points": 64}, {"steps": 5}) == 64


def test_threads_share_the_work_but_not_the_start():
    amounts = work.of_job("simulate_shard", recipe())
    start = work.SHIPPED["seconds", "", "job"]
    one, four = (work.cost(amounts, work.SHIPPED, "seconds", threads) for threads in (1, 4))
    assert four - start == pytest.approx((one - start) / 4)


def test_a_gpu_does_work_of_its_own_kind():
    cpu, gpu = (work.of_job("simulate_shard", recipe(), gpu=gpu) for gpu in (False, True))
    assert set(cpu) ^ set(gpu) <= {kind for kind in {*cpu, *gpu} if kind[0] == "seconds" and kind[1]}
    assert sum(cpu.values()) == pytest.approx(sum(gpu.values()))
    assert set(gpu) <= set(work.SHIPPED)


@pytest.mark.parametrize("factor", [10, 1000])
def test_longer_training_makes_smaller_shards(factor):
    """Of ten minutes of one core each, where a thousand steps of all networks are one."""

    def shards(steps):
        data = {
            "problem": {"samples": 10, "dimension": 1000, "spectrum": "power_law", "spectrum_exponent": 1.0},
            "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 4000}},
            "training": {"growth_per_step": 0.001, "steps": steps},
            "record": {"summary": True},
        }
        return plan(load_sweep(data)).values()

    each = work.of_recipe(max(shards(1000 * factor), key=lambda shard: shard.networks))
    seconds = work.cost(each, work.SHIPPED, "seconds")
    assert seconds <= 600
    few, many = (len(shards(steps)) for steps in (1000, 1000 * factor))
    total = sum(work.cost(work.of_recipe(shard), work.SHIPPED, "seconds") for shard in shards(1000 * factor))
    assert few == 1
    assert math.ceil(total / 600) <= many <= 2 * math.ceil(total / 600)
