"""The command line: what a sweep would cost, how far its run is, one network of it once more, what nothing needs any more."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from lazyrich.cell import Cell, find_cell, find_network
from lazyrich.cost.estimate import Estimate, check, estimate
from lazyrich.cost.fit import fit, of_sweeps
from lazyrich.cost.work import records
from lazyrich.disk import in_words
from lazyrich.engines.select import likely_device
from lazyrich.lock import take
from lazyrich.plan import settings as settings_of
from lazyrich.plan_file import needed_shards, shard_file, trained
from lazyrich.provenance import project_version
from lazyrich.settings import Settings, load_settings
from lazyrich.status import describe, status
from lazyrich.sweep import Sweep
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
    planned.add_argument("--over-budget", action="store_true", help="accept more than budget in config.yaml")
    asked = commands.add_parser("status", help="how far a run is, here or elsewhere, from the results folder alone")
    asked.add_argument("sweeps", nargs="*", metavar="SWEEP", help="names of sweeps; default: those of config.yaml")
    replayed = commands.add_parser("replay", help="train one network once more, with explicit weights, and compare")
    replayed.add_argument("sweep", metavar="SWEEP", help="a sweep file, or the name of one in config/sweeps")
    replayed.add_argument(
        "--cell",
        nargs="+",
        default=[],
        metavar="AXIS=VALUE",
        help="a value for each axis; the nearest of the grid is taken",
    )
    replayed.add_argument(
        "--replicate", type=int, default=0, help="which of the cell's networks, from 0 on (default 0)"
    )
    replayed.add_argument("--steps", type=int, help="go no further than this step")
    explored = commands.add_parser("explore", help="look at results in a browser: maps, slices, trajectories")
    explored.add_argument("results", nargs="?", help="the results folder; default: that of config.yaml")
    explored.add_argument("--port", type=int, default=5006, help="of this machine (default 5006)")
    explored.add_argument("--no-browser", action="store_true", help="only say where the page is")
    tidied = commands.add_parser("tidy", help="list shards that no sweep file asks for any more")
    tidied.add_argument("--remove", action="store_true", help="delete them")
    documents = commands.add_parser("docs", help="write config/README.md and the JSON schema from the models")
    documents.add_argument("root", nargs="?", default=".", help="the project's root")
    options = parser.parse_args(arguments)
    try:
        if options.command == "plan":
            text, left = describe_plan(Path(options.file))
            print(text)
            if not options.over_budget:
                check(left, _settings().budget, options.file)
        elif options.command == "status":
            print(describe_status(Path("config/sweeps"), options.sweeps))
        elif options.command == "replay":
            return 0 if replay(options.sweep, options.cell, options.replicate, options.steps) else 1
        elif options.command == "explore":
            from lazyrich.explore.serve import serve

            results = Path(options.results or _settings().results)
            serve(Path("config/sweeps"), results, port=options.port, show=not options.no_browser)
        elif options.command == "tidy":
            print(tidy(Path("config/sweeps"), remove_them=options.remove))
        else:
            from lazyrich import docs

            docs.write(Path(options.root))
    except (ValueError, OSError) as error:
        print(in_words(error), file=sys.stderr)
        return 1
    return 0


def describe_plan(path: Path) -> tuple[str, Estimate]:
    """Grid, networks, shards, what is done already and what the rest takes: in lines for people, and the rest as numbers."""
    settings = _settings()
    sweep = load_sweep(path)
    results = Path(settings.results)
    home = results / path.stem
    shards = needed_shards(sweep, home)
    done = trained(home, shards)
    others = {name: path.parent / f"{name}.yaml" for name in settings.sweeps}
    jobs = of_sweeps(
        results, {name: load_sweep(file) for name, file in others.items() if file.exists()} | {path.stem: sweep}
    )
    gpu = likely_device(settings.device) == "cuda"
    left = estimate(shards, done, fit(jobs), gpu=gpu)
    grid = " × ".join(f"{'+'.join(names)} {len(points)}" for names, points in sweep.dims.items()) or "one cell"
    known = f"by {len(jobs)} jobs that ran here" if jobs else "by shipped constants; no job has run here yet"
    lines = [
        f"{path}: {sweep.title}",
        f"  grid      {grid}, {sweep.replicates} replicates",
        f"  networks  {sweep.networks:,}, each recorded {records(settings_of(sweep)['record'], sweep.fixed)} times",
        f"  shards    {len(shards)}, of which {len(done)} are done",
        *_refined(sweep, home),
        f"  to do     {left.networks:,} networks in {left.shards} shards",
    ]
    if left.shards:
        lines += [
            f"  time      about {_hours(left.hours)} of one {'GPU' if gpu else 'core'} ({known})",
            f"  disk      about {left.disk / 2**20:,.0f} MiB",
            f"  memory    about {left.memory / 2**20:,.0f} MiB in the largest job",
        ]
    return "\n".join(lines), left


def _refined(sweep: Sweep, home: Path) -> list[str]:
    """How far a sweep that is refined has got: what is to do is known one level at a time."""
    if sweep.refine is None:
        return []
    chosen = sum((home / "levels" / f"{level}.json").exists() for level in range(1, sweep.refine.levels + 1))
    return [f"  refined   {chosen} of {sweep.refine.levels} levels are chosen; the shards above are those known so far"]


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} hours"


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
        shards = needed_shards(sweep, results / name)
        first, *rest = describe(name, sweep.title, status(results / name, shards, now), now)
        lines += [first, *_refined(sweep, results / name), *rest]
    return "\n".join(lines)


def replay(name: str, asked: list[str], replicate: int, steps: int | None) -> bool:
    """Print what a network of a sweep is replayed as and how its trajectory compares; return whether it agrees.

    Raises
    ------
    ValueError
        where the network is not one of the sweep, not on disk or damaged, with the mend.
    """
    path = _sweep_path(name)
    sweep = load_sweep(path)
    cell = find_cell(sweep, asked)
    if not 0 <= replicate < sweep.replicates:
        raise ValueError(
            f"--replicate {replicate}: the cell has {sweep.replicates} networks; write 0 to {sweep.replicates - 1}"
        )
    shard, row = _stored(path, sweep, cell, replicate)
    # Only now, for they take seconds.
    from lazyrich import archive, integrity
    from lazyrich.replay import describe, describe_stored, replay

    if damage := integrity.fault(shard):
        raise ValueError(f"{shard}: {damage}; `{_snakemake(shard.parent.parent / 'report.html')}` trains it anew")
    with archive.read(shard) as data:
        lines = [f"{path}: {sweep.title}", f"  cell      {cell.text}, replicate {replicate}"]
        print("\n".join([*lines, f"  stored    {shard}, network {row}", *describe_stored(data, row)]), flush=True)
        start = time.perf_counter()
        found = replay(data, row, steps)
    print("\n".join(describe(found, time.perf_counter() - start)))
    return found.agrees


def _sweep_path(name: str) -> Path:
    """The sweep file that is meant: a path, or the name of one in config/sweeps."""
    known = Path("config/sweeps") / f"{name}.yaml"
    return known if known.is_file() and not Path(name).is_file() else Path(name)


def _stored(path: Path, sweep: Sweep, cell: Cell, replicate: int) -> tuple[Path, int]:
    """The shard that holds a network, and the network's row in it; those that are there come first."""
    home = Path(_settings().results) / path.stem
    shards = needed_shards(sweep, home)
    there = {name: shards[name] for name in shards if name in trained(home, shards)}
    if found := find_network(there, sweep, cell, replicate):
        return shard_file(home, found[0]), found[1]
    if found := find_network(shards, sweep, cell, replicate):
        shard = shard_file(home, found[0])
        raise ValueError(
            f"{shard}: is not there, so that nothing is stored of this network; make it by: {_snakemake(shard)}"
        )
    raise ValueError(
        f"{path}: cell {cell.text} is between the points that `refine` has trained; name one nearer to the boundary, "
        f"or make what is left by: {_snakemake(home / 'report.html')}"
    )


def _snakemake(target: Path) -> str:
    return shlex.join(["snakemake", "--cores", "all", str(target)])


def tidy(sweeps: Path, *, remove_them: bool) -> str:
    """The shards that no file in `sweeps` asks for, in lines for people; deleted where told."""
    found = unneeded(Path(_settings().results), sweeps)
    if not found:
        return "every shard is needed"
    if remove_them:
        take(Path(_settings().results))
    lines = []
    for name, shards in found.items():
        size = sum(shard.stat().st_size for shard in shards) / 2**20
        why = "" if (sweeps / f"{name}.yaml").exists() else f" ({sweeps / name}.yaml is gone)"
        lines.append(f"{name}: {len(shards)} files, {size:,.1f} MiB{why}")
        lines += [f"  {shard}" for shard in shards]
        if remove_them:
            remove(shards)
    lines.append("removed" if remove_them else "nothing was removed; `lazyrich tidy --remove` does")
    return "\n".join(lines)


def _settings() -> Settings:
    """The configuration; outside of a project its defaults."""
    configuration = Path("config/config.yaml")
    return load_settings(load_yaml(configuration)) if configuration.exists() else Settings(sweeps=("none",))


if __name__ == "__main__":
    sys.exit(main())
