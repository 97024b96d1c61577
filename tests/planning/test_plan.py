"""Plans: every network exactly once, the same plan again, and growth that keeps what is there."""

import hashlib
import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.recipe import canonical
from lazyrich.networks.table import table
from lazyrich.planning import plan as planning
from lazyrich.planning.cost import work
from lazyrich.planning.folder import known_shards, read_plan, write_plan
from lazyrich.planning.plan import plan, whole
from lazyrich.sweep.reader import load_sweep

AXIS = st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True)


def sweep(sigma_0=(1,), v_0=(1,), replicates=1, **changes):
    return load_sweep(
        {
            "problem": {"samples": 10, "dimension": 100},
            "network": {"width": 8, "sigma_0": {"values": list(sigma_0)}, "v_0": {"values": list(v_0)}},
            "training": {"learning_rate": 0.1, "steps": 5},
            "replicates": replicates,
            **changes,
        }
    )


def networks(shards):
    """(σ0, v0, replicate) of every network of every shard."""
    found = []
    for shard in shards.values():
        columns = table(shard)
        found += list(zip(columns["sigma_0"], columns["v_0"], columns["replicate"], strict=True))
    return found


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(planning, "SHARD_NETWORKS", 7)


@given(AXIS, AXIS, st.integers(1, 3))
def test_every_network_is_planned_exactly_once(sigma_0, v_0, replicates):
    shards = plan(sweep(sigma_0, v_0, replicates))
    assert sorted(networks(shards)) == sorted(product(sigma_0, v_0, range(replicates)))
    assert all(shard.networks <= 7 for shard in shards.values())
    assert all(shard.name == name for name, shard in shards.items())


@given(AXIS, AXIS, AXIS, AXIS, st.integers(1, 3), st.integers(1, 3))
def test_growth_keeps_shards_and_adds_only_what_is_new(sigma_0, v_0, more_sigma_0, more_v_0, replicates, more):
    before = plan(sweep(sigma_0, v_0, replicates))
    grown = sweep([*dict.fromkeys(sigma_0 + more_sigma_0)], [*dict.fromkeys(v_0 + more_v_0)], replicates + more)
    after = plan(grown, before)
    assert list(after)[: len(before)] == list(before)
    assert len(networks(after)) == grown.networks  # no network twice
    assert plan(grown, after) == after  # planning again changes nothing


@given(AXIS, AXIS)
def test_a_shrunk_sweep_keeps_the_shards_that_hold_its_networks(sigma_0, v_0):
    before = plan(sweep(sigma_0, v_0, 2))
    after = plan(sweep(sigma_0[:1], v_0[:1], 2), before)
    assert set(after) <= set(before)
    assert {(sigma_0[0], v_0[0], 0), (sigma_0[0], v_0[0], 1)} <= set(networks(after))


def test_what_changes_the_numbers_changes_the_name_and_nothing_else_does():
    name = whole(sweep()).name
    assert whole(sweep(title="x", description="y", phases={"kernel_change": 1})).name == name
    assert whole(sweep(record={"points": 64})).name == name  # the default, spelled out
    for changes in ({"seed": 1}, {"record": {"points": 9}}, {"replicates": 2}):
        assert whole(sweep(**changes)).name != name


def test_other_settings_share_no_shard():
    before = plan(sweep([1, 2], [1, 2], 2))
    assert not set(plan(sweep([1, 2], [1, 2], 2, seed=1), before)) & set(before)


def test_a_scalar_that_becomes_an_axis_keeps_its_shard():
    one = {"problem": {"samples": 10, "dimension": 100}, "training": {"learning_rate": 0.1, "steps": 5}}
    before = plan(load_sweep({**one, "network": {"width": 8, "sigma_0": 1, "v_0": 1}}))
    after = plan(load_sweep({**one, "network": {"width": {"values": [8, 9]}, "sigma_0": 1, "v_0": 1}}), before)
    assert set(before) < set(after)
    assert sum(shard.networks for shard in after.values()) == 2


def test_a_million_networks_plan_in_a_few_shards(monkeypatch):
    monkeypatch.setattr(planning, "SHARD_NETWORKS", 2**18)
    big = sweep(range(1, 501), range(1, 501), 4)
    shards = plan(big)
    assert sum(shard.networks for shard in shards.values()) == 10**6
    assert len(shards) < 200


def test_the_plan_file_comes_back_as_written(tmp_path):
    path = tmp_path / "sweep" / "plan.json"
    assert read_plan(path) == {}
    shards = plan(sweep([1, 2, 3], [1, 2, 3], 2))
    write_plan(path, shards)
    assert read_plan(path) == shards
    modified = path.stat().st_mtime_ns
    write_plan(path, shards)
    assert path.stat().st_mtime_ns == modified  # the same plan is not written again


def named_as_its_hash(recipe):
    name = hashlib.sha256(canonical(recipe).encode()).hexdigest()[:16]
    return json.dumps({"shards": {name: recipe}})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "7", "null", "[]", '"shards"', "\udcff", "{}", '{"shards": 3}', '{"shards": []}'),
        *('{"shards": {"0123456789abcdef": null}}', '{"shards": {"0123456789abcdef": [1]}}', "[" * 100_000),
        named_as_its_hash({}),
        named_as_its_hash({"format": 1, "settings": {}, "fixed": {}, "boxes": 5}),
        named_as_its_hash({"format": 1, "settings": {}, "fixed": {}, "boxes": [[1, 2]]}),
        named_as_its_hash({"format": 1, "settings": {}, "fixed": {}, "boxes": [{"width": 3}]}),
        named_as_its_hash({"format": 1, "settings": None, "fixed": {}, "boxes": []}),
    ],
)
@pytest.mark.parametrize("read", [read_plan, lambda path: known_shards(path.parent)])
def test_what_is_no_plan_is_named_with_the_fix(read, text, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(
        ValueError, match=r"plan.json: is not a plan file; move it away, then run the same command again"
    ):
        read(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"seed": 0', '"seed": 5'),
        ('"learning_rate": 0.1', '"learning_rate": 0.2'),
        ('"dimension": 100', '"dimension": "\\ud800"'),
    ],
)
def test_a_recipe_that_is_not_what_its_name_says_is_planned_anew(old, new, tmp_path):
    """Trained, it would be another shard than its name says, thrown away, and trained again, for ever."""
    grown = sweep([1, 2, 3], [1, 2, 3], 2)
    shards = plan(grown, plan(sweep([1], [1], 1)))
    path = tmp_path / "plan.json"
    write_plan(path, shards)
    text = path.read_text()
    place = text.index(list(shards)[1])  # of a recipe in the middle
    path.write_text(text[:place] + text[place:].replace(old, new, 1))
    assert path.read_text() != text
    known = known_shards(tmp_path)
    assert known == {name: shard for name, shard in shards.items() if name != list(shards)[1]}
    anew = plan(grown, known)
    assert sorted(networks(anew)) == sorted(networks(shards))
    assert known.items() <= anew.items()
    # What refining chose cannot be planned anew by itself.
    with pytest.raises(ValueError, match=f"plan.json: shard {list(shards)[1]} is not what its name says; move it away"):
        read_plan(path)


def test_shards_hold_bounded_trajectories_and_states(monkeypatch):
    """Fewer networks a shard where each is large, by what the cost model says of them."""
    monkeypatch.setattr(planning, "SHARD_NETWORKS", 2**18)

    def largest(**changes):
        data = {
            "problem": {"samples": 10, "dimension": 100},
            "network": {"width": 8, "sigma_0": {"linear": [1, 2], "points": 100_000}, "v_0": 1},
            "training": {"learning_rate": 0.1, "steps": 5},
        }
        shards = plan(load_sweep({**data, **changes})).values()
        for shard in shards:
            amounts = work.of_recipe(shard)
            assert work.cost(amounts, work.SHIPPED, "memory") <= planning.SHARD_MEMORY * planning.FULL
            assert work.cost(amounts, work.SHIPPED, "disk") <= planning.SHARD_DISK * planning.FULL
        return max(shard.networks for shard in shards)

    many = largest()
    assert largest(problem={"samples": 2000, "dimension": 100}) < many
    assert largest(record={"points": 1000}) < many / 8
    assert largest(record={"summary": True}) == 100_000


def test_the_environment_sets_the_networks_a_shard(monkeypatch):
    monkeypatch.setenv("LAZYRICH_SHARD_NETWORKS", "3")
    shards = plan(sweep(range(1, 5), range(1, 3)))
    assert max(shard.networks for shard in shards.values()) <= 3
    assert sum(shard.networks for shard in shards.values()) == 8


@pytest.mark.parametrize("text", ["0", "-7", "2.5", "1e3", "many", "", "9" * 5000])
def test_a_wrong_number_in_the_environment_is_one_clear_error_though_nothing_is_new(monkeypatch, text):
    known = plan(sweep())
    monkeypatch.setenv("LAZYRICH_SHARD_NETWORKS", text)
    with pytest.raises(ValueError, match=rf"^LAZYRICH_SHARD_NETWORKS = {text}: .*integer of 1 or more, or unset it$"):
        plan(sweep(), known)
