"""Numbers of things: of one thing, and of many, in every text that says how many there are."""

import pytest

import lazyrich
from lazyrich.draw.diagrams import diagrams
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.words import counted, setting

ONE = {
    "problem": {"samples": 3, "dimension": 50},
    "network": {"width": 20, "laziness": 0.5},
    "training": {"growth_per_step": 0.2, "steps": 20},
    "record": {"points": 3},
}
PLANE = {
    **ONE,
    "network": {"width": 20, "laziness": {"values": [0.1, 1]}},
    "training": {"growth_per_step": {"values": [0.1, 0.2]}, "steps": 20},
}


@pytest.mark.parametrize(("number", "said"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1024, "1,024 jobs")])
def test_one_thing_is_no_plural(number, said):
    assert counted(number, "job") == said


def test_of_one_network_no_text_says_networks_or_replicates():
    assert "; 1 network, seed 0." in setting(load_sweep(ONE))
    captions = " ".join(each.caption for each in diagrams(load_sweep(PLANE), lazyrich.analyse(lazyrich.run(PLANE))))
    assert "one network" in captions and "replicates" not in captions
