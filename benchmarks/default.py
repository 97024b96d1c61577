"""The default sweeps, one after the other, each from one command to its report page: wall time and its split.

    python benchmarks/default.py                # all of config/config.yaml
    python benchmarks/default.py digits_relu    # the ReLU phase diagram alone

In a copy of the project, by `snakemake --cores 2`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml
from large import CORES, jobs

from lazyrich.sweep.reader import load_sweep
from workflow import ROOT, project, snakemake

PARTS = ("simulate_shard", "analyse_sweep", "draw_figures", "write_report")


def main() -> None:
    """Run each and print a row of the table."""
    names = sys.argv[1:] or yaml.safe_load((ROOT / "config/config.yaml").read_text())["sweeps"]
    print(f"| {CORES} cores | networks | from command to report page, s | train | analyse | draw | report |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in names:
        path = ROOT / f"config/sweeps/{name}.yaml"
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            project(home, name, yaml.safe_load(path.read_text()))
            wall, _ = snakemake(home, f"results/{name}/report.html")
            spent = jobs(home / "results" / name)
        parts = " | ".join(f"{sum(spent[part]):.1f}" for part in PARTS)
        print(f"| {name} | {load_sweep(path).networks:,} | {wall:.1f} | {parts} |", flush=True)


if __name__ == "__main__":
    main()
