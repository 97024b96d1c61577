"""A sweep in words: what is shared, what is varied."""

from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.words import setting, varied

SWEEP = {
    "problem": {"samples": 5, "dimension": {"values": [300, 20]}, "noise_std": 0.1},
    "network": {"width": 10**9, "laziness": {"log": [0.0123412, 10], "points": 3}, "balance": 2},
    "training": {"growth_per_step": 0.25, "steps": 400},
    "replicates": 7,
    "seed": 11,
}


def test_what_is_shared_is_listed_by_symbol():
    assert setting(load_sweep(SWEEP)) == (
        "gaussian, linear; n = 5, σ_y = 0.1, m = 1e+09, σ₀/v₀ = 2, k = 0.25, T = 400; 42 networks, seed 11."
    )


def test_a_refined_sweep_says_that_not_all_is_trained():
    said = setting(load_sweep({**SWEEP, "refine": {"levels": 1}, "problem": {"samples": 5, "dimension": 20}}))
    words = "a grid of 21 networks, trained beside the boundary of phase, elsewhere at a spacing of 2 cells and interpolated"
    assert words in said


def test_what_is_varied_is_listed_from_where_to_where():
    """Numbers in rising order, whatever the file's, to four digits."""
    assert varied(load_sweep(SWEEP)) == "d from 20 to 300; χ from 0.01234 to 10"


def test_names_that_are_varied_are_listed_in_the_order_of_the_file():
    """Axes that advance together as if each were alone."""
    sweep = load_sweep(
        {
            **SWEEP,
            "problem": {**SWEEP["problem"], "dimension": 20, "source": {"values": ["uniform", "gaussian"]}},
            "network": {**SWEEP["network"], "laziness": {"values": [3.0, 1.0]}},
            "zip": [["source", "laziness"]],
        }
    )
    assert varied(sweep) == "source: uniform, gaussian; χ from 1 to 3"
    assert setting(sweep).startswith("linear; n = 5, d = 20, ")
    alone = load_sweep({**SWEEP, "problem": {"samples": 5, "dimension": 20}, "network": {"width": 3, "laziness": 1.0}})
    assert varied(alone) == ""
