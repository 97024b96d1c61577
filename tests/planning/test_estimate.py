"""Budgets: what is far over one is refused before its shards are counted, and nothing that is within is."""

import pytest

from lazyrich.planning import describe
from lazyrich.planning import estimate as module
from lazyrich.planning.cost.work import SHIPPED
from lazyrich.planning.estimate import check, check_whole, estimate
from lazyrich.planning.plan import plan
from lazyrich.sweep.config import Budget
from lazyrich.sweep.reader import load_sweep


def sweep(points, **more):
    return load_sweep(
        {
            "problem": {"samples": {"linear": [1, 300], "points": points}, "dimension": 400},
            "network": {"width": {"log": [1, 1e15], "points": points}, "laziness": 1},
            "training": {"stability_fraction": 0.1, "tau": 5},
            **more,
        }
    )


def test_a_sweep_far_over_budget_is_refused_before_it_is_planned(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("shards were counted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(describe, "load_sweep", lambda path: sweep(300, replicates=1000))
    monkeypatch.setattr(describe, "needed_shards", refuse)
    with pytest.raises(ValueError, match=r"many.yaml: the 86,700,000 networks .* budget.core_hours = 100 .* coarser"):
        describe.describe_plan(tmp_path / "many.yaml", Budget())


@pytest.mark.parametrize("more", [{}, {"refine": {"levels": 3}}], ids=["whole", "refined"])
def test_no_sweep_within_budget_is_refused_and_none_far_over_it_passes(more, monkeypatch):
    """Against the shards themselves; the first look judges by a few cells and leaves a factor of two."""
    monkeypatch.setattr(module, "FEW_SHARDS", 0)
    wanted = sweep(40, **more)
    shards = plan(wanted)
    exact = estimate(shards, (), SHIPPED, gpu=False)
    for share in (0.1, 0.2, 0.3, 0.5, 0.9, 1.1, 2.0):
        budget = Budget(core_hours=share * exact.hours, disk_gb=1e6)
        try:
            check_whole(wanted, {}, SHIPPED, budget, "sweep", gpu=False)
        except ValueError:
            with pytest.raises(ValueError):
                check(exact, budget, "sweep")
        else:
            assert share > 0.2


def test_what_is_trained_already_costs_nothing(monkeypatch):
    monkeypatch.setattr(module, "FEW_SHARDS", 0)
    wanted = sweep(40)
    shards = plan(wanted)
    hours = estimate(shards, (), SHIPPED, gpu=False).hours
    budget = Budget(core_hours=0.1 * hours)
    with pytest.raises(ValueError, match="core_hours"):
        check_whole(wanted, {}, SHIPPED, budget, "sweep", gpu=False)
    check_whole(wanted, shards, SHIPPED, budget, "sweep", gpu=False)
