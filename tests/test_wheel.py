"""A wheel in an empty environment, far from the source: it runs, analyses and draws, and names what is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAIN = """
import importlib.util
import lazyrich
assert not [name for name in ("torch", "snakemake", "bokeh", "panel", "distributed") if importlib.util.find_spec(name)]
data = lazyrich.run("sweep.yaml", threads=1)
data.to_netcdf("shard.nc")
lazyrich.analyse(data).to_netcdf("summary.nc")
for name in ("draw_figures", "replay"):
    try:
        getattr(lazyrich, name)
    except lazyrich.MissingExtra as error:
        print(error)
"""
DRAW = """
import lazyrich
lazyrich.draw_figures(lazyrich.load_sweep("sweep.yaml"), summary="summary.nc", shards=["shard.nc"], folder="figures")
"""
SWEEP = """
problem: {samples: 3, dimension: 50}
network: {width: 20, laziness: {log: [0.1, 1], points: 3}}
training: {growth_per_step: 0.1, steps: 20}
"""


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_runs_analyses_and_draws(tmp_path):
    bin_folder, home = tmp_path / "environment/bin", tmp_path / "elsewhere"
    home.mkdir()
    (home / "sweep.yaml").write_text(SWEEP)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command):
        done = subprocess.run(list(map(str, command)), cwd=home, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(what):
        run(bin_folder / "python", "-m", "pip", "install", "--quiet", what)

    run(sys.executable, "-m", "venv", tmp_path / "environment")
    run(bin_folder / "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "built", ROOT)
    (wheel,) = (tmp_path / "built").iterdir()
    install(wheel)
    assert run(bin_folder / "python", "-c", TRAIN).splitlines() == [
        "holoviews is not installed; run: pip install 'lazyrich[draw]'",
        "torch is not installed; run: pip install 'lazyrich[torch]'",
    ]
    install(f"{wheel}[draw]")
    run(bin_folder / "python", "-c", DRAW)
    drawn = {path.name for path in (home / "figures").iterdir()}
    assert {f"kernel_change.{ending}" for ending in ("html", "svg", "png")} <= drawn
    assert "network" in run(bin_folder / "lazyrich", "plan", "sweep.yaml", "--over-budget")
