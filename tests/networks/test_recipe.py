"""Recipes: frozen at every depth, the same text and name for ever, and refused with the key where they are none."""

import json
import pickle
import sys
from dataclasses import FrozenInstanceError, replace
from subprocess import run
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.recipe import Recipe

DATA = {
    "format": 1,
    "settings": {"seed": 0, "record": {"observables": ["loss", "alignment"], "points": 64}},
    "fixed": {"source": "gaussian", "eigenvalues": [1.0, 2.5], "activation": "linear"},
    "boxes": [{"width": [[2**63 - 1], [8]], "sigma_0 v_0": [[0.1, 1e-05]], "replicate": [[0], [1], [2]]}],
}
OWN = DATA | {"activations": {"mine.py:softer": "0123"}}
VALUES = st.integers(0, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)


@pytest.mark.parametrize(
    ("data", "name"), [(DATA, "d3d782bae1b9b719"), (OWN, "f544d65be8cb75c2")], ids=["usual", "own activation"]
)
def test_the_name_of_a_recipe_stays(data, name):
    """Another name trains every network of every sweep again."""
    assert Recipe.parse(data).name == name


@given(st.dictionaries(st.text(max_size=3), VALUES | st.lists(VALUES)), st.lists(st.tuples(VALUES, VALUES), min_size=1))
def test_the_text_is_the_json_that_it_came_from(fixed, points):
    data = OWN | {"fixed": fixed, "boxes": [{"a b": list(map(list, points)), "replicate": [[0]]}]}
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    recipe = Recipe.of(SimpleNamespace(attrs={"recipe": text}))
    assert recipe.text == text
    assert recipe.plain == data
    assert pickle.loads(pickle.dumps(recipe)) == recipe == Recipe.parse(recipe.plain)


def test_a_recipe_is_frozen_at_every_depth():
    data = json.loads(json.dumps(OWN))
    recipe = Recipe.parse(data)
    name = recipe.name
    with pytest.raises(FrozenInstanceError):
        recipe.fixed = {}
    for part in (recipe.settings, recipe.settings["record"], recipe.fixed, recipe.boxes[0], recipe.activations):
        with pytest.raises(TypeError):
            part["new"] = 1
    values = (
        recipe.boxes,
        recipe.boxes[0]["width"],
        recipe.fixed["eigenvalues"],
        recipe.settings["record"]["observables"],
    )
    assert {type(value) for value in values} == {tuple}
    # What it was made of is not its own.
    data["fixed"]["source"] = data["settings"]["record"]["points"] = data["boxes"][0]["width"][0][0] = 3
    assert (recipe.plain, replace(recipe).name) == (OWN, name)


def test_recipes_are_equal_if_their_texts_are():
    assert len({Recipe.parse(DATA), Recipe.parse(DATA), Recipe.parse(OWN)}) == 2
    assert Recipe.parse(DATA | {"fixed": {"width": 1}}) != Recipe.parse(DATA | {"fixed": {"width": 1.0}})
    assert Recipe.parse(DATA) != DATA


def test_the_grid_is_the_only_box():
    recipe = Recipe.parse(DATA)
    assert recipe.networks == 2 * 1 * 3
    assert recipe.grid == recipe.boxes[0]
    pieces = replace(recipe, boxes=recipe.boxes * 2)
    assert pieces.networks == 12
    with pytest.raises(ValueError, match="2 pieces of a grid"):
        _ = pieces.grid


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (None, "is no recipe"),
        ({}, "format"),
        (DATA | {"format": "1"}, "format"),
        (DATA | {"settings": None}, "settings"),
        (DATA | {"fixed": [1]}, "fixed"),
        (DATA | {"boxes": [{"width": [3]}]}, "boxes.0.width.0"),
        (DATA | {"activations": {"mine.py:softer": 3}}, "activations.mine.py:softer"),
        (DATA | {"formulas": {"v_0": "2*scale"}}, "formulas.v_0"),
        (DATA | {"formulas": {"v_0": {"text": "__import__(x)"}}}, "formulas"),
        (DATA | {"formulas": {"v_0": {"txt": "2*scale"}}}, "formulas"),
        (DATA | {"colour": "red"}, "colour"),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_key(data, key):
    with pytest.raises(ValueError, match=f"is no recipe: {key}|^{key}"):
        Recipe.parse(data)


def test_no_numpy_is_imported():
    code = "import sys, lazyrich.networks.recipe; sys.exit('numpy' in sys.modules)"
    assert run([sys.executable, "-c", code]).returncode == 0
