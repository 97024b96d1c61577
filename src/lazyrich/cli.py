"""The command line: what a sweep would cost, how far its run is, and what of its results nothing needs any more."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from lazyrich.plan import plan, read_plan, record_points
from lazyrich.provenance import project_version
from lazyrich.settings import load_settings
from lazyrich.status import describe, status
from lazyrich.sweep_file import load_sweep, load_yaml
from lazyrich.tidy import remove, unneeded


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `lazyrich`; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lazyrich", description="When, how and how fast two-layer networks learn features."
    )
    parser.add_argument("--version", action="version", version=f"lazyrich {project_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    planned = commands.add_parser("plan", help="check a sweep file and say what it would cost")
    planned.add_argument("file", help="a sweep file, such as config/sweeps/initial_scale.yaml")
    asked = commands.add_parser("status", help="how far a run is, here or elsewhere, from the results folder alone")
    asked.add_argument("sweeps", nargs="*", metavar="SWEEP", help="names of sweeps; default: those of config.yaml")
    tidied = commands.add_parser("tidy", help="list shards that no sweep file asks for any more")
    tidied.add_argument("--remove", action="store_true", help="delete them")
    documents = commands.add_parser("docs", help="write config/README.md and the JSON schema from the models")
    documents.add_argument("root", nargs="?", default=".", help="the project's root")
    options = parser.parse_args(arguments)
    try:
        if options.command == "plan":
            print(describe_plan(Path(options.file)))
        elif options.command == "status":
            print(describe_status(Path("config/sweeps"), options.sweeps))
        elif options.command == "tidy":
            print(tidy(Path("config/sweeps"), remove_them=options.remove))
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
    home = _results() / path.stem
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


def describe_status(folder: Path, names: list[str]) -> str:
    """How far the runs of sweeps in `folder` are, by default of those that the configuration lists, in lines for people."""
    configured = load_settings(load_yaml(Path("config/config.yaml")))
    results = Path(configured.results)
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    for name in names:
        if name not in known:
            raise ValueError(f"{name}: no sweep of this name in {folder}; write one of {', '.join(known)}")
    sweeps = {name: load_sweep(folder / f"{name}.yaml") for name in names or configured.sweeps}
    now = time.time()
    lines = []
    for name, sweep in sweeps.items():
        shards = plan(sweep, read_plan(results / name / "plan.json"))
        lines += describe(name, sweep.title, status(results / name, shards, now), now)
    return "\n".join(lines)


def tidy(sweeps: Path, *, remove_them: bool) -> str:
    """The shards that no file in `sweeps` asks for, in lines for people; deleted where told."""
    found = unneeded(_results(), sweeps)
    if not found:
        return "every shard is needed"
    lines = []
    for name, shards in found.items():
        size = sum(shard.stat().st_size for shard in shards) / 2**20
        why = "" if (sweeps / f"{name}.yaml").exists() else f" ({sweeps / name}.yaml is gone)"
        lines.append(f"{name}: {len(shards)} shards, {size:,.1f} MiB{why}")
        lines += [f"  {shard}" for shard in shards]
        if remove_them:
            remove(shards)
    lines.append("removed" if remove_them else "nothing was removed; `lazyrich tidy --remove` does")
    return "\n".join(lines)


def _results() -> Path:
    """The folder of results that the configuration names."""
    configuration = Path("config/config.yaml")
    return Path(load_settings(load_yaml(configuration)).results if configuration.exists() else "results")


if __name__ == "__main__":
    sys.exit(main())
