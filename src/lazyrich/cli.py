"""The command line: what a sweep would cost, how far its run is, one network of it once more, what nothing needs any more."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from lazyrich.planning.cell import Cell, find_cell, find_network
from lazyrich.planning.command import snakemake_command
from lazyrich.planning.describe import configuration, describe_plan, describe_status
from lazyrich.planning.estimate import check
from lazyrich.planning.folder import needed_shards, shard_file, trained
from lazyrich.planning.tidy import remove, unneeded
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.sweep import Sweep
from lazyrich.sweep.words import counted
from lazyrich.system import extras
from lazyrich.system.disk import in_words
from lazyrich.system.errors import LazyrichError
from lazyrich.system.lock import take
from lazyrich.system.version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `lazyrich`; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lazyrich", description="When, how and how fast two-layer networks learn features."
    )
    parser.add_argument("--version", action="version", version=f"lazyrich {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    plan_parser = commands.add_parser("plan", help="check a sweep file and say what it would cost")
    plan_parser.add_argument("file", help="a sweep file, such as config/sweeps/initial_scale.yaml")
    plan_parser.add_argument("--over-budget", action="store_true", help="accept more than budget in config.yaml")
    status_parser = commands.add_parser(
        "status", help="how far a run is, here or elsewhere, from the results folder alone"
    )
    status_parser.add_argument(
        "sweeps", nargs="*", metavar="SWEEP", help="names of sweeps; default: those of config.yaml"
    )
    replay_parser = commands.add_parser(
        "replay", help="train one network once more, with explicit weights, and compare"
    )
    replay_parser.add_argument("sweep", metavar="SWEEP", help="a sweep file, or the name of one in config/sweeps")
    replay_parser.add_argument(
        "--cell",
        nargs="+",
        default=[],
        metavar="AXIS=VALUE",
        help="a value for each axis; the nearest of the grid is taken",
    )
    replay_parser.add_argument(
        "--replicate", type=int, default=0, help="which of the cell's networks, from 0 on (default 0)"
    )
    replay_parser.add_argument("--steps", type=int, help="go no further than this step")
    replay_parser.add_argument("--results", help="the results folder; default: that of config.yaml")
    explore_parser = commands.add_parser("explore", help="look at results in a browser: maps, slices, trajectories")
    explore_parser.add_argument("results", nargs="?", help="the results folder; default: that of config.yaml")
    explore_parser.add_argument("--port", type=int, default=5006, help="of this machine (default 5006)")
    explore_parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    explore_parser.add_argument("--run", action="store_true", help="let the page run sweeps of selected parts here")
    tidy_parser = commands.add_parser("tidy", help="list shards that no sweep file asks for any more")
    tidy_parser.add_argument("--remove", action="store_true", help="delete them")
    docs_parser = commands.add_parser("docs", help="write config/README.md and the JSON schema from the models")
    docs_parser.add_argument("root", nargs="?", default=".", help="the project's root")
    options = parser.parse_args(arguments)
    try:
        if options.command == "plan":
            budget = None if options.over_budget else configuration().budget
            text, remaining = describe_plan(Path(options.file), budget)
            print(text)
            if budget is not None:
                check(remaining, budget, options.file)
        elif options.command == "status":
            from lazyrich.shards.source import file_of_other_code

            print(describe_status(Path("config/sweeps"), options.sweeps, file_of_other_code))
        elif options.command == "replay":
            return 0 if replay(options.sweep, options.cell, options.replicate, options.steps, options.results) else 1
        elif options.command == "explore":
            with extras.named("explore"):
                from lazyrich.explore.serve import serve

            results = Path(options.results or configuration().results)
            serve(Path("config/sweeps"), results, port=options.port, show=not options.no_browser, run=options.run)
        elif options.command == "tidy":
            print(tidy(Path("config/sweeps"), remove_them=options.remove))
        else:
            from lazyrich.sweep import docs

            docs.write(Path(options.root))
    except (LazyrichError, OSError, extras.MissingExtra) as error:
        print(in_words(error), file=sys.stderr)
        return 1
    return 0


@extras.named()
def replay(name: str, assignments: list[str], replicate: int, steps: int | None, results: str | None = None) -> bool:
    """Print what a network of a sweep is replayed as and how its trajectory compares; return whether it agrees.

    Raises
    ------
    ValueError
        where the network is not one of the sweep, not on disk or damaged, with the fix.
    """
    path, home = _sweep_path(name), Path(results or configuration().results)
    sweep = load_sweep(path)
    cell = find_cell(sweep, assignments)
    if not 0 <= replicate < sweep.replicates:
        last = sweep.replicates - 1
        numbers = f"0 to {last}" if last else "0"
        raise LazyrichError(
            f"--replicate {replicate}: the cell has {counted(sweep.replicates, 'network')}; write {numbers}"
        )
    shard, row = _stored(path, sweep, cell, replicate, home)
    # Only now, for they take seconds.
    from lazyrich.shards import archive, integrity
    from lazyrich.shards.replay import describe, describe_stored, replay

    if damage := integrity.fault(shard):
        raise LazyrichError(
            f"{shard}: {damage}; `{snakemake_command(shard.parent.parent / 'report.html', home)}` trains it anew"
        )
    with archive.read(shard) as data:
        lines = [f"{path}: {sweep.title}", f"  cell      {cell.text}, replicate {replicate}"]
        print("\n".join([*lines, f"  stored    {shard}, network {row}", *describe_stored(data, row)]), flush=True)
        start = time.perf_counter()
        result = replay(data, row, steps)
    print("\n".join(describe(result, time.perf_counter() - start)))
    return result.agrees


def _sweep_path(name: str) -> Path:
    """Return the path of a sweep file, given as a path or by the name of one in config/sweeps."""
    file = Path("config/sweeps") / f"{name}.yaml"
    return file if file.is_file() and not Path(name).is_file() else Path(name)


def _stored(path: Path, sweep: Sweep, cell: Cell, replicate: int, results: Path) -> tuple[Path, int]:
    """Return the shard that holds a network, and the network's row in it; prefer shards that are on disk."""
    home = results / path.stem
    shards = needed_shards(sweep, home)
    existing = {name: shards[name] for name in shards if name in trained(home, shards)}
    if place := find_network(existing, sweep, cell, replicate):
        return shard_file(home, place[0]), place[1]
    if place := find_network(shards, sweep, cell, replicate):
        shard = shard_file(home, place[0])
        raise LazyrichError(
            f"{shard}: is not there, so that nothing is stored of this network; make it by: {snakemake_command(shard, results)}"
        )
    raise LazyrichError(
        f"{path}: cell {cell.text} is between the points that `refine` has trained; name one nearer to the boundary, "
        f"or make what is left by: {snakemake_command(home / 'report.html', results)}"
    )


def tidy(sweeps: Path, *, remove_them: bool) -> str:
    """Return the shards that no file in `sweeps` needs, as lines of text; delete them if `remove_them`."""
    by_sweep = unneeded(Path(configuration().results), sweeps)
    if not by_sweep:
        return "every shard is needed"
    if remove_them:
        take(Path(configuration().results))
    lines = []
    for name, shards in by_sweep.items():
        size = sum(shard.stat().st_size for shard in shards) / 2**20
        why = "" if (sweeps / f"{name}.yaml").exists() else f" ({sweeps / name}.yaml is gone)"
        lines.append(f"{name}: {len(shards)} files, {size:,.1f} MiB{why}")
        lines += [f"  {shard}" for shard in shards]
        if remove_them:
            remove(shards)
    lines.append("removed" if remove_them else "nothing was removed; `lazyrich tidy --remove` does")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
