"""A box on any map gives a sweep file: one that can be read, whose axes lie in the box and go no further than the map's."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from lazyrich.draw import style
from lazyrich.explore.coordinates import Straight
from lazyrich.explore.exports import part
from lazyrich.sweep.reader import SweepError, load_sweep

# Pairs of axes: positive numbers, whole ones, some that may be 0, some of either sign; whole ones that a sweep bounds above.
PLANES = (
    ("laziness", "growth_per_step"),
    ("sigma_0", "v_0"),
    ("samples", "width"),
    ("spikes", "noise_std"),
    ("width_exponent_p", "steps"),
)
FIXED = {
    "problem": {"samples": 3, "dimension": 40, "spectrum": "spiked", "spikes": 1, "spike_strength": 2.0},
    "network": {"width": 8},
    "training": {"learning_rate": 0.1, "steps": 10},
}
SECTIONS = {
    **dict.fromkeys(("samples", "spikes", "noise_std"), "problem"),
    **dict.fromkeys(("growth_per_step", "steps"), "training"),
}
MOST = {"samples": 20_000, "spikes": 40, "width": 10**12, "steps": 10**9}
DIGITS = 1e-11  # of a number in a sweep file, and of an edge


@st.composite
def axes(draw, key):
    """An axis of a sweep file, of any spacing."""
    whole = key in MOST
    numbers = st.integers(1, MOST[key]) if whole else st.floats(1e-9, 1e9)
    if key == "noise_std":
        numbers = numbers | st.just(0.0)
    if key.startswith("width_exponent"):
        numbers = st.integers(-300, 300).map(lambda hundredths: hundredths / 100)
    spacing = draw(st.sampled_from(["values", "linear", "log"]))
    if spacing == "values":
        return {"values": draw(st.lists(numbers, min_size=2, max_size=5, unique=True))}
    ends = [draw(numbers), draw(numbers)]
    assume(min(ends) > 0 or spacing == "linear")
    return {spacing: ends, "points": draw(st.integers(2, 6))}


@st.composite
def boxes(draw):
    """(sweep file, its two axes, shares of the map from its lower left corner to a box's ends along both)."""
    keys = draw(st.sampled_from(PLANES))
    data = {section: dict(values) for section, values in FIXED.items()}
    for key in keys:
        data.setdefault(SECTIONS.get(key, "network"), {})[key] = draw(axes(key))
    if "growth_per_step" in keys:
        del data["training"]["learning_rate"]
    if "width_exponent_p" in keys:
        data["network"]["width_exponent_s"] = 1.0
    elif "sigma_0" not in keys:
        data["network"].setdefault("laziness", 1.0)
    data["figures"] = {"axes": list(keys)}
    shares = [draw(st.lists(st.floats(-0.2, 1.2), min_size=2, max_size=2)) for _ in keys]
    assume(all(abs(a - b) > 1e-4 for a, b in shares))
    return data, keys, shares


@given(boxes())
def test_every_box_gives_a_sweep_within_it(tmp_path_factory, drawn):
    data, keys, shares = drawn
    path = tmp_path_factory.mktemp("region") / "it.yaml"
    path.write_text(yaml.safe_dump(data))
    try:
        sweep = load_sweep(path)
    except SweepError:
        assume(False)  # points that coincide, or too many inputs
    values = {key: np.array([point[0] for point in sweep.dims[key,]]) for key in keys}
    assume(all(len(each) > 1 for each in values.values()))
    plane = xr.Dataset(coords=values)
    where = Straight(plane, *keys)
    ends = [_at(values[key], share) for key, share in zip(keys, shares, strict=True)]
    found = where.part(*ends)
    if found is None:
        return  # beside the map
    file = path.with_name("finer.yaml")
    file.write_text(part(SimpleNamespace(grid=plane, file=path), found))
    finer = load_sweep(file)
    for key, edges in zip(keys, (where.x_edges, where.y_edges), strict=True):
        points = np.array([point[0] for point in finer.dims[key,]])
        low, high = found[key]
        slack = DIGITS * np.abs([low, high]).max()
        assert values[key][0] <= points[0] and points[-1] <= values[key][-1]
        inside = low - slack <= points[0] and points[-1] <= high + slack
        if inside and len(points) > 1:
            continue
        # No two numbers of the axis lie in the box: it has the one, or that of a cell which it is in.
        (one,) = points
        (cell,) = np.flatnonzero(values[key] == one) if not inside else [0]
        assert inside or (edges[cell] - slack <= high and low <= edges[cell + 1] + slack)
        first, last = max(low, values[key][0]), min(high, values[key][-1])
        assert np.floor(last) - np.ceil(first) < 1 if key in MOST else last - first <= slack


def _at(values, shares):
    """Points of a map at some shares of it, evenly along the axis as it is drawn."""
    edges, log = style.edges(values)
    low, high = np.log10(edges[[0, -1]]) if log else edges[[0, -1]]
    points = low + (high - low) * np.array(shares)
    return tuple(10**points if log else points)


@pytest.mark.parametrize("axis", [{"values": [0.1, 0.9]}, {"linear": [0.1, 10], "points": 3}])
def test_a_box_below_zero_is_of_the_least_size(axis, tmp_path):
    """Cells of a coarse axis reach below zero, where no size is."""
    path = tmp_path / "it.yaml"
    path.write_text(
        yaml.safe_dump({**FIXED, "network": {"width": 8, "sigma_0": axis, "v_0": {"log": [0.1, 1], "points": 3}}})
    )
    sweep = load_sweep(path)
    plane = xr.Dataset(coords={key: np.array([point[0] for point in sweep.dims[key,]]) for key in ("sigma_0", "v_0")})
    where = Straight(plane, "sigma_0", "v_0")
    assert where.x_edges[0] < 0
    for high, expected in ((-0.01, [0.1]), (0.05, [0.1]), (0.5, [0.1, 0.5])):
        (tmp_path / "finer.yaml").write_text(
            part(SimpleNamespace(grid=plane, file=path), where.part((-9.0, high), (0.2, 0.5)))
        )
        points = load_sweep(tmp_path / "finer.yaml").dims["sigma_0",]
        assert [points[i][0] for i in (0, -1)][: len(expected)] == expected


def test_a_box_over_axes_of_ones_own_keeps_their_formulas(tmp_path):
    path = tmp_path / "it.yaml"
    axes = {"scale": {"log": [0.01, 100], "points": 5}, "delta": {"linear": [-1, 1], "points": 3}}
    network = {"width": 8, "sigma_0": "scale*exp(delta)", "v_0": "scale*exp(-delta)"}
    path.write_text(yaml.safe_dump({**FIXED, "axes": axes, "network": network}))
    sweep = load_sweep(path)
    plane = xr.Dataset(
        coords={name: np.array([point[0] for point in sweep.dims[name,]]) for name in ("scale", "delta")}
    )
    (tmp_path / "finer.yaml").write_text(
        part(SimpleNamespace(grid=plane, file=path), {"scale": (0.5, 2), "delta": (-0.2, 0.7)})
    )
    finer = load_sweep(tmp_path / "finer.yaml")
    assert finer.formulas == sweep.formulas
    assert [point[0] for point in finer.dims["scale",]] == [0.5, 0.707106781187, 1, 1.41421356237, 2]
    assert [point[0] for point in finer.dims["delta",]] == [-0.2, 0.25, 0.7]
