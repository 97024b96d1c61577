"""Targets that are there while something they are made of is not, in a project whose results are empty files."""

import pytest

from lazyrich.analysis.claims import SWEEPS
from lazyrich.planning.folder import checksum_file, level_files, shard_file, write_plan
from lazyrich.planning.plan import plan
from lazyrich.sweep.reader import load_sweep

from .conftest import copied

pytestmark = pytest.mark.workflow

SHARD = "results/neurons/shards"


@pytest.fixture(scope="module")
def claimed(tmp_path_factory):
    """A project in which `snakemake claims` has run, as far as Snakemake can see: every file, each made after what it needs."""
    project = copied(tmp_path_factory.mktemp("claimed"))
    results = project.root / "results"
    made = []
    for name in SWEEPS:
        home = results / name
        sweep = load_sweep(project.root / f"config/sweeps/{name}.yaml")
        shards = plan(sweep)
        write_plan(home / "plan.json", shards)
        made += [path for shard in shards for path in (shard_file(home, shard), checksum_file(shard_file(home, shard)))]
        made += level_files(sweep, home)
        made += [home / "summary.nc", home / "summary.sha256"]
    made += [
        results / "claims" / name for name in ("ledger.nc", "ledger.html", "ledger.md", "figures/.snakemake_timestamp")
    ]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            write_plan(path, {})  # a level that chose no cell
        else:
            path.touch()
    return project


def test_claims_complete_their_sweeps(claimed):
    """A shard that is gone is trained again, and what follows from it is made anew."""
    assert claimed.jobs("claims") == {}
    min((claimed.root / SHARD).glob("*.nc")).unlink()
    again = {"simulate_shard": 1, "analyse_sweep": 1, "measure_claims": 1, "draw_claims": 1}
    assert claimed.jobs("claims") == {**again, "claims": 1}
    assert claimed.jobs("results/claims/ledger.html") == again
