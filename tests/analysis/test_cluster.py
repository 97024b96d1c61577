"""The analysis beyond one process: the same bits from any cluster, threads, blocks and slices, in bounded memory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import netCDF4
import numpy as np
import psutil
import pytest
import xarray as xr
from dask import compute, delayed

from lazyrich.analysis import comparison
from lazyrich.analysis.cluster import workers
from lazyrich.analysis.summary import summarise
from lazyrich.planning.plan import plan, recipe, whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.sweep.schema import Dask, Figures
from lazyrich.system import provenance

LOCAL = Dask(cluster="local", workers=2, memory="500 MB")
PUBLISHED = Path(__file__).parents[2] / "config" / "reference" / "figure1.csv"


def written(shard, path):
    archive.write(archive.described(simulate(shard), shard), path)
    return path


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """(recipe, shards) of a sweep whose cells have replicates in several shards, and of some networks every step."""
    data = {
        "problem": {"samples": 5, "dimension": 100, "noise_std": 0.1},
        "network": {"width": 64, "laziness": {"log": [0.01, 10], "points": 7}},
        "training": {"growth_per_step": {"values": [0.05, 0.5, 5.0]}, "steps": {"values": [63, 500]}},
        "replicates": 2,
    }
    folder = tmp_path_factory.mktemp("grown")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 11)
        earlier = plan(load_sweep(data))
        sweep = load_sweep({**data, "replicates": 5})
        shards = plan(sweep, earlier)
    assert len(shards) > len(earlier) > 5
    return whole(sweep), [written(shard, folder / f"{name}.nc") for name, shard in shards.items()]


def analysed(grown, **options):
    wanted, paths = grown
    return summarise(paths, wanted, figures=Figures(published=str(PUBLISHED)), **options)


def assert_same_bits(a, b):
    assert list(a.variables) == list(b.variables)
    for name in a.variables:
        assert a[name].dtype == b[name].dtype and a[name].values.tobytes() == b[name].values.tobytes(), name


@pytest.fixture(scope="module")
def expected(grown):
    """What one thread makes of everything at once."""
    return analysed(grown)


def test_threads_blocks_and_slices_change_no_bit(grown, expected, monkeypatch):
    assert np.isfinite(expected.phase).all()
    every_step = np.isfinite(expected.kernel_lagged_end.sel(quantile=0.5))
    assert every_step.any() and not every_step.all()
    network = 8 * 64 * 12
    for threads, block, slice_ in ((3, 40 * network, 7 * network), (2, 1, 1)):
        monkeypatch.setattr("lazyrich.analysis.summary.BLOCK", block)
        monkeypatch.setattr("lazyrich.analysis.summary.SLICE", slice_)
        assert_same_bits(analysed(grown, threads=threads), expected)


def test_processes_change_no_bit(grown, expected, monkeypatch):
    monkeypatch.setattr("lazyrich.analysis.summary.BLOCK", 8 * 64 * 12 * 40)
    assert_same_bits(analysed(grown, dask=LOCAL), expected)


def test_where_it_is_computed_decides_no_number():
    assert "analysis/cluster.py" not in provenance._reached(("lazyrich.analysis.summary",))


def test_only_what_is_compared_is_read(tmp_path):
    sweep = load_sweep(
        {
            "problem": {"samples": 2, "dimension": 10},
            "network": {"width": 8, "laziness": 1.0, "probes": {"count": 4, "keep": True}},
            "training": {"growth_per_step": 0.1, "steps": 20},
        }
    )
    with archive.read(written(whole(sweep), tmp_path / "shard.nc")) as data:
        read = comparison.needed(data)
        assert {"rho_r", "v_r", "tau"} <= set(data.variables) - set(read.variables)
        assert read.loss.sizes == {"network": 1, "last": 1}
        assert read.loss.item() == data.loss[0, -1]
        assert comparison.needed(data, {}).loss.sizes == data.loss.sizes


def once(marker):
    """The address of a worker, of which the first one dies without a word."""
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return os.getpid()


def hold(megabytes):
    """Let this process grow to so much memory, all that it has imported included, and no more, and stay there."""
    data = np.ones((megabytes * 10**6 - psutil.Process().memory_info().rss) // 8)
    time.sleep(60)
    return data[0]


def test_a_dead_worker_is_replaced(tmp_path):
    with workers(LOCAL) as together:
        assert together == 2
        (worker,) = compute(delayed(once)(tmp_path / "marker"))
    assert worker != os.getpid()
    assert (tmp_path / "marker").exists()


def test_a_worker_beyond_its_memory_is_ended_and_one_error_says_so():
    message = r"^dask.memory = 500 MB: 4 workers died over the same networks, .*; write more$"
    with pytest.raises(ValueError, match=message), workers(LOCAL):
        compute(delayed(hold)(520))  # which comes back where no worker is ended


def test_without_slurm_one_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = r"^dask.cluster = slurm: there is no SLURM here .*; write local, or remove dask$"
    with pytest.raises(ValueError, match=message), workers(Dask(cluster="slurm", workers=2, memory="500 MB")):
        pass


def test_workers_end_with_what_they_work_for(tmp_path):
    """However it ends: they hold nothing that is worth keeping."""
    script = """
        import os, signal
        from dask import compute, delayed
        from lazyrich.analysis.cluster import workers
        from lazyrich.sweep.schema import Dask

        if __name__ == "__main__":
            with workers(Dask(cluster="local", workers=2, memory="500 MB")):
                print(*compute(*(delayed(os.getpid, pure=False)() for _ in range(20))), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
    """
    (tmp_path / "killed.py").write_text(textwrap.dedent(script))
    done = subprocess.run([sys.executable, str(tmp_path / "killed.py")], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = set(map(int, done.stdout.split()))
    end = time.monotonic() + 30
    while left and time.monotonic() < end:
        left = {pid for pid in left if Path(f"/proc/{pid}").exists()}
        time.sleep(0.1)
    assert not left


def test_an_error_in_a_worker_comes_back_as_it_is(grown):
    wanted, paths = grown
    with pytest.raises(KeyError, match="boxes"), workers(LOCAL):
        compute(delayed(lambda: {}["boxes"])())


def long_trajectories(folder):
    """A sweep file and four shards; one piece was trained, the rest is copied under other names."""
    data = {
        "problem": {"samples": 2, "dimension": 100},
        "network": {
            "width": 64,
            "sigma_0": {"log": [0.01, 1], "points": 128},
            "v_0": {"log": [0.01, 1], "points": 250},
        },
        "training": {"stability_fraction": 0.5, "steps": 50},
        "record": {"points": 4000, "observables": ["loss", "target_overlap", "alignment", "lazy_error"]},
    }
    sweep = load_sweep(data)
    grid = whole(sweep).grid
    piece = recipe(sweep, ({**grid, "sigma_0": grid["sigma_0"][:1]},))
    with archive.read(written(piece, folder / "piece")) as trained:
        # As a graph of Dask, which is written piece by piece: a shard of them is half a gigabyte.
        archive.write(xr.concat([trained.load().chunk()] * 32, "network", data_vars="minimal"), folder / "0.nc")
    for shard in range(4):
        path = folder / f"{shard}.nc"
        if shard:
            shutil.copyfile(folder / "0.nc", path)
        with netCDF4.Dataset(path, "a") as file:
            points = grid["sigma_0"][32 * shard : 32 * shard + 32]
            file.recipe = recipe(sweep, ({**grid, "sigma_0": points},)).text
    (folder / "sweep.json").write_text(json.dumps(data))


@pytest.mark.slow
def test_five_times_the_memory_is_read_and_analysed(tmp_path):
    """One worker of 500 MB, ended beyond them; it and the process that collects stay below, all they import included.

    The system's own high-water marks say so: VmHWM is of this program alone, ru_maxrss begins with that of its parent. What
    counts as read is what is compared: trajectories of which the last record is enough do not.
    """
    script = """
        import json, re, resource, sys
        from pathlib import Path
        from lazyrich.shards import archive
        from lazyrich.analysis.comparison import needed
        from lazyrich.planning.plan import whole
        from lazyrich.analysis.summary import summarise
        from lazyrich.sweep.schema import Dask
        from lazyrich.sweep.reader import load_sweep

        def main(folder):
            shards = sorted(folder.glob("*.nc"))
            size = sum(needed(archive.read(path)).nbytes for path in shards)
            recipe = whole(load_sweep(json.loads((folder / "sweep.json").read_text())))
            summary = summarise(shards, recipe, dask=Dask(cluster="local", workers=1, memory="500 MB"))
            own = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
            worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            print(json.dumps([size, 1024 * own, 1024 * worker, int(summary.networks.sum())]))

        if __name__ == "__main__":
            main(Path(sys.argv[1]))
    """
    long_trajectories(tmp_path)
    (tmp_path / "analyse.py").write_text(textwrap.dedent(script))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "analyse.py"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    size, own, worker, networks = json.loads(done.stdout)
    limit = 500 * 10**6
    assert networks == 128 * 250
    print(size, own, worker)
    assert size >= 5 * limit
    assert worker < limit
    assert own < limit
