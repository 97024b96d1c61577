"""A copy of the library that a test may edit, and what a script does with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lazyrich

# Analyse and draw the shard in a folder as the workflow does: `summary.nc`, `figures/` and `report.html`.
SHOW = """
import sys
from pathlib import Path

import lazyrich
from lazyrich.analysis.summary import summarise_sweep
from lazyrich.draw.figures import draw_figures
from lazyrich.draw.report import write_report
from lazyrich.shards import archive
from lazyrich.sweep.reader import load_sweep

folder = Path(sys.argv[1])
assert Path(lazyrich.__file__).is_relative_to(folder), lazyrich.__file__
sweep, shards = load_sweep(folder / "sweep.yaml"), [str(folder / "shard.nc")]
archive.write(summarise_sweep(sweep, shards), folder / "summary.nc")
beside = {"summary": folder / "summary.nc", "shards": shards}
draw_figures(sweep, **beside, folder=folder / "figures")
write_report(sweep, name="test", **beside, figures=folder / "figures", page=folder / "report.html")
"""


def library(folder):
    """Return the path of a copy of the library in a folder."""
    return Path(shutil.copytree(Path(lazyrich.__file__).parent, folder / "library" / "lazyrich"))


def edit(path, *changes):
    """Replace text that stands in a file once, (before, after) each."""
    text = path.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def show(folder):
    """Run `SHOW` on a folder with the copy of the library in it."""
    beside = {**os.environ, "PYTHONPATH": str(folder / "library")}
    done = subprocess.run([sys.executable, "-c", SHOW, str(folder)], env=beside, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
