"""A map is added in one file; a figure that is no map in a file of its own and one line of a list."""

import json

import yaml

from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.copied import edit, library, show

SWEEP = {
    "title": "Test",
    "problem": {"samples": 3, "dimension": 40},
    "network": {"width": 20, "laziness": {"log": [0.01, 10], "points": 3}},
    "training": {"growth_per_step": {"log": [0.1, 3], "points": 3}, "steps": 60},
    "record": {"points": 8},
}
MAP = """def _period(sweep: Sweep, summary: xr.Dataset) -> Diagram:
    return Diagram("periods", "Periods at the end", "period", None, EDGES, "Period of the loss of the last steps.")


DIAGRAMS: tuple[Callable[[Sweep, xr.Dataset], Diagram | None], ...] = (
    _period,
"""
FIGURE = """
import holoviews as hv

def steps_figure(sweep, summary, shards):
    if summary["phase"].size != 9:
        return None
    return (lambda backend: hv.Histogram(([0, 1, 2], [len(shards), 2]))), "Steps, as a histogram."

def no_figure(sweep, summary, shards):
    return None
"""


def test_a_map_and_a_figure_are_added_by_an_entry_each(tmp_path):
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
    recipe = whole(load_sweep(tmp_path / "sweep.yaml"))
    archive.write(archive.described(simulate(recipe), recipe), tmp_path / "shard.nc")
    draw = library(tmp_path) / "draw"
    edit(draw / "diagrams.py", (MAP[MAP.index("DIAGRAMS") : -len("    _period,\n")], MAP))
    (draw / "steps.py").write_text(FIGURE, encoding="utf-8")
    imported, listed = "from lazyrich.draw.rendered", '    "collapse": collapse_figure,\n'
    edit(
        draw / "figures.py",
        (imported, f"from lazyrich.draw.steps import no_figure, steps_figure\n{imported}"),
        (listed, f'{listed}    "no": no_figure,\n    "steps": steps_figure,\n'),
    )
    show(tmp_path)
    captions = json.loads((tmp_path / "figures" / "captions.json").read_text(encoding="utf-8"))
    assert captions["periods"].startswith("Period of the loss of the last steps.")
    assert captions["steps"] == "Steps, as a histogram." and "no" not in captions
    for name in ("periods", "steps"):
        for kind in ("html", "json", "svg", "png"):
            assert (tmp_path / "figures" / f"{name}.{kind}").stat().st_size, (name, kind)
    # Maps are explored on the page, other figures stand on it.
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Periods at the end" in page and "Steps, as a histogram." in page
