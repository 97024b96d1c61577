"""The command line: what a sweep would cost, before anything runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lazyrich.plan import plan, read_plan, record_points
from lazyrich.provenance import project_version
from lazyrich.settings import load_settings
from lazyrich.sweep_file import load_sweep, load_yaml


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `lazyrich`; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lazyrich", description="When, how and how fast two-layer networks learn features."
    )
    parser.add_argument("--version", action="version", version=f"lazyrich {project_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    planned = commands.add_parser("plan", help="check a sweep file and say what it would cost")
    planned.add_argument("file", help="a sweep file, such as config/sweeps/initial_scale.yaml")
    documents = commands.add_parser("docs", help="write config/README.md and the JSON schema from the models")
    documents.add_argument("root", nargs="?", default=".", help="the project's root")
    options = parser.parse_args(arguments)
    try:
        if options.command == "plan":
            print(describe_plan(Path(options.file)))
        else:
            from lazyrich import docs

            docs.write(Path(options.root))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def describe_plan(path: Path) -> str:
    """Grid, networks, shards, what is done already and what is left, in lines for people."""
    sweep = load_sweep(path)
    configuration = Path("config/config.yaml")
    results = load_settings(load_yaml(configuration)).results if configuration.exists() else "results"
    home = Path(results) / path.stem
    shards = plan(sweep, read_plan(home / "plan.json"))
    done = [name for name in shards if (home / "shards" / f"{name}.nc").exists()]
    left = sum(shard.networks for name, shard in shards.items() if name not in done)
    records = record_points(sweep)
    # float32 observables, the float64 loss, step and time; compression about halves it.
    size = left * records * (4 * len(sweep.record.observables) + 20) / 2
    grid = " × ".join(f"{'+'.join(names)} {len(points)}" for names, points in sweep.dims.items()) or "one cell"
    return "\n".join(
        [
            f"{path}: {sweep.title}",
            f"  grid      {grid}, {sweep.replicates} replicates",
            f"  networks  {sweep.networks:,}, each recorded {records} times",
            f"  shards    {len(shards)}, of which {len(done)} are done",
            f"  to do     {left:,} networks, about {size / 2**20:,.0f} MiB on disk",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
