"""Columns of a recipe: grid order, zipped axes, distinct rows."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.recipe import FORMAT, Recipe
from lazyrich.networks.table import distinct, table


def test_networks_stand_in_grid_order_with_the_replicate_fastest():
    box = {"sigma_0": ((1.0,), (2.0,)), "v_0 loss": ((3.0, "mse"), (4.0, "half_mse")), "replicate": ((0,), (1,))}
    columns = table(Recipe(FORMAT, {}, {"width": 7, "source": "gaussian"}, (box,)))
    rows = list(zip(columns["sigma_0"], columns["v_0"], columns["loss"], columns["replicate"], strict=True))
    expected = product([1.0, 2.0], [(3.0, "mse"), (4.0, "half_mse")], [0, 1])
    assert rows == [(sigma, v, loss, replicate) for sigma, (v, loss), replicate in expected]
    assert (columns["width"] == 7).all()
    assert (columns["source"] == "gaussian").all()


def test_integers_above_2_53_stay_exact():
    columns = table(Recipe(FORMAT, {}, {}, ({"width": ((2**63 - 1,), (2**62 + 1,)), "replicate": ((0,),)},)))
    assert columns["width"].tolist() == [2**63 - 1, 2**62 + 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=30))
def test_distinct_rows_rebuild_the_columns(rows):
    columns = {"replicate": np.array([a for a, _ in rows]), "source": np.array([b for _, b in rows])}
    unique, index = distinct(columns, ["source", "replicate", "not_there"])
    assert [(unique[i]["replicate"], unique[i]["source"]) for i in index] == rows
    assert [(row["replicate"], row["source"]) for row in unique] == list(dict.fromkeys(rows))
